"""A model bound to a data set: the one object that estimators see."""

from workbench.problem.problem import Problem

__all__ = ["Problem"]

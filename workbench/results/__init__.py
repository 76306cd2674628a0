"""The outcome of a fit."""

from workbench.results.fit_result import FitResult
from workbench.results.reopened import load_fit

__all__ = ["FitResult", "load_fit"]

"""Estimators: one file each, exporting ESTIMATOR; and the two calls that use them."""

from workbench.estimation._base import CancelToken, Estimator, Progress
from workbench.estimation._calls import evaluate, fit
from workbench.estimation._registry import estimators
from workbench.estimation._starting import starting_values

__all__ = [
    "CancelToken",
    "Estimator",
    "Progress",
    "estimators",
    "evaluate",
    "fit",
    "starting_values",
]

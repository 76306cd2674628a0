"""The outcome of a fit."""

from workbench.results.fit_result import FitResult, check_fit
from workbench.results.reopened import load_fit

__all__ = ["FitResult", "check_fit", "load_fit"]

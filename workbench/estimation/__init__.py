"""Estimators: one file each, exporting ESTIMATOR; and the two calls that use them."""

from workbench.estimation._base import (
    APPROXIMATE,
    INTEGRAL,
    STAGES,
    CancelToken,
    Control,
    Estimator,
    Progress,
)
from workbench.estimation._calls import check_arguments, evaluate, fit
from workbench.estimation._registry import estimators
from workbench.estimation._saem_steps import saem_steps
from workbench.estimation._starting import starting_values
from workbench.estimation._subject_gradients import subject_gradients

__all__ = [
    "APPROXIMATE",
    "INTEGRAL",
    "STAGES",
    "CancelToken",
    "Control",
    "Estimator",
    "Progress",
    "check_arguments",
    "estimators",
    "evaluate",
    "fit",
    "saem_steps",
    "starting_values",
    "subject_gradients",
]

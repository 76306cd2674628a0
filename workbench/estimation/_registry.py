"""The registry of estimators."""

from workbench.estimation._base import Estimator
from workbench.registry import Registry

estimators: Registry[Estimator] = Registry(
    "workbench.estimation", "ESTIMATOR", Estimator, "estimation method"
)

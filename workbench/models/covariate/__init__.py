"""Kinds of covariate effects: one file each, exporting COVARIATE."""

from workbench.models.covariate._base import CovariateKind
from workbench.registry import Registry

covariate_kinds: Registry[CovariateKind] = Registry(
    __name__, "COVARIATE", CovariateKind, "kind of covariate effect"
)

__all__ = ["CovariateKind", "covariate_kinds"]

"""Residual error models: one file each, exporting ERROR_MODEL."""

from workbench.models.residual._base import ErrorModel
from workbench.registry import Registry

error_models: Registry[ErrorModel] = Registry(
    __name__, "ERROR_MODEL", ErrorModel, "residual error model"
)

__all__ = ["ErrorModel", "error_models"]

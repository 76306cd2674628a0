"""Structural models: one file each, exporting MODEL."""

from workbench.models.structural._base import StructuralModel
from workbench.registry import Registry

structures: Registry[StructuralModel] = Registry(
    __name__, "MODEL", StructuralModel, "structural model"
)

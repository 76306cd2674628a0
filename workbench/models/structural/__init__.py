"""Structural models: one file each, exporting MODEL."""

from workbench.models.structural._base import Approximate, StructuralModel
from workbench.models.structural._equations import Solver, equations
from workbench.registry import Registry

structures: Registry[StructuralModel] = Registry(
    __name__, "MODEL", StructuralModel, "structural model"
)

__all__ = ["Approximate", "Solver", "StructuralModel", "equations", "structure", "structures"]


def structure(name: str) -> StructuralModel:
    """Return a structural model by its name.

    Raises
    ------
    UnknownNameError
        There is none of that name; the message names the nearest and lists all.
    """
    return structures.get(name)

"""Two compartments, doses into the central one, and a target: the library's models of TMDD."""

from __future__ import annotations

from workbench.models.structural import _linear
from workbench.models.structural._base import StructuralModel
from workbench.models.structural._equations import equation_model
from workbench.models.structural._pk_text import (
    compartment_names,
    described,
    pk_outputs,
    pk_parameters,
    pk_text,
)
from workbench.models.structural._tmdd_text import BINDINGS


def tmdd_model(name: str, binding: str) -> StructuralModel:
    """Return ``wb.pk(compartments=2, tmdd=binding)`` with V for the central volume.

    Parameters
    ----------
    name : of the plugin
    binding : "full", "qe", "qss" or "mm"
    """
    options = _linear.options(2, None) | {"tmdd": binding}
    names = {p: "v" if p == "v1" else p for p in pk_parameters(options)}
    return equation_model(
        name,
        f"Target-mediated disposition, {BINDINGS[binding].title}",
        pk_text(options, central_volume="v"),
        pk_outputs(options),
        {own: described(own, options) for own in names.values()},
        compartments=compartment_names(options),
    )

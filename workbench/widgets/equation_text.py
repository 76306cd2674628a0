"""The present structure as a text of equations, for a person to go on from."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.core.schedule import (
    R_ALWAYS,
    R_CMT,
    R_COMPLEMENT,
    R_DURATION,
    R_F,
    R_LAG,
    R_RATE,
    R_STATE,
)
from workbench.models.pk import from_options, options_of
from workbench.models.structural import StructuralModel

DOSING = ((R_LAG, "lag"), (R_F, "f"), (R_RATE, "rate"), (R_DURATION, "dur"))


@dataclass(frozen=True, slots=True)
class Written:
    """Equations as a person types them.

    Attributes
    ----------
    text, outputs, covariates : as `wb.equations` takes them
    note : what of the structure the text leaves out; empty when nothing
    """

    text: str
    outputs: tuple[str, ...]
    covariates: tuple[str, ...] = ()
    note: str = ""


def written(structure: StructuralModel) -> Written:
    """Return the equations of a structure; those of a closed form are its differential ones."""
    options = options_of(structure)
    source = structure if options is None else from_options({**options, "form": "ode"})
    system = source.family.system  # type: ignore[attr-defined]
    text = system.text.strip("\n")
    if isinstance(source.card, dict) and "equations" in source.card:
        return Written(text, system.outputs, system.covariates)
    lines, lost = _dosing(source)
    note = (
        "Doses that enter at a constant rate for an estimated time need RATE = −2 in the data, "
        "or the option of the picker: the equations leave it out."
        if lost
        else ""
    )
    return Written("\n".join([text, *lines]), system.outputs, system.covariates, note)


def _dosing(structure: StructuralModel) -> tuple[list[str], bool]:
    """Return lag, bioavailability and the like as lines, and whether something is left out."""
    lines, lost = [], False
    names, states = structure.parameters, structure.family.system.states  # type: ignore[attr-defined]
    for route in structure.family.routes:
        if route[R_ALWAYS] or route[R_COMPLEMENT]:
            lost = True
            continue
        state = states[route[R_STATE]]
        if list(structure.family.routes[:, R_CMT]).count(route[R_CMT]) > 1:
            continue  # one part of a dose that is split in two
        lines += [
            f"{word}({state}) = {names[route[place]]}"
            for place, word in DOSING
            if 0 <= route[place] < len(names)
        ]
    return lines, lost

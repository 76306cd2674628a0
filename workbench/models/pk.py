"""`pk`: a pharmacokinetic structure from orthogonal options; and structures from model cards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workbench.errors import ModelError
from workbench.models.structural import StructuralModel, structures
from workbench.models.structural._linear import (
    ABSORPTION,
    COMPARTMENTS,
    PARAMETRISATION,
    linear_model,
)
from workbench.registry import unknown_name

ELIMINATION = ("linear",)

_CHOICES: dict[str, tuple[Any, ...]] = {
    "compartments": COMPARTMENTS,
    "absorption": ABSORPTION,
    "lag": (False, True),
    "bioavailability": (False, True),
    "elimination": ELIMINATION,
    "parametrisation": PARAMETRISATION,
    "rate": (False, True),
    "duration": (False, True),
}


def pk(
    *,
    compartments: int = 1,
    absorption: str | None = None,
    lag: bool = False,
    bioavailability: bool = False,
    elimination: str = "linear",
    parametrisation: str = "clearance",
    rate: bool = False,
    duration: bool = False,
) -> StructuralModel:
    """Return the pharmacokinetic structure with these options.

    Parameters
    ----------
    compartments : 1, 2 or 3
    absorption : None for doses into the central compartment; "first_order" for a depot;
        "zero_order" for doses that enter at a constant rate during Tk0; "mixed" for a fraction
        Fr at first order and the rest at zero order
    lag : doses arrive after a lag
    bioavailability : a fraction F of doses arrives
    elimination : "linear"
    parametrisation : "clearance" (CL, V, Q, V2 …) or "rates" (k, V, k12, k21 …)
    rate, duration : doses with RATE = -1 or -2 have a rate or a duration that is a parameter

    Raises
    ------
    ModelError
        There is no such structure; the message names the option and what it can be.
    """
    options = {
        "compartments": compartments,
        "absorption": absorption,
        "lag": lag,
        "bioavailability": bioavailability,
        "elimination": elimination,
        "parametrisation": parametrisation,
        "rate": rate,
        "duration": duration,
    }
    return _from_options(options)


def _from_options(options: Mapping[str, Any]) -> StructuralModel:
    for option, value in options.items():
        available = _CHOICES[option]
        if value not in available:
            choices = ", ".join(repr(choice) for choice in available)
            raise ModelError(
                f"pk({option}={value!r}) does not exist; {option} is one of {choices}. "
                f"Structures by name: {', '.join(structures.names())}."
            )
    given = {k: v for k, v in options.items() if v != _CHOICES[k][0]}
    given.setdefault("compartments", options["compartments"])
    absorption = options["absorption"]
    if absorption == "mixed":
        _refuse(given, ("bioavailability", "rate", "duration"), "mixed absorption")
    if absorption == "zero_order":
        _refuse(given, ("duration",), "zero-order absorption, whose duration is Tk0")
    if set(given) <= {"compartments", "absorption"} and absorption in (None, "first_order"):
        return structures.get(f"pk_{options['compartments']}cmt_{'oral' if absorption else 'iv'}")
    name = "_".join(
        [
            f"pk_{options['compartments']}cmt",
            {None: "iv", "first_order": "oral"}.get(absorption, absorption),
            *(k for k in ("lag", "bioavailability", "rate", "duration") if options[k]),
            *(["rates"] if options["parametrisation"] == "rates" else []),
        ]
    )
    built = linear_model(name, **{k: v for k, v in given.items() if k != "elimination"})
    arguments = ", ".join(f"{k}={v!r}" for k, v in given.items())
    return replace(built, card={"pk": given}, code=f"wb.pk({arguments})")


def _refuse(given: Mapping[str, Any], options: tuple[str, ...], what: str) -> None:
    for option in options:
        if given.get(option):
            raise ModelError(f"pk(): {option} cannot be combined with {what}. Leave it out.")


def read_structure(card: Any) -> StructuralModel:
    """Return the structure that a model card names.

    Parameters
    ----------
    card : the name of a library model, or ``{"pk": options}``

    Raises
    ------
    ModelError, UnknownNameError
        There is no such structure.
    """
    if isinstance(card, str):
        return structures.get(card)
    if isinstance(card, Mapping) and list(card) == ["pk"] and isinstance(card["pk"], Mapping):
        for option in card["pk"]:
            if option not in _CHOICES:
                raise unknown_name("option of pk()", option, list(_CHOICES))
        return _from_options({k: v[0] for k, v in _CHOICES.items()} | dict(card["pk"]))
    raise ModelError(
        'The "structure" of a model card is the name of a structural model or {"pk": {options}}, '
        f"not {card!r}."
    )

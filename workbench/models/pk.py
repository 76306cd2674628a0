"""`pk`: pharmacokinetic and -dynamic structures from orthogonal options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from workbench.errors import ModelError
from workbench.models.structural import StructuralModel, structures
from workbench.models.structural._equations import equation_model
from workbench.models.structural._linear import linear_model
from workbench.models.structural._pk_text import (
    ELIMINATION,
    RESPONSES,
    compartment_names,
    described,
    pk_outputs,
    pk_parameters,
    pk_text,
    pk_title,
    response_parameters,
    response_text,
)
from workbench.models.structural._routes import pk_routes
from workbench.models.structural._tmdd_text import BINDINGS
from workbench.registry import unknown_name

# Option: what it can be, the default first.
CHOICES: dict[str, tuple[Any, ...]] = {
    "compartments": (1, 2, 3),
    "absorption": (None, "first_order", "zero_order", "mixed", "transit"),
    "lag": (False, True),
    "bioavailability": (False, True),
    "elimination": ELIMINATION,
    "tmdd": (None, *BINDINGS),
    "parametrisation": ("clearance", "rates"),
    "rate": (False, True),
    "duration": (False, True),
    "response": (None, *RESPONSES),
    "effect_compartment": (False, True),
    "form": ("closed", "ode"),
}

_HOW = {None: "iv", "first_order": "oral"}
# Structures of the library that are options too: a model card has their name.
_PLAIN: dict[str, dict[str, Any]] = {
    f"pk_{n}cmt_{how}": {"compartments": n, "absorption": absorption}
    for n in CHOICES["compartments"]
    for absorption, how in _HOW.items()
}


def pk(
    *,
    compartments: int = 1,
    absorption: str | None = None,
    lag: bool = False,
    bioavailability: bool = False,
    elimination: str = "linear",
    tmdd: str | None = None,
    parametrisation: str = "clearance",
    rate: bool = False,
    duration: bool = False,
    response: str | None = None,
    effect_compartment: bool = False,
    form: str = "closed",
) -> StructuralModel:
    """Return the structure with these options.

    Parameters
    ----------
    compartments : 1, 2 or 3
    absorption : None for doses into the central compartment; "first_order" for a depot;
        "zero_order" for doses that enter at a constant rate during Tk0; "mixed" for a fraction
        Fr at first order and the rest at zero order; "transit" for a chain of n transit
        compartments before the depot, n any number (Savic et al. 2007, J Pharmacokinet
        Pharmacodyn 34:711)
    lag : doses arrive after a lag
    bioavailability : a fraction F of doses arrives
    elimination : "linear", "michaelis_menten", or "parallel" for both
    tmdd : target-mediated drug disposition, the drug binding to a target in the central
        compartment: None; "full" for association and dissociation (Mager & Jusko 2001, J
        Pharmacokinet Pharmacodyn 28:507); "qe" for quasi-equilibrium, which is rapid binding
        (Mager & Krzyzanski 2005, Pharm Res 22:1589); "qss" for quasi-steady state, "mm" for
        Michaelis-Menten (Gibiansky et al. 2008, J Pharmacokinet Pharmacodyn 35:573). Elimination
        and distribution are those of the free drug. The output c is its concentration; "full"
        predicts target, complex and ctot (total drug) as well, "qe" and "qss" ctot and rtot
        (total target), all in the units of c: amounts are best molar, or target and complex are
        in the mass of drug that they can bind
    parametrisation : "clearance" (CL, V, Q, V2 …) or "rates" (k, V, k12, k21 …)
    rate, duration : doses with RATE = -1 or -2 have a rate or a duration that is a parameter
    response : another output e, driven by the concentration c: "linear", "log_linear", "emax",
        "sigmoid_emax", "imax", "sigmoid_imax", "indirect_1" … "indirect_4", "precursor"
    effect_compartment : the response is driven by an effect compartment
    form : "closed" uses closed forms where there are any; "ode" always solves the equations

    Raises
    ------
    ModelError
        There is no such structure; the message names the option and what it can be.
    """
    return from_options(
        {
            "compartments": compartments,
            "absorption": absorption,
            "lag": lag,
            "bioavailability": bioavailability,
            "elimination": elimination,
            "tmdd": tmdd,
            "parametrisation": parametrisation,
            "rate": rate,
            "duration": duration,
            "response": response,
            "effect_compartment": effect_compartment,
            "form": form,
        }
    )


def from_options(options: Mapping[str, Any]) -> StructuralModel:
    """Return the structure of some options of `pk`, the others at their defaults.

    Raises
    ------
    ModelError, UnknownNameError
        An option does not exist, cannot have that value, or cannot be combined with another.
    """
    for option, value in options.items():
        if option not in CHOICES:
            raise unknown_name("option of pk()", option, list(CHOICES))
        if not any(value is choice or value == choice for choice in CHOICES[option]):
            choices = ", ".join(repr(choice) for choice in CHOICES[option])
            raise ModelError(
                f"pk({option}={value!r}) does not exist; {option} is one of {choices}. "
                f"Structures by name: {', '.join(structures.names())}."
            )
    full = {name: options.get(name, choices[0]) for name, choices in CHOICES.items()}
    check_combination(full)
    return _built(tuple(full.items()))


def check_combination(options: Mapping[str, Any]) -> None:
    """Refuse options that exclude each other.

    Parameters
    ----------
    options : every option of `CHOICES`

    Raises
    ------
    ModelError
        The message names the option and what it cannot be combined with.
    """
    absorption = options["absorption"]
    refused = {
        "mixed": (("bioavailability", "rate", "duration"), "mixed absorption"),
        "zero_order": (("duration",), "zero-order absorption, whose duration is Tk0"),
        "transit": (("rate", "duration"), "transit absorption"),
    }.get(absorption, ((), ""))
    for option in refused[0]:
        if options[option]:
            raise ModelError(f"pk(): {option} cannot be combined with {refused[1]}. Leave it out.")
    if options["tmdd"] is not None and options["elimination"] != "linear":
        how = {"michaelis_menten": "Michaelis-Menten", "parallel": "parallel"}
        raise ModelError(
            f"pk(): tmdd cannot be combined with {how[options['elimination']]} elimination: the "
            "target is what saturates. Leave one of them out."
        )
    if options["effect_compartment"] and options["response"] is None:
        raise ModelError("pk(): an effect compartment needs a response. Choose one of them.")


def options_of(structure: StructuralModel) -> dict[str, Any] | None:
    """Return every option of `pk` that makes this structure, None if it is made otherwise."""
    card = structure.card
    given = card.get("pk") if isinstance(card, Mapping) else _PLAIN.get(card)
    if given is None:
        return None
    return {name: given.get(name, choices[0]) for name, choices in CHOICES.items()}


@lru_cache(maxsize=256)
def _built(items: tuple[tuple[str, Any], ...]) -> StructuralModel:
    options = dict(items)
    given = {k: v for k, v in options.items() if v != CHOICES[k][0]}
    given = {"compartments": options["compartments"]} | given
    closed = (
        options["form"] == "closed"
        and options["elimination"] == "linear"
        and options["tmdd"] is None
        and options["absorption"] != "transit"
        and options["response"] is None
    )
    how = _HOW.get(options["absorption"], options["absorption"])
    plain = f"pk_{options['compartments']}cmt_{how}"
    if closed and set(given) <= {"compartments", "absorption"} and plain in structures.names():
        return structures.get(plain)
    switches = [k for k in given if k not in ("compartments", "absorption")]
    words = [
        k if given[k] is True else f"tmdd_{given[k]}" if k == "tmdd" else str(given[k])
        for k in switches
    ]
    name = "_".join([plain, *words])
    arguments = ", ".join(f"{k}={v!r}" for k, v in given.items())
    built = linear_model(name, options) if closed else _as_equations(name, options)
    return replace(built, card={"pk": given}, code=f"wb.pk({arguments})")


def _as_equations(name: str, options: Mapping[str, Any]) -> StructuralModel:
    """Build the options as differential equations."""
    text, title, outputs = pk_text(options), pk_title(options), [*pk_outputs(options)]
    parameters, names = pk_parameters(options), compartment_names(options)
    response = options["response"]
    if response is not None:
        effect = options["effect_compartment"]
        text += "\n" + response_text(response, effect_compartment=effect)
        parameters += response_parameters(response, effect_compartment=effect)
        title += f"; {RESPONSES[response][0]}"
        outputs.append("e")
    title += " (equations)" * (options["form"] == "ode")
    return equation_model(
        name,
        title,
        text,
        outputs,
        {p: described(p, options) for p in parameters},
        compartments=names,
        routes=lambda states: pk_routes(options, parameters, names, states),
    )

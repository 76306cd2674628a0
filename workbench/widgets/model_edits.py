"""Changes that a person makes to a model, each as model in, model out.

They edit the model card, so that every change passes the checks of `Model` itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

from workbench.errors import ModelError
from workbench.models.endpoints import Errors, errors_card
from workbench.models.error import ResidualError
from workbench.models.model import Model
from workbench.models.residual import error_models
from workbench.models.structural import structures
from workbench.registry import unknown_name

START_IIV = 0.3  # SD of eta that a parameter starts from when nothing better is known


def default_model(structure: str, error: str = "combined2") -> Model:
    """Return a structure with its own starting values, log-normal parameters and an error model.

    Where the structure has several outputs, each has that error model.
    """
    shape = structures.get(structure)
    parameters = {
        name: {"distribution": "lognormal", "typical": typical, "iiv": START_IIV}
        for name, typical in zip(shape.parameters, shape.typical, strict=True)
    }
    errors = dict.fromkeys(shape.outputs, _default_error(error))
    return Model.from_dict(
        {
            "format": 1,
            "structure": structure,
            "parameters": parameters,
            "correlations": [],
            "error": errors_card(shape.outputs, errors),
        }
    )


def with_structure(model: Model, structure: str) -> Model:
    """Return another structure; parameters and outputs of the same name keep their settings."""
    new = default_model(structure)
    card, outputs = new.to_dict(), new.structure.outputs
    old = model.to_dict()
    for name in card["parameters"]:
        if name in old["parameters"]:
            card["parameters"][name] = old["parameters"][name]
    card["error"] = errors_card(outputs, _carried(model.errors, outputs))
    if set(model.endpoints.values()) <= set(outputs):
        card["endpoints"] = dict(model.endpoints)
    if _is_full(old):
        card["correlations"] = _all_pairs(card)
    return Model.from_dict(card)


def with_parameter(model: Model, name: str, **changes: Any) -> Model:
    """Return the model with `typical`, `iiv`, `distribution` or `fixed` of a parameter changed."""
    card = model.to_dict()
    full = _is_full(card)
    card["parameters"][name] = {**card["parameters"][name], **changes}
    random = _with_eta(card)
    if full and "iiv" in changes:
        card["correlations"] = _all_pairs(card, _starts(card))
    else:
        card["correlations"] = [pair for pair in card["correlations"] if {*pair[:2]} <= random]
    return Model.from_dict(card)


def with_omega(model: Model, *, full: bool) -> Model:
    """Return the model with all random effects correlated, or none."""
    card = model.to_dict()
    card["correlations"] = _all_pairs(card, _starts(card)) if full else []
    return Model.from_dict(card)


def error_of(model: Model, output: str | None = None) -> ResidualError:
    """Return the residual error of an output, which may be left out where there is only one."""
    if output is None:
        if len(model.errors) > 1:
            raise ModelError(f"Say whose residual error: that of {', '.join(model.errors)}.")
        return next(iter(model.errors.values()))
    if output not in model.errors:
        raise unknown_name("output with a residual error", output, model.errors)
    return model.errors[output]


def with_error(model: Model, error: str, output: str | None = None) -> Model:
    """Return another residual error model; values of the same name are kept.

    Parameters
    ----------
    output : whose error; may be left out where there is only one
    """
    kind, old = error_models.get(error), error_of(model, output)
    values = tuple(
        old.parameters.get(name, default)
        for name, default in zip(kind.parameters, kind.defaults, strict=True)
    )
    new = ResidualError(error, values, old.fixed & set(kind.parameters))
    return _with_error(model, new, output)


def with_error_values(
    model: Model, changes: Mapping[str, float], output: str | None = None
) -> Model:
    """Return the model with other starting values of the residual error (of an output)."""
    old = error_of(model, output)
    for name in changes:
        if name not in old.parameters:
            raise unknown_name(f"parameter of {old.model} error", name, old.parameters)
    values = tuple({**old.parameters, **changes}.values())
    return _with_error(model, replace(old, values=values), output)


def with_error_fixed(model: Model, held: Iterable[str], output: str | None = None) -> Model:
    """Return the model with these parameters of the residual error (of an output) held."""
    changed = replace(error_of(model, output), fixed=frozenset(held))
    return _with_error(model, changed, output)


def _default_error(error: str) -> ResidualError:
    return ResidualError(error, error_models.get(error).defaults)


def _carried(old: Errors, outputs: Sequence[str]) -> dict[str, ResidualError]:
    """Return errors for other outputs: that of the same name, else of the same place."""
    places = [*old.values()]
    places += [_default_error(places[0].model)] * len(outputs)
    return {name: old.get(name, place) for name, place in zip(outputs, places, strict=False)}


def _with_error(model: Model, error: ResidualError, output: str | None) -> Model:
    name = next(iter(model.errors)) if output is None else output
    return model.replace(error={**model.errors, name: error})


def has_full_omega(model: Model) -> bool:
    """Whether every pair of random effects is correlated."""
    return _is_full(model.to_dict())


def _with_eta(card: Mapping[str, Any]) -> set[str]:
    return {name for name, spec in card["parameters"].items() if spec.get("iiv", 0) > 0}


def _starts(card: Mapping[str, Any]) -> dict[frozenset[str], float]:
    """Starting correlations by pair."""
    return {
        frozenset(pair[:2]): float(pair[2]) if len(pair) > 2 else 0.0
        for pair in card["correlations"]
    }


def _all_pairs(
    card: Mapping[str, Any], starts: Mapping[frozenset[str], float] | None = None
) -> list[list[Any]]:
    """Every pair of parameters that have a random effect, with its starting correlation."""
    random = _with_eta(card)
    names = [name for name in card["parameters"] if name in random]
    known = starts or {}
    return [[a, b, known.get(frozenset((a, b)), 0.0)] for a, b in combinations(names, 2)]


def _is_full(card: Mapping[str, Any]) -> bool:
    pairs = _all_pairs(card)
    return bool(pairs) and set(_starts(card)) >= {frozenset(pair[:2]) for pair in pairs}

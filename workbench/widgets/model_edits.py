"""Changes that a person makes to a model, each as model in, model out.

They edit the model card, so that every change passes the checks of `Model` itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

from workbench.models.model import Model
from workbench.models.residual import error_models
from workbench.models.structural import structures

START_IIV = 0.3  # SD of eta that a parameter starts from when nothing better is known


def default_model(structure: str, error: str = "combined2") -> Model:
    """Return a structure with its own starting values, log-normal parameters and an error model."""
    shape, residual = structures.get(structure), error_models.get(error)
    parameters = {
        name: {"distribution": "lognormal", "typical": typical, "iiv": START_IIV}
        for name, typical in zip(shape.parameters, shape.typical, strict=True)
    }
    values = dict(zip(residual.parameters, residual.defaults, strict=True))
    return Model.from_dict(
        {
            "format": 1,
            "structure": structure,
            "parameters": parameters,
            "correlations": [],
            "error": {"model": error, **values, "fixed": []},
        }
    )


def with_structure(model: Model, structure: str) -> Model:
    """Return another structure; parameters of the same name keep their settings."""
    card = default_model(structure, model.error.model).to_dict()
    old = model.to_dict()
    for name in card["parameters"]:
        if name in old["parameters"]:
            card["parameters"][name] = old["parameters"][name]
    card["error"] = old["error"]
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


def with_error(model: Model, error: str) -> Model:
    """Return another residual error model; values of the same name are kept."""
    card = model.to_dict()
    residual = error_models.get(error)
    old = card["error"]
    values = {
        name: old.get(name, default)
        for name, default in zip(residual.parameters, residual.defaults, strict=True)
    }
    held = [name for name in old.get("fixed", []) if name in values]
    card["error"] = {"model": error, **values, "fixed": held}
    return Model.from_dict(card)


def with_error_values(model: Model, changes: Mapping[str, float]) -> Model:
    """Return the model with other starting values of the residual error."""
    card = model.to_dict()
    card["error"] = {**card["error"], **changes}
    return Model.from_dict(card)


def with_error_fixed(model: Model, held: Iterable[str]) -> Model:
    """Return the model with these residual error parameters held."""
    card = model.to_dict()
    card["error"] = {**card["error"], "fixed": sorted(held)}
    return Model.from_dict(card)


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

"""Changes that a person makes to a model, each as model in, model out.

They edit the model card, so that every change passes the checks of `Model` itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

from workbench.errors import ModelError
from workbench.models.covariates import CovariateEffect
from workbench.models.distributions import distributions
from workbench.models.endpoints import errors_card
from workbench.models.error import IIV, RUV, ResidualError
from workbench.models.model import Model
from workbench.models.pk import options_of
from workbench.models.read import read_structure
from workbench.models.residual import error_models
from workbench.models.structural import StructuralModel
from workbench.models.transform import Transform
from workbench.registry import unknown_name

START_IIV = 0.3  # SD of eta that a parameter starts from when nothing better is known
DEFAULT_ERROR = "combined2"
START_LAMBDA = 0.5  # half way from the logarithm to the data as they are
START_DF = 4.0  # degrees of freedom of Student-t residuals
KEPT = ("transform", "lambda", "of", "df", IIV)  # of an error when another error model is chosen

# The same quantity under two names: the central volume is V alone, V1 beside others.
_RENAMED = {"v": "v1", "v1": "v", "q": "q2", "q2": "q"}

Structure = StructuralModel | str | Mapping[str, Any]  # or what a model card says of it


def default_model(structure: Structure, errors: Mapping[str, ResidualError] | None = None) -> Model:
    """Return a structure with its own starting values, log-normal parameters and error models.

    Parameters
    ----------
    structure : a structural model, or what a model card says of it
    errors : output → residual error; the others are combined
    """
    shape = as_structure(structure)
    parameters = {
        name: {"distribution": "lognormal", "typical": typical, "iiv": START_IIV}
        for name, typical in zip(shape.parameters, shape.typical, strict=True)
    }
    given = errors or {}
    by_output = {name: given.get(name) or _start_error(DEFAULT_ERROR) for name in shape.outputs}
    return Model.from_dict(
        {
            "format": 1,
            "structure": shape.card,
            "parameters": parameters,
            "correlations": [],
            "error": errors_card(shape.outputs, by_output),
        }
    )


def as_structure(structure: Structure) -> StructuralModel:
    """Return a structural model from what a model card says of it; one that is one stays."""
    return structure if isinstance(structure, StructuralModel) else read_structure(structure)


def with_structure(model: Model, structure: Structure) -> Model:
    """Return another structure; parameters and outputs of the same name keep their settings.

    An output that is new takes the residual error of an old one that is no more, in order.
    """
    shape = as_structure(structure)
    outputs = shape.outputs
    kept = {name: error for name, error in model.errors.items() if name in outputs}
    free = [error for name, error in model.errors.items() if name not in outputs]
    new = [name for name in outputs if name not in kept]
    card = default_model(shape, {**kept, **dict(zip(new, free, strict=False))}).to_dict()
    old = model.to_dict()
    same = _same_parameters(model.structure, shape)
    for name in card["parameters"]:
        if same.get(name) in old["parameters"]:
            card["parameters"][name] = old["parameters"][same[name]]
    random = _with_eta(card)
    if _is_full(old):
        card["correlations"] = _all_pairs(card, _starts(old))
    else:
        card["correlations"] = [pair for pair in old["correlations"] if {*pair[:2]} <= random]
    if model.endpoints and {*model.endpoints.values()} <= {*outputs}:
        card["endpoints"] = dict(model.endpoints)
    return Model.from_dict(card)


def _same_parameters(old: StructuralModel, new: StructuralModel) -> dict[str, str]:
    """New name → old name of the parameters that mean the same."""
    same = {name: name for name in new.parameters}
    if options_of(old) is not None and options_of(new) is not None:
        for name in new.parameters:
            if name not in old.parameters and name in _RENAMED:
                same[name] = _RENAMED[name]
    return same


def with_parameter(model: Model, name: str, **changes: Any) -> Model:
    """Return the model with a part of one parameter's card changed; None takes it away."""
    card = model.to_dict()
    full = _is_full(card)
    changed = {**card["parameters"][name], **changes}
    if "distribution" in changes:
        changed = _on_new_scale(card["parameters"][name], _within_bounds(changed), changes)
    if not changed.get("iiv"):
        changed.pop("eta", None)
    card["parameters"][name] = {k: v for k, v in changed.items() if v is not None}
    random = _with_eta(card)
    if full and "iiv" in changes:
        card["correlations"] = _all_pairs(card, _starts(card))
    else:
        card["correlations"] = [pair for pair in card["correlations"] if {*pair[:2]} <= random]
    return Model.from_dict(card)


def _within_bounds(card: dict[str, Any]) -> dict[str, Any]:
    """Give a parameter's card bounds if its distribution has some, and take them away if not.

    The bounds are 0 and 1, or the nearest powers of ten between which the typical value lies.
    """
    if not distributions.get(str(card["distribution"])).limited:
        return {**card, "lower": None, "upper": None}
    if card.get("lower") is not None:
        return card
    size = abs(float(card["typical"]))
    power = 10.0 ** (math.floor(math.log10(size)) + 1) if size >= 1 else 1.0
    lower, upper = (0.0, power) if card["typical"] > 0 else (-power, power if size == 0 else 0.0)
    return {**card, "lower": lower, "upper": upper}


def _on_new_scale(
    old: Mapping[str, Any], new: dict[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Keep the spread of a parameter about the same on its own scale: SDs go over to the new one.

    An SD of eta times the slope of the parameter in eta is the SD of the parameter, nearly.
    """
    try:
        factor = _slope(old) / _slope(new)
    except ValueError:
        return new  # the typical value does not suit the distribution: the model will say so
    sds: dict[str, Any] = {
        k: _rounded(new[k] * factor) for k in ("iiv", "iov") if k in new and k not in given
    }
    if "prior" in new and "prior" not in given:
        sds["prior"] = {**new["prior"], "sd": _rounded(new["prior"]["sd"] * factor)}
    return {**new, **sds}


def _slope(card: Mapping[str, Any]) -> float:
    """Return how fast a parameter changes with its random effect at the typical value."""
    kind, typical = distributions.get(str(card["distribution"])), float(card["typical"])
    if not kind.limited:
        return kind.slope(kind.to_psi(typical))
    low, high = float(card["lower"]), float(card["upper"])
    return (high - low) * kind.slope(kind.to_psi((typical - low) / (high - low)))


def _rounded(value: float) -> float:
    """Return a number with as many digits as a person would give."""
    return float(f"{value:.3g}")


def with_covariate(
    model: Model, name: str, effect: CovariateEffect | None, column: str = ""
) -> Model:
    """Return the model with an effect on a parameter, in place of one of the same covariate.

    Parameters
    ----------
    effect : None takes away the effect of `column`, or all effects on the parameter
    """
    if name not in model.parameters:
        raise unknown_name(f"parameter of {model.structure.name}", name, model.parameters)
    own = model.parameters[name]
    if effect is None:
        kept = tuple(e for e in own.covariates if column and e.column != column)
    else:
        columns = [e.column for e in own.covariates]
        kept = tuple(effect if e.column == effect.column else e for e in own.covariates)
        kept += () if effect.column in columns else (effect,)
    return model.replace(parameters={**model.parameters, name: replace(own, covariates=kept)})


def with_omega(model: Model, *, full: bool) -> Model:
    """Return the model with all random effects correlated, or none."""
    card = model.to_dict()
    card["correlations"] = _all_pairs(card, _starts(card)) if full else []
    return Model.from_dict(card)


def with_correlation(model: Model, one: str, other: str, *, on: bool) -> Model:
    """Return the model with a pair of random effects correlated, or their correlation zero."""
    pairs = dict(model.correlations)
    if on:
        known = {frozenset(pair) for pair in pairs}
        pairs.update({} if frozenset((one, other)) in known else {(one, other): 0.0})
    else:
        pairs = {pair: r for pair, r in pairs.items() if {*pair} != {one, other}}
    return model.replace(correlations=pairs)


def with_error(model: Model, error: str, output: str = "") -> Model:
    """Return another residual error model; values of the same name are kept.

    Parameters
    ----------
    output : whose error; not needed where there is only one
    """
    residual = error_models.get(error)

    def changed(old: dict[str, Any]) -> dict[str, Any]:
        values = {
            name: old.get(name, default)
            for name, default in zip(residual.parameters, residual.defaults, strict=True)
        }
        extra = {k: old[k] for k in (("df", IIV) if residual.positive_data else KEPT) if k in old}
        held = [name for name in old.get("fixed", []) if name in (*values, *extra)]
        return {"model": error, **values, **extra, "fixed": held}

    return _with_error_card(model, output, changed)


def with_transform(
    model: Model, name: str, output: str = "", ends: tuple[float, float] = (0.0, 1.0)
) -> Model:
    """Return the model with a transformation of both sides; "" models the data as they are.

    Ends and lambda that are known stay, where the transformation has them.

    Parameters
    ----------
    ends : lower and upper end to begin with, where the transformation has some
    """

    def changed(old: dict[str, Any]) -> dict[str, Any]:
        card = {k: v for k, v in old.items() if k not in ("transform", "lambda", "of")}
        card["fixed"] = [each for each in old.get("fixed", []) if each != "lambda"]
        if not name:
            return card
        shape = Transform(name).shape
        if shape.bent:
            card["lambda"] = old.get("lambda", START_LAMBDA)
            card["fixed"] += ["lambda"] * ("lambda" not in old or "lambda" in old["fixed"])
        known = {"lower": ends[0], "upper": ends[1], **old.get("transform", {}), "name": name}
        card["transform"] = known if shape.bounded else {"name": name}
        return card | ({"of": old["of"]} if "of" in old else {})

    return _with_error_card(model, output, changed)


def with_transform_ends(model: Model, changes: Mapping[str, float], output: str = "") -> Model:
    """Return the model with another "lower" or "upper" end of its logit or probit."""
    return _with_error_card(
        model, output, lambda old: {**old, "transform": {**old["transform"], **changes}}
    )


def with_sd_of(model: Model, of: str, output: str = "") -> Model:
    """Return the model whose SD follows the "prediction" or the "transformed" one."""
    return _with_error_card(model, output, lambda old: {**old, "of": of})


def with_student(model: Model, student: bool, output: str = "") -> Model:
    """Return the model with Student-t residuals, or normal ones."""

    def changed(old: dict[str, Any]) -> dict[str, Any]:
        card = {k: v for k, v in old.items() if k != "df"}
        card["fixed"] = [each for each in old.get("fixed", []) if each != "df"]
        if student:
            card["df"] = old.get("df", START_DF)
            card["fixed"] += ["df"] * ("df" not in old or "df" in old["fixed"])
        return card

    return _with_error_card(model, output, changed)


def with_error_iiv(model: Model, iiv: float, output: str = "") -> Model:
    """Return the model with this SD of a random effect on the residual error; 0 for none."""

    def changed(old: dict[str, Any]) -> dict[str, Any]:
        card = {k: v for k, v in old.items() if k != IIV}
        if iiv:
            return {**card, IIV: iiv}
        return {**card, "fixed": [each for each in old.get("fixed", []) if each != IIV]}

    return _with_error_card(model, output, changed)


def with_error_values(model: Model, changes: Mapping[str, float], output: str = "") -> Model:
    """Return the model with other starting values of the residual error (of one output)."""
    return _with_error_card(model, output, lambda old: {**old, **changes})


def with_error_fixed(model: Model, held: Iterable[str], output: str = "") -> Model:
    """Return the model with these residual error parameters (of one output) held."""
    return _with_error_card(model, output, lambda old: {**old, "fixed": sorted(held)})


def _with_error_card(
    model: Model, output: str, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> Model:
    card, outputs = model.to_dict(), model.structure.outputs
    if len(outputs) == 1:
        card["error"] = change(card["error"])
        return _without_lost_pairs(card)
    if not output:
        raise ModelError(f"Say whose residual error: that of {', '.join(model.errors)}.")
    if output not in card["error"]:
        raise unknown_name(f"output of {model.structure.name}", output, outputs)
    card["error"] = {**card["error"], output: change(card["error"][output])}
    return _without_lost_pairs(card)


def _without_lost_pairs(card: dict[str, Any]) -> Model:
    """Read a card without the correlations of random effects that it no longer has."""
    random = _with_eta(card)
    card["correlations"] = [pair for pair in card["correlations"] if {*pair[:2]} <= random]
    return Model.from_dict(card)


def _start_error(name: str) -> ResidualError:
    """Return a residual error with its default values."""
    return ResidualError(name, error_models.get(name).defaults)


def has_full_omega(model: Model) -> bool:
    """Whether every pair of random effects is correlated."""
    return _is_full(model.to_dict())


def _with_eta(card: Mapping[str, Any]) -> set[str]:
    """Names of all random effects, those on the residual errors among them."""
    random = {name for name, spec in card["parameters"].items() if spec.get("iiv", 0) > 0}
    return random | _with_eta_on_error(card)


def _with_eta_on_error(card: Mapping[str, Any]) -> set[str]:
    error = card["error"]
    if "model" in error:
        return {RUV} if error.get(IIV, 0) > 0 else set()
    return {f"{RUV}.{output}" for output, one in error.items() if one.get(IIV, 0) > 0}


def _starts(card: Mapping[str, Any]) -> dict[frozenset[str], list[Any]]:
    """By pair, its starting correlation and whether it is held, as a card has them."""
    return {
        frozenset(pair[:2]): list(pair[2:]) if len(pair) > 2 else [0.0]
        for pair in card["correlations"]
    }


def _all_pairs(
    card: Mapping[str, Any], starts: Mapping[frozenset[str], list[Any]] | None = None
) -> list[list[Any]]:
    """Every pair of parameters that have a random effect, with its starting correlation.

    Pairs with a random effect on a residual error are there where they are known.
    """
    random, of_errors = _with_eta(card), _with_eta_on_error(card)
    names = [name for name in card["parameters"] if name in random]
    known = starts or {}
    pairs = [[a, b, *known.get(frozenset((a, b)), [0.0])] for a, b in combinations(names, 2)]
    others = [pair for pair in known if pair & of_errors and pair <= random]
    return pairs + [[*sorted(pair), *known[pair]] for pair in others]


def _is_full(card: Mapping[str, Any]) -> bool:
    pairs = _all_pairs(card)
    return bool(pairs) and set(_starts(card)) >= {frozenset(pair[:2]) for pair in pairs}

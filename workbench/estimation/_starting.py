"""Starting values from the data: non-compartmental analysis, or a fit without random effects."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from workbench.data.dataset import Dataset
from workbench.errors import ModelError, OptionError
from workbench.estimation._pk_starts import Derived, derive
from workbench.estimation._pooled import (
    one_or_all,
    pooled,
    scaled_errors,
    usable,
)
from workbench.models.covariates import CovariateEffect
from workbench.models.distributions import distributions
from workbench.models.error import IIV
from workbench.models.model import Model
from workbench.models.parameter import Parameter
from workbench.problem.covariates import mean_effects, with_references
from workbench.results import FitResult

METHODS = ("auto", "nca", "pooled")

DEFAULT_SD = 0.3  # of eta, on the logarithmic scale; of a normal parameter relative to its value
FARTHEST = 300.0  # change of a positive typical value, either way, that can be believed
ERROR_PART = 0.5  # of the pooled residual SD; the rest is variability between subjects


def starting_values(
    model: Model,
    data: Dataset,
    *,
    method: str = "auto",
    say: Callable[[str], object] | None = None,
) -> Model:
    """Return the model with starting values taken from the data.

    Fixed values stay. Random effects stay where the model has them; their SDs and the residual
    errors are set too.

    Parameters
    ----------
    model : its own values are tried as well, unless ``"nca"`` is asked for
    data : observations
    method : ``"nca"``, non-compartmental analysis of each subject's first dose, for the structures
        of `wb.pk`; ``"pooled"``, a fit without random effects from many points around the model's
        values; ``"auto"``, the former for what it can tell and the latter for the rest
    say : called with each sentence on what was derived from what, such as ``say=print``

    Raises
    ------
    OptionError, ModelError
        There is no such method, or it does not apply to this model and these data.
    """
    if method not in METHODS:
        raise OptionError(f"method must be one of {', '.join(METHODS)}, not {method!r}.")
    model = with_references(model, data)
    said: list[str] = []
    say = said.append if say is None else say
    derived = derive(model, data) if method != "pooled" else None
    if derived is None and method == "nca":
        raise ModelError(
            "Non-compartmental analysis needs a structure of wb.pk(...) and four concentrations "
            "after a first dose, not at steady state, of at least a third of the subjects. Use "
            'method="pooled".'
        )
    if derived is not None:
        derived = _at_references(_within(derived, model), model, data)
    started = _with_values(model, derived) if derived else model
    rest = [
        name
        for name, p in model.parameters.items()
        if "typical" not in p.fixed and (derived is None or name not in derived.values)
    ]
    if derived is not None:
        _say_derived(derived, model, say)
    if rest and method != "nca":
        started = _pooled(model, started, data, rest, derived, say)
    elif rest:
        say(f"{', '.join(rest)}: the model's own values.")
    return _with_variability(started, data, derived, say)


def started(model: Model, data: Dataset, start: object, say: Callable[[str], object]) -> Model:
    """Return the model with the starting values that `start` stands for.

    Parameters
    ----------
    start : ``"auto"``, or a model or fit whose values are taken where the names are the same
    say : called with sentences on what was taken from where

    Raises
    ------
    OptionError
        `start` is nothing of that.
    """
    if isinstance(start, str) and start in METHODS:
        return starting_values(model, data, method=start, say=say)
    source = start.final_model if isinstance(start, FitResult) else start
    if not isinstance(source, Model):
        raise OptionError(
            f'start must be "auto", a fit or a model, not {start!r}. Without it the values of '
            "the model are the starting values."
        )
    return with_values_of(model, source, say)


def with_values_of(model: Model, source: Model, say: Callable[[str], object]) -> Model:
    """Return the model with another one's values, where the names are the same.

    Fixed values stay, and so does what is a random effect.
    """
    parameters, own = dict(model.parameters), []
    for name, p in model.parameters.items():
        other = source.parameters.get(name)
        same = other is not None and other.distribution == p.distribution
        if other is None or not same or other.range != p.range:
            own.append(name)
            continue
        typical = p.typical if "typical" in p.fixed else other.typical
        iiv = other.iiv if p.has_eta and other.has_eta and "iiv" not in p.fixed else p.iiv
        iov = other.iov if p.has_iov and other.has_iov and "iov" not in p.fixed else p.iov
        effects = tuple(_effect_from(effect, other) for effect in p.covariates)
        eta = p.eta
        if eta is not None and other.eta is not None and eta.kind == other.eta.kind:
            eta = eta if eta.fixed else eta.with_value(other.eta.value)
        parameters[name] = replace(
            p, typical=typical, iiv=iiv, iov=iov, covariates=effects, eta=eta
        )
    correlations, iov_correlations = (
        {k: theirs[k] if all(pair in theirs for pair in ours) else 0.0 for k in ours}
        for ours, theirs in (
            (model.correlations, source.correlations),
            (model.iov_correlations, source.iov_correlations),
        )
    )
    if model.fixed_correlations:  # what is beside them must not contradict them
        correlations = dict(model.correlations)
    errors = dict(model.errors)
    for output, error in model.errors.items():
        of_other = source.errors.get(output)
        if of_other is None or not error.like(of_other):
            own.append(f"error of {output}")
            continue
        both = error.has_eta and of_other.has_eta and IIV not in error.fixed
        iiv = of_other.iiv if both else error.iiv
        errors[output] = replace(error.with_free(of_other.values), iiv=iiv)
    if own:
        say(f"Not in the model that the start was taken from: {', '.join(own)}; own values kept.")
    return model.replace(
        parameters=parameters,
        correlations=correlations,
        iov_correlations=iov_correlations,
        error=one_or_all(model, errors),
    )


def _effect_from(effect: CovariateEffect, other: Parameter) -> CovariateEffect:
    """Return an effect with the coefficients of the same one on another parameter, if any."""
    for theirs in other.covariates:
        if (theirs.kind, theirs.column) == (effect.kind, effect.column) and theirs.resolved:
            known = dict(zip(theirs.levels, theirs.values, strict=True))
            if effect.reference == theirs.reference:
                parts = zip(effect.levels, effect.values, effect.held, strict=True)
                return effect.with_values(v if h else known.get(n, v) for n, v, h in parts)
    return effect


def _say_derived(derived: Derived, model: Model, say: Callable[[str], object]) -> None:
    free = [n for n in derived.values if "typical" not in model.parameters[n].fixed]
    each = "; ".join(f"{name} {derived.values[name]:.3g} from {derived.how[name]}" for name in free)
    say(f"Non-compartmental analysis of {derived.n} subjects, geometric means: {each}.")


def _within(derived: Derived, model: Model) -> Derived:
    """Leave out values that the bounds of their parameters do not allow."""
    support = {name: p.support for name, p in model.parameters.items()}
    kept = {k: v for k, v in derived.values.items() if support[k][0] < v < support[k][1]}
    return replace(derived, values=kept)


def _at_references(derived: Derived, model: Model, data: Dataset) -> Derived:
    """Return the means over subjects brought to the references of the model's covariates."""
    values = dict(derived.values)
    for k, (name, p) in enumerate(model.parameters.items()):
        if name in values and p.covariates:
            psi = p.to_psi(values[name]) - mean_effects(model, data)[k]
            values[name] = p.from_psi(psi)
    return replace(derived, values=values)


def _with_values(model: Model, derived: Derived) -> Model:
    parameters = {
        name: replace(p, typical=derived.values[name])
        if name in derived.values and "typical" not in p.fixed
        else p
        for name, p in model.parameters.items()
    }
    return model.replace(parameters=parameters)


def _pooled(
    model: Model,
    started: Model,
    data: Dataset,
    rest: list[str],
    derived: Derived | None,
    say: Callable[[str], object],
) -> Model:
    """Return the model with the rest of the typical values from a fit without random effects."""
    starts = [started] if derived is None else [started, model]
    fit = pooled(starts, data)
    if fit is None:
        if usable(started, data) is None:
            raise ModelError(
                "The model has no prediction at its values nor at any point around them, so no "
                "starting values can be found. Give values of a plausible size."
            )
        say(f"{', '.join(rest)}: the model's own values; no fit without random effects worked.")
        return started
    found = fit.final_model.parameters
    lost = [name for name in rest if _far(found[name], model.parameters[name])]
    rest = [name for name in rest if name not in lost]
    if lost:
        say(f"{', '.join(lost)}: the model's own values, as the data hardly tell.")
    # Where NCA has a value it is the mean of the subjects, and stays.
    parameters = {
        name: replace(p, typical=found[name].typical, covariates=found[name].covariates)
        if name in rest
        else p
        for name, p in started.parameters.items()
    }
    each = ", ".join(f"{name} {found[name].typical:.3g}" for name in rest)
    if rest:
        say(f"Fit without random effects (OFV {fit.ofv:.1f}): {each}.")
    return model.replace(parameters=parameters)


def _far(found: Parameter, given: Parameter) -> bool:
    """True when a value ran away, which a fit does with what the data do not inform."""
    if not distributions.get(given.distribution).unitless:
        return False
    moved = given.to_psi(found.typical) - given.to_psi(given.typical)
    return not abs(moved) < math.log(FARTHEST)


def _with_variability(
    model: Model, data: Dataset, derived: Derived | None, say: Callable[[str], object]
) -> Model:
    """Return the model with SDs of eta and residual errors to start with."""
    parameters, correlations = dict(model.parameters), dict.fromkeys(model.correlations, 0.0)
    if model.fixed_correlations:
        correlations = dict(model.correlations)
    for name, p in model.parameters.items():
        if p.has_eta and "iiv" not in p.fixed:
            parameters[name] = replace(p, iiv=_sd(name, p, derived))
    found = model.replace(parameters=parameters, correlations=correlations)
    problem = usable(found, data)
    if problem is None:
        raise ModelError(
            "The model has no prediction at the values that were found. Give values of a "
            "plausible size, or fix some."
        )
    typical, value = scaled_errors(problem, found.without_random_effects())
    if not np.isfinite(value):
        return found
    part = ERROR_PART if found.etas else 1.0
    errors = {
        output: replace(error.scaled(part), iiv=found.errors[output].iiv)
        for output, error in typical.errors.items()
    }
    with_eta = [n for n, p in found.parameters.items() if p.has_eta and "iiv" not in p.fixed]
    if with_eta:
        each = ", ".join(f"{name} {found.parameters[name].iiv:.2g}" for name in with_eta)
        say(f"SDs of eta: {each}.")
    say(f"Residual errors: {part:g} of the scatter about the typical predictions.")
    return found.replace(error=one_or_all(found, errors))


def _sd(name: str, p: Parameter, derived: Derived | None) -> float:
    relative = derived.sd.get(name, DEFAULT_SD) if derived else DEFAULT_SD
    if distributions.get(p.distribution).unitless:
        return relative
    return relative * abs(p.typical) or p.iiv

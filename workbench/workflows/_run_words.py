"""What was fitted, in a line for a table of runs, and in what one fit differs from another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from workbench.data.dataset import Dataset
from workbench.models.covariate import covariate_kinds
from workbench.models.covariates import CovariateEffect
from workbench.models.distributions import distributions
from workbench.models.error import TRANSFORMED, ResidualError
from workbench.models.model import Model
from workbench.models.parameter import Parameter
from workbench.results import FitResult

USUAL = "lognormal"  # a distribution that goes without saying
MOST = 5  # differences that are spelt out
FILLED = {
    "complete_case": "complete cases",
    "median": "median imputation",
    "regression": "regression imputation",
    "indicator": "imputation with indicator",
    "stochastic": "drawn covariates",
}
_IMPUTED = re.compile(r"\.impute\('(\w+)'")
Said = dict[str, str]  # what is spoken of → words


def model_in_short(model: Model) -> str:
    """Return a model in one line: structure, random effects, error, covariates, what is fixed."""
    blocks = [[_eta(model, name) for name in block] for block in model.blocks()]
    written = [f"({', '.join(b)})" if len(b) > 1 else b[0] for b in blocks]
    parts = [model.structure.title, f"η {', '.join(written)}" if written else "no η"]
    if model.iov:
        parts.append(f"κ {', '.join(model.iov)} by {model.occasion}")
    unusual = {n: p for n, p in model.parameters.items() if p.distribution != USUAL}
    if unusual:
        parts.append(", ".join(f"{name} {_distribution(p)}" for name, p in unusual.items()))
    several = len(model.errors) > 1
    errors = [f"{out} " * several + error_in_short(e) for out, e in model.errors.items()]
    parts.append(", ".join(errors))
    acting = {n: [e.column for e in p.covariates] for n, p in model.parameters.items()}
    effects = [f"{name} ~ {' + '.join(columns)}" for name, columns in acting.items() if columns]
    if effects:
        parts.append(", ".join(effects))
    held = [*_fixed(model)]
    if held:
        parts.append(f"fixed {', '.join(held)}")
    return " · ".join(parts)


def error_in_short(error: ResidualError) -> str:
    """Return a residual error by the titles of its parts, formulas left out."""
    title = error.kind.title.partition(" (")[0]
    parts = [f"SD = {error.expression}" if error.expression else title[0].lower() + title[1:]]
    if error.transform is not None:
        shape, ends = error.transform.shape, (error.transform.lower, error.transform.upper)
        between = f" {ends[0]:g} to {ends[1]:g}" if shape.bounded else ""
        parts.append(f"{shape.title} scale{between}")
    if error.of == TRANSFORMED:
        parts.append("SD of the transformed")
    if error.student:
        parts.append("Student-t")
    return " + ".join(parts)


def data_in_short(data: Dataset) -> str:
    """Return which data, and what was done with values below a limit and missing covariates."""
    return " · ".join(_data(data).values())


def differences(before: FitResult, after: FitResult) -> str:
    """Return in what a fit differs from another one, in a phrase.

    Starting values, bounds and priors are spoken of only where nothing else differs.
    """
    one, other = _facets(before), _facets(after)
    said = [words for key, words in other.items() if one.get(key) != words]
    said += [f"no {words}" for key, words in one.items() if key not in other]
    said += _distributions(before.model, after.model)
    if one["structure"] == other["structure"] and _equations(before) != _equations(after):
        said.insert(0, "other equations")
    if before.method == after.method:
        said += _options(before, after)
    if not said and not before.data.table.equals(after.data.table):
        said = ["other values in the data"]
    if not said:
        said = ["starting values, bounds or priors"] if before.model != after.model else ["nothing"]
    more = [f"{len(said) - MOST} more"] if len(said) > MOST else []
    return ", ".join([*said[:MOST], *more])


def _equations(fit: FitResult) -> tuple[str, ...]:
    return fit.model.structure.equations


def _distributions(before: Model, after: Model) -> list[str]:
    """Return the parameters of both models whose distribution has changed."""
    return [
        f"{name} {_distribution(parameter)}"
        for name, parameter in after.parameters.items()
        if name in before.parameters
        and _distribution(parameter) != _distribution(before.parameters[name])
    ]


def _facets(fit: FitResult) -> Said:
    """Return everything that tells fits apart, by what it is about."""
    model = fit.model
    names = f"parameters {', '.join(model.parameters)}"
    said = {"structure": model.structure.title, "parameters": names}
    said |= {f"eta {name}": f"η {_eta(model, name)}" for name in model.etas}
    pairs = {f"{one}–{other}" for one, other in model.correlations}
    said |= {f"correlation {pair}": f"correlation {pair}" for pair in sorted(pairs)}
    said |= {f"kappa {name}": f"κ {name}" for name in model.iov}
    if model.iov:
        said["occasion"] = f"occasions by {model.occasion}"
    several = len(model.errors) > 1
    for output, error in model.errors.items():
        which = f"error of {output}" if several else "error"
        said[f"error {output}"] = f"{which}: {error_in_short(error)}"
    for name, parameter in model.parameters.items():
        for effect in parameter.covariates:
            kind = covariate_kinds.get(effect.kind).title.lower()
            said[f"effect {effect.column} {name}"] = f"{effect.column} on {name} ({kind})"
    said |= {f"held {name}": f"{name} fixed" for name in _fixed(model)}
    counts = f"{fit.data.n_sub} subjects, {fit.data.n_obs} observations"
    said |= {**_data(fit.data), "counts": counts}
    said["method"] = " → ".join(part.upper() for part in fit.method.split("+"))
    return said


def _data(data: Dataset) -> Said:
    said = {"data": data.name}
    if data.n_below:
        said["limit"] = data.blq
    filled = _IMPUTED.findall(data.code)
    if filled:
        said["filled"] = ", ".join(FILLED.get(name, name) for name in filled)
    return said


def _options(before: FitResult, after: FitResult) -> list[str]:
    """Return the options of the same method that differ."""
    one, other = _flat(before.given), _flat(after.given)
    said = [f"{name} {value}" for name, value in other.items() if one.get(name) != value]
    return said + [f"default {name}" for name in one if name not in other]


def _flat(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return options by a person's names; those of a stage of a chain follow its name."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        if isinstance(value, Mapping):
            found |= {f"{name.upper()} {key}": inner for key, inner in _flat(value).items()}
        else:
            found[name.replace("_", " ")] = value
    return found


def _distribution(parameter: Parameter) -> str:
    kind = distributions.get(parameter.distribution)
    low, high = parameter.range
    return kind.title.lower() + (f" {low:g} to {high:g}" if kind.limited else "")


def _eta(model: Model, name: str) -> str:
    """Return a random effect's name, and its shape where it is not normal."""
    shape = model.eta_shapes.get(name)
    return name if shape is None else f"{name} ({shape.title})"


def _fixed(model: Model) -> list[str]:
    """Return what is fixed: typical values, coefficients, then SDs of random effects."""
    held = [name for name, p in model.parameters.items() if "typical" in p.fixed]
    held += [b for n, p in model.parameters.items() for e in p.covariates for b in _held(n, e)]
    held += [f"ω({name})" for name, p in model.parameters.items() if "iiv" in p.fixed]
    held += [f"ω({name})" for name in model.scaled if model.holds_eta(name)]
    return held


def _held(parameter: str, effect: CovariateEffect) -> list[str]:
    """Return the names of an effect's coefficients that are fixed."""
    names = effect.names(parameter)
    return [beta for beta, held in zip(names, effect.held, strict=False) if held]

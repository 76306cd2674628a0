r"""Naive pooled estimates: the model without random effects, from several starting points.

The points are the given ones and, around each of them, typical values times factors that fill the
box of logarithms evenly (between bounds, odds times factors). They are ranked by the likelihood
with the residual errors scaled to their best,

.. math:: \sum_e n_e \log\Big(\frac1{n_e} \sum_{j \in e} \frac{r_j^2}{v_j}\Big)
          + \sum_j \log v_j,

and the best few are fitted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from workbench.core import observation
from workbench.core.residuals import KIND, OBSERVED, R, V
from workbench.core.rng import STARTS, uniforms
from workbench.data.dataset import Dataset
from workbench.errors import EstimationError, ModelError
from workbench.estimation._base import Monitor
from workbench.estimation._likelihood import LikelihoodOptions
from workbench.estimation._registry import estimators
from workbench.models.error import ResidualError
from workbench.models.model import Model
from workbench.problem import Problem
from workbench.problem.space import theta_of
from workbench.results import FitResult

Floats = NDArray[np.float64]

POINTS = 60  # tried around each given one
FACTOR = 8.0  # largest change of a typical value, either way
FITTED = 4  # best points that are fitted
MAX_ITER = 200


def one_or_all(
    model: Model, errors: Mapping[str, ResidualError]
) -> ResidualError | Mapping[str, ResidualError]:
    """Return errors as `Model` takes them: of a single output without its name."""
    return errors if len(model.structure.outputs) > 1 else next(iter(errors.values()))


def scaled_errors(problem: Problem, model: Model) -> tuple[Model, float]:
    """Return the model with residual errors scaled to its residuals, and the likelihood then.

    Parameters
    ----------
    problem : of the data and a model of the same structure
    model : its typical values are looked at

    Returns
    -------
    model, -2 log L (inf where there is none)
    """
    theta = theta_of(model)
    sigma = np.array([value for error in model.errors.values() for value in error.values])
    with np.errstate(all="ignore"):
        prediction = problem.values(theta, problem.no_etas())
        table = problem.residual_table(prediction, sigma)
    errors, total = dict(model.errors), 0.0
    for endpoint in problem.endpoints:
        if not len(endpoint.rows):
            continue
        plain = table[endpoint.rows, KIND] == OBSERVED
        rows, others = endpoint.rows[plain], endpoint.rows[~plain]
        if not len(rows):
            return model, np.inf
        r, v = table[rows, R], table[rows, V]
        if not (np.isfinite(r).all() and (v > 0).all()):
            return model, np.inf
        square = max(float(np.mean(r * r / v)), 1e-12)
        error = model.errors[endpoint.output]
        if set(error.fixed) >= set(error.parameters):
            total += float(np.sum(r * r / v + np.log(v))) + _others(table[others], 1.0)
            continue
        total += _others(table[others], square)
        factor = float(np.sqrt(square))
        errors[endpoint.output] = error.scaled(factor)
        total += len(r) * np.log(square) + float(np.sum(np.log(v)))
    return model.replace(error=one_or_all(model, errors)), total


def _others(rows: Floats, square: float) -> float:
    """Return twice the contributions of censored rows with variances times a factor."""
    scaled = rows.copy()
    scaled[:, V] *= square
    return 2.0 * sum(observation.value(row) for row in scaled)


def around(model: Model, number: int) -> Model:
    """Return the model with typical values multiplied by factors; the same for the same number."""
    parameters = {}
    for k, (name, p) in enumerate(model.parameters.items()):
        u, _ = uniforms(0, STARTS, number, 0, 0, k)
        factor = FACTOR ** (2.0 * u - 1.0)
        fixed = "typical" in p.fixed or p.typical == 0
        parameters[name] = p if fixed else replace(p, typical=p.times(factor))
    return model.replace(parameters=parameters)


def usable(model: Model, data: Dataset) -> Problem | None:
    """Return the problem, None where the model has no prediction at its values."""
    try:
        return Problem(model, data)
    except ModelError:
        return None


def pooled(starts: Sequence[Model], data: Dataset, points: int = POINTS) -> FitResult | None:
    """Return the best fit without random effects, None where no point can be fitted.

    Parameters
    ----------
    starts : models of one structure with their values
    points : tried around each of them
    """
    tried = [start.without_random_effects() for start in starts]
    tried += [around(start, k) for start in tried for k in range(points)]
    problem = next((p for p in (usable(model, data) for model in tried) if p is not None), None)
    if problem is None:
        return None
    ranked = [scaled_errors(problem, model) for model in tried]
    order = np.argsort([value for _, value in ranked], kind="stable")
    best: FitResult | None = None
    for k in order[:FITTED]:
        model, value = ranked[k]
        if not np.isfinite(value):
            continue
        fit = _fitted(model, data)
        if fit is not None and (best is None or fit.ofv < best.ofv):
            best = fit
    return best


def _fitted(model: Model, data: Dataset) -> FitResult | None:
    problem = usable(model, data)
    if problem is None:
        return None
    options = LikelihoodOptions(max_iter=MAX_ITER, covariance="none", tolerance=1e-4)
    try:
        fit = estimators.get("fo").run(problem, options, Monitor(), True)
    except EstimationError:
        return None
    return fit if np.isfinite(fit.ofv) else None

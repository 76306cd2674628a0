"""Minimise a sum over subjects: scoring with summed outer products, then BFGS.

The first metric is the BHHH matrix (Berndt, Hall, Hall & Hausman 1974), half the summed outer
products of the subjects' gradients, which estimates the Hessian of -2LL without a second
derivative. With many subjects it is good enough to be used at every step until the end is near;
with few it only starts a BFGS recursion. Exact gradients are required.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# value and the subjects' gradients (n_sub, n); value is NaN or inf where undefined
SumObjective = Callable[[Floats], tuple[float, Floats]]

# Scoring needs enough subjects for the outer products to have full rank with room to spare.
SUBJECTS_PER_PARAMETER = 8
LARGEST_STEP = 1.0  # in any element of x, which is of order one by construction
MAX_BACKTRACKS = 30


@dataclass(frozen=True, slots=True)
class Step:
    """One iteration, for progress and the trace."""

    iteration: int
    value: float
    x: Floats
    gradient_norm: float
    step_length: float


@dataclass(frozen=True, slots=True)
class Minimum:
    """Where the search ended.

    Attributes
    ----------
    x, value, gradients : best point, its value and the subjects' gradients there
    iterations, evaluations : work done
    decrement : decrease of the value that the last metric still promised
    reason : ``"converged"``, ``"max_iter"``, ``"no_descent"`` or ``"cancelled"``
    """

    x: Floats
    value: float
    gradients: Floats
    iterations: int
    evaluations: int
    decrement: float
    reason: str


def bhhh(gradients: Floats) -> Floats:
    """Return half the summed outer products, with a small ridge so that it can be inverted."""
    metric = 0.5 * gradients.T @ gradients
    diagonal = np.diag(metric)
    floor = 1e-8 * max(float(diagonal.max(initial=0.0)), 1.0)
    return metric + np.diag(1e-3 * diagonal + floor)


def minimise(
    objective: SumObjective,
    start: Floats,
    *,
    tolerance: float,
    max_iter: int,
    on_step: Callable[[Step], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    known: Callable[[Floats], Floats] | None = None,
) -> Minimum:
    """Minimise ``objective`` from ``start``.

    Parameters
    ----------
    objective : returns the value and the (n_sub, n) gradients of its terms
    tolerance : stop when the metric promises a smaller decrease of the value than this, twice
    max_iter : most iterations; reaching it is not convergence
    on_step : called after every iteration with the best point so far
    cancelled : polled once an iteration
    known : Hessian of the last term at x, (n, n), which is then not estimated by an outer product

    Raises
    ------
    ValueError
        The objective is not finite at the start.
    """
    x = start.copy()
    value, gradients = objective(x)
    if not np.isfinite(value):
        raise ValueError("The objective is not finite at the starting values.")
    gradient = gradients.sum(axis=0)
    evaluations, iterations, small = 1, 0, 0
    scoring = len(gradients) >= SUBJECTS_PER_PARAMETER * len(x)
    inverse, fresh = _metric(gradients, x, known), True
    _report(on_step, 0, value, x, gradient, 0.0)
    while True:
        direction, slope = _descent(inverse, gradient)
        decrement = -0.5 * slope
        small = small + 1 if abs(decrement) < tolerance else 0
        settled = small >= (1 if scoring else 2) or not len(x)
        reason = _stop(settled, iterations >= max_iter, cancelled())
        if reason:
            break
        if slope > 0:
            inverse, fresh = _metric(gradients, x, known), True
            direction, slope = _descent(inverse, gradient)
            decrement = -0.5 * slope
        iterations += 1
        longest = float(np.abs(direction).max())
        length = LARGEST_STEP / max(longest, LARGEST_STEP)
        found = _search(objective, x, value, direction, slope, length)
        evaluations += found.evaluations
        if found.x is None:
            if fresh:
                reason = "converged" if decrement < 1e3 * tolerance else "no_descent"
                break
            inverse, fresh = _metric(gradients, x, known), True
            continue
        moved, turned = found.x - x, found.gradients.sum(axis=0) - gradient
        x, value, gradients = found.x, found.value, found.gradients
        gradient = gradient + turned
        if scoring and decrement > 1.0:
            inverse, fresh = _metric(gradients, x, known), True
        else:
            inverse, fresh = _bfgs(inverse, moved, turned), False
        _report(on_step, iterations, value, x, gradient, found.length)
    return Minimum(x, value, gradients, iterations, evaluations, decrement, reason)


def _metric(gradients: Floats, x: Floats, known: Callable[[Floats], Floats] | None) -> Floats:
    metric = bhhh(gradients) if known is None else bhhh(gradients[:-1]) + known(x)
    return np.asarray(np.linalg.inv(metric), dtype=np.float64)


def _descent(inverse: Floats, gradient: Floats) -> tuple[Floats, float]:
    direction = -inverse @ gradient
    return direction, float(gradient @ direction)


def _stop(settled: bool, at_limit: bool, cancelled: bool) -> str:
    if settled:
        return "converged"
    if cancelled:
        return "cancelled"
    return "max_iter" if at_limit else ""


def _report(
    on_step: Callable[[Step], None] | None,
    iteration: int,
    value: float,
    x: Floats,
    gradient: Floats,
    length: float,
) -> None:
    if on_step is not None:
        norm = float(np.abs(gradient).max(initial=0.0))
        on_step(Step(iteration, value, x, norm, length))


@dataclass(frozen=True, slots=True)
class _Found:
    x: Floats | None
    value: float
    gradients: Floats
    length: float
    evaluations: int


def _search(
    objective: SumObjective,
    x: Floats,
    value: float,
    direction: Floats,
    slope: float,
    length: float,
) -> _Found:
    """Backtrack to sufficient decrease, by quadratic interpolation."""
    gradients = np.empty((0, len(x)))
    evaluations = 0
    while evaluations < MAX_BACKTRACKS:
        trial = x + length * direction
        if (trial == x).all():
            break  # the step is lost in rounding; taken, it would be repeated to the limit
        evaluations += 1
        trial_value, gradients = objective(trial)
        if np.isfinite(trial_value) and trial_value <= value + 1e-4 * length * slope:
            return _Found(trial, trial_value, gradients, length, evaluations)
        if np.isfinite(trial_value):
            rise = trial_value - value - slope * length
            best = -slope * length * length / (2.0 * rise) if rise > 0 else 0.5 * length
            length = max(0.1 * length, min(0.5 * length, best))
        else:
            length *= 0.25
    return _Found(None, value, gradients, 0.0, evaluations)


def _bfgs(inverse: Floats, s: Floats, y: Floats) -> Floats:
    """BFGS update of the inverse Hessian; skipped when the curvature is not positive."""
    sy = float(s @ y)
    if sy <= 1e-12 * float(np.sqrt((s @ s) * (y @ y))):
        return inverse
    hy = inverse @ y
    rho = 1.0 / sy
    return (
        inverse
        - rho * (np.outer(s, hy) + np.outer(hy, s))
        + rho * (1.0 + rho * float(y @ hy)) * np.outer(s, s)
    )

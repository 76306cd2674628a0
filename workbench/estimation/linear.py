"""Linear mixed-effects models: the exact likelihood, no approximation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.core.conditional import Objective
from workbench.core.linear_mixed import linear_mixed_range
from workbench.core.packed import Values
from workbench.errors import ModelError
from workbench.estimation._base import INTEGRAL
from workbench.estimation._individual import refuse_student
from workbench.estimation._likelihood import LikelihoodOptions, Marginal, likelihood_estimator
from workbench.estimation._scale_effects import refuse_scale_effects
from workbench.problem import Problem
from workbench.problem.checks import refuse_limits, where

TOLERANCE = 1e-8  # relative to the sizes of what should be equal


def objective(
    first: int,
    last: int,
    want_gradient: bool,
    problem: Problem,
    values: Values,
    cancel: NDArray[np.int64],
    out: Objective,
) -> int:
    """Exact objective of a model that is linear in the random effects."""
    return linear_mixed_range(
        first, last, want_gradient, problem.structure, problem.subjects, values, cancel, out
    )


def marginal(problem: Problem, options: LikelihoodOptions) -> Marginal:
    """Return the likelihood, or refuse a model for which it is not exact.

    Raises
    ------
    EstimationError
        An observation is known only to lie beyond a limit.
    ModelError
        The predictions are not linear in the random effects, the residual variance depends on
        them, or the data are transformed.
    EstimationError
        The residual error is not normal, or has a random effect.
    """
    refuse_limits(problem.data, "The exact likelihood of linear models")
    refuse_student(problem, "The exact likelihood of linear models")
    refuse_scale_effects(
        problem, "The exact likelihood of linear models", "needs the same residual SD in everybody"
    )
    _refuse_transformed(problem)
    values = problem.space.values(problem.space.start)
    at_zero = problem.predict(values.theta, problem.no_etas())
    sd = np.sqrt(np.diag(problem.space.omega(problem.space.start)))
    for sign in (1.0, -0.7):  # of all random effects at once: products of them show too
        eta = np.tile(sign * sd, (problem.n_sub, 1))
        moved = problem.predict(values.theta, eta)[:, 0]
        rise = at_zero[:, 1:] @ (sign * sd)
        _refuse_curved(problem, at_zero[:, 0], rise, moved)
        _refuse_moving_variance(problem, values, at_zero[:, 0], moved)
    return Marginal(objective, "exact", interaction=False)


def _refuse_transformed(problem: Problem) -> None:
    for endpoint in problem.endpoints:
        if endpoint.spec.transform is not None:
            raise ModelError(
                f"The residual error of {endpoint.output} transforms both sides, so the data are "
                "not linear in the random effects. Use an additive error, or FOCEI, Laplace or "
                "quadrature."
            )


def _refuse_curved(
    problem: Problem,
    at_zero: NDArray[np.float64],
    rise: NDArray[np.float64],
    moved: NDArray[np.float64],
) -> None:
    size = np.abs(at_zero) + np.abs(rise) + np.abs(moved)
    bad = np.flatnonzero(~(np.abs(moved - at_zero - rise) <= TOLERANCE * np.maximum(size, 1e-300)))
    if len(bad):
        raise ModelError(
            f"The prediction is not linear in the random effects, first at "
            f"{where(problem.data, bad)}, so this method is not exact for the model. Give normal "
            "random effects (wb.Normal) to parameters that enter linearly, or use FOCEI, Laplace "
            "or quadrature."
        )


def _refuse_moving_variance(
    problem: Problem,
    values: Values,
    at_zero: NDArray[np.float64],
    moved: NDArray[np.float64],
) -> None:
    r0, v0, _ = problem.residuals(at_zero, values.sigma)
    r1, v1, _ = problem.residuals(moved, values.sigma)
    size = np.abs(at_zero) + np.abs(moved)
    same = (np.abs(v1 - v0) <= TOLERANCE * v0) & (
        np.abs((r1 - r0) - (at_zero - moved)) <= TOLERANCE * np.maximum(size, 1e-300)
    )
    if not same.all():
        raise ModelError(
            "The residual error depends on the prediction, first at "
            f"{where(problem.data, np.flatnonzero(~same))}, so the likelihood is not that of a "
            "linear mixed-effects model. Use an additive error, or FOCEI, Laplace or quadrature."
        )


ESTIMATOR = likelihood_estimator(
    name="linear",
    title="Linear mixed effects (exact)",
    description="The exact likelihood of models that are linear in the random effects, with "
    "additive error; other models are refused.",
    marginal=marginal,
    group=INTEGRAL,
)

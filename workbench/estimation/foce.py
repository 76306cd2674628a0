"""FOCE: first-order conditional estimation without interaction."""

import numpy as np
from numpy.typing import NDArray

from workbench.core.conditional import Objective, conditional_range
from workbench.core.packed import Values
from workbench.estimation._likelihood import LikelihoodOptions, Marginal, likelihood_estimator
from workbench.estimation._scale_effects import refuse_frozen_variance
from workbench.problem import Problem


def objective(
    first: int,
    last: int,
    want_gradient: bool,
    problem: Problem,
    values: Values,
    cancel: NDArray[np.int64],
    out: Objective,
) -> int:
    """Objective with the residual variance at eta = 0."""
    return conditional_range(
        first, last, False, want_gradient, problem.structure, problem.subjects, values, cancel, out
    )


def marginal(problem: Problem, options: LikelihoodOptions) -> Marginal:
    """Return the approximation; there is nothing to choose.

    Raises
    ------
    EstimationError
        The residual error has a random effect.
    """
    refuse_frozen_variance(problem, "FOCE")
    return Marginal(objective, "FOCE", interaction=False)


ESTIMATOR = likelihood_estimator(
    name="foce",
    title="FOCE",
    description="Linearises at each subject's mode, residual error at the population prediction.",
    marginal=marginal,
)

"""FOCEI: first-order conditional estimation with interaction."""

import numpy as np
from numpy.typing import NDArray

from workbench.core.conditional import Objective, conditional_range
from workbench.core.likelihood import Values
from workbench.estimation._likelihood import LikelihoodOptions, Marginal, likelihood_estimator
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
    """Objective with the residual variance at the conditional mode."""
    return conditional_range(
        first, last, True, want_gradient, problem.structure, problem.subjects, values, cancel, out
    )


def marginal(problem: Problem, options: LikelihoodOptions) -> Marginal:
    """Return the approximation; there is nothing to choose."""
    return Marginal(objective, "FOCEI", interaction=True)


ESTIMATOR = likelihood_estimator(
    name="focei",
    title="FOCEI",
    description="Linearises at each subject's mode, residual error at the individual prediction.",
    marginal=marginal,
)

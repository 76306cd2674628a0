"""FO: the first-order approximation."""

import numpy as np
from numpy.typing import NDArray

from workbench.core.conditional import Objective
from workbench.core.first_order import first_order_range
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
    """Objective linearised at eta = 0."""
    return first_order_range(
        first, last, want_gradient, problem.structure, problem.subjects, values, cancel, out
    )


def marginal(problem: Problem, options: LikelihoodOptions) -> Marginal:
    """Return the approximation; there is nothing to choose."""
    return Marginal(objective, "FO", interaction=False)


ESTIMATOR = likelihood_estimator(
    name="fo",
    title="FO",
    description="Linearises at eta = 0: fast, but biased when variability is large.",
    marginal=marginal,
)

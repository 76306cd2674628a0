"""FO: the first-order approximation."""

import numpy as np
from numpy.typing import NDArray

from workbench.core.conditional import Objective
from workbench.core.first_order import first_order_range
from workbench.core.likelihood import Values
from workbench.estimation._base import Estimator, Monitor
from workbench.estimation._likelihood import LikelihoodOptions
from workbench.estimation._likelihood import run as run_likelihood
from workbench.problem import Problem
from workbench.results import FitResult


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


def run(
    problem: Problem, options: LikelihoodOptions, monitor: Monitor, estimate: bool
) -> FitResult:
    """Estimate by FO, or only evaluate."""
    return run_likelihood(
        problem,
        options,
        monitor,
        estimate=estimate,
        method="fo",
        interaction=False,
        objective=objective,
    )


ESTIMATOR = Estimator(
    name="fo",
    title="FO",
    description="Linearises at eta = 0: fast, but biased when variability is large.",
    options=LikelihoodOptions,
    run=run,
)

"""FOCE: first-order conditional estimation without interaction."""

import numpy as np
from numpy.typing import NDArray

from workbench.core.conditional import Objective, conditional_range
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
    """Objective with the residual variance at eta = 0."""
    return conditional_range(
        first, last, False, want_gradient, problem.structure, problem.subjects, values, cancel, out
    )


def run(
    problem: Problem, options: LikelihoodOptions, monitor: Monitor, estimate: bool
) -> FitResult:
    """Estimate by FOCE, or only evaluate."""
    return run_likelihood(
        problem,
        options,
        monitor,
        estimate=estimate,
        method="foce",
        interaction=False,
        objective=objective,
    )


ESTIMATOR = Estimator(
    name="foce",
    title="FOCE",
    description="Linearises at each subject's mode, residual error at the population prediction.",
    options=LikelihoodOptions,
    run=run,
)

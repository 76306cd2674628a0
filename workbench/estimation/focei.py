"""FOCEI: first-order conditional estimation with interaction."""

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
    """Objective with the residual variance at the conditional mode."""
    return conditional_range(
        first, last, True, want_gradient, problem.structure, problem.subjects, values, cancel, out
    )


def run(
    problem: Problem, options: LikelihoodOptions, monitor: Monitor, estimate: bool
) -> FitResult:
    """Estimate by FOCEI, or only evaluate."""
    return run_likelihood(
        problem,
        options,
        monitor,
        estimate=estimate,
        method="focei",
        interaction=True,
        objective=objective,
    )


ESTIMATOR = Estimator(
    name="focei",
    title="FOCEI",
    description="Linearises at each subject's mode, residual error at the individual prediction.",
    options=LikelihoodOptions,
    run=run,
)

"""Naive pooled data: everybody is the same person, so there are no random effects."""

from dataclasses import replace

from workbench.estimation._base import STAGES, Estimator, Monitor
from workbench.estimation._first_order import exact_without_etas
from workbench.estimation._likelihood import CONTROLS, LikelihoodOptions, Marginal, run
from workbench.problem import Problem
from workbench.results import FitResult

LABEL = "no random effects"


def run_it(
    problem: Problem, options: LikelihoodOptions, monitor: Monitor, estimate: bool
) -> FitResult:
    """Fit the model without its random effects; they stay in `FitResult.updated_model`."""
    reduced = Problem(problem.model.without_random_effects(), problem.data)
    marginal = Marginal(exact_without_etas(reduced), LABEL, interaction=True)
    result = run(reduced, options, monitor, estimate=estimate, method="pooled", marginal=marginal)
    note = "Random effects are left out: the residual error holds all variability between subjects."
    return replace(result, model=problem.model, warnings=(*result.warnings, note))


ESTIMATOR = Estimator(
    name="pooled",
    title="Naive pooled",
    description="Leaves the random effects out, as if all data came from one person: a first look "
    "and a source of starting values; never a result.",
    options=LikelihoodOptions,
    run=run_it,
    group=STAGES,
    controls=CONTROLS,
)

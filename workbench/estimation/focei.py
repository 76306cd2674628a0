"""FOCEI: first-order conditional estimation with interaction."""

from workbench.estimation._likelihood import (
    LikelihoodOptions,
    Marginal,
    interaction_objective,
    likelihood_estimator,
)
from workbench.estimation._scale_effects import approximation_warnings, refuse_unusual_scaled
from workbench.problem import Problem


def marginal(problem: Problem, options: LikelihoodOptions) -> Marginal:
    """Return the approximation; there is nothing to choose.

    Raises
    ------
    EstimationError
        The error of observations that are not plain has a random effect.
    """
    refuse_unusual_scaled(problem, "FOCEI")
    warnings = approximation_warnings(problem, "FOCEI")
    return Marginal(interaction_objective, "FOCEI", interaction=True, warnings=warnings)


ESTIMATOR = likelihood_estimator(
    name="focei",
    title="FOCEI",
    description="Linearises at each subject's mode, residual error at the individual prediction.",
    marginal=marginal,
)

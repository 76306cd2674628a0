"""FO: the first-order approximation."""

from workbench.estimation._first_order import exact_without_etas
from workbench.estimation._individual import refuse_student
from workbench.estimation._likelihood import LikelihoodOptions, Marginal, likelihood_estimator
from workbench.estimation._scale_effects import refuse_frozen_variance
from workbench.problem import Problem
from workbench.problem.checks import refuse_limits


def marginal(problem: Problem, options: LikelihoodOptions) -> Marginal:
    """Return the approximation; there is nothing to choose.

    Raises
    ------
    EstimationError
        An observation is known only to lie beyond a limit, or the residual error is not normal,
        and the model has random effects; or the residual error has one.
    """
    if problem.space.n_eta:
        refuse_limits(problem.data, "FO")
        refuse_student(problem, "FO")
        refuse_frozen_variance(problem, "FO")
    return Marginal(exact_without_etas(problem), "FO", interaction=False)


ESTIMATOR = likelihood_estimator(
    name="fo",
    title="FO",
    description="Linearises at eta = 0: fast, but biased when variability is large.",
    marginal=marginal,
)

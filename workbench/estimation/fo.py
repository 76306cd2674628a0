"""FO: the first-order approximation."""

from workbench.estimation._first_order import first_order
from workbench.estimation._individual import refuse_student
from workbench.estimation._likelihood import LikelihoodOptions, Marginal, likelihood_estimator
from workbench.problem import Problem


def marginal(problem: Problem, options: LikelihoodOptions) -> Marginal:
    """Return the approximation; there is nothing to choose.

    Raises
    ------
    EstimationError
        The residual error is not normal.
    """
    refuse_student(problem, "FO")
    return Marginal(first_order, "FO", interaction=False)


ESTIMATOR = likelihood_estimator(
    name="fo",
    title="FO",
    description="Linearises at eta = 0: fast, but biased when variability is large.",
    marginal=marginal,
)

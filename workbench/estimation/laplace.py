"""Laplace's approximation with exact second derivatives."""

from workbench.estimation._likelihood import CONTROLS, Marginal, likelihood_estimator
from workbench.estimation._quadrature import (
    INTERACTION,
    LaplaceOptions,
    normal_nodes,
    quadrature_objective,
)
from workbench.estimation._scale_effects import approximation_warnings, refuse_frozen_variance
from workbench.problem import Problem


def marginal(problem: Problem, options: LaplaceOptions) -> Marginal:
    """Return the approximation: quadrature with one node, at the mode.

    Raises
    ------
    EstimationError
        Without interaction, the residual error has a random effect.
    """
    if not options.interaction:
        refuse_frozen_variance(problem, "Laplace's approximation without interaction")
    nodes = normal_nodes(problem.space.n_eta, 1)
    label = "Laplace" if options.interaction else "Laplace without interaction"
    objective = quadrature_objective(nodes, interaction=options.interaction, exact=True)
    warnings = approximation_warnings(problem, label)
    return Marginal(objective, label, options.interaction, warnings)


ESTIMATOR = likelihood_estimator(
    name="laplace",
    title="Laplace",
    description="Takes each subject's likelihood as Gaussian around its mode, with the true "
    "curvature: better than FOCEI for strongly curved models, at a few times its cost.",
    marginal=marginal,
    options=LaplaceOptions,
    controls=(*CONTROLS, INTERACTION),
)

"""Adaptive Gauss-Hermite quadrature: the integral itself, to any accuracy."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

from workbench.errors import CostWarning, OptionError
from workbench.estimation._base import INTEGRAL, Control
from workbench.estimation._likelihood import CONTROLS, Marginal, likelihood_estimator
from workbench.estimation._quadrature import (
    INTERACTION,
    LaplaceOptions,
    normal_nodes,
    quadrature_objective,
)
from workbench.estimation._scale_effects import refuse_frozen_variance, refuse_unusual_scaled
from workbench.problem import Problem

SCALES = ("expected", "observed")
MANY = 300_000  # predictions of an evaluation of all subjects, which take some seconds


@dataclass(frozen=True, slots=True)
class QuadratureOptions(LaplaceOptions):
    """Options of adaptive quadrature.

    Attributes
    ----------
    nodes : nodes for each random effect; a subject costs nodes**n_eta predictions. Raise it until
        -2LL stands still.
    scale : the Hessian at the mode by which the nodes are laid out: ``"expected"``, that of
        FOCEI (one node is then FOCEI), or ``"observed"``, the exact one (one node is then
        Laplace's approximation). The limit for many nodes is the same.
    """

    nodes: int = 5
    scale: str = "expected"

    def __post_init__(self) -> None:
        LaplaceOptions.__post_init__(self)
        if isinstance(self.nodes, bool) or not isinstance(self.nodes, int) or self.nodes < 1:
            raise OptionError(f"nodes must be a whole number of at least 1, not {self.nodes!r}.")
        if self.scale not in SCALES:
            raise OptionError(f"scale must be one of {', '.join(SCALES)}, not {self.scale!r}.")


def marginal(problem: Problem, options: QuadratureOptions) -> Marginal:
    """Return the approximation with the product of the nodes.

    Raises
    ------
    EstimationError
        The residual error has a random effect, and the options do not go with it.

    Warns
    -----
    CostWarning
        There are so many nodes that the fit takes long.
    """
    if not options.interaction:
        refuse_frozen_variance(problem, "Quadrature without interaction")
    if options.scale == "expected":
        refuse_unusual_scaled(problem, 'Quadrature with scale="expected"')
    nodes = normal_nodes(problem.space.n_eta, options.nodes)
    label = f"AGQ({options.nodes})" + ("" if options.interaction else " without interaction")
    objective = quadrature_objective(
        nodes, interaction=options.interaction, exact=options.scale == "observed"
    )
    said = expensive(options, problem)
    for sentence in said:
        warnings.warn(sentence, CostWarning, stacklevel=2)
    return Marginal(objective, label, options.interaction, tuple(said))


def expensive(options: QuadratureOptions, problem: Problem) -> list[str]:
    """Say that quadrature costs many predictions, with what is quicker; nothing if it is not."""
    n_eta, n_sub = problem.space.n_eta, problem.n_sub
    count = options.nodes**n_eta
    if options.nodes == 1 or count * n_sub <= MANY:
        return []
    kappas = " (a kappa for each occasion counts)" if problem.model.iov else ""
    return [
        f"Quadrature is expensive here: {options.nodes} nodes for each of {n_eta} random effects"
        f"{kappas} are {count:,} predictions per subject, {count * n_sub:,} for {n_sub} subjects, "
        "at every evaluation of the objective. Fewer nodes, Laplace, or importance sampling "
        '(method=["focei", "imp"]) cost less.'
    ]


def cost(options: QuadratureOptions, n_eta: int) -> str:
    """Say how many predictions a subject costs."""
    count = options.nodes**n_eta
    return (
        f"{options.nodes} nodes for {n_eta} random effects: {count:,} predictions per subject at "
        "every step."
    )


ESTIMATOR = likelihood_estimator(
    name="agq",
    title="Adaptive quadrature",
    description="Integrates over the random effects with Gauss-Hermite nodes around each mode: "
    "exact as nodes grow, but their number is a power of the number of random effects.",
    marginal=marginal,
    options=QuadratureOptions,
    group=INTEGRAL,
    controls=(
        Control("nodes", "Nodes", "Nodes for each random effect; more are more accurate"),
        *CONTROLS,
        INTERACTION,
    ),
    cost=cost,
)

"""What Laplace's approximation and adaptive quadrature share: nodes, and the kernel's call."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.core.conditional import Objective
from workbench.core.packed import Values
from workbench.core.quadrature import quadrature_range
from workbench.core.quadrature_nodes import Nodes
from workbench.errors import OptionError
from workbench.estimation._base import Control
from workbench.estimation._likelihood import LikelihoodOptions, RangeObjective
from workbench.problem import Problem
from workbench.problem.space import frozen

MOST_NODES = 1_000_000
INTERACTION = Control(
    "interaction", "Interaction", "Residual variance follows the individual prediction"
)


@dataclass(frozen=True, slots=True)
class LaplaceOptions(LikelihoodOptions):
    """Options of Laplace's approximation.

    Attributes
    ----------
    interaction : whether the residual variance follows the individual prediction (NONMEM's
        INTERACTION); otherwise it is that at eta = 0
    """

    interaction: bool = True

    def __post_init__(self) -> None:
        # super() without arguments does not work in a dataclass with slots
        LikelihoodOptions.__post_init__(self)
        if not isinstance(self.interaction, bool):
            raise OptionError(f"interaction must be True or False, not {self.interaction!r}.")


def normal_nodes(n_eta: int, per_effect: int) -> Nodes:
    """Return the Gauss-Hermite product for the standard normal distribution in n_eta dimensions.

    Parameters
    ----------
    per_effect : nodes of each dimension

    Raises
    ------
    OptionError
        The product has too many nodes.
    """
    count = per_effect**n_eta
    if count > MOST_NODES:
        fewer = int(MOST_NODES ** (1.0 / n_eta))
        raise OptionError(
            f"{per_effect} nodes for each of {n_eta} random effects are {count:,} predictions a "
            f"subject, at every step. At most {MOST_NODES:,} are taken: use {fewer} nodes or "
            "fewer, or importance sampling, whose cost does not grow so."
        )
    if per_effect == 1:  # so many dimensions that an array has not
        return Nodes(frozen(np.zeros((1, n_eta))), frozen(np.zeros(1)))
    z, weight = np.polynomial.hermite_e.hermegauss(per_effect)
    log_weight = np.log(weight) - 0.5 * np.log(2.0 * np.pi)
    grid = np.indices((per_effect,) * n_eta).reshape(n_eta, count).T
    return Nodes(frozen(z[grid]), frozen(log_weight[grid].sum(axis=1)))


def quadrature_objective(nodes: Nodes, *, interaction: bool, exact: bool) -> RangeObjective:
    """Return the objective with these nodes.

    Parameters
    ----------
    exact : whether they lie by the exact Hessian at the mode; otherwise by FOCEI's
    """

    def objective(
        first: int,
        last: int,
        want_gradient: bool,
        problem: Problem,
        values: Values,
        cancel: NDArray[np.int64],
        out: Objective,
    ) -> int:
        return quadrature_range(
            first,
            last,
            interaction,
            exact,
            want_gradient,
            problem.structure,
            problem.subjects,
            values,
            nodes,
            cancel,
            out,
        )

    return objective

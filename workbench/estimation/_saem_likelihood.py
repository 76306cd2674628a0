"""How -2LL of a SAEM fit is computed at its estimates: one entry of a table for each way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.core.conditional import Objective
from workbench.core.packed import Values
from workbench.estimation._importance import importance_m2ll
from workbench.problem import Problem
from workbench.problem.workers import Workers

Floats = NDArray[np.float64]

DRAWS = 2000  # of each subject, for importance sampling


@dataclass(frozen=True, slots=True)
class Likelihood:
    """-2LL by subject.

    Attributes
    ----------
    label : how it was obtained
    individual_ofv : (n_sub,)
    se : Monte-Carlo standard error of the sum
    """

    label: str
    individual_ofv: Floats
    se: float = 0.0


def linearisation(
    problem: Problem, values: Values, modes: Objective, workers: Workers, seed: int
) -> Likelihood:
    """FOCEI's approximation; the search for the conditional modes has computed it already."""
    return Likelihood("FOCEI", modes.ofv + problem.jacobian)


def importance(
    problem: Problem, values: Values, modes: Objective, workers: Workers, seed: int
) -> Likelihood:
    """The likelihood itself, with its Monte-Carlo error."""
    with np.errstate(all="ignore"):
        found = importance_m2ll(problem, values, workers, draws=DRAWS, seed=seed)
    return Likelihood("IS", found.individual_ofv + problem.jacobian, found.se)


# Option → (problem, values, modes with their FOCEI objective, workers, seed) → -2LL.
LIKELIHOODS: dict[str, Callable[[Problem, Values, Objective, Workers, int], Likelihood]] = {
    "is": importance,
    "linearisation": linearisation,
}

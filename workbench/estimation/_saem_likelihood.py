"""How -2LL of a SAEM fit is computed at its estimates: one entry of a table for each way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.core.conditional import Objective
from workbench.core.likelihood import Values
from workbench.problem import Problem

Floats = NDArray[np.float64]


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


def linearisation(problem: Problem, values: Values, modes: Objective, seed: int) -> Likelihood:
    """FOCEI's approximation; the search for the conditional modes has computed it already."""
    return Likelihood("FOCEI", modes.ofv + problem.jacobian)


# Option → (problem, values, modes with their FOCEI objective, seed) → -2LL.
LIKELIHOODS: dict[str, Callable[[Problem, Values, Objective, int], Likelihood]] = {
    "linearisation": linearisation,
}

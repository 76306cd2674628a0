"""Whether a better solution lies near to where SAEM ended: a check that another road agrees.

SAEM is a fixed-point search. Where the conditional distributions have several modes (the flip-flop
of absorption and elimination), its chains may stay in the wrong ones, and it then settles at
estimates that are not those of the highest likelihood. A short search by FOCEI from there
leaves such a place; whether it led to a better one is judged by the likelihood itself, by
importance sampling at both ends with the same random numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.core.optimize import minimise
from workbench.estimation._importance import importance_m2ll
from workbench.estimation._likelihood import (
    MarginalLikelihood,
    RangeObjective,
    interaction_objective,
)
from workbench.estimation._quadrature import normal_nodes, quadrature_objective
from workbench.estimation._scale_effects import unusual_scaled
from workbench.problem import Problem
from workbench.problem.workers import Workers

Floats = NDArray[np.float64]

ITERATIONS = 15
PROMISING = 2.0  # decrease of FOCEI's objective; its optimum may lie so far from the exact one
CLEARLY = 1.0  # decrease of -2LL, beyond its Monte-Carlo error
DRAWS = 1000  # of each subject


def better_elsewhere(problem: Problem, workers: Workers, x: Floats, seed: int) -> float:
    """Return by how much -2LL (with the priors' penalty) is lower where FOCEI leads; else 0.

    Parameters
    ----------
    x : (n_free,)  where SAEM ended
    seed : of the importance sampling
    """
    likelihood = MarginalLikelihood(problem, _objective(problem), workers)
    try:
        with np.errstate(all="ignore"):
            found = minimise(likelihood, x, tolerance=1e-3, max_iter=ITERATIONS)
            gained = likelihood(x)[0] - found.value
    except ValueError:  # FOCEI has no objective here: nothing can be said this way
        return 0.0
    if not gained > PROMISING:
        return 0.0
    here, there = (_m2ll(problem, workers, at, seed) for at in (x, found.x))
    lower = here[0] - there[0]
    return lower if lower > CLEARLY + 3.0 * float(np.hypot(here[1], there[1])) else 0.0


def _objective(problem: Problem) -> RangeObjective:
    """Return FOCEI's objective, or Laplace's where FOCEI has no gradient."""
    if not unusual_scaled(problem):
        return interaction_objective
    return quadrature_objective(normal_nodes(problem.space.n_eta, 1), interaction=True, exact=True)


def _m2ll(problem: Problem, workers: Workers, x: Floats, seed: int) -> tuple[float, float]:
    """Return -2LL (up to constants) with the penalty, and its standard error."""
    sample = importance_m2ll(problem, problem.space.values(x), workers, draws=DRAWS, seed=seed)
    return float(sample.individual_ofv.sum()) + problem.space.penalty(x), sample.se

r"""Draws of the random effects from their conditional distributions :math:`p(\eta_i \mid y_i)`.

Metropolis-Hastings chains with the moves of `core.mcmc` at fixed parameters. The likelihood is
the complete one, with the residual variance at the individual prediction, whatever approximation
the parameters were estimated with.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.core.packed import Values
from workbench.core.rng import CONDITIONAL
from workbench.problem.problem import Problem
from workbench.problem.sampler import Sampler, Sweep
from workbench.problem.workers import Workers

Floats = NDArray[np.float64]

BURN_IN = 50  # sweeps, while the scales of the random walks adapt
THIN = 5  # sweeps from one draw of a chain to its next
MOST_CHAINS = 10


def conditional_sampler(
    problem: Problem,
    workers: Workers,
    values: Values,
    low: Floats,
    *,
    start: Floats,
    seed: int,
    n_chains: int,
) -> Sampler:
    """Return chains that have forgotten where they started.

    Parameters
    ----------
    values, low : parameters, and the Cholesky factor of their omega
    start : (n_sub, n_eta)  such as the conditional modes
    """
    sampler = Sampler(
        problem,
        workers,
        seed=seed,
        purpose=CONDITIONAL,
        n_chains=n_chains,
        sweep=Sweep(),
        start=start,
    )
    for _ in range(BURN_IN):
        sampler.move(values, low)
    return sampler


def conditional_draws(
    problem: Problem,
    values: Values,
    low: Floats,
    *,
    start: Floats,
    n: int,
    seed: int,
    threads: int | None = None,
) -> Floats:
    """Return draws of eta, (n_sub, n, n_eta).

    Parameters
    ----------
    values, low, start : see `conditional_sampler`
    n : draws per subject
    """
    n_chains = max(1, min(n, MOST_CHAINS))
    out = np.zeros((problem.n_sub, n, problem.space.n_eta))
    with Workers(threads, problem.n_sub, problem.n_obs * n_chains) as workers:
        sampler = conditional_sampler(
            problem, workers, values, low, start=start, seed=seed, n_chains=n_chains
        )
        for first in range(0, n, n_chains):
            for _ in range(THIN):
                sampler.move(values, low)
            last = min(first + n_chains, n)
            out[:, first:last] = sampler.eta[:, : last - first]
    return out

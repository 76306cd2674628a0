r"""Markov chains in the random effects: draws of eta from p(eta_i | y_i) at given parameters.

Three kinds of Metropolis-Hastings moves, as in Kuhn & Lavielle (2005, Comput Stat Data Anal
49:1020) and saemix (Comets, Lavenu & Lavielle 2017, J Stat Softw 80(3)):

1. prior: :math:`\eta' = L z` with :math:`\Omega = L L^\top`; accepted on the data alone;
2. single: a random walk of one random effect after the other;
3. block: a random walk of several together. The random effects, in a circle, are cut into blocks;
   size and starting point change from sweep to sweep, so that all neighbours meet.

Every random walk has a scale per random effect and per block size. Numbers are counter-based
(`core.rng`), keyed by subject, chain and sweep, so a chain does not depend on threads or on the
other chains.
"""

from math import log
from typing import NamedTuple

import numpy as np

from workbench.core.jit import Mat, OutCube, OutMat, OutVec, Vec, kernel
from workbench.core.likelihood import predict_subject, prior_term
from workbench.core.observation import value
from workbench.core.packed import (
    Scratch,
    Structure,
    Subjects,
    Values,
    make_scratch,
)
from workbench.core.rng import fill_normals, uniforms
from workbench.core.table import residual_table


class Moves(NamedTuple):
    """What one sweep of a chain consists of."""

    prior: int  # number of proposals from the prior
    single: int  # number of walks through all random effects one by one
    block: int  # number of walks through the blocks
    size: int  # random effects in a block, 2..n_eta; 0 without blocks
    low: Mat  # (n_eta, n_eta) Cholesky factor of omega
    scale: Mat  # (n_eta, n_eta) SD of the random walk; row s for s + 1 effects moved together


class Chains(NamedTuple):
    """Where the chains of all subjects are; a sweep overwrites every array."""

    eta: OutCube  # (n_sub, n_chains, n_eta)
    misfit: OutMat  # (n_sub, n_chains) see `observation_misfit`, infinite where undefined
    tried: OutCube  # (n_sub, 1 + n_eta, n_eta) proposals: row 0 column 0 prior, then as in scale
    accepted: OutCube  # (n_sub, 1 + n_eta, n_eta)


@kernel
def observation_misfit(n_obs: int, table: Mat) -> float:
    r"""Return :math:`\sum_j \ell_j` (`core.observation`); infinite where it is undefined."""
    total = 0.0
    for j in range(n_obs):
        total += value(table[j])
    return total if abs(total) < 1e300 else np.inf


@kernel
def misfit_at(
    order: int,
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    eta: Vec,
    scratch: Scratch,
) -> float:
    """Return the misfit of subject i at eta; predictions and residual table stay in `scratch`."""
    status = predict_subject(order, structure, subjects, i, values.theta, eta, scratch, scratch.f)
    if status != 0:
        return np.inf
    residual_table(structure, subjects, i, values.sigma, scratch.f, scratch, scratch.table)
    return observation_misfit(subjects.obs_start[i + 1] - subjects.obs_start[i], scratch.table)


@kernel
def n_moves(moves: Moves) -> int:
    """Return the number of proposals of one sweep."""
    n_eta = moves.low.shape[0]
    blocks = moves.block * (n_eta // moves.size) if moves.size > 1 else 0
    return moves.prior + moves.single * n_eta + blocks


@kernel
def propose(move: int, sweep: int, moves: Moves, eta: Vec, z: Vec, trial: OutVec) -> int:
    """Write the proposal of one move and return how many random effects it walks; 0 for prior.

    Parameters
    ----------
    move : number of the move in the sweep
    z : (n_eta,)  standard normal numbers
    trial : (n_eta,)  overwritten
    """
    n_eta = eta.shape[0]
    if move < moves.prior:
        for a in range(n_eta):
            trial[a] = 0.0
            for b in range(a + 1):
                trial[a] += moves.low[a, b] * z[b]
        return 0
    for a in range(n_eta):
        trial[a] = eta[a]
    move -= moves.prior
    if move < moves.single * n_eta:
        first, size = move % n_eta, 1
    else:
        size = moves.size
        first = (sweep + (move - moves.single * n_eta) * size) % n_eta
    for k in range(size):
        a = (first + k) % n_eta
        trial[a] += moves.scale[size - 1, a] * z[a]
    return size


@kernel
def count(moved: int, accepted: bool, eta: Vec, trial: Vec, tried: OutMat, taken: OutMat) -> None:
    """Add one proposal, and perhaps its acceptance, to the counts of a subject."""
    if moved == 0:
        tried[0, 0] += 1.0
        taken[0, 0] += 1.0 if accepted else 0.0
        return
    for a in range(eta.shape[0]):
        if trial[a] != eta[a]:
            tried[moved, a] += 1.0
            taken[moved, a] += 1.0 if accepted else 0.0


@kernel
def sweep_chain(
    seed: int,
    purpose: int,
    sweep: int,
    i: int,
    chain: int,
    structure: Structure,
    subjects: Subjects,
    values: Values,
    moves: Moves,
    scratch: Scratch,
    chains: Chains,
) -> None:
    """Move one chain of subject i once through all its moves."""
    eta, trial, z = chains.eta[i, chain], scratch.trial, scratch.step
    n_eta = eta.shape[0]
    draw, moved = 0, 0
    misfit, prior, trial_prior = np.inf, prior_term(values.precision, eta), 0.0
    for a in range(n_eta):
        trial[a] = eta[a]
    # The move before the first one only finds the misfit of where the chain is.
    for move in range(-1, n_moves(moves)):
        if move >= 0:
            draw = fill_normals(seed, purpose, i, chain, sweep, draw, z)
            moved = propose(move, sweep, moves, eta, z, trial)
            trial_prior = prior_term(values.precision, trial)
        there = misfit_at(0, structure, subjects, i, values, trial, scratch)
        if move < 0:
            misfit = there
            continue
        u, _ = uniforms(seed, purpose, i, chain, sweep, draw)
        draw += 1
        gain = misfit - there
        if moved > 0:
            gain += prior - trial_prior
        accepted = there < np.inf and (misfit == np.inf or log(u) < gain)
        count(moved, accepted, eta, trial, chains.tried[i], chains.accepted[i])
        if accepted:
            misfit, prior = there, trial_prior
            for a in range(n_eta):
                eta[a] = trial[a]
    chains.misfit[i, chain] = misfit


@kernel
def sweep_range(
    first: int,
    last: int,
    seed: int,
    purpose: int,
    sweep: int,
    structure: Structure,
    subjects: Subjects,
    values: Values,
    moves: Moves,
    chains: Chains,
) -> int:
    """Move all chains of subjects first..last-1 once; `sweep` numbers the call.

    With structural kernels that fail, a chain stays where it is; it never goes where the
    likelihood of the observations is undefined.
    """
    scratch = make_scratch(
        structure,
        subjects,
        first,
        last,
        values.precision.shape[0],
        values.sigma.shape[0],
    )
    for i in range(first, last):
        for s in range(chains.tried.shape[1]):
            for a in range(chains.tried.shape[2]):
                chains.tried[i, s, a] = 0.0
                chains.accepted[i, s, a] = 0.0
        for chain in range(chains.eta.shape[1]):
            sweep_chain(
                seed,
                purpose,
                sweep,
                i,
                chain,
                structure,
                subjects,
                values,
                moves,
                scratch,
                chains,
            )
    return 0

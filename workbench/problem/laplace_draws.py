r"""Quick draws of the random effects from their conditional distributions.

One Metropolis-Hastings chain a subject whose proposals do not depend on where it is (Tierney 1994,
Ann Stat 22:1701): by turns from :math:`N(\hat\eta_i, H_i^{-1})` and
:math:`N(\hat\eta_i, 4 H_i^{-1})`, with H the expected Hessian at the mode, and from
:math:`N(0, \Omega)`, which reaches other modes. Where the conditional distribution is nearly normal
almost every proposal is taken, so a chain forgets its start at once: for looking at a fit this
costs a fraction of what the random walks of `conditional_draws` do. Where it is far from normal and
from the prior, `FitResult.draws` is the one to trust.

The target is the complete likelihood, the residual variance at the individual prediction. Random
numbers are counter-based (Philox), keyed by the seed and the subject's number: a subject's draws
are the same whoever else is drawn, and more draws begin with the fewer ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.core import observation
from workbench.core.packed import Values
from workbench.core.residuals import KIND, R, V
from workbench.problem.information import conditional_covariances, score_and_information
from workbench.problem.problem import Problem

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CYCLE = 3  # the three proposals; one draw is kept a cycle
BURN_IN = 5 * CYCLE
STEPS_TO_MODE, ENOUGH = 8, 1e-4  # of Fisher scoring; least gain of log density that counts
WIDE = 2.0  # the second proposal's SDs over the first one's


@dataclass(frozen=True, slots=True)
class _Proposal:
    """A normal distribution for every subject: mean (n_sub, k), Cholesky factor (n_sub, k, k)."""

    mean: Floats
    low: Floats

    def at(self, z: Floats) -> Floats:
        """Return the points of standard normal numbers z, (n_sub, k)."""
        return self.mean + np.einsum("nij,nj->ni", self.low, z)

    def log_density(self, eta: Floats) -> Floats:
        """Return the log density without constants that do not change, (n_sub,)."""
        z = np.linalg.solve(self.low, (eta - self.mean)[:, :, None])[:, :, 0]
        return -0.5 * np.einsum("ni,ni->n", z, z)


def laplace_draws(
    problem: Problem, values: Values, *, mode: Floats, n: int, seed: int, number: Ints | None = None
) -> Floats:
    """Return draws of eta, (n_sub, n, n_eta).

    Parameters
    ----------
    values : population parameters
    mode : (n_sub, n_eta)  conditional modes; where they are not (after FO, say), a few steps of
        Fisher scoring lead towards them
    n : draws per subject
    seed : of the random numbers, 0 or more
    number : (n_sub,)  the subjects' numbers, keys of their random numbers; 0, 1, 2 … by default
    """
    n_sub, n_eta = mode.shape
    out = np.zeros((n_sub, n, n_eta))
    if not n_eta:
        return out
    steps = BURN_IN + CYCLE * n
    number = np.arange(n_sub) if number is None else number
    noise = np.stack([_normals(seed, int(k), steps, n_eta + 2) for k in number], axis=1)
    log_u = -0.5 * (noise[:, :, n_eta:] ** 2).sum(axis=2)  # half a chi-square of 2 is -log u
    mode = _nearer(problem, values, mode)
    proposals = _proposals(problem, values, mode)
    eta = mode.copy()
    target = _log_target(problem, values, eta)
    for step in range(steps):
        proposal = proposals[step % CYCLE]
        new = proposal.at(noise[step, :, :n_eta])
        new_target = _log_target(problem, values, new)
        with np.errstate(invalid="ignore"):
            ratio = new_target - target + proposal.log_density(eta) - proposal.log_density(new)
        taken = (ratio > log_u[step]) | (np.isneginf(target) & np.isfinite(new_target))
        eta[taken], target[taken] = new[taken], new_target[taken]
        kept = step - BURN_IN
        if kept >= 0 and kept % CYCLE == CYCLE - 1:
            out[:, kept // CYCLE] = eta
    return out


def _normals(seed: int, number: int, steps: int, width: int) -> Floats:
    """Return the standard normal numbers of one subject, (steps, width)."""
    return np.random.Generator(np.random.Philox(key=[seed, number])).standard_normal((steps, width))


def _nearer(problem: Problem, values: Values, eta: Floats) -> Floats:
    """Return points from which Fisher scoring makes no more progress, or nearly so."""
    eta, target = eta.copy(), _log_target(problem, values, eta)
    for _ in range(STEPS_TO_MODE):
        score, information = score_and_information(problem, values, eta)
        score, hessian = score - eta @ values.precision, information + values.precision
        usable = np.isfinite(hessian).all(axis=(1, 2)) & np.isfinite(score).all(axis=1)
        new = eta.copy()
        new[usable] += np.linalg.solve(hessian[usable], score[usable, :, None])[:, :, 0]
        new_target = _log_target(problem, values, new)
        better = new_target > target + ENOUGH
        if not better.any():
            break
        eta[better], target[better] = new[better], new_target[better]
    return eta


def _proposals(problem: Problem, values: Values, mode: Floats) -> tuple[_Proposal, ...]:
    """Return the proposals of one cycle."""
    omega = np.linalg.inv(values.precision)
    covariance = conditional_covariances(problem, values, mode)
    covariance[~np.isfinite(covariance).all(axis=(1, 2))] = omega
    low: Floats = np.linalg.cholesky(covariance).astype(np.float64)
    prior = np.broadcast_to(np.linalg.cholesky(omega), low.shape).astype(np.float64)
    return (
        _Proposal(mode, low),
        _Proposal(mode, WIDE * low),
        _Proposal(np.zeros_like(mode), prior),
    )


def _log_target(problem: Problem, values: Values, eta: Floats) -> Floats:
    """Return log p(y, eta) without constants, (n_sub,); minus infinity where there is none."""
    prediction = problem.values(values.theta, eta)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        table = problem.residual_table(prediction, values.sigma, eta)
        terms = table[:, R] ** 2 / table[:, V] + np.log(table[:, V])
    for j in np.flatnonzero(table[:, KIND]):
        terms[j] = 2.0 * observation.value(table[j])
    who = np.repeat(np.arange(problem.n_sub), np.diff(problem.data.population.obs_start))
    misfit = np.bincount(who, terms, minlength=problem.n_sub)
    total = -0.5 * (misfit + np.einsum("ni,ij,nj->n", eta, values.precision, eta))
    return np.where(np.isfinite(total), total, -np.inf)

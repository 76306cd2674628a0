r"""The first steps from starting values that may be poor, and a second look at lost variances.

A quasi-Newton search from far away tends to shrink a variance to zero before the typical values
have arrived, and on the logarithmic scale it never comes back. Two remedies:

* `approach` takes steps of the EM algorithm for the linearised model, with the conditional modes
  and their covariances that the objective yields anyway: typical values move by the mean mode
  (and coefficients of covariates by its regression on them), omega becomes the mean of
  :math:`\hat\eta\hat\eta^\top + H^{-1}`, sigma is rescaled. Such steps cannot overshoot, and
  variances stay away from zero. They end when they gain little; the search proper does the rest.
* `revived` gives back to a variance that went to zero a moderate value, from which the search
  may be repeated: a variance is zero only if it goes there twice.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from workbench.core.conditional import Objective
from workbench.core.optimize import Step
from workbench.core.packed import Values
from workbench.estimation._m_step import free_omega, location, own_effects, split, typical_values
from workbench.problem import Problem

Floats = NDArray[np.float64]

MAX_STEPS = 30
WORTHWHILE = 2.0  # decrease of the OFV that makes another step worth its evaluation
LONGEST_MOVE = 1.5  # of a typical value in one step, in units of x
LOST_SD = 0.02  # SD of eta, relative to where it started, that counts as lost
REVIVED_SD = 0.5  # what it is given back, relative to where it started


def approach(
    problem: Problem,
    arrays: Callable[[Floats], tuple[Values, Objective]],
    start: Floats,
    max_steps: int,
    on_step: Callable[[Step], None],
    cancelled: Callable[[], bool],
) -> Floats:
    """Return a better starting x, or `start` itself.

    Parameters
    ----------
    arrays : runs the objective with gradients at x
    start : (n_free,)
    max_steps : the caller's limit; MAX_STEPS holds too
    on_step : told of every point that was taken, the start included
    cancelled : polled before every step
    """
    x = start

    def report(number: int) -> None:
        gradient = problem.space.gradient(x, values, out).sum(axis=0)
        length = float(np.abs(x - before).max(initial=0.0))
        on_step(Step(number, ofv, x, float(np.abs(gradient).max(initial=0.0)), length))

    with np.errstate(all="ignore"):
        before = x
        values, out = arrays(x)
        ofv = float(out.ofv.sum()) + problem.space.penalty(x)
        if not np.isfinite(ofv) or not len(x):
            return x
        report(0)
        for number in range(1, min(max_steps, MAX_STEPS) + 1):
            if cancelled():
                break
            trial = _em_step(problem, x, values, out)
            if not np.isfinite(trial).all():
                break
            trial_values, trial_out = arrays(trial)
            trial_ofv = float(trial_out.ofv.sum()) + problem.space.penalty(trial)
            if not trial_ofv < ofv:
                break
            gain, before, x = ofv - trial_ofv, x, trial
            values, out, ofv = trial_values, trial_out, trial_ofv
            report(number)
            if gain < WORTHWHILE:
                break
    return x


def _em_step(problem: Problem, x: Floats, values: Values, out: Objective) -> Floats:
    """One step; every move is limited so that it cannot leave the plausible."""
    space = problem.space
    theta = _moved_theta(problem, values, out)
    low = space.low(space.full(x))
    second_moment = problem.mean_omega(own_effects(problem, out.by_precision).sum(axis=0))
    omega = 0.5 * (second_moment + second_moment.T)
    # by_precision also holds the movement of the mode, so a diagonal can come out too small.
    floor = 0.1 * np.diag(low @ low.T)
    omega[np.diag_indices_from(omega)] = np.maximum(np.diag(omega), floor)
    smallest = np.linalg.eigvalsh(omega).min() if space.n_eta else 1.0
    if smallest <= 0:
        omega = np.diag(np.diag(omega))
    factor, by_sigma = np.ones(len(values.sigma)), out.by_sigma.sum(axis=0)
    for endpoint in problem.endpoints:
        own, n_obs = endpoint.scalable, max(len(endpoint.rows), 1)
        slope = float(by_sigma[own] @ values.sigma[own])
        factor[own] = np.sqrt(np.clip(1.0 - slope / (2.0 * n_obs), 0.25, 9.0))
    trial = space.pack(theta, omega, values.sigma * factor)
    return x + np.clip(trial - x, -LONGEST_MOVE, LONGEST_MOVE)


def _moved_theta(problem: Problem, values: Values, out: Objective) -> Floats:
    """Return theta moved by the mean mode, or by its regression on the covariates."""
    theta = values.theta.copy()
    if problem.space.n_theta > problem.space.n_phi or problem.occasions is not None:
        parts = split(problem)
        return typical_values(theta, values.precision, location(theta, parts) + out.eta, parts)
    mean = out.eta.mean(axis=0)
    for k, a in enumerate(problem.structure.eta_index[: problem.space.n_phi]):
        if a >= 0:
            theta[k] += mean[a]
    return theta


def revived(problem: Problem, x: Floats) -> Floats | None:
    """Return x with lost variances given back, or None when none was lost."""
    space = problem.space
    omega = space.omega(x)
    started = np.sqrt(np.diag(space.extended(problem.model.omega, problem.model.omega_iov)))
    sd = np.sqrt(np.diag(omega))
    free = np.diag(free_omega(problem))
    lost = free & (sd < LOST_SD * started)
    if not lost.any():
        return None
    full = space.full(x)
    scale = np.where(lost, REVIVED_SD * started / sd, 1.0)
    correlation = omega / np.outer(sd, sd)
    correlation[lost, :] = correlation[:, lost] = 0.0
    np.fill_diagonal(correlation, 1.0)
    return space.pack(
        space.theta(full), correlation * np.outer(sd * scale, sd * scale), space.sigma(full)
    )

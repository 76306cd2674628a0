"""Conditional modes of the random effects (EBE, MAP) by a safeguarded Newton search.

The search always starts at eta = 0, so its end is a function of the parameters alone. Where it ends
far from data whose error grows with the mean, it starts once more from their logarithms
(`log_start`); with random effects on a lag, which give several modes, it also starts along a grid
of these. It uses
the observed Hessian where that is positive definite and the expected information where it is
not, and it is driven to rounding error: a tight inner problem makes the outer objective smooth.

Where predictions come from a solver, the way to the neighbourhood of the mode is searched with a
draft's tolerances. Steps change from one eta to the next, so J is noisy to about the tolerance,
and a step that lowers it by less cannot be judged by its value. It is taken: the derivatives are
those of a solution at fixed steps, and Newton's step by them is good far below that noise.
"""

from math import sqrt

import numpy as np

from workbench.core.jit import OutMat, OutVec, Vec, kernel
from workbench.core.likelihood import (
    gradient_in_eta,
    joint,
    joint_derivatives,
    predict_subject,
    with_prior,
)
from workbench.core.linalg import cholesky, cholesky_solve
from workbench.core.log_start import far_off, logarithmic_start
from workbench.core.packed import (
    Scratch,
    Structure,
    Subjects,
    Values,
)
from workbench.core.table import freeze_variance, residual_table

MAX_STEPS = 100
MAX_ROUNDS = 10  # of MAX_STEPS each, as long as they lower J
MAX_HALVINGS = 40
# Newton decrement (the decrease of J still to be had, times two) below which a step is the last.
# An error in the mode of the size of the step would enter log|H| to first order, so the step is
# still taken; convergence being quadratic, only rounding is left after it.
LAST_STEP = 1e-12
SETTLED = 1e-24  # not worth even that
PRECISION = 1e-13  # of J without a solver, relative to its terms

# A lag gives J a kink wherever it meets a sampling time, and a mode on either side.
SCAN_WIDTH = 3.0  # SDs of the random effect, given the others, on either side of 0
SCAN_POINTS = 12  # grid points on either side of 0
SHORTER = 1e-2  # Newton decrement above which a shorter step is tried too
SCAN_GAIN = 1e-9  # of J: less is the same mode

_OK = 0
_MAX_ITER = 1
_NOT_FINITE = 3


@kernel
def by_draft(structure: Structure) -> Structure:
    """Return the model with the settings of a draft."""
    return Structure(
        structure.predict,
        structure.residual,
        structure.residuals,
        structure.sigma_start,
        structure.context,
        structure.draft,
        structure.n_work,
        structure.codes,
        structure.eta_index,
        structure.draft_precision,
        structure.draft,
        structure.draft_precision,
        structure.scan,
        structure.unusual,
        structure.how,
        structure.ends,
        structure.ranges,
        structure.is_scaled,
        structure.scaled,
    )


@kernel
def evaluate(
    interaction: bool,
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    eta: Vec,
    scratch: Scratch,
) -> float:
    """Return J(eta) of subject i; predictions and residual table stay in `scratch`."""
    predict_subject(2, structure, subjects, i, values.theta, eta, scratch, scratch.f)
    residual_table(structure, subjects, i, values.sigma, scratch.f, scratch, scratch.table)
    n_obs = subjects.obs_start[i + 1] - subjects.obs_start[i]
    if not interaction:
        freeze_variance(n_obs, scratch.table_zero, scratch.table)
    return joint(n_obs, scratch.table, values.precision, eta)


@kernel
def hold(held: int, gradient: OutVec, matrix: OutMat) -> None:
    """Take one direction out of a Newton step, unless `held` is negative."""
    if held < 0:
        return
    gradient[held] = 0.0
    for a in range(gradient.shape[0]):
        matrix[a, held] = 0.0
        matrix[held, a] = 0.0
    matrix[held, held] = 1.0


@kernel
def newton_step(
    held: int, structure: Structure, values: Values, eta: Vec, scratch: Scratch
) -> float:
    """Fill scratch.step with the descent step at eta and return the Newton decrement.

    The random effect number `held` stays where it is; -1 holds none.
    """
    n_eta = eta.shape[0]
    gradient = scratch.eta_gradient
    gradient_in_eta(structure, values.precision, eta, scratch)
    with_prior(scratch.hessian, structure.eta_index, values.precision, scratch.matrix)
    hold(held, gradient, scratch.matrix)
    if cholesky(scratch.matrix, n_eta, scratch.low) != 0:
        with_prior(scratch.weights, structure.eta_index, values.precision, scratch.matrix)
        hold(held, gradient, scratch.matrix)
        cholesky(scratch.matrix, n_eta, scratch.low)
    cholesky_solve(scratch.low, n_eta, gradient, scratch.step)
    decrement = 0.0
    for a in range(n_eta):
        decrement += gradient[a] * scratch.step[a]
    return decrement


@kernel
def scan_step(values: Values, along: int) -> float:
    """Distance of the grid points along one random effect."""
    return SCAN_WIDTH / (SCAN_POINTS * sqrt(values.precision[along, along]))


@kernel
def longest_step(structure: Structure, values: Values, step: Vec) -> float:
    """Share of a step, at most 1, that does not leap over a kink to another mode."""
    scale = 1.0
    for s in range(structure.scan.shape[0]):
        along = structure.scan[s]
        limit = scan_step(values, along)
        if abs(step[along]) * scale > limit:
            scale = limit / abs(step[along])
    return scale


@kernel
def shorter_step(
    interaction: bool,
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    scratch: Scratch,
    eta: Vec,
    scale: float,
    value: float,
) -> float:
    """Shorten an accepted step while that lowers J: a kink's near side may be the lower one.

    Returns J at scratch.trial, the end of the step that is taken.
    """
    n_eta = eta.shape[0]
    factor, going = 0.5, True
    while True:
        for a in range(n_eta):
            scratch.trial[a] = eta[a] - factor * scale * scratch.step[a]
        trial = evaluate(interaction, structure, subjects, i, values, scratch.trial, scratch)
        if not going:
            return trial
        if trial < value and factor > 1e-3:
            value = trial
            factor *= 0.5
        else:
            going = False
            factor *= 2.0


@kernel
def search(
    noise: float,
    held: int,
    interaction: bool,
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    scratch: Scratch,
    eta: OutVec,
) -> tuple[int, float]:
    """Search the mode of J from `eta`, with J known to `noise` relative to its terms.

    The random effect number `held` stays where it is; -1 holds none.
    """
    n_eta = eta.shape[0]
    n_obs = subjects.obs_start[i + 1] - subjects.obs_start[i]
    last_step, settled = max(LAST_STEP, 0.01 * noise), max(SETTLED, (0.1 * noise) ** 2)
    value = evaluate(interaction, structure, subjects, i, values, eta, scratch)
    if not abs(value) < 1e300:
        return _NOT_FINITE, value
    joint_derivatives(n_obs, scratch)
    before = 1e300
    for _ in range(MAX_STEPS):
        decrement = newton_step(held, structure, values, eta, scratch)
        if decrement < settled:
            return _OK, value
        scale, accepted = longest_step(structure, values, scratch.step), False
        # J is a sum of terms of order one that may cancel: rounding is that of the terms.
        slack = noise * (abs(value) + n_obs)
        for _ in range(MAX_HALVINGS):
            for a in range(n_eta):
                scratch.trial[a] = eta[a] - scale * scratch.step[a]
            trial = evaluate(interaction, structure, subjects, i, values, scratch.trial, scratch)
            if trial <= value - 1e-4 * scale * decrement + slack:
                accepted = True
                break
            scale *= 0.5
        if not accepted:
            # Nothing along the step is lower: leave scratch at the best point and say how far.
            value = evaluate(interaction, structure, subjects, i, values, eta, scratch)
            joint_derivatives(n_obs, scratch)
            newton_step(held, structure, values, eta, scratch)
            return (_OK if decrement < 1e-8 else _MAX_ITER), value
        if structure.scan.shape[0] > 0 and decrement > SHORTER:
            trial = shorter_step(
                interaction, structure, subjects, i, values, scratch, eta, scale, trial
            )
        value = trial
        for a in range(n_eta):
            eta[a] = scratch.trial[a]
        joint_derivatives(n_obs, scratch)
        # Newton's steps that no longer shrink, below the noise of J, are the derivatives' noise.
        if decrement < last_step or 0.25 * before < decrement < slack:
            return _OK, value
        before = decrement
    return _MAX_ITER, value


@kernel(inline=False)
def descend(
    held: int,
    interaction: bool,
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    scratch: Scratch,
    eta: OutVec,
) -> tuple[int, float]:
    """Search the mode of J from `eta`, by the draft first where there is one.

    Where a random effect is `held`, the others find their places before it may move.
    """
    fine = max(PRECISION, structure.precision)
    model, noise = structure, fine
    if structure.draft.shape[0] > 0 and structure.draft_precision > fine:
        model, noise = by_draft(structure), structure.draft_precision
    # One place that searches, for it is compiled into here: twice would take twice as long.
    while True:
        status, value = search(noise, held, interaction, model, subjects, i, values, scratch, eta)
        if held < 0 and noise == fine:
            return status, value
        if held >= 0:
            held = -1
        else:
            model, noise = structure, fine


@kernel
def better_modes(
    interaction: bool,
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    scratch: Scratch,
    eta: OutVec,
    status: int,
    value: float,
) -> tuple[int, float]:
    """Look for lower modes than the one at `eta` along the random effects of `structure.scan`.

    J is evaluated on grids of one random effect, the others held at the mode that is known and
    at 0; a search starts from every minimum of these values that is not next to that mode. The
    lowest end is kept, so that looking never makes it worse.
    """
    n_eta, points = eta.shape[0], 2 * SCAN_POINTS + 1
    n_obs = subjects.obs_start[i + 1] - subjects.obs_start[i]
    base, start = scratch.base, scratch.restart
    for a in range(n_eta):
        base[a] = eta[a]
    for s in range(2 * structure.scan.shape[0]):
        along, held = structure.scan[s // 2], 1.0 - s % 2
        step = scan_step(values, along)
        before, middle = np.inf, np.inf
        for k in range(points + 1):
            after = np.inf
            if k < points:
                place_on(along, (k - SCAN_POINTS) * step, held, base, start)
                after = evaluate(interaction, structure, subjects, i, values, start, scratch)
                after = after if abs(after) < 1e300 else np.inf
            place = (k - 1 - SCAN_POINTS) * step
            if middle < before and middle <= after and abs(place - base[along]) > step:
                place_on(along, place, held, base, start)
                end, found = descend(
                    along, interaction, structure, subjects, i, values, scratch, start
                )
                if end <= _MAX_ITER and found < value - SCAN_GAIN:
                    status, value = end, found
                    for a in range(n_eta):
                        eta[a] = start[a]
            before, middle = middle, after
    value = evaluate(interaction, structure, subjects, i, values, eta, scratch)
    joint_derivatives(n_obs, scratch)
    return status, value


@kernel
def place_on(along: int, place: float, held: float, base: Vec, start: OutVec) -> None:
    """Put `start` at `held` times `base`, but at `place` along one random effect."""
    for a in range(base.shape[0]):
        start[a] = held * base[a]
    start[along] = place


@kernel(inline=False)
def from_logarithms(
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    scratch: Scratch,
    eta: OutVec,
    status: int,
    value: float,
) -> tuple[int, float]:
    """Search once more, from where the logarithms of the data fit best; keep the lower end."""
    n_eta, start = eta.shape[0], scratch.restart
    n_obs = subjects.obs_start[i + 1] - subjects.obs_start[i]
    if logarithmic_start(structure, subjects, i, values, scratch, start):
        end, found = descend(-1, True, structure, subjects, i, values, scratch, start)
        if end <= _MAX_ITER and not found >= value - SCAN_GAIN:
            for a in range(n_eta):
                eta[a] = start[a]
            return end, found
    value = evaluate(True, structure, subjects, i, values, eta, scratch)
    joint_derivatives(n_obs, scratch)
    return status, value


@kernel(inline=False)
def find_mode(
    interaction: bool,
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    scratch: Scratch,
    eta: OutVec,
) -> tuple[int, float]:
    """Search the mode of J from eta = 0, and from elsewhere where there may be several.

    Without `interaction`, scratch.table_zero must hold the residual table at eta = 0. On return
    `scratch` holds predictions, residual table and derivatives at the mode.

    Returns
    -------
    status, J at the mode
    """
    for a in range(eta.shape[0]):
        eta[a] = 0.0
    n_obs = subjects.obs_start[i + 1] - subjects.obs_start[i]
    status, value = descend(-1, interaction, structure, subjects, i, values, scratch, eta)
    if interaction and far_off(n_obs, scratch.table):
        status, value = from_logarithms(structure, subjects, i, values, scratch, eta, status, value)
    for _ in range(MAX_ROUNDS):
        if status != _MAX_ITER:
            break
        before = value
        status, value = descend(-1, interaction, structure, subjects, i, values, scratch, eta)
        if not value < before - SCAN_GAIN:
            break
    if structure.scan.shape[0] > 0 and status <= _MAX_ITER:
        return better_modes(
            interaction, structure, subjects, i, values, scratch, eta, status, value
        )
    return status, value


@kernel
def variance_at_zero(
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    scratch: Scratch,
    f: OutMat,
    table: OutMat,
) -> None:
    """Predictions (with first derivatives) and residual table at eta = 0."""
    for a in range(scratch.trial.shape[0]):
        scratch.trial[a] = 0.0
    predict_subject(2, structure, subjects, i, values.theta, scratch.trial, scratch, f)
    residual_table(structure, subjects, i, values.sigma, f, scratch, table)

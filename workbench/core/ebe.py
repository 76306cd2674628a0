"""Conditional modes of the random effects (EBE, MAP) by a safeguarded Newton search.

The search always starts at eta = 0, so its end is a function of the parameters alone. It uses
the observed Hessian where that is positive definite and the expected information where it is
not, and it is driven to rounding error: a tight inner problem makes the outer objective smooth.

Where predictions come from a solver, the way to the neighbourhood of the mode is searched with a
draft's tolerances. Steps change from one eta to the next, so J is noisy to about the tolerance,
and a step that lowers it by less cannot be judged by its value. It is taken: the derivatives are
those of a solution at fixed steps, and Newton's step by them is good far below that noise.
"""

from workbench.core.jit import OutMat, OutVec, Vec, kernel
from workbench.core.likelihood import (
    Scratch,
    Structure,
    Subjects,
    Values,
    freeze_variance,
    joint,
    joint_derivatives,
    predict_subject,
    residual_table,
    with_prior,
)
from workbench.core.linalg import cholesky, cholesky_solve

MAX_STEPS = 100
MAX_HALVINGS = 40
# Newton decrement (the decrease of J still to be had, times two) below which a step is the last.
# An error in the mode of the size of the step would enter log|H| to first order, so the step is
# still taken; convergence being quadratic, only rounding is left after it.
LAST_STEP = 1e-12
SETTLED = 1e-24  # not worth even that
PRECISION = 1e-13  # of J without a solver, relative to its terms

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
    residual_table(
        structure, subjects, i, values.sigma, scratch.f, scratch.prediction, scratch.table
    )
    n_obs = subjects.obs_start[i + 1] - subjects.obs_start[i]
    if not interaction:
        freeze_variance(n_obs, scratch.table_zero, scratch.table)
    return joint(n_obs, scratch.table, values.precision, eta)


@kernel
def newton_step(structure: Structure, values: Values, eta: Vec, scratch: Scratch) -> float:
    """Fill scratch.step with the descent step at eta and return the Newton decrement."""
    n_eta = eta.shape[0]
    gradient = scratch.eta_gradient
    for a in range(n_eta):
        gradient[a] = 0.0
        for b in range(n_eta):
            gradient[a] += values.precision[a, b] * eta[b]
    for k in range(structure.eta_index.shape[0]):
        if structure.eta_index[k] >= 0:
            gradient[structure.eta_index[k]] += scratch.gradient[k]
    with_prior(scratch.hessian, structure.eta_index, values.precision, scratch.matrix)
    if cholesky(scratch.matrix, n_eta, scratch.low) != 0:
        with_prior(scratch.weights, structure.eta_index, values.precision, scratch.matrix)
        cholesky(scratch.matrix, n_eta, scratch.low)
    cholesky_solve(scratch.low, n_eta, gradient, scratch.step)
    decrement = 0.0
    for a in range(n_eta):
        decrement += gradient[a] * scratch.step[a]
    return decrement


@kernel
def search(
    noise: float,
    interaction: bool,
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    scratch: Scratch,
    eta: OutVec,
) -> tuple[int, float]:
    """Search the mode of J from `eta`, with J known to `noise` relative to its terms."""
    n_eta = eta.shape[0]
    n_obs = subjects.obs_start[i + 1] - subjects.obs_start[i]
    last_step, settled = max(LAST_STEP, 0.01 * noise), max(SETTLED, (0.1 * noise) ** 2)
    value = evaluate(interaction, structure, subjects, i, values, eta, scratch)
    if not abs(value) < 1e300:
        return _NOT_FINITE, value
    joint_derivatives(n_obs, scratch)
    before = 1e300
    for _ in range(MAX_STEPS):
        decrement = newton_step(structure, values, eta, scratch)
        if decrement < settled:
            return _OK, value
        scale, accepted = 1.0, False
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
            newton_step(structure, values, eta, scratch)
            return (_OK if decrement < 1e-8 else _MAX_ITER), value
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
def find_mode(
    interaction: bool,
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    scratch: Scratch,
    eta: OutVec,
) -> tuple[int, float]:
    """Search the mode of J from eta = 0.

    Without `interaction`, scratch.table_zero must hold the residual table at eta = 0. On return
    `scratch` holds predictions, residual table and derivatives at the mode.

    Returns
    -------
    status, J at the mode
    """
    for a in range(eta.shape[0]):
        eta[a] = 0.0
    fine = max(PRECISION, structure.precision)
    model, noise = structure, fine
    if structure.draft.shape[0] > 0 and structure.draft_precision > fine:
        model, noise = by_draft(structure), structure.draft_precision
    # One place that searches, for it is compiled into here: twice would take twice as long.
    while True:
        status, value = search(noise, interaction, model, subjects, i, values, scratch, eta)
        if noise == fine:
            return status, value
        model, noise = structure, fine


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
    residual_table(structure, subjects, i, values.sigma, f, scratch.prediction, table)

r"""FOCE and FOCEI: the marginal likelihood linearised at the conditional mode.

.. math::
    OFV_i = 2 J(\hat\eta) + \log|\Omega| + \log|H|, \qquad
    H = \sum_j w_j\, f_\eta f_\eta^\top + \Omega^{-1}

with w the expected information of one observation about its prediction (`observation.weight`):
no second derivatives enter H. With interaction this is NONMEM's FOCEI, without it FOCE with the
residual variance frozen at eta = 0 (Wang 2007, J Pharmacokinet Pharmacodyn 34:575).

The gradient is exact: explicit terms, the derivative of log|H|, and the movement of the mode,
d eta-hat/d parameter = -J''^-1 d2J/(d eta d parameter), by one adjoint solve per subject
(Almquist, Leander & Jirstrand 2015, J Pharmacokinet Pharmacodyn 42:191).
"""

from typing import NamedTuple

from workbench.core.ebe import find_mode, variance_at_zero
from workbench.core.jit import (
    IntVec,
    OutCube,
    OutIntVec,
    OutMat,
    OutVec,
    kernel,
    load,
)
from workbench.core.likelihood import with_prior
from workbench.core.linalg import cholesky, cholesky_inverse, cholesky_solve, log_determinant
from workbench.core.observation import sigma_terms, variance_terms, weight, weight_slope
from workbench.core.packed import (
    Scratch,
    Structure,
    Subjects,
    Values,
    make_scratch,
)
from workbench.core.residuals import V_F
from workbench.core.scale_effects import (
    add_scale_movement,
    add_scale_to_sigma,
    add_scale_to_trace,
)

_NOT_POSITIVE_DEFINITE = 2
_NOT_FINITE = 3
_CANCELLED = 4


class Objective(NamedTuple):
    """Per-subject results of an objective; every array is overwritten."""

    ofv: OutVec  # (n_sub,)
    status: OutIntVec  # (n_sub,)
    eta: OutMat  # (n_sub, n_eta) conditional modes
    by_theta: OutMat  # (n_sub, n_theta) d ofv / d theta
    by_precision: OutCube  # (n_sub, n_eta, n_eta) d ofv / d omega^-1 (without log|omega|)
    by_sigma: OutMat  # (n_sub, n_sigma)


@kernel
def expand_inverse(eta_index: IntVec, inverse: OutMat, spread: OutMat) -> None:
    """Spread H^-1 from eta out to psi, with zeros where a parameter has no random effect."""
    for k in range(eta_index.shape[0]):
        for q in range(eta_index.shape[0]):
            a, b = eta_index[k], eta_index[q]
            spread[k, q] = inverse[a, b] if a >= 0 and b >= 0 else 0.0


@kernel
def trace_terms(n_obs: int, scratch: Scratch) -> None:
    r"""Fill leverage :math:`q_j = f_\psi^\top H^{-1} f_\psi` and trace = d log|H| / d psi."""
    p = scratch.psi.shape[0]
    f = scratch.f
    for k in range(p):
        scratch.trace[k] = 0.0
    for j in range(n_obs):
        w, w_f = weight(scratch.table[j]), weight_slope(scratch.table[j])
        leverage = 0.0
        for k in range(p):
            u = 0.0
            for q in range(p):
                u += scratch.spread[k, q] * f[j, 1 + q]
            scratch.first[k] = u
            leverage += u * f[j, 1 + k]
        scratch.leverage[j] = leverage
        at_pair = 1 + p
        for k in range(p):
            scratch.trace[k] += w_f * f[j, 1 + k] * leverage
            for q in range(k + 1):
                scratch.trace[k] += 2.0 * w * scratch.first[q] * f[j, at_pair]
                if q != k:
                    scratch.trace[q] += 2.0 * w * scratch.first[k] * f[j, at_pair]
                at_pair += 1
    if scratch.is_scaled != 0:
        add_scale_to_trace(n_obs, scratch.table, f, scratch.spread, scratch.trace)


@kernel
def solve_adjoint(structure: Structure, values: Values, scratch: Scratch) -> None:
    """Fill scratch.step with a = -J''^-1 d log|H|/d eta."""
    n_eta = scratch.step.shape[0]
    with_prior(scratch.hessian, structure.eta_index, values.precision, scratch.matrix)
    if cholesky(scratch.matrix, n_eta, scratch.low) != 0:
        with_prior(scratch.weights, structure.eta_index, values.precision, scratch.matrix)
        cholesky(scratch.matrix, n_eta, scratch.low)
    for a in range(n_eta):
        scratch.step[a] = 0.0
    for k in range(structure.eta_index.shape[0]):
        if structure.eta_index[k] >= 0:
            scratch.step[structure.eta_index[k]] -= scratch.trace[k]
    cholesky_solve(scratch.low, n_eta, scratch.step, scratch.step)


@kernel
def add_design(subjects: Subjects, i: int, by_psi: OutVec, by_theta: OutVec) -> None:
    """Add the theta-gradient that follows from a psi-gradient: design' by_psi."""
    who = i if subjects.design.shape[0] > 1 else 0
    for t in range(by_theta.shape[0]):
        for k in range(by_psi.shape[0]):
            by_theta[t] += subjects.design[who, k, t] * by_psi[k]


@kernel
def variance_gradient(
    interaction: bool,
    structure: Structure,
    n_obs: int,
    scratch: Scratch,
    by_psi_zero: OutVec,
    by_sigma: OutVec,
) -> None:
    """Gradient in sigma and, without interaction, in psi through the variance at eta = 0."""
    p = scratch.psi.shape[0]
    for k in range(p):
        by_psi_zero[k] = 0.0
    for s in range(by_sigma.shape[0]):
        by_sigma[s] = 0.0
    for j in range(n_obs):
        row = scratch.table[j]
        moved = 0.0
        for k in range(p):
            if structure.eta_index[k] >= 0:
                moved += scratch.step[structure.eta_index[k]] * scratch.f[j, 1 + k]
        for s in range(by_sigma.shape[0]):
            l_s, l_fs, w_s = sigma_terms(row, s)
            by_sigma[s] += 2.0 * l_s + w_s * scratch.leverage[j] + l_fs * moved
        if not interaction:
            l_s, l_fs, w_s = variance_terms(row, scratch.table_zero[j, V_F])
            through_zero = 2.0 * l_s + w_s * scratch.leverage[j] + l_fs * moved
            for k in range(p):
                by_psi_zero[k] += through_zero * scratch.f_zero[j, 1 + k]
    if scratch.is_scaled != 0:
        table, f, spread = scratch.table, scratch.f, scratch.spread
        add_scale_to_sigma(n_obs, table, f, spread, by_sigma)
        add_scale_movement(n_obs, table, structure.eta_index, scratch.step, by_sigma)


@kernel
def gradient_subject(
    interaction: bool,
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    scratch: Scratch,
    out: Objective,
) -> None:
    """Gradient of subject i at the mode; scratch.inverse holds H^-1 and the rest the mode."""
    p, n_eta = scratch.psi.shape[0], scratch.step.shape[0]
    n_obs = subjects.obs_start[i + 1] - subjects.obs_start[i]
    expand_inverse(structure.eta_index, scratch.inverse, scratch.spread)
    trace_terms(n_obs, scratch)
    solve_adjoint(structure, values, scratch)
    by_psi = scratch.second
    for k in range(p):
        by_psi[k] = 2.0 * scratch.gradient[k] + scratch.trace[k]
        for q in range(p):
            if structure.eta_index[q] >= 0:
                by_psi[k] += scratch.hessian[k, q] * scratch.step[structure.eta_index[q]]
    by_theta = out.by_theta[i]
    for t in range(by_theta.shape[0]):
        by_theta[t] = 0.0
    add_design(subjects, i, by_psi, by_theta)
    variance_gradient(interaction, structure, n_obs, scratch, by_psi, out.by_sigma[i])
    if not interaction:
        add_design(subjects, i, by_psi, by_theta)
    eta = out.eta[i]
    for a in range(n_eta):
        for b in range(n_eta):
            out.by_precision[i, a, b] = (
                eta[a] * eta[b]
                + scratch.inverse[a, b]
                + 0.5 * (scratch.step[a] * eta[b] + scratch.step[b] * eta[a])
            )


@kernel
def conditional_subject(
    interaction: bool,
    want_gradient: bool,
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    scratch: Scratch,
    out: Objective,
) -> int:
    """Objective (and gradient) of subject i."""
    n_eta = scratch.step.shape[0]
    if not interaction:
        variance_at_zero(
            structure, subjects, i, values, scratch, scratch.f_zero, scratch.table_zero
        )
    status, value = find_mode(interaction, structure, subjects, i, values, scratch, out.eta[i])
    if status == _NOT_FINITE:
        return status
    with_prior(scratch.weights, structure.eta_index, values.precision, scratch.matrix)
    if cholesky(scratch.matrix, n_eta, scratch.low) != 0:
        return _NOT_POSITIVE_DEFINITE
    out.ofv[i] = 2.0 * value + values.log_det_omega + log_determinant(scratch.low, n_eta)
    if want_gradient:
        cholesky_inverse(scratch.low, n_eta, scratch.trial, scratch.inverse)
        gradient_subject(interaction, structure, subjects, i, values, scratch, out)
    return status


@kernel
def conditional_range(
    first: int,
    last: int,
    interaction: bool,
    want_gradient: bool,
    structure: Structure,
    subjects: Subjects,
    values: Values,
    cancel: OutIntVec,
    out: Objective,
) -> int:
    """Objective of subjects first..last-1; stops early when cancel[0] becomes non-zero."""
    scratch = make_scratch(
        structure,
        subjects,
        first,
        last,
        values.precision.shape[0],
        values.sigma.shape[0],
    )
    for i in range(first, last):
        if load(cancel, 0) != 0:
            return _CANCELLED
        out.status[i] = conditional_subject(
            interaction, want_gradient, structure, subjects, i, values, scratch, out
        )
    return 0

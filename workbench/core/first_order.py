r"""FO: the marginal likelihood linearised at eta = 0.

.. math::
    OFV_i = e^\top C^{-1} e + \log|C|, \qquad C = G\,\Omega\,G^\top + R

with e the residuals, G = -dr/d eta and R the residual variances, all at eta = 0 (Sheiner,
Rosenberg & Marathe 1977; Wang 2007). By the matrix identities for C^-1 and |C| this equals

.. math::
    \min_\eta \Big[\sum_j \frac{(e_j - G_j \eta)^2}{v_j} + \log v_j
    + \eta^\top \Omega^{-1} \eta\Big] + \log|\Omega| + \log|H|, \quad
    H = \sum_j \frac{G_j G_j^\top}{v_j} + \Omega^{-1}

which costs n_eta^3 instead of n_obs^3 and has a short exact gradient: the minimum is taken at
the linear posterior mode b = H^-1 G' R^-1 e, where its own derivative vanishes.
"""

from math import log

import numpy as np

from workbench.core.conditional import Objective, add_design, expand_inverse
from workbench.core.ebe import variance_at_zero
from workbench.core.jit import Mat, OutIntVec, OutVec, kernel, load
from workbench.core.likelihood import prior_term, with_prior
from workbench.core.linalg import cholesky, cholesky_inverse, cholesky_solve, log_determinant
from workbench.core.packed import (
    Scratch,
    Structure,
    Subjects,
    Values,
    make_scratch,
)
from workbench.core.residuals import FIRST_SIGMA, R_F, R_FF, R_FS, R_S, SIGMA_WIDTH, V_F, V_S, R, V

_OK = 0
_NOT_FINITE = 3
_CANCELLED = 4


@kernel
def linear_mode(
    n_obs: int, structure: Structure, values: Values, scratch: Scratch, mode: OutVec
) -> float:
    """Fill scratch.low with the factor of H and `mode` with b; return the minimum, or NaN."""
    p, n_eta = scratch.psi.shape[0], mode.shape[0]
    f, table = scratch.f, scratch.table
    for k in range(p):
        scratch.gradient[k] = 0.0
        for q in range(p):
            scratch.weights[k, q] = 0.0
    for j in range(n_obs):
        v = table[j, V]
        if not v > 0.0:
            return np.nan
        for k in range(p):
            g = -table[j, R_F] * f[j, 1 + k]
            scratch.gradient[k] += g * table[j, R] / v
            for q in range(p):
                scratch.weights[k, q] -= g * table[j, R_F] * f[j, 1 + q] / v
    with_prior(scratch.weights, structure.eta_index, values.precision, scratch.matrix)
    if cholesky(scratch.matrix, n_eta, scratch.low) != 0:
        return np.nan
    for k in range(p):
        if structure.eta_index[k] >= 0:
            mode[structure.eta_index[k]] = scratch.gradient[k]
    cholesky_solve(scratch.low, n_eta, mode, mode)
    total = 2.0 * prior_term(values.precision, mode)
    for j in range(n_obs):
        e = linear_residual(structure, f, table, mode, j)
        total += e * e / table[j, V] + log(table[j, V])
    return total


@kernel
def linear_residual(structure: Structure, f: Mat, table: Mat, mode: OutVec, j: int) -> float:
    """Residual of the linearised model at the linear posterior mode, e_j - G_j b."""
    e = table[j, R]
    for k in range(structure.eta_index.shape[0]):
        if structure.eta_index[k] >= 0:
            e += table[j, R_F] * f[j, 1 + k] * mode[structure.eta_index[k]]
    return e


@kernel
def second_sums(
    structure: Structure, f: Mat, mode: OutVec, u: OutVec, j: int, k: int
) -> tuple[float, float]:
    """Sums over q of f_kq b_q and of f_kq u_q, with f_kq second derivatives of observation j."""
    p = u.shape[0]
    by_mode, by_u = 0.0, 0.0
    for q in range(p):
        high, low = max(k, q), min(k, q)
        second = f[j, 1 + p + high * (high + 1) // 2 + low]
        by_u += second * u[q]
        if structure.eta_index[q] >= 0:
            by_mode += second * mode[structure.eta_index[q]]
    return by_mode, by_u


@kernel
def gradient_subject(
    structure: Structure,
    subjects: Subjects,
    i: int,
    scratch: Scratch,
    mode: OutVec,
    out: Objective,
) -> None:
    """Gradient of subject i; scratch.inverse holds H^-1."""
    p, n_eta = scratch.psi.shape[0], mode.shape[0]
    n_obs = subjects.obs_start[i + 1] - subjects.obs_start[i]
    f, table, by_psi = scratch.f, scratch.table, scratch.trace
    by_theta, by_sigma = out.by_theta[i], out.by_sigma[i]
    expand_inverse(structure.eta_index, scratch.inverse, scratch.spread)
    for k in range(p):
        by_psi[k] = 0.0
    for s in range(by_sigma.shape[0]):
        by_sigma[s] = 0.0
    for j in range(n_obs):
        e, v, h = linear_residual(structure, f, table, mode, j), table[j, V], -table[j, R_F]
        slope_of_mode, spread_of_f = 0.0, 0.0  # f' b and f' H^-1 f
        for k in range(p):
            u = 0.0
            for q in range(p):
                u += scratch.spread[k, q] * f[j, 1 + q]
            scratch.first[k] = u
            spread_of_f += u * f[j, 1 + k]
            if structure.eta_index[k] >= 0:
                slope_of_mode += f[j, 1 + k] * mode[structure.eta_index[k]]
        by_variance = (1.0 - e * e / v - h * h * spread_of_f / v) / v
        for s in range(by_sigma.shape[0]):
            c = FIRST_SIGMA + SIGMA_WIDTH * s
            by_sigma[s] += by_variance * table[j, c + V_S]
            e_s = table[j, c + R_S] + table[j, c + R_FS] * slope_of_mode
            by_sigma[s] += 2.0 * (e * e_s - h * table[j, c + R_FS] * spread_of_f) / v
        h_f = -table[j, R_FF]
        for k in range(p):
            second_mode, second_spread = second_sums(structure, f, mode, scratch.first, j, k)
            fk = f[j, 1 + k]
            e_k = -h * fk - h_f * fk * slope_of_mode - h * second_mode
            spread_k = 2.0 * h * (h_f * fk * spread_of_f + h * second_spread)
            by_psi[k] += 2.0 * e * e_k / v + spread_k / v + by_variance * table[j, V_F] * fk
    for t in range(by_theta.shape[0]):
        by_theta[t] = 0.0
    add_design(subjects, i, by_psi, by_theta)
    for a in range(n_eta):
        for b in range(n_eta):
            out.by_precision[i, a, b] = mode[a] * mode[b] + scratch.inverse[a, b]


@kernel
def first_order_subject(
    want_gradient: bool,
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    scratch: Scratch,
    out: Objective,
) -> int:
    """Objective (and gradient) of subject i; out.eta receives the linear posterior mode."""
    n_eta = scratch.step.shape[0]
    n_obs = subjects.obs_start[i + 1] - subjects.obs_start[i]
    variance_at_zero(structure, subjects, i, values, scratch, scratch.f, scratch.table)
    mode = out.eta[i]
    value = linear_mode(n_obs, structure, values, scratch, mode)
    if not abs(value) < 1e300:
        return _NOT_FINITE
    out.ofv[i] = value + values.log_det_omega + log_determinant(scratch.low, n_eta)
    if want_gradient:
        cholesky_inverse(scratch.low, n_eta, scratch.trial, scratch.inverse)
        gradient_subject(structure, subjects, i, scratch, mode, out)
    return _OK


@kernel
def first_order_range(
    first: int,
    last: int,
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
        out.status[i] = first_order_subject(
            want_gradient, structure, subjects, i, values, scratch, out
        )
    return 0

r"""The exact likelihood of models that are linear in the random effects, in closed form.

With e = r and Z = -dr/d eta at eta = 0, both exact at any eta where the model is linear, and R the
residual variances,

.. math::
    OFV_i = e^\top V^{-1} e + \log|V|, \qquad V = Z \Omega Z^\top + R

(Laird & Ware 1982, Biometrics 38:963). The matrix of the observations is factored as it is, so
this is an independent check of the methods that integrate over eta.
"""

from math import log
from typing import NamedTuple

import numpy as np

from workbench.core.conditional import Objective, add_design
from workbench.core.ebe import variance_at_zero
from workbench.core.jit import OutIntVec, OutMat, OutVec, kernel, load
from workbench.core.linalg import cholesky, cholesky_inverse, cholesky_solve
from workbench.core.packed import (
    Scratch,
    Structure,
    Subjects,
    Values,
    make_scratch,
    most_of,
)
from workbench.core.residuals import FIRST_SIGMA, R_F, R_FF, SIGMA_WIDTH, V_F, V_S, R, V

_OK = 0
_NOT_POSITIVE_DEFINITE = 2
_NOT_FINITE = 3
_CANCELLED = 4


class Dense(NamedTuple):
    """Working memory for one subject's observations."""

    z: OutMat  # (max_obs, n_eta)
    spread: OutMat  # Z omega, (max_obs, n_eta)
    covariance: OutMat  # (max_obs, max_obs)
    low: OutMat
    inverse: OutMat
    column: OutVec
    scaled: OutVec  # V^-1 e
    by_z: OutMat  # d OFV / d Z
    omega: OutMat


@kernel
def make_dense(n_obs: int, n_eta: int) -> Dense:
    """Allocate the working memory of one thread."""
    return Dense(
        np.zeros((n_obs, n_eta)),
        np.zeros((n_obs, n_eta)),
        np.zeros((n_obs, n_obs)),
        np.zeros((n_obs, n_obs)),
        np.zeros((n_obs, n_obs)),
        np.zeros(n_obs),
        np.zeros(n_obs),
        np.zeros((n_obs, n_eta)),
        np.zeros((n_eta, n_eta)),
    )


@kernel
def invert_precision(values: Values, scratch: Scratch, dense: Dense) -> None:
    """Fill dense.omega."""
    n_eta = dense.omega.shape[0]
    cholesky(values.precision, n_eta, scratch.low)
    cholesky_inverse(scratch.low, n_eta, scratch.trial, dense.omega)


@kernel
def fill_covariance(structure: Structure, n_obs: int, scratch: Scratch, dense: Dense) -> None:
    """Fill Z, Z omega and V."""
    n_eta = dense.omega.shape[0]
    for j in range(n_obs):
        for k in range(structure.eta_index.shape[0]):
            a = structure.eta_index[k]
            if a >= 0:
                dense.z[j, a] = -scratch.table[j, R_F] * scratch.f[j, 1 + k]
        for a in range(n_eta):
            s = 0.0
            for b in range(n_eta):
                s += dense.z[j, b] * dense.omega[b, a]
            dense.spread[j, a] = s
        for q in range(j + 1):
            s = scratch.table[j, V] if q == j else 0.0
            for a in range(n_eta):
                s += dense.spread[j, a] * dense.z[q, a]
            dense.covariance[j, q] = s
            dense.covariance[q, j] = s


@kernel
def fill_by_z(n_obs: int, dense: Dense) -> None:
    """Fill d OFV/d Z = 2 (V^-1 - V^-1 e e' V^-1) Z omega."""
    for j in range(n_obs):
        for a in range(dense.omega.shape[0]):
            s = 0.0
            for q in range(n_obs):
                weight = dense.inverse[j, q] - dense.scaled[j] * dense.scaled[q]
                s += 2.0 * weight * dense.spread[q, a]
            dense.by_z[j, a] = s


@kernel
def dense_gradient(
    structure: Structure, subjects: Subjects, i: int, scratch: Scratch, dense: Dense, out: Objective
) -> None:
    """Gradient of subject i; dense.inverse and dense.scaled are filled."""
    p, n_eta = scratch.psi.shape[0], dense.omega.shape[0]
    n_obs = subjects.obs_start[i + 1] - subjects.obs_start[i]
    f, table, by_psi = scratch.f, scratch.table, scratch.trace
    by_theta, by_sigma, by_p = out.by_theta[i], out.by_sigma[i], out.by_precision[i]
    fill_by_z(n_obs, dense)
    by_psi[:] = 0.0
    by_sigma[:] = 0.0
    by_theta[:] = 0.0
    for j in range(n_obs):
        by_v = dense.inverse[j, j] - dense.scaled[j] * dense.scaled[j]
        for s in range(by_sigma.shape[0]):
            by_sigma[s] += by_v * table[j, FIRST_SIGMA + SIGMA_WIDTH * s + V_S]
        for k in range(p):
            fk = f[j, 1 + k]
            by_psi[k] += (2.0 * dense.scaled[j] * table[j, R_F] + by_v * table[j, V_F]) * fk
            for q in range(p):
                a = structure.eta_index[q]
                if a >= 0:
                    high, low = max(k, q), min(k, q)
                    second = f[j, 1 + p + high * (high + 1) // 2 + low]
                    bend = table[j, R_FF] * fk * f[j, 1 + q] + table[j, R_F] * second
                    by_psi[k] -= dense.by_z[j, a] * bend
    add_design(subjects, i, by_psi, by_theta)
    # d OFV/d omega = Z' (V^-1 - V^-1 e e' V^-1) Z; in omega^-1, without log|omega|, it is
    # omega - omega (d OFV/d omega) omega.
    for a in range(n_eta):
        for b in range(n_eta):
            s_ab = dense.omega[a, b]
            for j in range(n_obs):
                s_ab -= 0.5 * dense.spread[j, a] * dense.by_z[j, b]
            by_p[a, b] = s_ab


@kernel
def linear_mixed_subject(
    want_gradient: bool,
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    scratch: Scratch,
    dense: Dense,
    out: Objective,
) -> int:
    """Objective (and gradient) of subject i; out.eta receives omega Z' V^-1 e."""
    n_obs = subjects.obs_start[i + 1] - subjects.obs_start[i]
    variance_at_zero(structure, subjects, i, values, scratch, scratch.f, scratch.table)
    fill_covariance(structure, n_obs, scratch, dense)
    if cholesky(dense.covariance, n_obs, dense.low) != 0:
        return _NOT_POSITIVE_DEFINITE
    for j in range(n_obs):
        dense.scaled[j] = scratch.table[j, R]
    cholesky_solve(dense.low, n_obs, dense.scaled, dense.scaled)
    total = 0.0
    for j in range(n_obs):
        total += scratch.table[j, R] * dense.scaled[j] + 2.0 * log(dense.low[j, j])
    if not abs(total) < 1e300:
        return _NOT_FINITE
    out.ofv[i] = total
    for a in range(dense.omega.shape[0]):
        out.eta[i, a] = 0.0
        for j in range(n_obs):
            out.eta[i, a] += dense.spread[j, a] * dense.scaled[j]
    if want_gradient:
        cholesky_inverse(dense.low, n_obs, dense.column, dense.inverse)
        dense_gradient(structure, subjects, i, scratch, dense, out)
    return _OK


@kernel
def linear_mixed_range(
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
    n_eta = values.precision.shape[0]
    most = most_of(subjects.obs_start, first, last)
    scratch = make_scratch(structure, subjects, first, last, n_eta, values.sigma.shape[0])
    dense = make_dense(most, n_eta)
    invert_precision(values, scratch, dense)
    for i in range(first, last):
        if load(cancel, 0) != 0:
            return _CANCELLED
        out.status[i] = linear_mixed_subject(
            want_gradient, structure, subjects, i, values, scratch, dense, out
        )
    return 0

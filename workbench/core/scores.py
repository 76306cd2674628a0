r"""Scores and expected information of the conditional likelihood, at given random effects.

With psi-gradient :math:`f_\psi`, residual r and variance v (`core.residuals`), of one plain
observation (`core.observation` has the other kinds)

.. math::
    \ell = \tfrac12 (r^2/v + \log v), \qquad
    I = a a^\top + c c^\top, \quad
    a = \frac{r_f}{\sqrt v} (f_\psi, 0), \quad c = \frac{1}{\sqrt2\, v} (v_f f_\psi, v_\sigma)

With `spread` the expectation is taken over a normal distribution of eta around the given values
with covariance H^-1, H the expected information plus that of the prior, to first order in it:
:math:`E[\ell] \approx \ell + \tfrac12 \mathrm{tr}(H^{-1} I_{\eta\eta})`. These are FOCEI's explicit
derivatives, without the movement of the mode: the E-step of iterative two-stage methods (Steimer,
Mallet, Golmard & Boisvieux 1984, Drug Metab Rev 15:265).
"""

from typing import NamedTuple

import numpy as np

from workbench.core.conditional import expand_inverse, trace_terms
from workbench.core.ebe import evaluate
from workbench.core.jit import Mat, OutCube, OutIntVec, OutMat, OutVec, Vec, kernel, load
from workbench.core.likelihood import joint_derivatives, with_prior
from workbench.core.linalg import cholesky, cholesky_inverse
from workbench.core.observation import informed, sigma_terms
from workbench.core.packed import (
    Scratch,
    Structure,
    Subjects,
    Values,
    make_scratch,
)
from workbench.core.residuals import FIRST_SIGMA, OTHER_S, R_F, R_S, SIGMA_WIDTH, V_F, V_S

_OK = 0
_NOT_POSITIVE_DEFINITE = 2
_NOT_FINITE = 3
_CANCELLED = 4


class Scores(NamedTuple):
    """Per-subject results; every array is overwritten. Derivatives are of twice the sum of l."""

    value: OutVec  # (n_sub,) twice the sum of l, without the prior
    status: OutIntVec  # (n_sub,)
    slope: OutMat  # (n_sub, p + n_sigma) in psi and sigma
    information: OutCube  # (n_sub, p + n_sigma, p + n_sigma), twice the sum of I
    inverse: OutCube  # (n_sub, n_eta, n_eta) H^-1


@kernel
def add_information(n_obs: int, scratch: Scratch, columns: OutMat, out: OutMat) -> None:
    """Fill the expected information of psi and sigma.

    Parameters
    ----------
    columns : (6, n_psi + n_sigma)  scratch: r, v and OTHER in every direction, and the
        information times these
    """
    p, n = scratch.psi.shape[0], columns.shape[1]
    for k in range(n):
        for q in range(n):
            out[k, q] = 0.0
    for j in range(n_obs):
        row = scratch.table[j]
        for k in range(p):
            columns[0, k] = row[R_F] * scratch.f[j, 1 + k]
            columns[1, k] = row[V_F] * scratch.f[j, 1 + k]
            columns[2, k] = 0.0
        for s in range(n - p):
            columns[0, p + s] = row[FIRST_SIGMA + SIGMA_WIDTH * s + R_S]
            columns[1, p + s] = row[FIRST_SIGMA + SIGMA_WIDTH * s + V_S]
            columns[2, p + s] = row[FIRST_SIGMA + SIGMA_WIDTH * s + OTHER_S]
        for k in range(n):
            columns[3, k], columns[4, k], columns[5, k] = informed(
                row, columns[0, k], columns[1, k], columns[2, k]
            )
            for q in range(n):
                for part in range(3):
                    out[k, q] += 2.0 * columns[3 + part, k] * columns[part, q]


@kernel
def add_slopes(spread: bool, n_obs: int, scratch: Scratch, out: OutVec) -> None:
    """Fill the slopes in psi and sigma; with `spread`, trace and leverage are those of H^-1."""
    p = scratch.psi.shape[0]
    for k in range(p):
        out[k] = 2.0 * scratch.gradient[k] + (scratch.trace[k] if spread else 0.0)
    for s in range(out.shape[0] - p):
        total = 0.0
        for j in range(n_obs):
            row = scratch.table[j]
            l_s, _, w_s = sigma_terms(row, s)
            total += 2.0 * l_s + (w_s * scratch.leverage[j] if spread else 0.0)
        out[p + s] = total


@kernel
def score_subject(
    spread: bool,
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    eta: Vec,
    scratch: Scratch,
    columns: OutMat,
    out: Scores,
) -> int:
    """Scores of subject i."""
    n_eta = eta.shape[0]
    n_obs = subjects.obs_start[i + 1] - subjects.obs_start[i]
    value = evaluate(True, structure, subjects, i, values, eta, scratch)
    if not abs(value) < 1e300:
        return _NOT_FINITE
    prior = 0.0
    for a in range(n_eta):
        for b in range(n_eta):
            prior += eta[a] * values.precision[a, b] * eta[b]
    out.value[i] = 2.0 * value - prior
    joint_derivatives(n_obs, scratch)
    with_prior(scratch.weights, structure.eta_index, values.precision, scratch.matrix)
    if cholesky(scratch.matrix, n_eta, scratch.low) != 0:
        return _NOT_POSITIVE_DEFINITE
    cholesky_inverse(scratch.low, n_eta, scratch.trial, scratch.inverse)
    for a in range(n_eta):
        for b in range(n_eta):
            out.inverse[i, a, b] = scratch.inverse[a, b]
    if spread:
        expand_inverse(structure.eta_index, scratch.inverse, scratch.spread)
        trace_terms(n_obs, scratch)
    add_slopes(spread, n_obs, scratch, out.slope[i])
    add_information(n_obs, scratch, columns, out.information[i])
    return _OK


@kernel
def score_range(
    first: int,
    last: int,
    spread: bool,
    structure: Structure,
    subjects: Subjects,
    values: Values,
    eta: Mat,
    cancel: OutIntVec,
    out: Scores,
) -> int:
    """Scores of subjects first..last-1; stops early when cancel[0] becomes non-zero.

    Parameters
    ----------
    spread : take expectations over the normal approximation of eta's conditional distribution
    eta : (n_sub, n_eta)
    """
    p, n_sigma = structure.eta_index.shape[0], values.sigma.shape[0]
    scratch = make_scratch(structure, subjects, first, last, values.precision.shape[0], n_sigma)
    columns = np.zeros((6, p + n_sigma))
    for i in range(first, last):
        if load(cancel, 0) != 0:
            return _CANCELLED
        out.status[i] = score_subject(
            spread, structure, subjects, i, values, eta[i], scratch, columns, out
        )
    return 0

r"""Importance sampling of the marginal likelihood and of conditional expectations.

.. math::
    p(y_i) = E_q\Big[\frac{p(y_i, \eta)}{q(\eta)}\Big]
    \approx \frac1M \sum_m W_m, \qquad \eta_m \sim q

with q a multivariate t (or normal) density centred at the conditional mode, its scale the inverse
Hessian there (the expected information where the observed Hessian is not positive definite).
Weights live on the logarithmic scale. With the normalised weights w_m = W_m / sum W,
:math:`E[g(\eta) | y_i] \approx \sum_m w_m g(\eta_m)`; by Fisher's identity the expectation of the
complete-data score is the gradient of the marginal log-likelihood (Louis 1982, J R Stat Soc B
44:226), so one pass gives value, gradient and what an EM step needs (Wei & Tanner 1990, J Am Stat
Assoc 85:699; NONMEM's IMP).

On a linear-Gaussian model the normal proposal is the conditional distribution itself: all weights
are equal and the result is exact.
"""

from math import cos, exp, inf, lgamma, log, log1p, pi, sqrt
from typing import NamedTuple

import numpy as np

from workbench.core.ebe import find_mode
from workbench.core.jit import (
    Cube,
    Mat,
    OutCube,
    OutIntVec,
    OutMat,
    OutVec,
    Vec,
    kernel,
    load,
)
from workbench.core.likelihood import joint, predict_subject, with_prior
from workbench.core.linalg import cholesky, cholesky_inverse, log_determinant
from workbench.core.observation import informed, sigma_terms, slope
from workbench.core.packed import (
    Scratch,
    Structure,
    Subjects,
    Values,
    make_scratch,
)
from workbench.core.residuals import FIRST_SIGMA, OTHER_S, R_F, R_S, SIGMA_WIDTH, V_F, V_S, R, V
from workbench.core.rng import IMPORTANCE, fill_normals, uniforms
from workbench.core.table import residual_table

_NOT_POSITIVE_DEFINITE = 2
_NOT_FINITE = 3
_CANCELLED = 4

# What to compute beside likelihood and moments of eta.
NOTHING = 0
SIGMA = 1  # expectations about the residual error
SLOPES = 2  # and about psi, from first derivatives of the predictions


class Sampling(NamedTuple):
    """How to draw."""

    seed: int
    iteration: int  # numbers of two iterations are independent
    draws: int
    df: int  # degrees of freedom of the t proposal; 0 for the normal one
    scale: float  # factor on the proposal's SD
    antithetic: bool  # draws 2m and 2m + 1 are mirror images
    want: int  # NOTHING, SIGMA or SLOPES
    centre: Mat  # (n_sub, n_eta) of the proposal; (0, n_eta) for the conditional mode
    covariance: Cube  # (n_sub, n_eta, n_eta) of the proposal; (0, ...) for the inverse Hessian


class Weighted(NamedTuple):
    """Per-subject results; every array is overwritten."""

    ofv: OutVec  # (n_sub,) -2 log of the marginal, without n log 2 pi
    variance: OutVec  # (n_sub,) Monte-Carlo variance of ofv
    ess: OutVec  # (n_sub,) effective sample size
    lost: OutIntVec  # (n_sub,) draws at which the likelihood does not exist
    status: OutIntVec  # (n_sub,)
    eta: OutMat  # (n_sub, n_eta) conditional modes, or the given centre
    mean: OutMat  # (n_sub, n_eta) E[eta | y]
    second: OutCube  # (n_sub, n_eta, n_eta) E[eta eta' | y]
    misfit: OutMat  # (n_sub, n_outputs) E[sum r^2 / v | y]
    by_sigma: OutMat  # (n_sub, n_sigma) d ofv / d sigma
    by_psi: OutMat  # (n_sub, p) d ofv / d psi at fixed eta
    information: OutCube  # (n_sub, p + n_sigma, ...) expected information in psi and sigma


@kernel
def standard_draw(seed: int, iteration: int, subject: int, draw: int, df: int, z: OutVec) -> float:
    r"""Fill z with a draw of the standard multivariate t distribution, or normal with df = 0.

    .. math:: z = x \sqrt{\nu / \chi^2_\nu}, \qquad x \sim N(0, I)

    A chi-square number of 2m degrees of freedom is minus twice the logarithm of a product of m
    uniform numbers; an odd one adds a squared normal number.

    Returns
    -------
    float
        z'z
    """
    each = (z.shape[0] + 1) // 2 + (df // 2 + 1) // 2 + df % 2
    position = fill_normals(seed, IMPORTANCE, subject, 0, iteration, draw * each, z)
    total = 0.0
    for k in range(z.shape[0]):
        total += z[k] * z[k]
    if df == 0:
        return total
    chi_square = 0.0
    for k in range(0, df // 2, 2):
        u, v = uniforms(seed, IMPORTANCE, subject, 0, iteration, position)
        chi_square -= 2.0 * log(u)
        if k + 1 < df // 2:
            chi_square -= 2.0 * log(v)
        position += 1
    if df % 2 == 1:
        u, v = uniforms(seed, IMPORTANCE, subject, 0, iteration, position)
        normal = sqrt(-2.0 * log(u)) * cos(2.0 * pi * v)
        chi_square += normal * normal
    factor = sqrt(df / chi_square)
    for k in range(z.shape[0]):
        z[k] *= factor
    return total * factor * factor


@kernel
def log_kernel(df: int, n: int, square: float) -> float:
    r"""Log density of the standard proposal, times :math:`(2\pi)^{n/2}`.

    Parameters
    ----------
    df : degrees of freedom, 0 for the normal distribution
    n : dimension
    square : z'z
    """
    if df == 0:
        return -0.5 * square
    nu = float(df)
    constant = lgamma(0.5 * (nu + n)) - lgamma(0.5 * nu) - 0.5 * n * log(0.5 * nu)
    return constant - 0.5 * (nu + n) * log1p(square / nu)


@kernel
def proposal(
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    sampling: Sampling,
    scratch: Scratch,
    centre: OutVec,
) -> int:
    """Find the proposal of subject i: its centre, and the factor of its covariance.

    Parameters
    ----------
    centre : (n_eta,)  overwritten
    scratch : scratch.low is overwritten with the lower Cholesky factor

    Returns
    -------
    int
        Status; above MAX_ITER there is no proposal.
    """
    n_eta = centre.shape[0]
    status = 0
    if sampling.centre.shape[0] > 0:
        for a in range(n_eta):
            centre[a] = sampling.centre[i, a]
    else:
        status, _ = find_mode(True, structure, subjects, i, values, scratch, centre)
        if status == _NOT_FINITE:
            return status
    if sampling.covariance.shape[0] > 0:
        for a in range(n_eta):
            for b in range(n_eta):
                scratch.inverse[a, b] = sampling.covariance[i, a, b]
    else:
        with_prior(scratch.hessian, structure.eta_index, values.precision, scratch.matrix)
        if cholesky(scratch.matrix, n_eta, scratch.low) != 0:
            with_prior(scratch.weights, structure.eta_index, values.precision, scratch.matrix)
            if cholesky(scratch.matrix, n_eta, scratch.low) != 0:
                return _NOT_POSITIVE_DEFINITE
        cholesky_inverse(scratch.low, n_eta, scratch.trial, scratch.inverse)
    if cholesky(scratch.inverse, n_eta, scratch.low) != 0:
        return _NOT_POSITIVE_DEFINITE
    return status


@kernel
def rescale(i: int, factor: float, out: Weighted) -> None:
    """Multiply the sums of subject i that grow with the draws."""
    for row in (out.misfit[i], out.by_sigma[i], out.by_psi[i]):
        for k in range(row.shape[0]):
            row[k] *= factor
    size = out.information.shape[1]
    for k in range(size):
        for q in range(size):
            out.information[i, k, q] *= factor


@kernel
def add_information(
    row: Vec, f: Vec, p: int, weight: float, parts: OutMat, information: OutMat
) -> None:
    r"""Add one observation's expected information about psi and sigma.

    .. math:: \frac{r_a r_b}{v} + \frac{v_a v_b}{2 v^2}

    of a plain one, with subscripts for derivatives in an element of (psi, sigma).

    Parameters
    ----------
    row : of the residual-error table
    f : prediction and its psi-derivatives
    p : number of psi that have derivatives
    parts : (n_phi + n_sigma, 3)  scratch
    """
    n_phi = parts.shape[0] - (row.shape[0] - FIRST_SIGMA) // SIGMA_WIDTH
    for k in range(parts.shape[0]):
        if k < n_phi:
            slope_k = f[1 + k] if p > 0 else 0.0
            parts[k, 0] = row[R_F] * slope_k
            parts[k, 1] = row[V_F] * slope_k
            parts[k, 2] = 0.0
        else:
            parts[k, 0] = row[FIRST_SIGMA + SIGMA_WIDTH * (k - n_phi) + R_S]
            parts[k, 1] = row[FIRST_SIGMA + SIGMA_WIDTH * (k - n_phi) + V_S]
            parts[k, 2] = row[FIRST_SIGMA + SIGMA_WIDTH * (k - n_phi) + OTHER_S]
    for k in range(0 if p > 0 else n_phi, parts.shape[0]):
        r_k, v_k, n_k = informed(row, parts[k, 0], parts[k, 1], parts[k, 2])
        for q in range(0 if p > 0 else n_phi, parts.shape[0]):
            information[k, q] += weight * (r_k * parts[q, 0] + v_k * parts[q, 1])
            information[k, q] += weight * n_k * parts[q, 2]


@kernel
def add_expectations(
    subjects: Subjects,
    i: int,
    slopes: bool,
    weight: float,
    scratch: Scratch,
    parts: OutMat,
    out: Weighted,
) -> None:
    """Add a draw's part of the expectations of subject i; its table and f are in `scratch`."""
    start = subjects.obs_start[i]
    p = scratch.psi.shape[0] if slopes else 0
    for j in range(subjects.obs_start[i + 1] - start):
        row = scratch.table[j]
        out.misfit[i, subjects.endpoint[start + j]] += weight * row[R] * row[R] / row[V]
        for s in range(out.by_sigma.shape[1]):
            out.by_sigma[i, s] += 2.0 * weight * sigma_terms(row, s)[0]
        if p > 0:
            by_f = 2.0 * weight * slope(row)
            for k in range(p):
                out.by_psi[i, k] += by_f * scratch.f[j, 1 + k]
        add_information(row, scratch.f[j], p, weight, parts, out.information[i])


@kernel
def draw_subject(
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    sampling: Sampling,
    scratch: Scratch,
    logs: OutVec,
    etas: OutMat,
    parts: OutMat,
    out: Weighted,
) -> float:
    """Draw and weigh; fill `logs` with log weights and `etas` with draws; return the largest.

    Parameters
    ----------
    logs : (draws,)
    etas : (draws, n_eta)
    """
    n_eta = scratch.step.shape[0]
    n_obs = subjects.obs_start[i + 1] - subjects.obs_start[i]
    order = 1 if sampling.want == SLOPES else 0
    constant = 0.5 * log_determinant(scratch.low, n_eta) + n_eta * log(sampling.scale)
    constant -= 0.5 * values.log_det_omega
    centre, z, top, square = out.eta[i], scratch.step, -inf, 0.0
    for m in range(sampling.draws):
        if sampling.antithetic and m % 2 == 1:
            for a in range(n_eta):
                etas[m, a] = 2.0 * centre[a] - etas[m - 1, a]
        else:
            square = standard_draw(sampling.seed, sampling.iteration, i, m, sampling.df, z)
            for a in range(n_eta):
                etas[m, a] = centre[a]
                for b in range(a + 1):
                    etas[m, a] += sampling.scale * scratch.low[a, b] * z[b]
        predict_subject(order, structure, subjects, i, values.theta, etas[m], scratch, scratch.f)
        residual_table(structure, subjects, i, values.sigma, scratch.f, scratch, scratch.table)
        value = joint(n_obs, scratch.table, values.precision, etas[m])
        logs[m] = constant - value - log_kernel(sampling.df, n_eta, square)
        if not abs(logs[m]) < inf:
            logs[m] = -inf
            out.lost[i] += 1
            continue
        if logs[m] > top:
            rescale(i, exp(top - logs[m]), out)
            top = logs[m]
        if sampling.want > NOTHING:
            weight = exp(logs[m] - top)
            add_expectations(subjects, i, order > 0, weight, scratch, parts, out)
    return top


@kernel
def sum_up(i: int, antithetic: bool, top: float, logs: OutVec, etas: OutMat, out: Weighted) -> None:
    """Turn log weights and draws of subject i into its row of every array."""
    draws, n_eta = etas.shape
    total, squares, pairs = 0.0, 0.0, 0.0
    each = 2 if antithetic else 1
    for m in range(draws):
        logs[m] = exp(logs[m] - top)
        total += logs[m]
        squares += logs[m] * logs[m]
        if m % each == each - 1:
            of_pair = logs[m] + (logs[m - 1] if antithetic else 0.0)
            pairs += of_pair * of_pair
    n_pairs = draws // each
    mean = total / n_pairs
    out.ofv[i] = -2.0 * (top + log(total / draws))
    out.ess[i] = total * total / squares
    if n_pairs > 1:
        spread = (pairs - n_pairs * mean * mean) / (n_pairs - 1)
        out.variance[i] = 4.0 * max(spread, 0.0) / (n_pairs * mean * mean)
    for m in range(draws):
        weight = logs[m] / total
        for a in range(n_eta):
            out.mean[i, a] += weight * etas[m, a]
            for b in range(n_eta):
                out.second[i, a, b] += weight * etas[m, a] * etas[m, b]
    rescale(i, 1.0 / total, out)


@kernel
def clear(i: int, out: Weighted) -> None:
    """Set the row of subject i to zero, its numbers to NaN."""
    out.ofv[i] = np.nan
    out.variance[i] = 0.0
    out.ess[i] = 0.0
    out.lost[i] = 0
    out.mean[i, :] = 0.0
    out.second[i, :, :] = 0.0
    out.misfit[i, :] = 0.0
    out.by_sigma[i, :] = 0.0
    out.by_psi[i, :] = 0.0
    out.information[i, :, :] = 0.0


@kernel
def importance_range(
    first: int,
    last: int,
    structure: Structure,
    subjects: Subjects,
    values: Values,
    sampling: Sampling,
    cancel: OutIntVec,
    out: Weighted,
) -> int:
    """Sample subjects first..last-1; stops early when cancel[0] becomes non-zero."""
    p, n_eta = structure.eta_index.shape[0], values.precision.shape[0]
    n_sigma = values.sigma.shape[0]
    scratch = make_scratch(structure, subjects, first, last, n_eta, n_sigma)
    logs, etas = np.zeros(sampling.draws), np.zeros((sampling.draws, n_eta))
    parts = np.zeros((p + n_sigma, 3))
    for i in range(first, last):
        if load(cancel, 0) != 0:
            return _CANCELLED
        clear(i, out)
        status = proposal(structure, subjects, i, values, sampling, scratch, out.eta[i])
        if status < _NOT_POSITIVE_DEFINITE:
            top = draw_subject(
                structure, subjects, i, values, sampling, scratch, logs, etas, parts, out
            )
            if top > -inf:
                sum_up(i, sampling.antithetic, top, logs, etas, out)
            else:
                status = _NOT_FINITE
        out.status[i] = status
    return 0

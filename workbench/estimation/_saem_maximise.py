r"""The M-step of SAEM, block by block.

Write :math:`m_i = X_i \theta_M + \eta_i` for the random effects and the part of the typical values
that acts through them (theta_M, design X). Given :math:`\bar m_i = E[m_i]` and
:math:`S = \sum_i E[m_i m_i^\top]`, the complete-data likelihood has its maximum at

.. math::
    \hat\theta_M &= \Big(\sum_i X_i^\top \Omega^{-1} X_i\Big)^{-1}
                     \sum_i X_i^\top\Omega^{-1}\bar m_i, \\
    \hat\Omega &= \frac1n \Big(S - \sum_i \bar m_i \mu_i^\top - \sum_i \mu_i \bar m_i^\top
                 + \sum_i \mu_i \mu_i^\top\Big), \quad \mu_i = X_i \hat\theta_M

(Kuhn & Lavielle 2005, Comput Stat Data Anal 49:1020, section 3). Fixed elements, and those
outside the blocks of omega, stay.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from workbench.estimation._saem_split import Split

Floats = NDArray[np.float64]

LONGEST_STEP = 1.0  # of scoring, in units of x, before the gain
MAX_HALVINGS = 8


def typical_values(theta: Floats, precision: Floats, mean: Floats, parts: Split) -> Floats:
    """Return theta with its closed-form elements at the generalised least-squares estimate.

    Parameters
    ----------
    theta : (n_theta,)
    precision : (n_eta, n_eta)  inverse of omega
    mean : (n_sub, n_eta)  expectation of m
    """
    out = theta.copy()
    if not len(parts.closed):
        return out
    design = parts.design
    if len(design) == 1:
        weighted = design[0].T @ precision
        left, right = len(mean) * weighted @ design[0], weighted @ mean.sum(axis=0)
    else:
        weighted = design.transpose(0, 2, 1) @ precision
        left = (weighted @ design).sum(axis=0)
        right = np.einsum("nte,ne->t", weighted, mean)
    out[parts.closed] = np.linalg.lstsq(left, right, rcond=None)[0]
    return out


def location(theta: Floats, parts: Split) -> Floats:
    """Return mu = X theta_M, (1 or n_sub, n_eta)."""
    return np.asarray(parts.design @ theta[parts.closed])


def covariance(omega: Floats, mean: Floats, square: Floats, mu: Floats, parts: Split) -> Floats:
    """Return omega at its maximum, with what is not estimated left as it is.

    Parameters
    ----------
    omega : (n_eta, n_eta)  before
    mean : (n_sub, n_eta)  expectation of m
    square : (n_eta, n_eta)  sum over subjects of the expectation of m m'
    mu : (1 or n_sub, n_eta)
    """
    if not len(omega):
        return omega
    n = len(mean)
    if len(mu) == 1:
        cross = np.outer(mean.sum(axis=0), mu[0])
        own = n * np.outer(mu[0], mu[0])
    else:
        cross, own = mean.T @ mu, mu.T @ mu
    best = (square - cross - cross.T + own) / n
    return np.where(parts.free_omega, 0.5 * (best + best.T), omega)


def annealed(omega: Floats, before: Floats, tau: float) -> Floats:
    """Return omega with variances of at least tau times those before, correlations kept.

    Simulated annealing as in Monolix and saemix: a variance that falls slowly lets the chains
    look around (Lavielle & Mentré 2007, J Pharmacokinet Pharmacodyn 34:229).
    """
    variance = np.diag(omega)
    least = tau * np.diag(before)
    factor = np.sqrt(np.maximum(variance, least) / np.maximum(variance, 1e-300))
    if (factor == 1.0).all():
        return omega
    correlation_kept = omega * np.outer(factor, factor)
    np.fill_diagonal(correlation_kept, np.maximum(variance, least))
    return np.asarray(correlation_kept)


def positive(omega: Floats, before: Floats) -> Floats:
    """Return omega, or an average with the one before when it has no Cholesky factor."""
    for weight in (0.0, 0.1, 0.5):
        blend = (1.0 - weight) * omega + weight * before
        try:
            np.linalg.cholesky(blend)
        except np.linalg.LinAlgError:
            continue
        return blend
    return before


def standard_errors(information: Floats) -> Floats:
    """Return the standard errors of an information matrix; infinite where there is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.sqrt(np.diag(information))
        scaled = np.nan_to_num(information / np.outer(size, size))
        return np.asarray(np.sqrt(np.diag(np.linalg.pinv(scaled))) / size)


def scoring_step(score: Floats, information: Floats) -> Floats:
    """Return the Fisher scoring step, no element longer than LONGEST_STEP.

    Parameters
    ----------
    score, information : of the complete-data log likelihood, (n,) and (n, n)
    """
    size = np.sqrt(np.maximum(np.diag(information), 1e-300))
    scaled = information / np.outer(size, size) + 1e-8 * np.eye(len(size))
    step = np.linalg.solve(scaled, score / size) / size
    return np.asarray(np.clip(np.nan_to_num(step), -LONGEST_STEP, LONGEST_STEP))


def accepted_part(misfit: Callable[[float], float], before: float) -> float:
    """Return the part of a step (1, 1/2, 1/4, ..., or 0) after which the misfit is not larger.

    Parameters
    ----------
    misfit : at a part of the step; may be infinite
    before : at none of it
    """
    part = 1.0
    for _ in range(MAX_HALVINGS):
        if misfit(part) <= before + 1e-9 * abs(before):
            return part
        part *= 0.5
    return 0.0

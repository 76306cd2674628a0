"""What keeps SAEM's M-step from going astray: annealing, positive matrices, halved steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAX_HALVINGS = 8


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

"""What one observation contributes to minus the log likelihood, and the derivatives of it.

Functions of one row of the residual-error table (`core.residuals`): the one place that knows how
an observation of some kind is distributed. Plain observations take the short way, `gaussian`; all
other kinds are told apart behind one branch, `limits`. A new kind is a number in `residuals`, its
functions beside `limits`, and a branch here.
"""

import numpy as np

from workbench.core import gaussian, limits, student
from workbench.core.jit import Vec, kernel
from workbench.core.residuals import (
    FIRST_SIGMA,
    KIND,
    OBSERVED,
    OTHER_S,
    R_FS,
    R_S,
    SIGMA_WIDTH,
    STUDENT,
    V_F,
    V_FS,
    V_S,
    V,
)


@kernel
def value(row: Vec) -> float:
    r"""Return the contribution :math:`\ell`, NaN where the variance is not positive."""
    if row[KIND] == STUDENT:
        return student.value(row) if row[V] > 0.0 else np.nan
    if row[KIND] != OBSERVED:
        return limits.value(row) if row[V] >= 0.0 else np.nan
    return gaussian.value(row) if row[V] > 0.0 else np.nan


@kernel
def slope(row: Vec) -> float:
    r"""Return :math:`\partial \ell / \partial f`."""
    if row[KIND] == STUDENT:
        return student.slope(row)
    if row[KIND] != OBSERVED:
        return limits.along_prediction(row)[0]
    return gaussian.slope(row)


@kernel
def curvature(row: Vec) -> float:
    r"""Return :math:`\partial^2 \ell / \partial f^2`, exact."""
    if row[KIND] == STUDENT:
        return student.curvature(row)
    if row[KIND] != OBSERVED:
        return limits.along_prediction(row)[1]
    return gaussian.curvature(row)


@kernel
def weight(row: Vec) -> float:
    """Return the information w about f that has no second derivatives of the prediction."""
    if row[KIND] == STUDENT:
        return student.weight(row)
    if row[KIND] != OBSERVED:
        return limits.weight(row)
    return gaussian.weight(row)


@kernel
def weight_slope(row: Vec) -> float:
    r"""Return :math:`\partial w / \partial f` of `weight`."""
    if row[KIND] == STUDENT:
        return student.weight_slope(row)
    if row[KIND] != OBSERVED:
        return limits.along_prediction(row)[2]
    return gaussian.weight_slope(row)


@kernel
def sigma_terms(row: Vec, s: int) -> tuple[float, float, float]:
    r"""Return the derivatives of :math:`\ell`, its slope and its weight in sigma number s.

    Returns
    -------
    l_s, l_fs, w_s
    """
    c = FIRST_SIGMA + SIGMA_WIDTH * s
    rs, rfs, vs, vfs = row[c + R_S], row[c + R_FS], row[c + V_S], row[c + V_FS]
    if row[KIND] != OBSERVED:
        if row[KIND] == STUDENT:
            return student.terms(row, rs, rfs, vs, vfs, row[c + OTHER_S])
        return limits.terms(row, rs, rfs, vs, vfs, row[c + OTHER_S])
    return gaussian.terms(row, rs, rfs, vs, vfs)


@kernel
def residual_terms(row: Vec, s: int) -> tuple[float, float, float]:
    """Return the part of `sigma_terms` that sigma number s has through r, not the variance."""
    c = FIRST_SIGMA + SIGMA_WIDTH * s
    if row[KIND] != OBSERVED:
        if row[KIND] == STUDENT:
            return student.terms(row, row[c + R_S], row[c + R_FS], 0.0, 0.0, row[c + OTHER_S])
        return limits.terms(row, row[c + R_S], row[c + R_FS], 0.0, 0.0, row[c + OTHER_S])
    return gaussian.terms(row, row[c + R_S], row[c + R_FS], 0.0, 0.0)


@kernel
def variance_terms(row: Vec, vs: float) -> tuple[float, float, float]:
    """Return what `sigma_terms` does for a parameter s that only moves the variance.

    Parameters
    ----------
    vs : dv/ds, the same at every f
    """
    if row[KIND] != OBSERVED:
        if row[KIND] == STUDENT:
            return student.terms(row, 0.0, 0.0, vs, 0.0, 0.0)
        return limits.terms(row, 0.0, 0.0, vs, 0.0, 0.0)
    return gaussian.terms(row, 0.0, 0.0, vs, 0.0)


@kernel
def scale_terms(row: Vec) -> tuple[float, float, float]:
    """Return what `sigma_terms` does for u, the log of a factor on the SD (`scale_effects`)."""
    vu, vfu = 2.0 * row[V], 2.0 * row[V_F]
    if row[KIND] != OBSERVED:
        if row[KIND] == STUDENT:
            return student.terms(row, 0.0, 0.0, vu, vfu, 0.0)
        return limits.terms(row, 0.0, 0.0, vu, vfu, 0.0)
    return gaussian.terms(row, 0.0, 0.0, vu, vfu)


@kernel
def scale_curvature(row: Vec) -> float:
    r"""Return :math:`\partial^2 \ell / \partial u^2`, u as in `scale_terms`."""
    if row[KIND] == STUDENT:
        return student.scale_curvature(row)
    if row[KIND] != OBSERVED:
        return limits.scale_curvature(row)
    return gaussian.scale_curvature(row)


@kernel
def scale_sigma(row: Vec, s: int) -> float:
    r"""Return :math:`\partial^2 \ell / (\partial u\, \partial \sigma_s)`, u as in `scale_terms`."""
    c = FIRST_SIGMA + SIGMA_WIDTH * s
    if row[KIND] == STUDENT:
        return student.scale_sigma(row, row[c + R_S], row[c + V_S], row[c + OTHER_S])
    if row[KIND] != OBSERVED:
        return limits.scale_sigma(row, row[c + R_S], row[c + V_S], row[c + OTHER_S])
    return gaussian.scale_sigma(row, row[c + R_S], row[c + V_S])


@kernel
def informed(row: Vec, r_a: float, v_a: float, other_a: float) -> tuple[float, float, float]:
    """Return the information about (r, v, OTHER) times a direction in a parameter a.

    Its product with another direction is the information about these two parameters. OTHER counts
    where it is a parameter of the distribution, the degrees of freedom.

    Parameters
    ----------
    r_a, v_a, other_a : the direction, derivatives of r, v and OTHER in a
    """
    if row[KIND] == STUDENT:
        return student.informed(row, r_a, v_a, other_a)
    if row[KIND] != OBSERVED:
        r_i, v_i = limits.informed(row, r_a, v_a)
        return r_i, v_i, 0.0
    r_i, v_i = gaussian.informed(row, r_a, v_a)
    return r_i, v_i, 0.0

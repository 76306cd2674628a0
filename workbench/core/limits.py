r"""The contribution of an observation of which limits are known, with Gaussian error.

With r(y) and v as in `core.residuals`, :math:`a = r(y)/\sqrt v` and, at the other limit,
:math:`b = r(l)/\sqrt v`, the contributions (minus the log probability, complete) are

.. math::
    \text{below } y&: -\log\Phi(a) \qquad \text{above } y: -\log\Phi(-a) \\
    \text{between}&: -\log\,|\Phi(a) - \Phi(b)| \\
    \text{observed, truncated at } l&: \tfrac12 (a^2 + \log v) + \log\Phi(-b) \\
    \text{below } y \text{, truncated at } l&: -\log(\Phi(a) - \Phi(b)) + \log\Phi(-b)

(Beal 2001, J Pharmacokinet Pharmacodyn 28:481: the first is his M3, the last two are M2 and M4.)
As the table holds r, this serves every transformation of the data that rises.

Where the information about f is asked for (`weight`, `informed`), a censored observation gives
the quadratic form of the second derivatives in (a, b), without those of a and b in f: for
"below", :math:`(\log\Phi)''(a)\, a_f^2` with its sign turned, never negative. A truncated one gives
its expected information, the variance of the slope of the truncated distribution.
"""

from math import sqrt

import numpy as np

from workbench.core import gaussian
from workbench.core.jit import Vec, kernel
from workbench.core.residuals import (
    ABOVE,
    BELOW,
    BETWEEN,
    KIND,
    OTHER,
    R_F,
    R_FF,
    TRUNCATED,
    V_F,
    V_FF,
    R,
    V,
)
from workbench.core.tails import between, surprise, tail, truncated_spread


@kernel
def value(row: Vec) -> float:
    """Return the contribution; v must not be negative.

    Without variance, a value that is known to lie below a limit above the prediction is certain.
    """
    kind, v = row[KIND], row[V]
    if v == 0.0:
        return 0.0 if kind == BELOW and row[R] > 0.0 else np.nan
    sd = sqrt(v)
    a, b = row[R] / sd, row[OTHER] / sd
    if kind == BELOW:
        return surprise(-a)
    if kind == ABOVE:
        return surprise(a)
    if kind == TRUNCATED:
        return gaussian.value(row) - surprise(b)
    found, _, _ = between(min(a, b), max(a, b))
    return found if kind == BETWEEN else found - surprise(b)


@kernel
def by_limits(kind: float, a: float, b: float) -> tuple[float, float, float, float, float]:
    """Return the first and second derivatives of the contribution in a and b.

    That of a truncated observation is without its Gaussian part.

    Returns
    -------
    l_a, l_b, l_aa, l_ab, l_bb
    """
    if kind == BELOW:
        first, second, _ = tail(-a)
        return -first, 0.0, second, 0.0, 0.0
    if kind == ABOVE:
        first, second, _ = tail(a)
        return first, 0.0, second, 0.0, 0.0
    l_a, l_b, l_aa, l_ab, l_bb = 0.0, 0.0, 0.0, 0.0, 0.0
    if kind != TRUNCATED:
        _, low, high = between(min(a, b), max(a, b))
        at_a, at_b = (-high, low) if a > b else (low, -high)  # d(-log P)
        l_a, l_b, l_aa = at_a, at_b, at_a * (at_a - a)
        l_ab, l_bb = at_a * at_b, at_b * (at_b - b)
    if kind != BETWEEN:
        first, second, _ = tail(b)
        l_b -= first
        l_bb -= second
    return l_a, l_b, l_aa, l_ab, l_bb


@kernel
def third_by_limits(kind: float, a: float, b: float) -> tuple[float, float, float, float]:
    """Return the third derivatives l_aaa, l_aab, l_abb, l_bbb; see `by_limits`."""
    if kind == BELOW:
        return -tail(-a)[2], 0.0, 0.0, 0.0
    if kind == ABOVE:
        return tail(a)[2], 0.0, 0.0, 0.0
    aaa, aab, abb, bbb = 0.0, 0.0, 0.0, 0.0
    if kind != TRUNCATED:
        _, low, high = between(min(a, b), max(a, b))
        p, q = (-high, low) if a > b else (low, -high)
        # dp/da = p (p - a), dp/db = p q, dq/da = p q, dq/db = q (q - b)
        aaa = p * (p - a) * (2.0 * p - a) - p
        aab = p * q * (2.0 * p - a)
        abb = p * q * (2.0 * q - b)
        bbb = q * (q - b) * (2.0 * q - b) - q
    if kind != BETWEEN:
        bbb -= tail(b)[2]
    return aaa, aab, abb, bbb


@kernel
def standardised(
    x: float, r_s: float, v: float, v_s: float, r_t: float, v_t: float, r_st: float, v_st: float
) -> tuple[float, float, float]:
    r"""Return :math:`x_s, x_t, x_{st}` of :math:`x = r/\sqrt v`."""
    sd = sqrt(v)
    x_s = r_s / sd - 0.5 * x * v_s / v
    x_t = r_t / sd - 0.5 * x * v_t / v
    x_st = r_st / sd - 0.5 * (x_t * v_s + x * v_st) / v
    x_st += 0.5 * x * v_s * v_t / (v * v) - 0.5 * r_s * v_t / (v * sd)
    return x_s, x_t, x_st


@kernel
def terms(
    row: Vec, rs: float, rfs: float, vs: float, vfs: float, others: float
) -> tuple[float, float, float]:
    """Return the derivatives of the contribution, its slope and its weight in a parameter s.

    Parameters
    ----------
    row : one row of the residual-error table
    rs, rfs, vs, vfs : dr/ds, d2r/(df ds), dv/ds and d2v/(df ds)
    others : dr/ds at the other limit

    Returns
    -------
    l_s, l_fs, w_s ; with s the prediction itself: slope, curvature, slope of the weight
    """
    kind, v = row[KIND], row[V]
    if not v > 0.0:
        return 0.0, 0.0, 0.0
    a, b = row[R] / sqrt(v), row[OTHER] / sqrt(v)
    a_f, a_s, a_fs = standardised(a, row[R_F], v, row[V_F], rs, vs, rfs, vfs)
    b_f, b_s, b_fs = standardised(b, row[R_F], v, row[V_F], others, vs, rfs, vfs)
    l_a, l_b, aa, ab, bb = by_limits(kind, a, b)
    l_s = l_a * a_s + l_b * b_s
    l_fs = aa * a_f * a_s + ab * (a_f * b_s + b_f * a_s) + bb * b_f * b_s
    l_fs += l_a * a_fs + l_b * b_fs
    if kind == TRUNCATED:
        first, second, _ = gaussian.terms(row, rs, rfs, vs, vfs)
        return l_s + first, l_fs + second, truncated_weight_slope(row, rfs, vs, vfs, b_s)
    aaa, aab, abb, bbb = third_by_limits(kind, a, b)
    w_s = aaa * a_f * a_f * a_s + aab * (a_f * a_f * b_s + 2.0 * a_f * b_f * a_s)
    w_s += abb * (b_f * b_f * a_s + 2.0 * a_f * b_f * b_s) + bbb * b_f * b_f * b_s
    w_s += 2.0 * (aa * a_f * a_fs + ab * (a_fs * b_f + a_f * b_fs) + bb * b_f * b_fs)
    return l_s, l_fs, w_s


@kernel
def along_prediction(row: Vec) -> tuple[float, float, float]:
    """Return slope, curvature and the slope of the weight."""
    return terms(row, row[R_F], row[R_FF], row[V_F], row[V_FF], row[R_F])


@kernel
def weight(row: Vec) -> float:
    """Return the information about f; see above."""
    r_i, v_i = informed(row, row[R_F], row[V_F])
    return r_i * row[R_F] + v_i * row[V_F]


@kernel
def informed(row: Vec, r_a: float, v_a: float) -> tuple[float, float]:
    """Return the information about (r, v) times a direction (r_a, v_a), the same at both limits."""
    kind, v = row[KIND], row[V]
    if not v > 0.0:
        return 0.0, 0.0
    sd = sqrt(v)
    a, b = row[R] / sd, row[OTHER] / sd
    if kind == TRUNCATED:
        shift, one, mixed, two, _, _, _ = truncated_spread(b)
        p, q = r_a / sd - shift * v_a / v, 0.5 * v_a / v
        by_p, by_q = p * one - q * mixed, q * two - p * mixed
        return by_p / sd, (0.5 * by_q - shift * by_p) / v
    x, y = r_a / sd - 0.5 * a * v_a / v, r_a / sd - 0.5 * b * v_a / v
    _, _, aa, ab, bb = by_limits(kind, a, b)
    by_x, by_y = aa * x + ab * y, ab * x + bb * y
    return (by_x + by_y) / sd, -0.5 * (a * by_x + b * by_y) / v


@kernel
def truncated_weight_slope(row: Vec, rfs: float, vs: float, vfs: float, b_s: float) -> float:
    r"""Return the derivative in s of a truncated observation's weight.

    With :math:`e = r_f/\sqrt v, c = v_f/v` the slope of its contribution is, up to a constant,
    :math:`p X - q X^2` with X = Z - shift, p = e - shift c, q = c/2.

    Parameters
    ----------
    row, rfs, vs, vfs : as in `terms`
    b_s : derivative in s of the standardised other limit
    """
    v = row[V]
    sd = sqrt(v)
    shift, one, mixed, two, one_b, mixed_b, two_b = truncated_spread(row[OTHER] / sd)
    c = row[V_F] / v
    c_s = vfs / v - c * vs / v
    p, q = row[R_F] / sd - shift * c, 0.5 * c
    p_s = rfs / sd - 0.5 * row[R_F] * vs / (v * sd) - shift * c_s
    if shift != 0.0:
        p_s -= b_s * c
    q_s = 0.5 * c_s
    moved = p * p * one_b - 2.0 * p * q * mixed_b + q * q * two_b
    turned = p * p_s * one - (p_s * q + p * q_s) * mixed + q * q_s * two
    return 2.0 * turned + moved * b_s


@kernel
def scale_curvature(row: Vec) -> float:
    r"""Return :math:`\partial^2 \ell / \partial u^2`, u the log of a factor on the SD.

    As :math:`a_u = -a` and :math:`b_u = -b`, it is
    :math:`a^2 \ell_{aa} + 2ab\,\ell_{ab} + b^2 \ell_{bb} + a \ell_a + b \ell_b`.
    """
    v = row[V]
    if not v > 0.0:
        return 0.0
    a, b = row[R] / sqrt(v), row[OTHER] / sqrt(v)
    l_a, l_b, aa, ab, bb = by_limits(row[KIND], a, b)
    total = a * a * aa + 2.0 * a * b * ab + b * b * bb + a * l_a + b * l_b
    return total + (gaussian.scale_curvature(row) if row[KIND] == TRUNCATED else 0.0)


@kernel
def scale_sigma(row: Vec, rs: float, vs: float, others: float) -> float:
    r"""Return :math:`\partial^2 \ell / (\partial u\, \partial s)` for a parameter s.

    Parameters
    ----------
    rs, vs, others : as in `terms`
    """
    v = row[V]
    if not v > 0.0:
        return 0.0
    a, b = row[R] / sqrt(v), row[OTHER] / sqrt(v)
    a_s = rs / sqrt(v) - 0.5 * a * vs / v
    b_s = others / sqrt(v) - 0.5 * b * vs / v
    l_a, l_b, aa, ab, bb = by_limits(row[KIND], a, b)
    total = -(aa * a + ab * b + l_a) * a_s - (ab * a + bb * b + l_b) * b_s
    return total + (gaussian.scale_sigma(row, rs, vs) if row[KIND] == TRUNCATED else 0.0)

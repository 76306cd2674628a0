r"""The contribution of a value that was observed, with Gaussian error.

.. math:: \ell = \tfrac12 (r^2/v + \log v)

(minus its log density without the constant), with r and v as in `core.residuals`.
"""

from math import log

from workbench.core.jit import Vec, kernel
from workbench.core.residuals import R_F, R_FF, V_F, V_FF, R, V


@kernel
def value(row: Vec) -> float:
    r"""Return :math:`\ell`; v must be positive."""
    return 0.5 * (row[R] * row[R] / row[V] + log(row[V]))


@kernel
def slope(row: Vec) -> float:
    r"""Return :math:`\partial \ell / \partial f`."""
    r, v = row[R], row[V]
    return r * row[R_F] / v + 0.5 * row[V_F] * (1.0 - r * r / v) / v


@kernel
def curvature(row: Vec) -> float:
    r"""Return :math:`\partial^2 \ell / \partial f^2`."""
    r, v, vf = row[R], row[V], row[V_F]
    z = r * r / v
    return (
        (row[R_F] * row[R_F] + r * row[R_FF]) / v
        - 2.0 * r * row[R_F] * vf / (v * v)
        + 0.5 * row[V_FF] * (1.0 - z) / v
        + vf * vf * (z - 0.5) / (v * v)
    )


@kernel
def weight(row: Vec) -> float:
    r"""Return the expected information about f: :math:`r_f^2/v + v_f^2/(2 v^2)`."""
    v = row[V]
    return row[R_F] * row[R_F] / v + 0.5 * row[V_F] * row[V_F] / (v * v)


@kernel
def weight_slope(row: Vec) -> float:
    r"""Return :math:`\partial w / \partial f` of `weight`."""
    v, vf = row[V], row[V_F]
    v2 = v * v
    return (
        2.0 * row[R_F] * row[R_FF] / v
        - row[R_F] * row[R_F] * vf / v2
        + vf * row[V_FF] / v2
        - vf * vf * vf / (v2 * v)
    )


@kernel
def terms(row: Vec, rs: float, rfs: float, vs: float, vfs: float) -> tuple[float, float, float]:
    r"""Return the derivatives of :math:`\ell`, its slope and its weight in a parameter s.

    Parameters
    ----------
    row : one row of the residual-error table
    rs, rfs, vs, vfs : dr/ds, d2r/(df ds), dv/ds and d2v/(df ds)

    Returns
    -------
    l_s, l_fs, w_s
    """
    r, rf, v, vf = row[R], row[R_F], row[V], row[V_F]
    z = r * r / v
    v2 = v * v
    l_s = 0.5 * vs * (1.0 - z) / v + r * rs / v
    l_fs = -r * rf * vs / v2 + 0.5 * vfs * (1.0 - z) / v + vf * vs * (z - 0.5) / v2
    l_fs += (rs * rf + r * rfs) / v - r * rs * vf / v2
    w_s = -rf * rf * vs / v2 + vf * vfs / v2 - vf * vf * vs / (v2 * v) + 2.0 * rf * rfs / v
    return l_s, l_fs, w_s


@kernel
def informed(row: Vec, r_a: float, v_a: float) -> tuple[float, float]:
    r"""Return :math:`(r_a / v, v_a / (2 v^2))`: the information about (r, v) times (r_a, v_a)."""
    v = row[V]
    return r_a / v, 0.5 * v_a / (v * v)


@kernel
def scale_curvature(row: Vec) -> float:
    r"""Return :math:`\partial^2 \ell / \partial u^2 = 2 r^2/v`, u the log of a factor on the SD."""
    return 2.0 * row[R] * row[R] / row[V]


@kernel
def scale_sigma(row: Vec, rs: float, vs: float) -> float:
    r"""Return :math:`\partial^2 \ell / (\partial u\, \partial s)` for a parameter s.

    Parameters
    ----------
    rs, vs : dr/ds, dv/ds
    """
    r, v = row[R], row[V]
    return r * (r * vs / v - 2.0 * rs) / v

r"""The contribution of a value that was observed, with Student-t error.

With r and v as in `core.residuals`, :math:`z = r^2/v` and :math:`\nu` degrees of freedom,
:math:`r/\sqrt v` has Student's t distribution, and the contribution (minus the log density, less
:math:`\tfrac12 \log 2\pi`, so that it is the Gaussian one as :math:`\nu \to \infty`) is

.. math::
    \ell = \tfrac12 \log v + \tfrac{\nu + 1}{2} \log(1 + z/\nu) + \tfrac12 \log\tfrac{\nu}{2}
           + \log\Gamma(\tfrac{\nu}{2}) - \log\Gamma(\tfrac{\nu + 1}{2})

(Lange, Little & Taylor 1989, J Am Stat Assoc 84:881, whose expected information is `weight`'s and
`informed`'s). :math:`\nu` stands in the table's place of the other limit.
"""

from math import log, log1p

from workbench.core.jit import Vec, kernel
from workbench.core.residuals import OTHER, R_F, R_FF, V_F, V_FF, R, V
from workbench.core.special import digamma, lgamma, trigamma

DF = OTHER  # of the table


@kernel
def value(row: Vec) -> float:
    r"""Return :math:`\ell`; v must be positive."""
    v, nu = row[V], row[DF]
    constant = 0.5 * log(0.5 * nu) + lgamma(0.5 * nu) - lgamma(0.5 * (nu + 1.0))
    return 0.5 * log(v) + 0.5 * (nu + 1.0) * log1p(row[R] * row[R] / (v * nu)) + constant


@kernel
def square(row: Vec) -> tuple[float, float, float]:
    """Return z and its first two derivatives in f."""
    r, rf, v, vf = row[R], row[R_F], row[V], row[V_F]
    z = r * r / v
    first = 2.0 * r * rf / v - z * vf / v
    second = 2.0 * (rf * rf + r * row[R_FF]) / v - 4.0 * r * rf * vf / (v * v)
    second += z * (2.0 * vf * vf / v - row[V_FF]) / v
    return z, first, second


@kernel
def slope(row: Vec) -> float:
    r"""Return :math:`\partial \ell / \partial f`."""
    z, z_f, _ = square(row)
    q = (row[DF] + 1.0) / (row[DF] + z)
    return 0.5 * row[V_F] / row[V] + 0.5 * q * z_f


@kernel
def curvature(row: Vec) -> float:
    r"""Return :math:`\partial^2 \ell / \partial f^2`."""
    z, z_f, z_ff = square(row)
    q = (row[DF] + 1.0) / (row[DF] + z)
    vf = row[V_F] / row[V]
    return 0.5 * (row[V_FF] / row[V] - vf * vf + q * z_ff - q * z_f * z_f / (row[DF] + z))


@kernel
def weight(row: Vec) -> float:
    r"""Return the expected information about f.

    .. math:: \frac{\nu + 1}{\nu + 3} \frac{r_f^2}{v} + \frac{\nu}{\nu + 3} \frac{v_f^2}{2 v^2}
    """
    v, nu = row[V], row[DF]
    location, scale = row[R_F] * row[R_F] / v, 0.5 * row[V_F] * row[V_F] / (v * v)
    return ((nu + 1.0) * location + nu * scale) / (nu + 3.0)


@kernel
def weight_slope(row: Vec) -> float:
    r"""Return :math:`\partial w / \partial f` of `weight`."""
    v, vf, nu = row[V], row[V_F], row[DF]
    location = 2.0 * row[R_F] * row[R_FF] / v - row[R_F] * row[R_F] * vf / (v * v)
    scale = vf * (row[V_FF] - vf * vf / v) / (v * v)
    return ((nu + 1.0) * location + nu * scale) / (nu + 3.0)


@kernel
def by_df(z: float, nu: float) -> float:
    r"""Return :math:`\partial \ell / \partial \nu`."""
    gammas = digamma(0.5 * nu) - digamma(0.5 * (nu + 1.0))
    return 0.5 * (log1p(z / nu) - (nu + 1.0) * z / (nu * (nu + z)) + 1.0 / nu + gammas)


@kernel
def terms(
    row: Vec, rs: float, rfs: float, vs: float, vfs: float, ns: float
) -> tuple[float, float, float]:
    r"""Return the derivatives of :math:`\ell`, its slope and its weight in a parameter s.

    Parameters
    ----------
    row : one row of the residual-error table
    rs, rfs, vs, vfs : dr/ds, d2r/(df ds), dv/ds and d2v/(df ds)
    ns : d nu / ds

    Returns
    -------
    l_s, l_fs, w_s
    """
    r, rf, v, vf, nu = row[R], row[R_F], row[V], row[V_F], row[DF]
    z, z_f, _ = square(row)
    q = (nu + 1.0) / (nu + z)
    z_s = 2.0 * r * rs / v - z * vs / v
    z_fs = 2.0 * (rs * rf + r * rfs) / v - 2.0 * r * (rf * vs + rs * vf) / (v * v)
    z_fs += z * (2.0 * vf * vs / v - vfs) / v
    l_s = 0.5 * vs / v + 0.5 * q * z_s
    l_fs = 0.5 * (vfs - vf * vs / v) / v + 0.5 * q * (z_fs - z_f * z_s / (nu + z))
    location, scale = rf * rf / v, 0.5 * vf * vf / (v * v)
    location_s = 2.0 * rf * rfs / v - location * vs / v
    scale_s = vf * (vfs - vf * vs / v) / (v * v)
    w_s = ((nu + 1.0) * location_s + nu * scale_s) / (nu + 3.0)
    if ns != 0.0:
        l_s += ns * by_df(z, nu)
        l_fs += 0.5 * ns * (z - 1.0) * z_f / ((nu + z) * (nu + z))
        w_s += ns * (2.0 * location + 3.0 * scale) / ((nu + 3.0) * (nu + 3.0))
    return l_s, l_fs, w_s


@kernel
def informed(row: Vec, r_a: float, v_a: float, n_a: float) -> tuple[float, float, float]:
    """Return the expected information about (r, v, nu) times (r_a, v_a, n_a)."""
    v, nu = row[V], row[DF]
    mixed = -1.0 / ((nu + 1.0) * (nu + 3.0) * v)
    own = 0.25 * (trigamma(0.5 * nu) - trigamma(0.5 * (nu + 1.0)))
    own -= 0.5 * (nu + 5.0) / (nu * (nu + 1.0) * (nu + 3.0))
    return (
        (nu + 1.0) / (nu + 3.0) * r_a / v,
        0.5 * nu / (nu + 3.0) * v_a / (v * v) + mixed * n_a,
        mixed * v_a + own * n_a,
    )


@kernel
def scale_curvature(row: Vec) -> float:
    r"""Return :math:`\partial^2 \ell / \partial u^2`, u the log of a factor on the scale.

    As :math:`z_u = -2z`, :math:`\ell_u = 1 - (\nu + 1) z / (\nu + z)`.
    """
    nu = row[DF]
    z = row[R] * row[R] / row[V]
    return 2.0 * (nu + 1.0) * nu * z / ((nu + z) * (nu + z))


@kernel
def scale_sigma(row: Vec, rs: float, vs: float, ns: float) -> float:
    r"""Return :math:`\partial^2 \ell / (\partial u\, \partial s)` for a parameter s.

    Parameters
    ----------
    rs, vs, ns : dr/ds, dv/ds, d nu / ds
    """
    r, v, nu = row[R], row[V], row[DF]
    z = r * r / v
    z_s = 2.0 * r * rs / v - z * vs / v
    through_z = -(nu + 1.0) * nu * z_s / ((nu + z) * (nu + z))
    return through_z - ns * z * (z - 1.0) / ((nu + z) * (nu + z))

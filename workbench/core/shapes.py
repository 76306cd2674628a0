r"""Random effects that are not normal: a function T of a normal one, with its derivatives.

Petersson, Hanze, Savic & Karlsson (2009, Pharm Res 26:2174). Box-Cox, skewed to the right for
:math:`\lambda > 0` and to the left for :math:`\lambda < 0`,

.. math:: T(\eta, \lambda) = \frac{(e^\eta)^\lambda - 1}{\lambda}

and Student's t by the expansion of its quantiles (Abramowitz & Stegun 1964, 26.7.5), heavier in the
tails the smaller :math:`\nu = e^s`,

.. math:: T(\eta, s) = \eta \Big[1 + \frac{\eta^2 + 1}{4\nu}
    + \frac{5\eta^4 + 16\eta^2 + 3}{96\nu^2}
    + \frac{3\eta^6 + 19\eta^4 + 17\eta^2 - 15}{384\nu^3}\Big]
"""

from math import exp, expm1, log1p, nan

from workbench.core.jit import OutMat, OutVec, Vec, kernel

BOX_COX = 1
STUDENT = 2
N_PARTS = 6  # T and its derivatives, in the order of `box_cox`

NEAR = 0.5  # up to here the series of (exp(x) - 1)/x and its derivatives are used
N_TERMS = 20
NEWTON_STEPS = 50
CLOSE = 1e-13  # relative, of an inverse


@kernel
def relative_growth(x: float) -> tuple[float, float, float]:
    """Return (exp(x) - 1)/x and its first two derivatives, also at and near x = 0."""
    if abs(x) > NEAR:
        growth = expm1(x) / x
        slope = (exp(x) - growth) / x
        return growth, slope, (exp(x) - 2.0 * slope) / x
    growth, slope, bend = 0.0, 0.0, 0.0
    term = 1.0  # x^n / (n + 1)!, of the value; those of the derivatives begin at n = 1 and 2
    first, second = 0.5, 1.0 / 3.0
    for n in range(N_TERMS):
        growth += term
        slope += first
        bend += second
        term *= x / (n + 2)
        first *= x * (n + 2) / ((n + 1) * (n + 3))
        second *= x * (n + 3) / ((n + 1) * (n + 4))
    return growth, slope, bend


@kernel
def box_cox(eta: float, shape: float) -> tuple[float, float, float, float, float, float]:
    """Return T, its slopes in eta and shape, and T_ee, T_es, T_ss."""
    x = eta * shape
    growth, slope, bend = relative_growth(x)
    grown = exp(x)
    return (
        eta * growth,
        grown,
        eta * eta * slope,
        shape * grown,
        eta * grown,
        eta * eta * eta * bend,
    )


@kernel
def student(eta: float, shape: float) -> tuple[float, float, float, float, float, float]:
    """Return the same for Student's t with exp(shape) degrees of freedom."""
    v, q = exp(-shape), eta * eta
    a, a_e, a_ee = (q + 1.0) * eta / 4.0, (3.0 * q + 1.0) / 4.0, 6.0 * eta / 4.0
    b = ((5.0 * q + 16.0) * q + 3.0) * eta / 96.0
    b_e = ((25.0 * q + 48.0) * q + 3.0) / 96.0
    b_ee = (100.0 * q + 96.0) * eta / 96.0
    c = (((3.0 * q + 19.0) * q + 17.0) * q - 15.0) * eta / 384.0
    c_e = (((21.0 * q + 95.0) * q + 51.0) * q - 15.0) / 384.0
    c_ee = ((126.0 * q + 380.0) * q + 102.0) * eta / 384.0
    return (
        eta + v * (a + v * (b + v * c)),
        1.0 + v * (a_e + v * (b_e + v * c_e)),
        -v * (a + v * (2.0 * b + v * 3.0 * c)),
        v * (a_ee + v * (b_ee + v * c_ee)),
        -v * (a_e + v * (2.0 * b_e + v * 3.0 * c_e)),
        v * (a + v * (4.0 * b + v * 9.0 * c)),
    )


@kernel
def shaped(kind: int, eta: float, shape: float) -> tuple[float, float, float, float, float, float]:
    """Return T and its derivatives, see `box_cox`."""
    if kind == BOX_COX:
        return box_cox(eta, shape)
    return student(eta, shape)


@kernel
def inverse(kind: int, value: float, shape: float, start: float) -> float:
    """Return the eta of which T is a value; NaN where T takes no such value.

    Newton's method for Student's t, whose T rises ever steeper away from 0.

    Parameters
    ----------
    start : where to begin, an eta near it
    """
    if kind == BOX_COX:
        x = shape * value
        if x <= -1.0:
            return nan
        return value if abs(x) < CLOSE else log1p(x) / shape
    eta = start
    for _ in range(NEWTON_STEPS):
        at, slope, _, _, _, _ = student(eta, shape)
        step = (at - value) / slope
        eta -= step
        if abs(step) <= CLOSE * (1.0 + abs(eta)):
            return eta
    return nan


@kernel
def shaped_range(kind: int, shape: float, eta: Vec, out: OutMat) -> None:
    """Write T and its derivatives at each eta, (n, N_PARTS)."""
    for i in range(eta.shape[0]):
        out[i] = shaped(kind, eta[i], shape)


@kernel
def inverse_range(kind: int, value: Vec, shape: float, start: Vec, out: OutVec) -> None:
    """Write `inverse` of each value, (n,)."""
    for i in range(value.shape[0]):
        out[i] = inverse(kind, value[i], shape, start[i])

r"""Transformations of both sides: the data and the prediction on a scale of their own.

.. math:: g(y) = g(f) + \sqrt{v}\,\varepsilon, \qquad g = o \circ i

(Carroll & Ruppert 1984, J Am Stat Assoc 79:321). The inner function i takes an interval to the
whole line, the outer one o bends it by its parameter :math:`\lambda`:

* i: x; :math:`\log x`; :math:`\log\frac{x - a}{b - x}`;
  :math:`\Phi^{-1}\big(\frac{x - a}{b - a}\big)`
* o: x; :math:`(x^\lambda - 1)/\lambda` (Box & Cox 1964, J R Stat Soc B 26:211);
  :math:`((x + 1)^\lambda - 1)/\lambda` for x >= 0 and :math:`-((1 - x)^{2 - \lambda} - 1)/(2 -
  \lambda)` for x < 0 (Yeo & Johnson 2000, Biometrika 87:954)
"""

from math import erfc, exp, expm1, log, log1p, pi, sqrt

import numpy as np

from workbench.core.abi import at, call_residual
from workbench.core.jit import IntVec, Mat, OutMat, OutVec, Vec, kernel
from workbench.core.residuals import (
    FIRST_SIGMA,
    KIND,
    OTHER,
    OTHER_S,
    R_F,
    R_FF,
    R_FS,
    R_S,
    SIGMA_WIDTH,
    STUDENT,
    TWO_LIMITS,
    V_F,
    V_FF,
    V_FS,
    V_S,
    R,
    V,
)

# Inner and outer functions.
IDENTITY, LOG, LOGIT, PROBIT = 0, 1, 2, 3
BOX_COX, YEO_JOHNSON = 1, 2

# What `transformed` writes.
G = 0  # g(x)
G_X = 1  # dg/dx
G_XX = 2
G_L = 3  # dg/dlambda
G_XL = 4
N_PARTS = 5

# HOW: what the kernels know of an output's scale and distribution, a row of integers; beside it
# the two ends of the interval that logit and probit map.
INNER, OUTER = 0, 1  # numbers of the functions
OF_TRANSFORMED = 2  # 1 where the SD follows |g(f)|
IS_STUDENT = 3  # 1 where the residuals have Student's t distribution
N_OWN = 4  # residual parameters of the error model; after them lambda, then degrees of freedom
HOW = 5

SERIES = 0.5  # |t| below which quotients of (e^t - 1) are summed as series
TERMS = 16


@kernel
def growth(t: float) -> tuple[float, float]:
    r"""Return :math:`\varphi(t) = (e^t - 1)/t` and its slope, both exact at t = 0."""
    if abs(t) > SERIES:
        value = expm1(t) / t
        return value, (exp(t) - value) / t
    value, slope, term = 0.0, 0.0, 1.0  # t^k / (k + 1)!
    for k in range(TERMS):
        value += term
        term /= k + 2.0
        slope += (k + 1.0) * term
        term *= t
    return value, slope


@kernel
def normal_quantile(p: float, q: float) -> float:
    r"""Return :math:`\Phi^{-1}(p)`, given q = 1 - p as well so that neither tail is rounded away.

    Abramowitz & Stegun 26.2.23 gives three digits, and three of Halley's steps the others.
    """
    tail = min(p, q)
    if not tail > 0.0:
        return np.nan
    t = sqrt(-2.0 * log(tail))
    top = 2.515517 + t * (0.802853 + t * 0.010328)
    z = t - top / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
    for _ in range(3):
        # With z > 0 the upper tail beyond it; its density is divided out before it underflows.
        excess = (0.5 * erfc(z / sqrt(2.0)) - tail) * sqrt(2.0 * pi) * exp(0.5 * z * z)
        z += excess / (1.0 - 0.5 * z * excess)
    return -z if p < q else z


@kernel
def inner_function(inner: int, lower: float, upper: float, x: float, out: OutVec) -> None:
    """Write i(x) and its first two derivatives to the first three places.

    At the ends of its domain i is infinite, and NaN outside.
    """
    below, above = x - lower, upper - x
    if inner == IDENTITY:
        out[0], out[1], out[2] = x, 1.0, 0.0
    elif inner == LOG and x > 0.0:
        out[0], out[1], out[2] = log(x), 1.0 / x, -1.0 / (x * x)
    elif inner == LOGIT and below > 0.0 and above > 0.0:
        out[0] = log(below) - log(above)
        out[1] = 1.0 / below + 1.0 / above
        out[2] = 1.0 / (above * above) - 1.0 / (below * below)
    elif (inner == LOG and x == 0.0) or (inner >= LOGIT and below == 0.0):
        out[0], out[1], out[2] = -np.inf, np.inf, -np.inf
    elif inner >= LOGIT and above == 0.0:
        out[0], out[1], out[2] = np.inf, np.inf, np.inf
    elif inner == PROBIT and below > 0.0 and above > 0.0:
        width = upper - lower
        z = normal_quantile(below / width, above / width)
        out[0] = z
        out[1] = sqrt(2.0 * pi) * exp(0.5 * z * z) / width
        out[2] = z * out[1] * out[1]
    else:
        out[0], out[1], out[2] = np.nan, np.nan, np.nan


@kernel
def box_cox(size: float, lam: float, out: OutVec) -> None:
    """Write Box-Cox's function of x, given size = log x, with its derivatives."""
    value, slope = growth(lam * size)
    out[G] = size * value
    out[G_X] = exp((lam - 1.0) * size)
    out[G_XX] = (lam - 1.0) * exp((lam - 2.0) * size)
    out[G_L] = size * size * slope
    out[G_XL] = size * out[G_X]


@kernel
def outer_function(outer: int, lam: float, x: float, out: OutVec) -> None:
    """Write o(x) with its derivatives; NaN outside its domain."""
    if outer == IDENTITY:
        out[G], out[G_X], out[G_XX], out[G_L], out[G_XL] = x, 1.0, 0.0, 0.0, 0.0
    elif outer == YEO_JOHNSON and x >= 0.0:
        box_cox(log1p(x), lam, out)
    elif outer == YEO_JOHNSON and x < 0.0:
        box_cox(log1p(-x), 2.0 - lam, out)  # of 1 - x, with 2 - lambda: odd ones change sign
        out[G], out[G_XX], out[G_XL] = -out[G], -out[G_XX], -out[G_XL]
    elif outer == BOX_COX and x > 0.0:
        box_cox(log(x), lam, out)
    elif outer == BOX_COX and x == 0.0:
        out[G] = -1.0 / lam if lam > 0.0 else -np.inf
        out[G_L] = 1.0 / (lam * lam) if lam > 0.0 else 0.0
        out[G_X], out[G_XX], out[G_XL] = np.inf, -np.inf, -np.inf
    else:
        for k in range(N_PARTS):
            out[k] = np.nan


@kernel
def transformed(
    inner: int, outer: int, lower: float, upper: float, lam: float, x: float, out: OutVec
) -> None:
    """Write g(x) with its derivatives in x and lambda; NaN where x is out of its domain.

    Parameters
    ----------
    inner, outer : numbers of the functions
    lower, upper : ends of the interval of logit and probit
    lam : lambda of the outer function
    out : (N_PARTS,)  overwritten
    """
    inner_function(inner, lower, upper, x, out)
    value, first, second = out[0], out[1], out[2]
    outer_function(outer, lam, value, out)
    out[G_XX] = out[G_XX] * first * first + out[G_X] * second
    out[G_X] *= first
    out[G_XL] *= first


@kernel
def is_transformed(how: IntVec) -> bool:
    """Say whether an output's data are modelled on another scale."""
    return how[INNER] != IDENTITY or how[OUTER] != IDENTITY


@kernel
def lambda_of(how: IntVec, sigma: Vec) -> float:
    """Return lambda among the residual parameters of an output; 1 where it has none."""
    return sigma[how[N_OWN]] if how[OUTER] != IDENTITY else 1.0


@kernel
def variance_of_transformed(n_own: int, at_f: Vec, row: OutVec) -> tuple[float, float]:
    r"""Turn derivatives in :math:`x = |g(f)|` into those in f, by the chain rule.

    Parameters
    ----------
    n_own : residual parameters of the error model, without lambda
    at_f : (N_PARTS,)  g at f
    row : of the residual-error table, its own parameters first

    Returns
    -------
    dv/dlambda, d2v/(df dlambda)
    """
    sign = 1.0 if at_f[G] >= 0.0 else -1.0
    v_x, v_xx = sign * row[V_F], row[V_FF]
    for c in range(FIRST_SIGMA, FIRST_SIGMA + SIGMA_WIDTH * n_own, SIGMA_WIDTH):
        row[c + V_FS] *= sign * at_f[G_X]
    row[V_F] = v_x * at_f[G_X]
    row[V_FF] = v_xx * at_f[G_X] * at_f[G_X] + v_x * at_f[G_XX]
    return v_x * at_f[G_L], v_xx * at_f[G_L] * at_f[G_X] + v_x * at_f[G_XL]


@kernel
def put_both_sides(how: IntVec, at_y: Vec, at_f: Vec, row: OutVec) -> None:
    """Put the residual of one observation on the scale of g; its variance is there already.

    Parameters
    ----------
    at_y, at_f : (N_PARTS,)  g at the data and at the prediction
    row : of the residual-error table, with the output's own parameters first
    """
    n_own = how[N_OWN]
    v_l, v_fl = 0.0, 0.0
    if how[OF_TRANSFORMED] != 0:
        v_l, v_fl = variance_of_transformed(n_own, at_f, row)
    row[R], row[R_F], row[R_FF] = at_y[G] - at_f[G], -at_f[G_X], -at_f[G_XX]
    if how[OUTER] != IDENTITY:
        c = FIRST_SIGMA + SIGMA_WIDTH * n_own
        row[c + V_S], row[c + V_FS] = v_l, v_fl
        row[c + R_S], row[c + R_FS] = at_y[G_L] - at_f[G_L], -at_f[G_XL]


@kernel
def sizes_of(
    how: IntVec, ends: Vec, sigma: Vec, f: Vec, first: int, at_f: OutMat, sizes: OutVec
) -> None:
    """Write g at the predictions, and what the SD follows: f or |g(f)|.

    Parameters
    ----------
    how, ends : see `HOW`
    sigma : residual parameters of the output
    f : predictions, of which those from `first` on are meant
    at_f : (n, N_PARTS)
    sizes : (n,)
    """
    lam = lambda_of(how, sigma)
    for j in range(sizes.shape[0]):
        transformed(how[INNER], how[OUTER], ends[0], ends[1], lam, f[first + j], at_f[j])
        sizes[j] = abs(at_f[j, G]) if how[OF_TRANSFORMED] != 0 else f[first + j]


@kernel
def put_rows(
    how: IntVec, ends: Vec, sigma: Vec, y: Vec, start: int, at_f: Mat, first: int, table: OutMat
) -> None:
    """Put rows of the residual-error table on the scale of g, the variance being there already.

    Parameters
    ----------
    how, ends, sigma : see `sizes_of`
    y : data; those from `start` on belong to the rows of the table from `first` on
    at_f : (n, N_PARTS)  g at the predictions of these rows
    """
    lam, at_y = lambda_of(how, sigma), np.zeros(N_PARTS)
    for j in range(at_f.shape[0]):
        transformed(how[INNER], how[OUTER], ends[0], ends[1], lam, y[start + j], at_y)
        put_both_sides(how, at_y, at_f[j], table[first + j])


@kernel(inline=False)
def fill_both_sides(
    address: int,
    how: IntVec,
    ends: Vec,
    sigma: Vec,
    y: Vec,
    start: int,
    f: Vec,
    first: int,
    last: int,
    table: OutMat,
) -> None:
    """Fill rows first..last-1 of the residual-error table where the output is transformed.

    Parameters
    ----------
    address : of the error model's kernel
    how, ends, sigma : see `sizes_of`
    y : data; the first row's is y[start + first]
    f : predictions; the first row's is f[first]
    """
    at_f, sizes = np.zeros((last - first, N_PARTS)), np.zeros(last - first)
    sizes_of(how, ends, sigma, f, first, at_f, sizes)
    call_residual(
        address,
        at(y, start + first),
        at(sizes, 0),
        last - first,
        at(sigma, 0),
        sigma.shape[0],
        at(table, first * table.shape[1]),
        table.shape[1],
    )
    sizes[0] = 0.0  # a later use: the kernel had its address only, which keeps nothing alive
    put_rows(how, ends, sigma, y, start + first, at_f, first, table)


@kernel
def count_jacobian(first_lambda: int, at_y: Vec, row: OutVec) -> None:
    r"""Measure r in units of the data: divide it by :math:`g'(y)`, and v by its square.

    The likelihood of r, which it was of g(y), is then that of y: log v holds the Jacobian.

    Parameters
    ----------
    first_lambda : column where lambda's group begins, 0 where there is none
    at_y : (N_PARTS,)  g at the data
    """
    share = 1.0 / at_y[G_X]
    square = share * share
    for c in range(FIRST_SIGMA, row.shape[0], SIGMA_WIDTH):
        row[c + V_S], row[c + V_FS] = row[c + V_S] * square, row[c + V_FS] * square
        row[c + R_S], row[c + R_FS] = row[c + R_S] * share, row[c + R_FS] * share
        row[c + OTHER_S] *= share
    row[R], row[R_F], row[R_FF] = row[R] * share, row[R_F] * share, row[R_FF] * share
    if row[KIND] >= TWO_LIMITS:
        row[OTHER] *= share
    row[V], row[V_F], row[V_FF] = row[V] * square, row[V_F] * square, row[V_FF] * square
    if first_lambda > 0:
        grown = -at_y[G_XL] * share  # d log share / d lambda
        c = first_lambda
        row[c + R_S] += row[R] * grown
        row[c + R_FS] += row[R_F] * grown
        if row[KIND] >= TWO_LIMITS:
            row[c + OTHER_S] += row[OTHER] * grown
        row[c + V_S] += 2.0 * row[V] * grown
        row[c + V_FS] += 2.0 * row[V_F] * grown


@kernel(inline=False)
def finish_rows(
    how: IntVec,
    ends: Vec,
    sigma: Vec,
    offset: int,
    y: Vec,
    start: int,
    first: int,
    last: int,
    table: OutMat,
) -> None:
    """Do what the scale and the distribution of an output ask for, its kernels being through.

    Parameters
    ----------
    how, ends, sigma : see `sizes_of`
    offset : number of the residual parameters that stand before this output's
    y : data; the first row's is y[start + first]
    """
    place, bent = offset + how[N_OWN], how[OUTER] != IDENTITY
    lam, at_y = lambda_of(how, sigma), np.zeros(N_PARTS)
    for j in range(first, last):
        row = table[j]
        if is_transformed(how):
            x = y[start + j]
            transformed(how[INNER], how[OUTER], ends[0], ends[1], lam, x, at_y)
            count_jacobian(FIRST_SIGMA + SIGMA_WIDTH * place if bent else 0, at_y, row)
        if how[IS_STUDENT] != 0:
            df = sigma.shape[0] - 1
            row[KIND], row[OTHER] = STUDENT, sigma[df]
            row[FIRST_SIGMA + SIGMA_WIDTH * (offset + df) + OTHER_S] = 1.0

r"""The scale and the distribution of an output's residual error, for whole columns of numbers.

.. math:: g(y) = g(f) + \mathrm{SD} \cdot \varepsilon

with :math:`\varepsilon` normal, or of Student's t distribution. The kernels do the same
observation by observation (`core.both_sides`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr, stdtrit

from workbench.core.both_sides import (
    BOX_COX,
    G_X,
    HOW,
    IDENTITY,
    INNER,
    IS_STUDENT,
    LOG,
    LOGIT,
    N_OWN,
    N_PARTS,
    OF_TRANSFORMED,
    OUTER,
    PROBIT,
    G,
    sizes_of,
)
from workbench.models.error import DF, LAMBDA, TRANSFORMED, ResidualError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def how_it_is(error: ResidualError) -> tuple[Ints, Floats]:
    """Return what kernels know of the scale and the distribution, (HOW,) and (2,)."""
    how, ends = np.zeros(HOW, dtype=np.int64), np.array([0.0, 1.0])
    how[N_OWN] = len(error.kind.parameters)
    how[OF_TRANSFORMED], how[IS_STUDENT] = error.of == TRANSFORMED, error.student
    if error.transform is not None:
        shape = error.transform.shape
        how[INNER], how[OUTER] = shape.inner, shape.outer
        ends[:] = error.transform.lower, error.transform.upper
    return how, ends


def is_plain(error: ResidualError) -> bool:
    """Whether an error needs nothing of this: normal, of the data as they are."""
    return error.transform is None and not error.student


def lambda_value(error: ResidualError, own: Floats) -> float:
    """Return lambda of the transformation; 1 where there is none.

    Parameters
    ----------
    own : residual parameters of the output
    """
    return float(own[error.names.index(LAMBDA)]) if LAMBDA in error.names else 1.0


def parts(error: ResidualError, x: Floats, own: Floats) -> Floats:
    """Return g with its derivatives at each x, (n, N_PARTS)."""
    how, ends = how_it_is(error)
    out = np.zeros((len(x), N_PARTS))
    sizes_of(how, ends, own, np.ascontiguousarray(x), 0, out, np.zeros(len(x)))
    return out


def modelled(error: ResidualError, y: Floats, own: Floats) -> Floats:
    """Return g(y), of the shape of y; the logarithm for log-normal error."""
    if error.transform is None:
        return np.asarray(np.log(y)) if error.kind.positive_data else y
    return parts(error, y.ravel(), own)[:, G].reshape(y.shape)


def stretch(error: ResidualError, y: Floats, own: Floats) -> Floats:
    """Return g'(y), by which the table's residuals are those on the scale of g; (n,)."""
    return np.ones(len(y)) if error.transform is None else parts(error, y, own)[:, G_X]


def observed(error: ResidualError, f: Floats, e: Floats, own: Floats) -> Floats:
    """Return the data whose g is g(f) + e, of the shape of f.

    Where g never gets there, the end of its scale: 0 for a Box-Cox transformation with lambda
    above 0, infinity with lambda below 0.
    """
    if error.transform is None:
        return np.asarray(error.kind.observed(f, e))
    shape = error.transform.shape
    z = modelled(error, f, own) + e
    return _inner_inverse(error, _outer_inverse(shape.outer, lambda_value(error, own), z))


def standardised(error: ResidualError, z: Floats, own: Floats) -> Floats:
    """Return standardised errors with the ranks of standard normal numbers z."""
    if not error.student:
        return z
    df = float(own[error.names.index(DF)])
    return np.asarray(-np.sign(z) * stdtrit(df, ndtr(-np.abs(z))))


def _powered(lam: float, z: Floats) -> Floats:
    """Return log x with Box-Cox's (x^lambda - 1) / lambda = z."""
    if lam == 0.0:
        return z
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray(np.log1p(np.maximum(lam * z, -1.0)) / lam)


def _outer_inverse(outer: int, lam: float, z: Floats) -> Floats:
    if outer == IDENTITY:
        return z
    if outer == BOX_COX:
        return np.asarray(np.exp(_powered(lam, z)))
    up, down = np.maximum(z, 0.0), np.maximum(-z, 0.0)
    return np.asarray(np.expm1(_powered(lam, up)) - np.expm1(_powered(2.0 - lam, down)))


def _inner_inverse(error: ResidualError, u: Floats) -> Floats:
    if error.transform is None or error.transform.shape.inner == IDENTITY:
        return u
    inner, lower = error.transform.shape.inner, error.transform.lower
    if inner == LOG:
        return np.asarray(np.exp(u))
    share = {LOGIT: expit, PROBIT: ndtr}[inner](u)
    return np.asarray(lower + (error.transform.upper - lower) * share)


def variance_of_law(error: ResidualError, own: Floats) -> float:
    """Return the variance of the standardised errors, df/(df - 2); 1 where it does not exist."""
    if not error.student:
        return 1.0
    df = float(own[error.names.index(DF)])
    return df / (df - 2.0) if df > 2.0 else 1.0


def domain(error: ResidualError) -> str:
    """Say for which values the transformation is defined."""
    transform = error.transform
    if transform is None or transform.shape.name == "yeojohnson":
        return "of any size"
    if transform.shape.bounded:
        return f"above {transform.lower:g} and below {transform.upper:g}"
    return "above 0"


def in_domain(error: ResidualError, x: Floats) -> NDArray[np.bool_]:
    """Return where the transformation is defined; everywhere where there is none."""
    transform = error.transform
    if transform is None or transform.shape.name == "yeojohnson":
        return np.ones(x.shape, dtype=bool)
    if transform.shape.bounded:
        return np.asarray((x > transform.lower) & (x < transform.upper))
    return np.asarray(x > 0.0)


def beyond_ends(error: ResidualError, x: Floats) -> NDArray[np.bool_]:
    """Return where a value lies beyond the ends of the transformation, not on one."""
    transform = error.transform
    if transform is None or transform.shape.name == "yeojohnson":
        return np.zeros(x.shape, dtype=bool)
    if transform.shape.bounded:
        return np.asarray((x < transform.lower) | (x > transform.upper))
    return np.asarray(x < 0.0)


def name_of(error: ResidualError) -> str:
    """Return the title of the transformation."""
    return "" if error.transform is None else error.transform.shape.title

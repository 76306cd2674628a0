r"""Missing values of one covariate from the others: predicted, or drawn.

A continuous covariate y is regressed by least squares on the columns X of its predictors; where
all known values of a covariate are positive its logarithm is taken, on either side, so that
nothing that is filled in is below zero. A categorical one takes a level of the nearest subjects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial.distance import cdist

from workbench.data.missing import Mask, Values, is_categorical

NEAREST = 5  # subjects whose levels are looked at
MOST_LEVELS = 10  # of a categorical predictor; one with more is left out

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Predictors:
    """Columns of the predictors, (n_sub, k), at mean 0 and SD 1 over the donors, and their names.

    A level that no donor has is at the mean.
    """

    names: tuple[str, ...]
    columns: Floats


def predictors_of(
    names: Sequence[str], values: Mapping[str, Values], donors: Mask
) -> Predictors | None:
    """Return the columns of those predictors that vary among the donors; None without any.

    Parameters
    ----------
    names : of the predictors
    values : (n_sub,) of each covariate
    donors : subjects with everything known
    """
    used, columns = [], []
    for name in names:
        own = _encoded(values[name], donors)
        if own.shape[1]:
            used.append(name)
            columns.append(own)
    return Predictors(tuple(used), np.hstack(columns)) if used else None


def predict(y: Values, x: Predictors, donors: Mask, wanted: Mask) -> Values | None:
    r"""Return the values of the wanted subjects, :math:`\hat y = \bar y + x^\top \hat\beta`.

    Of a categorical covariate the most frequent level of the five nearest donors (Euclidean
    distance of the columns), of several the one of the nearest. None where there are too few
    donors for a regression: no degree of freedom would be left.
    """
    if is_categorical(y):
        near = _nearest(x.columns[wanted], x.columns[donors])
        known = y[donors]
        return np.array([_commonest(known[order]) for order in near], dtype=y.dtype)
    scale = _Scale.of(y)
    fitted = _least_squares(scale.to(y[donors]), x.columns[donors])
    if fitted is None:
        return None
    return scale.back(fitted.mean + x.columns[wanted] @ fitted.beta)


def draw(
    y: Values, x: Predictors | None, donors: Mask, wanted: Mask, random: np.random.Generator
) -> Values | None:
    r"""Return a proper draw of the values of the wanted subjects (Rubin 1987, p. 167).

    .. math::
        \sigma_*^2 &= RSS / \chi^2_{n-q} \\
        \beta_* &\sim N(\hat\beta, \sigma_*^2 (X^\top X)^{-1}) \\
        y_* &\sim N(x^\top \beta_*, \sigma_*^2)

    Of a categorical covariate the level of one of the five nearest donors among a bootstrap sample
    of the donors (approximate Bayesian bootstrap, Rubin & Schenker 1986, JASA 81:366). Without
    predictors X is a column of ones and all donors are equally near. None where too few donors
    leave no degree of freedom.
    """
    columns = np.zeros((len(y), 0)) if x is None else x.columns
    if is_categorical(y):
        index = np.flatnonzero(donors)
        sample = random.choice(index, len(index))
        near = _nearest(columns[wanted], columns[sample]) if x is not None else None
        n = int(wanted.sum())
        if near is None:
            return y[random.choice(sample, n)]
        pick = random.integers(0, near.shape[1], n)
        return y[sample[near[np.arange(n), pick]]]
    scale = _Scale.of(y)
    fitted = _least_squares(scale.to(y[donors]), columns[donors])
    if fitted is None:
        return None
    sd = np.sqrt(fitted.rss / random.chisquare(fitted.df))
    mean = fitted.mean + sd / np.sqrt(fitted.n) * random.standard_normal()
    beta = fitted.beta + sd * fitted.root @ random.standard_normal(fitted.root.shape[1])
    noise = random.standard_normal(int(wanted.sum()))
    return scale.back(mean + columns[wanted] @ beta + sd * noise)


@dataclass(frozen=True, slots=True)
class _Scale:
    """The logarithm where all known values are positive, otherwise none."""

    log: bool

    @classmethod
    def of(cls, values: Values) -> _Scale:
        known = values[~pd.isna(values)]
        return cls(bool((known > 0).all()))

    def to(self, values: Values) -> Floats:
        return np.asarray(np.log(values) if self.log else values, dtype=np.float64)

    def back(self, values: Floats) -> Floats:
        return np.exp(values) if self.log else values


@dataclass(frozen=True, slots=True)
class _Fitted:
    """Mean, coefficients of the centred columns, a root of their covariance / sigma², RSS."""

    mean: float
    beta: Floats
    root: Floats
    rss: float
    n: int
    df: int


def _least_squares(y: Floats, x: Floats) -> _Fitted | None:
    """Regress y on centred columns; those that repeat others share their coefficient."""
    n, mean = len(y), float(y.mean()) if len(y) else 0.0
    u, size, vt = np.linalg.svd(x, full_matrices=False)
    kept = size > 1e-9 * size.max(initial=0.0)
    df = n - 1 - int(kept.sum())
    if df < 1:
        return None
    root = vt[kept].T / size[kept]
    beta = root @ (u[:, kept].T @ (y - mean))
    rss = float(((y - mean - x @ beta) ** 2).sum())
    return _Fitted(mean, beta, root, rss, n, df)


def _encoded(values: Values, donors: Mask) -> Floats:
    """Return the columns of one predictor: one of a number, one less than levels of others."""
    n = len(values)
    if is_categorical(values):
        levels = sorted(set(values[donors].tolist()), key=str)
        if len(levels) > MOST_LEVELS:
            return np.zeros((n, 0))
        raw = np.array([[float(v == level) for level in levels[1:]] for v in values])
        raw = raw.reshape(n, max(len(levels) - 1, 0))
        strange = np.array([v not in levels for v in values], dtype=bool)
    else:
        strange = np.asarray(pd.isna(values))
        raw = np.zeros((n, 1))
        raw[~strange, 0] = _Scale.of(values).to(values[~strange])
    mean, sd = raw[donors].mean(axis=0), raw[donors].std(axis=0)
    vary = sd > 1e-12 * (1.0 + np.abs(mean))
    columns = (raw[:, vary] - mean[vary]) / sd[vary]
    columns[strange] = 0.0
    return columns


def _nearest(x: Floats, of: Floats) -> npt.NDArray[np.intp]:
    """Return the places of the nearest rows, (n, at most 5), the nearest first."""
    return np.argsort(cdist(x, of), axis=1, kind="stable")[:, :NEAREST]


def _commonest(levels: Values) -> Any:
    """Return the most frequent level; of several the first that occurs."""
    found = levels.tolist()
    return max(found, key=found.count)

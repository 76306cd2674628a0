r"""Percentiles of observed and simulated values, where some may be censored.

Of n sorted values the p-th percentile is :math:`y_{(h)}` at :math:`h = 1 + (n - 1) p / 100`,
between two values by a straight line (Hyndman & Fan 1996, Am Stat 50:361, type 7; the default of
R and NumPy). Missing values are left out. A value below the limit of quantification is -inf here:
it ranks lowest, and a percentile that would fall on one, or between one and a value, is -inf too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def row_percentiles(values: Floats, percents: Sequence[float]) -> Floats:
    """Return percentiles of every row, (n_rows, n_percents); NaN of a row without values."""
    n = values.shape[1]
    if n == 0:
        return np.full((len(values), len(percents)), np.nan)
    ordered = np.sort(values, axis=1)  # missing values come last
    if np.isnan(ordered[:, -1]).any():
        counts = n - np.isnan(ordered).sum(axis=1)
        return _of_some(ordered, counts, percents)
    place = (n - 1) * np.asarray(percents, float) / 100.0
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, n - 1)
    return _between(ordered[:, low], ordered[:, high], place - low)


def _of_some(ordered: Floats, counts: NDArray[np.int64], percents: Sequence[float]) -> Floats:
    """Return percentiles of the first so many values of each row."""
    place = np.maximum(counts - 1, 0)[:, None] * np.asarray(percents, float) / 100.0
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(counts - 1, 0)[:, None])
    rows = np.arange(len(ordered))[:, None]
    return _between(ordered[rows, low], ordered[rows, high], place - low)


def _between(low: Floats, high: Floats, share: Floats) -> Floats:
    """Return points between two values; -inf where the lower one is."""
    with np.errstate(invalid="ignore"):
        found = low + share * (high - low)
    return np.asarray(np.where(np.isneginf(low), -np.inf, found))


def spread_over(replicates: Floats, ci: float) -> Floats:
    """Return lower limit, median and upper limit over the replicates, (3, n).

    Parameters
    ----------
    replicates : (n_replicates, n)
    ci : share of the replicates between the limits, e.g. 0.95
    """
    tail = 50.0 * (1.0 - ci)
    limits = row_percentiles(np.ascontiguousarray(replicates.T), (tail, 50.0, 100.0 - tail))
    return limits.T


def outside(observed: Floats, lower: Floats, upper: Floats) -> NDArray[np.bool_]:
    """Return where an observed statistic lies outside its limits (never where one is missing)."""
    with np.errstate(invalid="ignore"):
        return np.asarray((observed < lower) | (observed > upper))


def seen(values: Floats) -> Floats:
    """Return the values with what is below the limit of quantification as missing."""
    return np.asarray(np.where(np.isneginf(values), np.nan, values))

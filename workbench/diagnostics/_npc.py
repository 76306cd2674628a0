r"""Numerical predictive check: how many observations lie outside their prediction intervals.

For an interval of p % the limits of each observation are the (100 - p)/2 and (100 + p)/2
percentiles of its own simulated values, so bins and prediction correction have no part in it
(Karlsson & Savic 2007, Clin Pharmacol Ther 82:17; Wilkins et al. 2006, PAGE 15, abstract 1029).
Under the model (100 - p)/2 % of the observations lie below and as many above; how far a data set
of this size may be from that by chance is counted in the simulated ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.diagnostics._percentiles import outside, row_percentiles, spread_over
from workbench.diagnostics._simulated_data import Simulated

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

INTERVALS = (0.0, 20.0, 40.0, 50.0, 60.0, 80.0, 90.0, 95.0)
COLUMNS = (
    *("STRATUM", "ENDPOINT", "INTERVAL", "SIDE", "N", "EXPECTED", "OBSERVED"),
    *("LOWER", "MEDIAN", "UPPER", "OUTSIDE"),
)
PIECE = 500_000  # simulated values that are sorted at a time


def npc_table(
    source: Simulated,
    groups: Sequence[tuple[str, str, Ints]],
    ci: float,
    intervals: Sequence[float] = INTERVALS,
) -> pd.DataFrame:
    """Return one row per group, interval and side (below, above).

    Columns: STRATUM ENDPOINT INTERVAL SIDE N EXPECTED OBSERVED LOWER MEDIAN UPPER OUTSIDE; all but
    N in percent. LOWER and UPPER hold the share `ci` of the replicates.

    Parameters
    ----------
    groups : stratum, endpoint and observations of each
    """
    tails = [50.0 - 0.5 * p for p in intervals]
    rows: list[list[Any]] = []
    for name, endpoint, mine in groups:
        if not len(mine):
            continue
        observed, simulated = _counts(source, mine, tails)
        share, shares = 100.0 * observed / len(mine), 100.0 * simulated / len(mine)
        low, middle, high = spread_over(shares, ci)
        beyond = outside(share, low, high)
        for k, interval in enumerate(intervals):
            for side, j in (("below", k), ("above", len(tails) + k)):
                found = [float(v[j]) for v in (share, low, middle, high)]
                place = [name, endpoint, interval, side, len(mine), tails[k]]
                rows.append([*place, *found, bool(beyond[j])])
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _counts(source: Simulated, rows: Ints, tails: Sequence[float]) -> tuple[Floats, Floats]:
    """Return how many values are below and how many above: observed (2k,), simulated (n, 2k)."""
    k, n = len(tails), source.n_replicates
    percents = [*tails, *(100.0 - tail for tail in tails)]
    observed, simulated = np.zeros(2 * k), np.zeros((n, 2 * k))
    step = max(1, PIECE // n)
    for first in range(0, len(rows), step):
        mine = rows[first : first + step]
        values = np.ascontiguousarray(source.values[:, mine].T)
        below = source.below(mine, values.T)
        if below is not None:
            values[below.T] = -np.inf
        limits = row_percentiles(values, percents)
        data = source.observed(mine)[:, None]
        with np.errstate(invalid="ignore"):
            observed[:k] += (data < limits[:, :k]).sum(axis=0)
            observed[k:] += (data > limits[:, k:]).sum(axis=0)
            for j in range(k):
                simulated[:, j] += (values < limits[:, j, None]).sum(axis=0)
                simulated[:, k + j] += (values > limits[:, k + j, None]).sum(axis=0)
    return observed, simulated

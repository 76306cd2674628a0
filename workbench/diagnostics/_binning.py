r"""Bins of a continuous variable: where observations are taken together.

Bins are closed at the left, open at the right; the last one is closed at both ends, so no
observation falls out. Except for equal widths, an edge lies half-way between two neighbouring
values, so observations at one time are never torn apart.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.errors import OptionError
from workbench.registry import unknown_name

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

METHODS = ("auto", "equal_count", "equal_width", "kmeans", "jenks")
FEW = 20  # so many different values have a bin each
CLUSTERS = 20  # bins that clusters may make
SPREAD = 10  # bins of values without clusters
HEAVY, WIDE = 0.25, 0.08  # shares: of the observations, of the range
SCATTER = 0.02  # by which times are taken to miss their schedule, as a share of the time
GRAIN = 300  # different values above which neighbours are taken together before the search


def bin_edges(x: Floats, method: str = "auto", n: int | None = None) -> Floats:
    r"""Return the edges of bins, (n_bins + 1,).

    - ``equal_count``: as equal numbers of observations as ties allow;
    - ``equal_width``: equal intervals;
    - ``jenks``: the bins of least :math:`S = \sum_b \sum_{i \in b} (x_i - \bar x_b)^2`
      (Jenks 1967; Fisher 1958), found exactly by dynamic programming;
    - ``kmeans``: the same criterion by Lloyd's iterations from the equal-count bins: a local
      optimum, with bins nearer to equal counts;
    - ``auto``: a bin for each value where there are at most 20 different ones. Otherwise the
      clusters that times make which scatter about a schedule: K normal distributions of
      proportion, mean and variance of their own, with every time in one of them, so that

      .. math:: \sum_b n_b \log s_b^2 - 2 \sum_b n_b \log (n_b / N) + 3 K \log N

      is least (a classification likelihood; Celeux & Govaert 1992, with the penalty of BIC; as
      Lavielle & Bleakley 2011, J Pharmacokinet Pharmacodyn 38:861, number of bins and bins
      come from one penalised criterion); :math:`s_b` is held up by a scatter of 2 % of the time,
      K is at most 20. An even spread is one cluster by that. So where a cluster has a quarter of
      the observations and is wider than 8 % of the range, there are no clusters, and the bins are
      those of ``jenks``: :math:`\sqrt N` of them, but at most 10. Either way no bin has fewer
      observations than a third of its share.

    Parameters
    ----------
    x : values; missing ones are left out
    n : how many bins; never more than different values. By default as many as ``auto`` takes

    Raises
    ------
    OptionError, UnknownNameError
        `n` is below 1, the method is unknown, or there is no value.
    """
    if method not in METHODS:
        raise unknown_name("way of binning", method, METHODS)
    if n is not None and (isinstance(n, bool) or n != int(n) or n < 1):
        raise OptionError(f"The number of bins must be a whole number of at least 1, not {n}.")
    values, counts = np.unique(x[np.isfinite(x)], return_counts=True)
    if not len(values):
        raise OptionError("There is no value to put into bins.")
    if n is None:
        starts = _chosen(values, counts) if len(values) > FEW else np.arange(1, len(values))
        if method == "auto":
            return _between(values, starts)
        n = len(starts) + 1
    n = min(int(n), len(values))
    if method == "auto":
        method = "jenks"
    if method == "equal_width":
        return np.linspace(values[0], values[-1], n + 1)
    if method == "equal_count":
        return _between(values, _equal_count(counts, n))
    if method == "kmeans":
        return _between(values, _lloyd(values, counts, _equal_count(counts, n)))
    return _between(values, _jenks(values, counts, n))


def checked_edges(edges: Sequence[float]) -> Floats:
    """Return edges given by hand; they must ascend.

    Raises
    ------
    OptionError
    """
    found = np.asarray(list(edges), float)
    if len(found) < 2 or np.isnan(found).any() or (np.diff(found) <= 0).any():
        raise OptionError(
            f"Edges of bins must be two or more ascending numbers, such as [0, 1, 4, 24], not "
            f"{list(edges)}."
        )
    return found


def bin_numbers(x: Floats, edges: Floats) -> Ints:
    """Return the bin of each value, from 0; -1 outside all bins, and where it is missing."""
    number = np.searchsorted(edges, x, side="right") - 1
    last = len(edges) - 2
    number[x == edges[-1]] = last
    number[~((x >= edges[0]) & (x <= edges[-1]))] = -1
    return number.astype(np.int64)


def _between(values: Floats, starts: Ints) -> Floats:
    """Return edges half-way before the values at which a bin starts (the first is left out)."""
    middle = 0.5 * (values[starts - 1] + values[starts])
    # Half-way between neighbouring numbers is rounded to one of them: it must be the upper one.
    middle = np.where(middle > values[starts - 1], middle, values[starts])
    return np.concatenate([values[:1], middle, values[-1:]])


def _equal_count(counts: Ints, n: int) -> Ints:
    """Return the first values of all bins but the first."""
    ends = np.cumsum(counts)
    wanted = ends[-1] * np.arange(1, n) / n
    starts = np.abs(ends[:-1, None] - wanted).argmin(axis=0) + 1 if n > 1 else np.empty(0)
    return np.unique(starts).astype(np.int64)


def _lloyd(values: Floats, counts: Ints, starts: Ints) -> Ints:
    """Return the starts of bins after moving every value to the nearest centre until none moves."""
    for _ in range(200):
        first = np.concatenate([[0], starts]).astype(np.int64)
        centre = np.add.reduceat(values * counts, first) / np.add.reduceat(counts, first)
        moved = np.searchsorted(values, 0.5 * (centre[1:] + centre[:-1]), side="right")
        moved = np.unique(np.clip(moved, 1, len(values) - 1)).astype(np.int64)
        if np.array_equal(moved, starts):
            break
        starts = moved
    return starts


def _jenks(values: Floats, counts: Ints, n: int, least: int = 1) -> Ints:
    """Return the starts of the n bins (or fewer, if `least` asks for it) of least squares."""
    group = _grains(counts, max(GRAIN, n))
    mass, _, squares = _moments(values, counts, group)
    found = _divisions(np.where(mass >= least, squares, np.inf), n)
    possible = [starts for starts, total in found if np.isfinite(total)]
    return group[possible[-1]]


def _moments(values: Floats, counts: Ints, group: Ints) -> tuple[Floats, Floats, Floats]:
    """Return count, mean (from the least value) and sum of squares of the bin of groups i … j.

    Each (n_groups, n_groups); the count is 0 where j < i.
    """
    centred = values - values.mean()
    sums = [np.add.reduceat(counts * centred**k, group) for k in range(3)]
    mass, first, second = (
        total[None, 1:] - total[:-1, None]
        for total in (np.concatenate([[0.0], np.cumsum(part)]) for part in sums)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = first / mass
        squares = np.maximum(second - mass * mean**2, 0.0)
    mass[np.tril_indices(len(mass), -1)] = 0.0
    return mass, mean - centred[0], squares


def _divisions(cost: Floats, n: int) -> list[tuple[Ints, float]]:
    """Return, for 1 … n bins, the groups at which the best bins start, and their cost.

    Parameters
    ----------
    cost : (m, m)  of a bin of the groups i … j; inf where it cannot be
    """
    cost = np.where(np.tri(len(cost), k=-1, dtype=bool), np.inf, cost)
    best, origin = cost[0], []
    found = [(np.empty(0, np.int64), float(best[-1]))]
    for _ in range(1, min(n, len(cost))):
        both = best[:-1, None] + cost[1:, :]
        origin.append(both.argmin(axis=0) + 1)  # where the last bin begins
        best = both.min(axis=0)
        starts, j = [], len(cost) - 1
        for back in reversed(origin):
            starts.append(int(back[j]))
            j = starts[-1] - 1
        found.append((np.array(starts[::-1], np.int64), float(best[-1])))
    return found


def _grains(counts: Ints, most: int) -> Ints:
    """Return the first values of groups of neighbours, each value by itself if there are few."""
    if len(counts) <= most:
        return np.arange(len(counts), dtype=np.int64)
    return np.concatenate([[0], _equal_count(counts, most)]).astype(np.int64)


def _chosen(values: Floats, counts: Ints) -> Ints:
    """Return the starts of the bins that `auto` chooses where there are many values."""
    total = int(counts.sum())
    starts = _clusters(values, counts)
    first, last = np.concatenate([[0], starts]), np.concatenate([starts, [len(values)]]) - 1
    share = np.add.reduceat(counts, first.astype(np.int64)) / total
    width = (values[last.astype(np.int64)] - values[first.astype(np.int64)]) / np.ptp(values)
    if not ((share >= HEAVY) & (width > WIDE)).any():
        return starts
    n = max(1, min(SPREAD, int(np.sqrt(total))))
    return _jenks(values, counts, n, least=max(1, total // (3 * n)))


def _clusters(values: Floats, counts: Ints) -> Ints:
    """Return the starts of the clusters of values, see `bin_edges`."""
    total = int(counts.sum())
    group = _grains(counts, GRAIN)
    mass, mean, squares = _moments(values, counts, group)
    scatter = (SCATTER * mean) ** 2 + (1e-3 * np.ptp(values)) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (squares + 3.0 * scatter) / (mass + 3.0)
        cost = mass * (np.log(variance) - 2.0 * np.log(mass / total))
    cost[~(mass >= max(1, total // (3 * CLUSTERS)))] = np.inf
    found = _divisions(cost, CLUSTERS)
    criterion = [each + 3.0 * k * np.log(total) for k, (_, each) in enumerate(found, start=1)]
    return group[found[int(np.argmin(criterion))][0]]

"""A smooth curve through a cloud of points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

GRID = 40  # places where the curve is computed, when x has more distinct values
MOST = 1500  # points that take part; more are thinned evenly along x
FEWEST = 5  # distinct x: below this a curve would only join the dots


def lowess(
    x: NDArray[Any], y: NDArray[Any], *, span: float = 2 / 3, iterations: int = 3
) -> tuple[Floats, Floats]:
    r"""Robust locally weighted regression (straight lines), as R's ``lowess``.

    At each place :math:`x_0` a line is fitted to the nearest ``span`` of the points with weights

    .. math:: w_i = (1 - (|x_i - x_0| / h)^3)^3 \cdot (1 - (r_i / 6 m)^2)^2

    h = distance to the farthest of them, r = residuals of the pass before, m = median of \|r\|
    (Cleveland 1979, J. Am. Stat. Assoc. 74:829).

    Parameters
    ----------
    x, y : (n,)  pairs with a missing or infinite member are left out
    span : fraction of the points that shape the curve at one place
    iterations : robust passes after the first

    Returns
    -------
    places : increasing; the distinct x or, if there are more than `GRID`, about so many of them,
        half evenly spread and half where the points are
    curve : same length. Both are empty where x has fewer than `FEWEST` distinct values.

    Notes
    -----
    Equal to R's on ``cars`` to the digits it prints. On a grid, or with more than `MOST` points
    (every second, third … of them along x then stands for all), it is an approximation.
    """
    x, y = thinned(x, y)
    lines = fit_lines(x, y, span=span, iterations=iterations)
    return (np.empty(0), np.empty(0)) if lines is None else (lines.places, lines.curve)


@dataclass(frozen=True, slots=True)
class Lines:
    """The local lines: their heights, and the weights that made them.

    Attributes
    ----------
    places, curve : where, and how high
    near, offset : (places, n)  weights by distance, and x - place
    trust : (n,)  robustness weights of the last pass
    """

    places: Floats
    curve: Floats
    near: Floats
    offset: Floats
    trust: Floats


def thinned(x: NDArray[Any], *others: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Return x in increasing order with what belongs to it, at most `MOST` evenly along x.

    Left out is where x or the first of the others is missing or infinite.
    """
    keep = np.isfinite(x) & np.isfinite(others[0])
    order = np.flatnonzero(keep)[np.argsort(x[keep], kind="stable")]
    order = order[:: max(1, -(-len(order) // MOST))]
    first = (np.asarray(values, float)[order] for values in (x, others[0]))
    return (*first, *(values[order] for values in others[1:]))


def fit_lines(
    x: NDArray[Any], y: NDArray[Any], *, span: float = 2 / 3, iterations: int = 3
) -> Lines | None:
    """Fit the local lines of `lowess` to points in increasing order of x; None: too few."""
    places = np.unique(x)
    if len(places) < FEWEST:
        return None
    if len(places) > GRID:
        even, dense = (
            np.linspace(x[0], x[-1], GRID // 2),
            np.quantile(x, np.linspace(0, 1, GRID // 2)),
        )
        places = np.unique(np.concatenate([even, dense]))
    near, offset = _tricube(x, places, max(2, int(span * len(x) + 1e-7)))
    trust = used = np.ones_like(x)
    curve = _lines(near, offset, trust, y, x[-1] - x[0])
    for _ in range(iterations):
        miss = np.abs(y - np.interp(x, places, curve))
        limit = 6 * float(np.median(miss))
        if not limit > 1e-7 * float(miss.mean()):
            break
        trust = np.clip(1 - (miss / limit) ** 2, 0, None) ** 2
        trust[miss <= 0.001 * limit] = 1.0
        trust[miss > 0.999 * limit] = 0.0
        curve, used = _lines(near, offset, trust, y, x[-1] - x[0]), trust
    return Lines(places, curve, near, offset, used)


def _tricube(x: Floats, places: Floats, k: int) -> tuple[Floats, Floats]:
    """Return (places, n) tricube weights of the k nearest neighbours, and x - place."""
    offset = x[None, :] - places[:, None]
    first = (
        np.searchsorted(x[:-k] + x[k:], 2 * places) if k < len(x) else np.zeros(len(places), int)
    )
    reach = np.maximum(places - x[first], x[first + k - 1] - places)[:, None]
    distance = np.abs(offset)
    scale = np.where(reach > 0, reach, 1.0)
    near = np.clip(1 - (distance / scale) ** 3, 0, None) ** 3
    near[distance <= 0.001 * reach] = 1.0
    near[distance > 0.999 * reach] = 0.0
    near[(reach <= 0)[:, 0]] = (distance <= 0)[(reach <= 0)[:, 0]]
    return near, offset


def _lines(near: Floats, offset: Floats, trust: Floats, y: Floats, width: float) -> Floats:
    """Return the height at offset 0 of each weighted line."""
    weighted = near * offset
    of_y = trust * y
    return heights(
        near @ trust,
        weighted @ trust,
        (weighted * offset) @ trust,
        near @ of_y,
        weighted @ of_y,
        width=width,
    )


def heights(
    total: Floats, first: Floats, second: Floats, of_y: Floats, mixed: Floats, *, width: float
) -> Floats:
    """Return the height at offset 0 of lines by their weighted sums; of the mean, at one x only.

    Parameters
    ----------
    total, first, second : sums of w, w d and w d squared, d = offset
    of_y, mixed : sums of w y and w d y
    width : range of all x; a spread below a thousandth of it counts as one x
    """
    empty = total <= 0
    total = np.where(empty, 1.0, total)
    middle = first / total
    mean = of_y / total
    spread = np.clip(second / total - middle**2, 0, None)
    slanted = np.sqrt(spread) > 0.001 * width
    covariance = mixed / total - middle * mean
    slope = np.where(slanted, covariance / np.where(slanted, spread, 1.0), 0.0)
    found: Floats = mean - slope * middle
    found[empty] = np.nan
    return found

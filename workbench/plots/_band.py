"""A smooth curve through a cloud of points, and how far other subjects might have moved it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from workbench.plots._lowess import Floats, Lines, fit_lines, heights, thinned
from workbench.plots._marks import Values

RESAMPLES = 400
COVERAGE = 0.9
MOST_GROUPS = 200  # more subjects are resampled in as many groups
FEWEST_SUBJECTS = 5  # with fewer the resamples are too much alike to tell anything
SEED = 1979


@dataclass(frozen=True, slots=True)
class Trend:
    """A curve with its band; all empty where there are too few distinct x, or no band.

    Attributes
    ----------
    places, curve : see `workbench.plots._lowess.lowess`
    low, high : the band at the same places, or empty
    """

    places: Floats
    curve: Floats
    low: Floats
    high: Floats


def trend(x: Values, y: Values, labels: pd.Series) -> Trend:
    r"""Return the lowess curve and a pointwise 90 % bootstrap band of whole subjects.

    Observations of one subject stand and fall together, so subjects are resampled, not points
    (Davison & Hinkley 1997, Bootstrap Methods and their Application, section 3.8). What the
    robust fit makes of a residual r is the pseudo-residual

    .. math:: e = \frac{w r}{\overline{\psi'}}, \qquad
        \psi' = \sqrt{w} (5 \sqrt{w} - 4), \quad \psi = w r

    (Huber 1981, Robust Statistics, section 7.10), w = the robustness weight of `lowess`. The band
    is the curve plus the 5 % to the 95 % quantile, over 400 resamples, of

    .. math:: \sqrt{n / (n-1)} \, \bigl( L_b(e) - L(e) \bigr)

    with L the local line of lowess through the pseudo-residuals, in L_b with each subject as often
    as it was drawn; n = number of subjects.

    Parameters
    ----------
    x, y : (n,)  pairs with a missing or infinite member are left out
    labels : (n,)  of the subjects

    Notes
    -----
    Windows and pseudo-residuals are those of all points, so every resample is a weighted sum: the
    whole band is a few matrix products. In 300 simulated data sets each of 12, 30 and 60 subjects
    it held the truth at 86, 89 and 88 % of the places. It is a guide for the eye, not a test: it
    says nothing of the bias of smoothing. The seed is fixed: the same data give the same band.
    There is none with fewer than 5 subjects; more than 200 are resampled in 200 groups, every
    200th subject in one.
    """
    subjects = pd.factorize(labels.to_numpy(object))[0]
    x, y, who = thinned(np.asarray(x, float), np.asarray(y, float), subjects)
    lines = fit_lines(x, y)
    none = np.empty(0)
    if lines is None:
        return Trend(none, none, none, none)
    codes, who = np.unique(who, return_inverse=True)
    if len(codes) < FEWEST_SUBJECTS:
        return Trend(lines.places, lines.curve, none, none)
    n = min(len(codes), MOST_GROUPS)
    who = who % n
    order = np.argsort(who, kind="stable")
    starts = np.searchsorted(who[order], np.arange(n))
    pseudo = _pseudo_residuals(x, y, lines)[order]
    near, offset = lines.near[:, order], lines.offset[:, order]
    slanted = near * offset
    sums = [
        np.add.reduceat(part, starts, axis=1)
        for part in (near, slanted, slanted * offset, near * pseudo, slanted * pseudo)
    ]
    width = float(x[-1] - x[0])
    moved = heights(*(part @ _draws(n) for part in sums), width=width)
    still = heights(*(part.sum(axis=1) for part in sums), width=width)
    low, high = _quantiles((moved - still[:, None]) * np.sqrt(n / (n - 1)))
    return Trend(lines.places, lines.curve, lines.curve + low, lines.curve + high)


def _pseudo_residuals(x: Floats, y: Floats, lines: Lines) -> Floats:
    """Return what each residual counts for in the robust fit, on the scale of y."""
    root = np.sqrt(lines.trust)
    slope = max(float((root * (5 * root - 4)).mean()), 0.25)
    pseudo: Floats = lines.trust * (y - np.interp(x, lines.places, lines.curve)) / slope
    return pseudo


def _quantiles(moved: Floats) -> tuple[Floats, Floats]:
    """Return both ends of the band; missing where too many resamples have no point near."""
    edge = (1 - COVERAGE) / 2
    ranked = np.sort(moved, axis=1)  # missing ones last
    seen = (~np.isnan(moved)).sum(axis=1)
    places = np.arange(len(ranked))
    ends = []
    for share in (edge, 1 - edge):
        at = np.clip(share * (seen - 1), 0, None)
        below = np.floor(at).astype(int)
        above = np.minimum(below + 1, np.maximum(seen - 1, 0))
        part = at - below
        end = ranked[places, below] * (1 - part) + ranked[places, above] * part
        ends.append(np.where(seen < (1 - edge) * moved.shape[1], np.nan, end))
    return ends[0], ends[1]


@lru_cache(maxsize=32)
def _draws(n: int) -> Floats:
    """Return how often each of n subjects is in each resample, (n, RESAMPLES)."""
    random = np.random.Generator(np.random.Philox(key=[SEED, n]))
    return random.multinomial(n, np.full(n, 1 / n), size=RESAMPLES).T.astype(float)

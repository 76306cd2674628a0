import time

import numpy as np
import pandas as pd
import pytest

from workbench.plots._band import FEWEST_SUBJECTS, _draws, trend
from workbench.plots._lowess import lowess


def people(n, each, rng, between=0.0, within=1.0):
    """Points of n subjects round y = 0, with a shift of each subject's own."""
    who = np.repeat(np.arange(n), each)
    x = rng.uniform(0, 10, n * each)
    y = rng.normal(0, between, n)[who] if between else np.zeros(n * each)
    return x, y + rng.normal(0, within, n * each), pd.Series(who, dtype=object)


def test_the_curve_is_lowess():
    x, y, who = people(12, 11, np.random.default_rng(1))
    places, curve = lowess(x, y)
    found = trend(x, y, who)
    np.testing.assert_array_equal(found.places, places)
    np.testing.assert_array_equal(found.curve, curve)
    assert (found.low <= found.high).all()


def test_the_band_is_that_of_resampled_subjects_fitted_one_by_one():
    """Weighted least squares through the pseudo-residuals of whole subjects, without short cuts.

    The same resamples, so rounding only. At distances and residuals of nearly nothing lowess
    takes weights of 1, as R does: 1e-5 of the band.
    """
    x, y, who = people(20, 6, np.random.default_rng(4), between=0.5)
    found, numbers = trend(x, y, who), who.to_numpy(int)
    before = np.abs(y - np.interp(x, *lowess(x, y, iterations=2)))
    u = np.clip(before / (6 * np.median(before)), 0, 1)
    pseudo = (1 - u**2) ** 2 * (y - np.interp(x, *lowess(x, y)))
    pseudo /= ((1 - u**2) * (1 - 5 * u**2)).mean()
    draws = _draws(20)
    assert draws.shape == (20, 400)
    assert (draws.sum(axis=0) == 20).all()
    for k in (0, 12, len(found.places) - 1):
        place = found.places[k]
        h = np.sort(np.abs(x - place))[int(2 / 3 * len(x)) - 1]
        near = np.clip(1 - (np.abs(x - place) / h) ** 3, 0, None) ** 3
        still, *moved = [
            line_height(x - place, pseudo, near * times[numbers])
            for times in (np.ones(20), *draws.T)
        ]
        low, high = np.sqrt(20 / 19) * (np.quantile(moved, [0.05, 0.95]) - still)
        assert found.low[k] - found.curve[k] == pytest.approx(low, abs=1e-5 * (high - low))
        assert found.high[k] - found.curve[k] == pytest.approx(high, abs=1e-5 * (high - low))


def line_height(offset, y, weight):
    """Return the height at offset 0 of the weighted line."""
    root = np.sqrt(weight)
    design = np.column_stack([np.ones(len(y)), offset]) * root[:, None]
    return np.linalg.lstsq(design, y * root, rcond=None)[0][0]


def test_the_band_is_wider_where_subjects_differ():
    """With all variance between subjects the points count as 40, not as 400: sqrt(10) wider."""
    rng = np.random.default_rng(2)
    widths = []
    for between, within in ((0.0, 1.0), (1.0, 0.05)):
        x, y, who = people(40, 10, rng, between, within)
        found = trend(x, y, who)
        widths.append(np.median(found.high - found.low))
    assert 1.8 < widths[1] / widths[0] < 5


def test_the_band_holds_the_truth_about_as_often_as_it_says():
    """90 % pointwise; Monte-Carlo error 1.5 % with 200 data sets of which all places count."""
    rng = np.random.default_rng(3)
    inside = []
    for _ in range(200):
        x, y, who = people(30, 8, rng, between=0.5)
        found = trend(x, y, who)
        inside.append(((found.low <= 0) & (found.high >= 0)).mean())
    assert 0.84 < np.mean(inside) < 0.94


def test_the_same_every_time_and_in_any_order_of_rows():
    x, y, who = people(12, 11, np.random.default_rng(1))
    first, second = trend(x, y, who), trend(x, y, who)
    np.testing.assert_array_equal(first.low, second.low)


def test_few_subjects_or_few_places_have_no_band():
    x, y, who = people(FEWEST_SUBJECTS - 1, 20, np.random.default_rng(1))
    assert len(trend(x, y, who).curve)
    assert len(trend(x, y, who).low) == 0
    assert len(trend(np.repeat([1.0, 2.0], 10), np.zeros(20), who[:20]).places) == 0
    assert len(trend(np.empty(0), np.empty(0), who[:0]).places) == 0


def test_missing_values_are_left_out():
    x, y, who = people(8, 9, np.random.default_rng(5))
    y2, x2 = np.append(y, [np.nan, 1.0]), np.append(x, [2.0, np.inf])
    found = trend(x2, y2, pd.concat([who, pd.Series([0, 1], dtype=object)]))
    np.testing.assert_allclose(found.high, trend(x, y, who).high)


def test_it_is_cheap():
    """Budget 10 ms for 132 points of 12 subjects (the best of several, on a busy machine)."""
    x, y, who = people(12, 11, np.random.default_rng(1))
    trend(x, y, who)
    spent = []
    for _ in range(15):
        start = time.perf_counter()
        trend(x, y, who)
        spent.append(time.perf_counter() - start)
    assert min(spent) < 0.010


def test_many_points_are_capped():
    x, y, who = people(2000, 20, np.random.default_rng(1))
    start = time.perf_counter()
    found = trend(x, y, who)
    assert time.perf_counter() - start < 1
    assert np.isfinite(found.low).all()


def test_groups_of_subjects_make_the_same_band(monkeypatch):
    """200 groups of 2, and 400 subjects one by one: widths within 15 % (each is resampled)."""
    x, y, who = people(400, 3, np.random.default_rng(6), between=0.5)
    grouped = trend(x, y, who)
    monkeypatch.setattr("workbench.plots._band.MOST_GROUPS", 400)
    alone = trend(x, y, who)
    ratio = np.median((grouped.high - grouped.low) / (alone.high - alone.low))
    assert 0.85 < ratio < 1.15

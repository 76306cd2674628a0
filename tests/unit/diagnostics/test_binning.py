"""Bins: closed at the left, never through a tie, and as many as is sensible."""

from itertools import combinations

import numpy as np
import pytest

from workbench.datasets import load_dataset
from workbench.diagnostics import bin_edges
from workbench.diagnostics._binning import METHODS, bin_numbers, checked_edges
from workbench.errors import OptionError, UnknownNameError

NOMINAL = np.array([0.25, 0.5, 1.0, 2.0, 3.5, 5.0, 7.0, 9.0, 12.0, 24.0])


def sizes(x, edges):
    number = bin_numbers(x, edges)
    return np.bincount(number[number >= 0], minlength=len(edges) - 1)


def squares(x, edges):
    number = bin_numbers(x, edges)
    return sum(((x[number == k] - x[number == k].mean()) ** 2).sum() for k in np.unique(number))


def test_bins_are_closed_at_the_left_and_the_last_at_both_ends():
    x = np.array([-0.1, 0.0, 0.99, 1.0, 2.0, 4.0, 4.1, np.nan])
    np.testing.assert_array_equal(
        bin_numbers(x, np.array([0, 1, 2, 4.0])), [-1, 0, 0, 1, 2, 2, -1, -1]
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [None, 1, 3, 40])
def test_every_value_is_in_a_bin_and_ties_stay_together(method, n):
    x = np.random.default_rng(1).gamma(2.0, 5.0, 300).round(1)
    edges = bin_edges(x, method, n)
    assert (np.diff(edges) > 0).all()
    assert sizes(x, edges).sum() == len(x)
    if n is not None:
        assert len(edges) - 1 <= n
    if method != "equal_width":
        assert (sizes(x, edges) > 0).all()


@pytest.mark.parametrize("method", METHODS)
def test_one_value_only_is_one_bin(method):
    edges = bin_edges(np.full(7, 2.0), method, 5 if method != "auto" else None)
    assert sizes(np.full(7, 2.0), edges).sum() == 7
    assert (sizes(np.full(7, 2.0), edges) > 0).sum() == 1


def test_few_different_times_have_a_bin_each():
    x = np.tile(NOMINAL, 5)
    edges = bin_edges(x)
    assert sizes(x, edges).tolist() == [5] * 10


@pytest.mark.parametrize("scatter", [0.02, 0.1])
def test_times_scattered_about_a_schedule_fall_into_its_bins(scatter):
    """240 times: the automatic bins are those of the ten nominal times."""
    draw = np.random.default_rng(3)
    nominal = np.repeat(NOMINAL, 24)
    x = nominal * (1 + scatter * draw.uniform(-1, 1, len(nominal)))
    edges = bin_edges(x)
    np.testing.assert_array_equal(bin_numbers(x, edges), np.repeat(np.arange(10), 24))


def test_theophylline_has_its_eleven_nominal_times():
    x = load_dataset("theophylline").population.obs_time
    assert len(bin_edges(x)) - 1 == 11
    assert set(sizes(x, bin_edges(x))) <= {10, 12, 14}


def test_times_without_clusters_have_some_ten_bins():
    x = np.linspace(0, 1, 1000)
    assert len(bin_edges(x)) - 1 == 10
    assert len(bin_edges(x[::20])) - 1 == 7  # the root of 50
    assert sizes(x, bin_edges(x)).min() >= 1000 // 30
    x = load_dataset("phenobarbital").population.obs_time
    assert 8 <= len(bin_edges(x)) - 1 <= 10
    assert sizes(x, bin_edges(x)).min() >= 155 // 30


def test_two_clusters_are_two_bins():
    draw = np.random.default_rng(3)
    x = np.concatenate([1.0 + 0.02 * draw.normal(size=50), 24.0 + 0.3 * draw.normal(size=50)])
    assert sizes(x, bin_edges(x)).tolist() == [50, 50]


def test_equal_counts():
    x = np.random.default_rng(2).uniform(size=997)
    counts = sizes(x, bin_edges(x, "equal_count", 8))
    assert len(counts) == 8
    assert counts.max() - counts.min() <= 1


def test_equal_widths():
    np.testing.assert_allclose(
        bin_edges(np.array([1.0, 2.0, 3.0, 9.0]), "equal_width", 4), [1, 3, 5, 7, 9]
    )


@pytest.mark.parametrize("n", [2, 3, 4])
def test_jenks_bins_have_the_least_sum_of_squares(n):
    """Against every possible division of 14 values."""
    x = np.sort(np.random.default_rng(n).gamma(1.0, 4.0, 14))
    least = min(
        sum(((part - part.mean()) ** 2).sum() for part in np.split(x, cuts))
        for cuts in combinations(range(1, 14), n - 1)
    )
    assert squares(x, bin_edges(x, "jenks", n)) == pytest.approx(least, rel=1e-9)


def test_kmeans_is_no_better_than_jenks_and_no_worse_than_where_it_began():
    x = np.random.default_rng(5).gamma(1.0, 4.0, 400)
    found = [squares(x, bin_edges(x, method, 6)) for method in ("jenks", "kmeans", "equal_count")]
    assert found == sorted(found)


def test_many_different_values_are_binned_as_well_and_quickly():
    x = np.random.default_rng(5).gamma(1.0, 4.0, 20_000)
    edges = bin_edges(x, "jenks", 8)
    assert len(edges) == 9
    assert squares(x, edges) < 1.02 * squares(x, bin_edges(x, "kmeans", 8))


@pytest.mark.parametrize("bad", [[1.0], [1.0, 1.0], [3.0, 2.0], [0.0, np.nan]])
def test_edges_must_ascend(bad):
    with pytest.raises(OptionError, match="ascending"):
        checked_edges(bad)


def test_wrong_options_are_refused():
    with pytest.raises(UnknownNameError, match="jenks"):
        bin_edges(NOMINAL, "jenk")
    with pytest.raises(OptionError, match="at least 1"):
        bin_edges(NOMINAL, "jenks", 0)
    with pytest.raises(OptionError, match="no value"):
        bin_edges(np.array([np.nan]))

"""The tests themselves: against scipy, at their nominal level, and where nothing can be tested."""

import numpy as np
import pytest
from scipy import stats

from workbench.diagnostics._hypotheses import (
    correlation,
    group_means,
    is_normal,
    mean_is_zero,
    median_is_zero,
    variance_is_one,
)

X = np.random.default_rng(1).normal(0.3, 1.2, 40)
Y = np.random.default_rng(2).normal(0.5, 1.0, 40) + 0.4 * X
GROUPS = np.array(["a", "b", "b", "c"] * 10, dtype=object)


def test_one_sample_tests_against_scipy():
    for found, expected in (
        (mean_is_zero(X), stats.ttest_1samp(X, 0)),
        (median_is_zero(X), stats.wilcoxon(X)),
        (is_normal(X), stats.shapiro(X)),
        (correlation(X, Y), stats.pearsonr(X, Y)),
        (group_means(X, GROUPS), stats.f_oneway(*(X[g == GROUPS] for g in "abc"))),
    ):
        assert found.statistic == pytest.approx(expected.statistic, rel=1e-10)
        assert found.p == pytest.approx(expected.pvalue, rel=1e-8)
        assert found.n == 40


def test_wilcoxon_with_ties_and_zeros_is_the_corrected_normal_approximation():
    """Zeros left out: 8 values, V = 29.5, mean 18; variance less that of ties of 3 and 2."""
    found = median_is_zero(np.array([0.0, 0, 1, 1, 2, 3, -1, -2, 5, 4]))
    ties = (3**3 - 3 + 2**3 - 2) / 48
    z = (29.5 - 18 - 0.5) / np.sqrt(8 * 9 * 17 / 24 - ties)
    assert found.p == pytest.approx(2 * stats.norm.sf(z), rel=1e-10)


def test_variance_by_its_definition():
    found = variance_is_one(X)
    assert found.statistic == pytest.approx(39 * np.var(X, ddof=1), rel=1e-12)
    tails = stats.chi2.cdf(found.statistic, 39), stats.chi2.sf(found.statistic, 39)
    assert found.p == pytest.approx(2 * min(tails), rel=1e-10)


def test_more_than_five_thousand_values_take_another_test_of_normality():
    rng = np.random.default_rng(3)
    found = is_normal(rng.normal(size=6000))
    assert found.test == "normality (D’Agostino–Pearson)"
    assert 0 < found.p < 1
    assert is_normal(rng.uniform(size=6000)).p < 1e-6


@pytest.mark.parametrize(
    "test", [mean_is_zero, median_is_zero, variance_is_one, is_normal], ids=lambda f: f.__name__
)
def test_the_level_is_kept(test):
    """2,000 samples of 25 from N(0, 1): 5 % are rejected, within 4 SD (0.5 % each)."""
    rng = np.random.default_rng(4)
    rejected = np.mean([test(rng.normal(size=25)).p < 0.05 for _ in range(2000)])
    assert rejected == pytest.approx(0.05, abs=0.02)


def test_two_groups_are_a_correlation():
    """ANOVA of two groups and Pearson's test of 0/1 are one test."""
    group = np.array([0.0, 1.0] * 20)
    by_groups, by_slope = group_means(X, group.astype(object)), correlation(X, group)
    assert by_groups.p == pytest.approx(by_slope.p, rel=1e-10)


def test_equal_draws_count_as_one():
    draws = np.tile(X, (50, 1))
    for many, one in (
        (correlation(draws, Y), correlation(X, Y)),
        (group_means(draws, GROUPS), group_means(X, GROUPS)),
        (mean_is_zero(draws), mean_is_zero(X)),
        (is_normal(draws), is_normal(X)),
    ):
        assert many.p == pytest.approx(one.p, rel=1e-8)
        assert many.n == 40


@pytest.mark.parametrize("shrinkage", [0.1, 0.7])
def test_draws_never_reject_too_often_and_still_see_an_effect(shrinkage):
    """Normal model, exact conditional draws: at most 5 % + 3 SD are rejected without an effect.

    With shrinkage s of the variance, eta | y ~ N(m, s) with m ~ N(0, 1 - s).
    """
    rng = np.random.default_rng(5)
    n, n_draws, runs = 40, 10, 600
    covariate = rng.normal(size=n)
    groups = (np.arange(n) % 3).astype(object)

    def p_values(slope):
        mode = np.sqrt(1 - shrinkage) * rng.normal(size=n) + slope * covariate * (1 - shrinkage)
        draws = mode + np.sqrt(shrinkage) * rng.normal(size=(n_draws, n))
        return correlation(draws, covariate).p, group_means(draws, groups).p, is_normal(draws).p

    none = np.array([p_values(0.0) for _ in range(runs)])
    assert ((none < 0.05).mean(axis=0) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)).all()
    if shrinkage < 0.5:
        some = np.array([p_values(0.8)[0] for _ in range(100)])
        assert (some < 0.05).mean() > 0.9


@pytest.mark.parametrize("test", [mean_is_zero, median_is_zero, variance_is_one, is_normal])
@pytest.mark.parametrize("values", [[], [0.4], [0.0, 0.0, 0.0, 0.0], [2.0, 2.0, 2.0]])
def test_what_cannot_be_tested_says_why(test, values):
    found = test(np.array(values))
    assert found.n == len(values)
    assert np.isnan(found.p) == bool(found.note)
    if not values:
        assert found.note


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (correlation(X[:2], Y[:2]), "fewer than 3"),
        (correlation(X, np.ones(40)), "equal"),
        (correlation(X, X), ""),
        (group_means(X, np.array(["a"] * 40, dtype=object)), "one group"),
        (group_means(X[:3], GROUPS[:3]), ""),
        (group_means(X[:3], np.array(["a", "b", "c"], dtype=object)), "fewer than 4"),
        (group_means(np.array([1.0, 1, 2, 2]), np.array(list("aabb"), object)), "within groups"),
    ],
)
def test_degenerate_correlations_and_groups(found, why):
    assert why in found.note
    assert np.isnan(found.p) == bool(why)

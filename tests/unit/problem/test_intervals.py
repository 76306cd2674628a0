"""95 % intervals from an estimate and its SE."""

import numpy as np
import pytest
from scipy.stats import chi2

from workbench.problem.intervals import NORMAL, interval


def test_of_a_variance_is_satterthwaites():
    low, high = interval("chi2", 0.3, NORMAL * 0.1)
    df = 2 * (0.3 / 0.1) ** 2
    assert low == pytest.approx(df * 0.3 / chi2.ppf(0.975, df), rel=1e-10)
    assert high == pytest.approx(df * 0.3 / chi2.ppf(0.025, df), rel=1e-10)


def test_of_a_variance_known_well_is_the_normal_one():
    low, high = interval("chi2", 0.3, NORMAL * 3e-4)
    np.testing.assert_allclose([low, high], 0.3 + NORMAL * np.array([-3e-4, 3e-4]), atol=2e-6)


def test_of_a_variance_covers_where_subjects_are_few():
    # The variance of n normal numbers about a known mean is chi-squared with n degrees of
    # freedom: its interval is exact, the Wald interval of its logarithm is not.
    n = 12
    variance = (np.random.default_rng(5).standard_normal((20_000, n)) ** 2).mean(axis=1)
    ends = [interval("chi2", v, NORMAL * v * np.sqrt(2 / n)) for v in variance]
    wald = [interval("log", v, NORMAL * v * np.sqrt(2 / n)) for v in variance]
    covered = np.mean([low <= 1 <= high for low, high in ends])
    assert covered == pytest.approx(0.95, abs=0.005)
    assert np.mean([low <= 1 <= high for low, high in wald]) < covered


@pytest.mark.parametrize("scale", ["chi2", "log", "identity"])
def test_without_an_se_there_is_none(scale):
    assert np.isnan(interval(scale, 0.3, np.nan)).all()


@pytest.mark.parametrize("ratio", [0.01, 1.0, 4.0, 4.4])
def test_of_a_variance_lies_around_it(ratio):
    low, high = interval("chi2", 0.2, NORMAL * 0.2 * ratio)
    assert 0 < low < 0.2 < high


def test_of_a_variance_that_is_not_known_is_everything():
    assert interval("chi2", 1e-6, 10.0) == (0.0, np.inf)

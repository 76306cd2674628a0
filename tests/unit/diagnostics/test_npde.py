"""Prediction errors from arrays: distributions, censoring, and data that leave gaps."""

import numpy as np
import pytest
from scipy import stats

from workbench.diagnostics._censored import impute
from workbench.diagnostics._npde import (
    FEW_REPLICATES,
    NO_PREDICTION,
    NO_SPREAD,
    NO_VALUE,
    SINGULAR,
    prediction_errors,
)
from workbench.errors import OptionError

TIMES = np.array([0.5, 2.0, 6.0, 12.0])


def skewed(rng, n, n_sub=20):
    """Log-normal subjects of an oral model with combined error, (n, n_sub * 4): far from normal."""
    eta = rng.standard_normal((n, n_sub, 3, 1)) * np.array([0.7, 0.5, 0.3])[:, None]
    ka, k, v = np.moveaxis(np.exp(eta) * np.array([1.5, 0.12, 20.0])[:, None], 2, 0)
    f = 300 * ka / (v * (ka - k)) * (np.exp(-k * TIMES) - np.exp(-ka * TIMES))
    y = f + (0.1 + 0.2 * f) * rng.standard_normal(f.shape)
    return y.reshape(n, -1)


def starts(n_sub, size):
    return np.arange(n_sub + 1) * size


@pytest.mark.parametrize("decorrelation", ["cholesky", "inverse"])
def test_npde_of_data_simulated_from_the_model_are_uniform(decorrelation):
    """500 data sets, 20 subjects x 4 observations, one simulated reference of 1,000.

    All 40,000 pde together: Kolmogorov-Smirnov distance below 1.63/sqrt(40,000) = 0.0081 (1 %)
    plus 2 SD of what 1,000 simulations shared by 80 cells add (0.5/sqrt(80,000) = 0.0018). Of the
    500 tests at 5 %, one for each data set, 25 are expected to fail: 7 to 43 (4 SD) do.
    """
    rng = np.random.default_rng(20)
    reference, data = skewed(rng, 1000), skewed(rng, 500)
    pde = np.array(
        [
            prediction_errors(y, reference, starts(20, 4), decorrelation=decorrelation).pde
            for y in data
        ]
    )
    assert stats.kstest(pde.ravel(), "uniform").statistic < 0.0081 + 2 * 0.0018
    failed = sum(stats.kstest(one, "uniform").pvalue < 0.05 for one in pde)
    assert 7 <= failed <= 43


@pytest.mark.parametrize("decorrelation", ["cholesky", "inverse"])
@pytest.mark.parametrize("size", [4, 12])
def test_corrected_npde_of_few_replicates_have_the_right_variance(size, decorrelation):
    """60 replicates, 8,000 values a variance: SE 0.016; within 4 SE and the coarseness of 1/61.

    Without the correction the variance is too large by more than n/K; PWRES likewise.
    """
    rng = np.random.default_rng(11)
    n_sub = 8000 // size
    mix = np.tril(rng.normal(size=(size, size))) + 2 * np.eye(size)

    def of_model(n):
        return (rng.normal(size=(n, n_sub, size)) @ mix.T).reshape(n, -1)

    (y,), simulated = of_model(1), of_model(60)
    plain, better = (
        prediction_errors(
            y, simulated, starts(n_sub, size), decorrelation=decorrelation, corrected=corrected
        )
        for corrected in (False, True)
    )
    coarse = np.var(stats.norm.ppf((np.arange(61) + 0.5) / 61))
    for values in (better.npde, better.npd):
        assert values.var() == pytest.approx(coarse, abs=0.065)
    assert better.pwres.var() == pytest.approx(1.0, abs=0.065)
    assert min(plain.npde.var(), plain.pwres.var()) > 1 + size / 60
    assert stats.kstest(better.pde, "uniform").statistic < 1.63 / np.sqrt(8000) + 0.5 / 61


def test_corrected_ranks_are_uniform_whatever_the_distribution():
    """Rank of one of K + 1 exchangeable vectors: chi-square over 20 of 20 ranks, p > 0.001."""
    rng = np.random.default_rng(14)
    ranks = []
    for _ in range(4000):
        vectors = np.exp(rng.normal(size=(20, 3)) @ np.array([[1, 0.5, 0], [0, 1, 1], [0, 0, 1]]))
        found = prediction_errors(vectors[0], vectors[1:], np.array([0, 3]), corrected=True)
        ranks.append(np.round(found.pde * 20 - 0.5).astype(int))
    for component in np.array(ranks).T:
        counts = np.bincount(component, minlength=20)
        assert len(counts) == 20
        assert stats.chisquare(counts).pvalue > 0.001


def test_the_correction_vanishes_with_many_replicates():
    rng = np.random.default_rng(15)
    y, simulated = rng.normal(size=8), rng.normal(size=(20_000, 8))
    plain, better = (
        prediction_errors(y, simulated, starts(2, 4), corrected=corrected)
        for corrected in (False, True)
    )
    np.testing.assert_allclose(better.npde, plain.npde, atol=0.002)
    np.testing.assert_allclose(better.pwres, plain.pwres, atol=0.002)


def test_a_wrong_model_is_seen():
    """Data 30 % higher than the model says: the same test can fail."""
    rng = np.random.default_rng(3)
    found = prediction_errors(1.3 * skewed(rng, 1)[0], skewed(rng, 1000), starts(20, 4))
    assert stats.kstest(found.npd, "norm").pvalue < 0.01


def test_cholesky_decorrelates_and_npd_do_not():
    rng = np.random.default_rng(4)
    found = [prediction_errors(y, REFERENCE, starts(20, 4)) for y in skewed(rng, 200)]
    npd = np.concatenate([one.npd.reshape(20, 4) for one in found])
    npde = np.concatenate([one.npde.reshape(20, 4) for one in found])
    assert abs(np.corrcoef(npd.T)[2, 3]) > 0.4
    off = np.corrcoef(npde.T)[np.triu_indices(4, 1)]
    assert np.abs(off).max() < 0.1  # 4,000 pairs: SE 0.016; nonlinear, so not exactly 0


REFERENCE = skewed(np.random.default_rng(9), 1000)


def test_shares_of_zero_and_one_count_half_a_replicate():
    simulated = np.linspace(0, 1, 50)[:, None] + np.zeros((1, 2))
    found = prediction_errors(np.array([-5.0, 5.0]), simulated, np.array([0, 1, 2]))
    np.testing.assert_allclose(found.pd, [0.01, 0.99], rtol=1e-12)
    np.testing.assert_allclose(found.pde, [0.01, 0.99], rtol=1e-12)


def test_one_observation_a_subject_has_equal_pd_and_pde():
    rng = np.random.default_rng(1)
    found = prediction_errors(rng.normal(size=30), rng.normal(size=(200, 30)), np.arange(31))
    np.testing.assert_array_equal(found.pd, found.pde)


def test_pwres_whitens_by_mean_and_covariance_of_the_simulations():
    rng = np.random.default_rng(2)
    simulated = rng.normal(size=(400, 3)) @ rng.normal(size=(3, 3)) + 5
    y = np.array([4.0, 5.0, 7.0])
    found = prediction_errors(y, simulated, np.array([0, 3]))
    covariance = np.cov(simulated.T)
    w, u = np.linalg.eigh(covariance)
    expected = u @ np.diag(w**-0.5) @ u.T @ (y - simulated.mean(axis=0))
    np.testing.assert_allclose(found.pwres, expected, rtol=1e-10)


def test_subjects_of_different_sizes_are_as_if_alone():
    rng = np.random.default_rng(5)
    start = np.array([0, 3, 3, 5, 8])  # the second has no observation
    y, simulated = rng.normal(size=8), rng.normal(size=(100, 8))
    whole = prediction_errors(y, simulated, start)
    for a, b in ((0, 3), (3, 5), (5, 8)):
        alone = prediction_errors(y[a:b], simulated[:, a:b], np.array([0, b - a]))
        np.testing.assert_allclose(whole.npde[a:b], alone.npde, rtol=1e-12)


def test_gaps_are_marked_and_the_rest_is_as_without_them():
    """No spread at time 0, an unpredicted observation, a missing one, one bad replicate."""
    rng = np.random.default_rng(6)
    simulated = rng.normal(size=(100, 5)) + 3
    y = rng.normal(size=5) + 3
    clean = prediction_errors(y[3:], simulated[1:, 3:], np.array([0, 2]))
    simulated[:, 0], simulated[:, 1], y[2] = 0.0, np.nan, np.nan
    simulated[0, 4] = np.inf
    found = prediction_errors(y, simulated, np.array([0, 5]))
    assert found.status.tolist() == [NO_SPREAD, NO_PREDICTION, NO_VALUE, 0, 0]
    assert np.isnan(found.npde[:3]).all()
    np.testing.assert_allclose(found.npde[3:], clean.npde, rtol=1e-12)


def test_more_observations_than_replicates_and_singular_covariances_keep_npd():
    rng = np.random.default_rng(7)
    few = prediction_errors(rng.normal(size=12), rng.normal(size=(10, 12)), np.array([0, 12]))
    assert set(few.status) == {FEW_REPLICATES}
    assert np.isfinite(few.npd).all()
    assert np.isnan(few.npde).all()
    simulated = rng.normal(size=(100, 4))
    simulated[:, 1] = 2 * simulated[:, 0]
    same = prediction_errors(rng.normal(size=4), simulated, np.array([0, 2, 4]))
    assert same.status.tolist() == [SINGULAR, SINGULAR, 0, 0]
    assert np.isfinite(same.npd).all()
    assert np.isfinite(same.pwres[2:]).all()


def test_variances_of_very_different_size_are_not_taken_for_singular():
    rng = np.random.default_rng(8)
    scale = np.array([1.0, 1e-7])
    simulated, y = rng.normal(size=(500, 2)), np.array([0.3, -1.0])
    near = prediction_errors(y, simulated, np.array([0, 2]))
    far = prediction_errors(y * scale, simulated * scale, np.array([0, 2]))
    np.testing.assert_allclose(far.npde, near.npde, rtol=1e-9)


def test_two_thousand_subjects_of_ten_observations():
    rng = np.random.default_rng(0)
    y, simulated = rng.normal(size=20_000), rng.normal(size=(200, 20_000))
    found = prediction_errors(y, simulated, starts(2000, 10))
    assert np.isfinite(found.npde).all()


def test_censored_data_of_the_model_are_uniform_too():
    """A third below the limit; KS over 200 data sets x 80, as above: 0.0129 (1 %) + 0.0036."""
    rng = np.random.default_rng(12)
    limit = 4.0
    pde, pd = [], []
    for number, y in enumerate(skewed(rng, 200)):
        censored = y < limit
        found = prediction_errors(
            y, REFERENCE, starts(20, 4), censored=censored, limit=limit, seed=number
        )
        pde.append(found.pde)
        pd.append(found.pd)
    share = np.mean(limit > REFERENCE)
    assert 0.2 < share < 0.5
    for values in (pde, pd):
        distance = stats.kstest(np.concatenate(values), "uniform").statistic
        assert distance < 0.0129 + 0.0036


def test_imputed_discrepancies_lie_below_the_probability_of_the_limit():
    rng = np.random.default_rng(13)
    simulated = rng.normal(size=(1000, 3))
    censored = np.array([True, False, True])
    limit = np.array([-1.0, np.nan, 0.5])
    done = impute(np.zeros(3), simulated, censored, limit, seed=4)
    again = impute(np.full(3, 9.0), simulated, censored, limit, seed=4)
    share = (simulated < limit).mean(axis=0)
    assert (done.pd[[0, 2]] < share[[0, 2]]).all()
    assert np.isnan(done.pd[1])
    assert done.observed[1] == 0.0
    assert (done.observed[[0, 2]] <= limit[[0, 2]]).all()
    np.testing.assert_array_equal(done.pd, again.pd)  # what stood there does not matter
    np.testing.assert_array_equal(done.simulated[:, 1], simulated[:, 1])
    np.testing.assert_array_equal(done.simulated[:, 0] > limit[0], simulated[:, 0] > limit[0])


def test_an_impossible_censored_observation_is_extreme():
    simulated = np.linspace(5, 6, 100)[:, None]
    found = prediction_errors(
        np.array([1.0]), simulated, np.array([0, 1]), censored=np.array([True]), limit=1.0
    )
    assert found.pd[0] == found.pde[0] == pytest.approx(0.005)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"decorrelation": "qr"}, "Known: 'cholesky', 'inverse', 'polar'"),
        ({"censored": np.array([True, False])}, "their limit"),
        ({"censored": np.array([True, False]), "limit": np.nan}, "Observation 1 is censored"),
    ],
)
def test_wrong_options_are_refused(options, words):
    with pytest.raises(OptionError, match=words):
        prediction_errors(np.zeros(2), np.zeros((3, 2)), np.array([0, 2]), **options)


def test_simulations_of_another_shape_are_refused():
    with pytest.raises(OptionError, match="3 x 5"):
        prediction_errors(np.zeros(2), np.zeros((3, 5)), np.array([0, 2]))

"""Importance sampling: proposals, weights and Monte-Carlo errors against plain formulas."""

import numpy as np
import pytest
import scipy.stats

import workbench as wb
from tests import cases, naive
from workbench.core.importance import log_kernel, standard_draw
from workbench.core.jit import JIT_DISABLED
from workbench.estimation._importance import importance_m2ll
from workbench.problem import Problem
from workbench.problem.workers import Workers

needs_compiled = pytest.mark.skipif(
    JIT_DISABLED, reason="plain Python refuses the logarithm of a negative number"
)


def sampled(model, data, *, threads=1, **options):
    problem = Problem(model, data)
    values = problem.space.values(problem.space.start)
    with Workers(threads, problem.n_sub, problem.n_obs) as workers:
        return importance_m2ll(problem, values, workers, **{"draws": 400, "seed": 1} | options)


@pytest.fixture(scope="module")
def data():
    return cases.iv_data(6)


# --- the proposal ----------------------------------------------------------------------------


@pytest.mark.parametrize("df", [1, 4, 5, 6, 7])
def test_draws_follow_the_t_distribution(df):
    """Kolmogorov–Smirnov on 4,000 draws with a fixed seed; z'z/2 has an F distribution."""
    z, squares, firsts = np.zeros(2), [], []
    for m in range(4000):
        squares.append(standard_draw(7, 3, 11, m, df, z))
        firsts.append(z[0])
        assert squares[-1] == pytest.approx(z @ z, rel=1e-12)
    assert scipy.stats.kstest(firsts, scipy.stats.t(df).cdf).pvalue > 0.01
    assert scipy.stats.kstest(np.array(squares) / 2, scipy.stats.f(2, df).cdf).pvalue > 0.01


def test_draws_do_not_share_random_numbers():
    z = np.zeros(3)
    seen = set()
    for subject in range(3):
        for iteration in range(3):
            for m in range(50):
                standard_draw(7, iteration, subject, m, 5, z)
                seen.add(tuple(z))
    assert len(seen) == 450


@pytest.mark.parametrize("df", [0, 1, 5, 8])
@pytest.mark.parametrize("n", [1, 3])
def test_log_density_against_scipy(df, n):
    z = np.linspace(-1.5, 2.0, n)
    law = scipy.stats.multivariate_t(np.zeros(n), np.eye(n), df=df) if df else None
    density = law.logpdf(z) if law else scipy.stats.norm.logpdf(z).sum()
    expected = density + 0.5 * n * np.log(2 * np.pi)
    assert log_kernel(df, n, z @ z) == pytest.approx(expected, abs=1e-12)


# --- the likelihood --------------------------------------------------------------------------


@pytest.mark.parametrize("error", cases.all_error_models())
@pytest.mark.parametrize("block", [{}, {("cl", "v"): 0.5}])
def test_against_quadrature(data, error, block):
    """Four Monte-Carlo standard errors per subject, on 60² nodes around the mode."""
    model = cases.iv_model(error, correlations=block)
    sample = sampled(model, data, draws=4000)
    exact = np.array([s.exact() for s in naive.subjects(model, data)])
    assert (np.abs(sample.individual_ofv - exact) < 4 * np.sqrt(sample.variance)).all()
    assert abs(sample.individual_ofv.sum() - exact.sum()) < 3 * sample.se
    assert sample.se < 0.05
    assert (sample.ess <= 4000).all()


def test_moments_against_quadrature(data):
    """E[eta | y] and its SD, from the derivative-free definition on a grid; 4 standard errors."""
    model = cases.iv_model("combined2")
    sample = sampled(model, data, draws=20000)
    for i, s in enumerate(naive.subjects(model, data)):
        grid = np.linspace(-1.5, 1.5, 81)
        points = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1).reshape(-1, 2)
        logs = np.array([-0.5 * s.joint(point, True) for point in points])
        weights = np.exp(logs - logs.max())
        weights /= weights.sum()
        mean = weights @ points
        sd = np.sqrt(weights @ (points - mean) ** 2)
        np.testing.assert_allclose(sample.eta_mean[i], mean, atol=4 * sd.max() / 100)
        np.testing.assert_allclose(sample.eta_sd[i], sd, rtol=0.05)


@pytest.mark.parametrize("antithetic", [False, True])
def test_stated_error_is_the_spread_over_seeds(data, antithetic):
    """60 seeds: the SD of the sum is known to 9 %, so 30 % is more than three errors."""
    model = cases.iv_model("proportional")
    samples = [sampled(model, data, seed=k, antithetic=antithetic) for k in range(60)]
    spread = np.std([s.individual_ofv.sum() for s in samples], ddof=1)
    assert spread == pytest.approx(np.mean([s.se for s in samples]), rel=0.3)


@pytest.mark.parametrize("scale", [1.0, 1.3])
def test_linear_gaussian_case_is_exact(scale):
    """log f = log D − log v − (cl/v)·t is linear in a normal cl under log-normal error.

    The normal proposal then is the conditional distribution: no variance at all, 1e-9 for
    rounding; a wider one is right within its own error.
    """
    data = cases.iv_data(8)
    parameters = {"cl": wb.Normal(3.0, iiv=0.8), "v": wb.LogNormal(20.0)}
    model = wb.Model("pk_1cmt_iv", parameters, error=cases.error("lognormal"))
    exact = wb.evaluate(model, data).individual_ofv.to_numpy()
    jacobian = Problem(model, data).jacobian
    sample = sampled(model, data, draws=100, df=0, scale=scale)
    if scale == 1.0:
        np.testing.assert_allclose(sample.individual_ofv + jacobian, exact, rtol=0, atol=1e-9)
        assert sample.se < 1e-6
        np.testing.assert_allclose(sample.ess, 100, rtol=1e-9)
    else:
        off = np.abs(sample.individual_ofv + jacobian - exact)
        assert (off < 4 * np.sqrt(sample.variance)).all()


def test_a_given_proposal_gives_the_same_likelihood(data):
    model = cases.iv_model("combined2")
    at_mode = sampled(model, data, draws=4000)
    n = len(at_mode.eta)
    wide = 1.5 * np.einsum("na,ab->nab", at_mode.eta_sd**2, np.eye(2))
    given = sampled(model, data, draws=4000, centre=at_mode.eta_mean, covariance=wide, df=0, seed=5)
    assert n == len(given.eta)
    np.testing.assert_array_equal(given.eta, at_mode.eta_mean)
    both = np.hypot(at_mode.se, given.se)
    assert abs(at_mode.individual_ofv.sum() - given.individual_ofv.sum()) < 4 * both
    with pytest.raises(ValueError, match="covariance"):
        sampled(model, data, centre=at_mode.eta_mean)


def test_without_random_effects_it_is_the_pooled_likelihood(data):
    model = cases.iv_model("combined2", cl=(3.0, 0.0), v=(20.0, 0.0))
    sample = sampled(model, data)
    total = sample.individual_ofv.sum() + data.n_obs * np.log(2 * np.pi)
    assert total == pytest.approx(naive.pooled_m2ll(model, data), abs=1e-9)
    assert sample.se == 0.0


def test_threads_and_number_of_draws_change_no_random_number(data):
    model = cases.iv_model("combined2")
    one, two = (sampled(model, data, threads=threads) for threads in (1, 2))
    for name in ("individual_ofv", "variance", "ess", "eta_mean", "eta_sd"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    again = sampled(model, data, seed=2)
    assert again.individual_ofv[0] != one.individual_ofv[0]


@needs_compiled
def test_draws_without_a_likelihood_have_no_weight():
    """A normal volume close to zero: draws below zero have no logarithm of the prediction."""
    data = cases.iv_data(4)
    parameters = {"cl": wb.LogNormal(3.0), "v": wb.Normal(20.0, iiv=60.0)}
    model = wb.Model("pk_1cmt_iv", parameters, error=cases.error("lognormal", (5.0,)))
    sample = sampled(model, data, draws=2000)
    assert sample.lost.min() > 100
    assert np.isfinite(sample.individual_ofv).all()
    assert np.isfinite(sample.eta_mean).all()


def test_cancel_stops_the_sampling(data):
    sample = sampled(cases.iv_model("combined2"), data, cancel=np.ones(1, dtype=np.int64), draws=10)
    assert np.isnan(sample.individual_ofv).all()

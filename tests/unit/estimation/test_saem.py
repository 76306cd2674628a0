"""SAEM end to end: the maximum likelihood estimate, reproducibly, from anywhere."""

import numpy as np
import pytest

import workbench as wb
from tests import cases
from workbench.core.rng import CONDITIONAL
from workbench.errors import EstimationError, OptionError
from workbench.estimation._louis import Louis
from workbench.estimation._m_step import split
from workbench.estimation._shaped_effects import ShapedEffects
from workbench.problem import Problem
from workbench.problem.conditional_draws import conditional_sampler
from workbench.problem.workers import Workers


@pytest.fixture(scope="module")
def lines():
    return cases.line_data()


@pytest.fixture(scope="module")
def exact(lines):
    """On straight lines FOCEI is the exact maximum likelihood."""
    return wb.fit(cases.line_model(), lines)


def newton_step(fit, n_draws=2000):
    """Return the remaining Newton step to the maximum, in standard errors, from long sampling."""
    problem = Problem(fit.final_model, fit.data)
    space = problem.space
    x, low = space.start, space.low(space.full(space.start))
    values, n_chains = space.values(x), 20
    chains = conditional_sampler(
        problem,
        Workers(1, problem.n_sub, problem.n_obs),
        values,
        low,
        start=fit.etas.to_numpy(),
        seed=11,
        n_chains=n_chains,
    )
    assert chains.purpose == CONDITIONAL
    louis = Louis(problem, split(problem), ShapedEffects(problem), x, chains)
    for _ in range(n_draws // n_chains):
        chains.move(values, low)
        louis.add()
    inverse = np.linalg.inv(louis.information())
    return inverse @ louis.gradient() / np.sqrt(np.diag(inverse))


def test_exact_maximum_on_a_linear_gaussian_model(lines, exact):
    """A block omega; spread over seeds is 0.25 SE with 2 chains, so 0.1 with 12; 0.35 asked."""
    fit = wb.fit(cases.line_model(), lines, method="saem", n_chains=12, seed=1)
    assert fit.verdict == "converged", fit.reasons
    away = (fit.parameters["estimate"] - exact.parameters["estimate"]) / exact.parameters["se"]
    assert away.abs().max() < 0.35
    ratio = fit.parameters["se"] / exact.parameters["se"]
    assert ratio.between(0.85, 1.15).all()
    assert fit.likelihood == "IS"
    assert fit.ofv == pytest.approx(exact.ofv, abs=0.2)


def test_conditional_means_and_standard_deviations(lines):
    fit = wb.evaluate(cases.line_model(), lines, method="saem", draws=2000)
    z = np.stack([np.ones(5), cases.LINE_TIMES], axis=1)
    omega = fit.omega.to_numpy()
    covariance = np.linalg.inv(z.T @ z + np.linalg.inv(omega))
    sd = np.sqrt(np.diag(covariance))
    np.testing.assert_array_less(np.abs(fit.eta_mean - fit.etas) / sd, 0.35)
    np.testing.assert_allclose(fit.eta_sd.mean() / sd, 1.0, atol=0.06)


def test_louis_information_is_the_observed_one(lines, exact):
    """SEs to 12 % of those from the Hessian, which is exact here; gradient zero to 0.2 SE."""
    model = exact.final_model
    fit = wb.fit(
        model, lines, method="saem", covariance="stochastic", draws=600, n_chains=6, seed=2
    )
    ratio = fit.parameters["se"] / exact.parameters["se"]
    assert ratio.between(0.88, 1.12).all()
    assert np.abs(newton_step(exact)).max() < 0.2


def test_steps_one_by_one_are_the_fit(lines):
    options = {"exploration": 20, "smoothing": 70, "annealing": 10}
    fit = wb.fit(cases.line_model(), lines, method="saem", seed=5, **options)
    run = wb.saem_steps(cases.line_model(), lines, seed=5, **options)
    while not run.finished:
        run.simulate()
        run.approximate()
        run.maximise()
    np.testing.assert_array_equal(run.estimates, fit.parameters["estimate"])
    assert run.iteration == len(fit.trace) == 90
    assert list(fit.trace["phase"]) == ["exploration"] * 20 + ["smoothing"] * 70
    table = run.sampler.table()
    assert list(table) == ["ID", "CHAIN", "a", "b"]
    assert len(table) == 30 * run.sampler.n_chains
    assert np.isfinite(fit.trace["complete_m2ll"]).all()


def test_steps_come_in_turn(lines):
    run = wb.saem_steps(cases.line_model(), lines, annealing=0)
    with pytest.raises(EstimationError, match=r"simulate\(\) is next, not maximise\(\)"):
        run.maximise()
    run.simulate()
    eta = run.sampler.eta.copy()
    with pytest.raises(EstimationError, match=r"approximate\(\) is next"):
        run.simulate()
    run.approximate()
    assert run.gain == 1.0
    np.testing.assert_array_equal(run.statistics.square.shape, (2, 2))
    before = run.theta.copy()
    run.maximise()
    # individual parameters stay where they are
    np.testing.assert_allclose(run.sampler.eta + run.theta, eta + before, rtol=1e-12)


def test_the_same_on_two_threads(lines):
    options = {"exploration": 15, "smoothing": 15, "covariance": "none"}
    one, two = (
        wb.fit(cases.line_model(), lines, method="saem", threads=threads, **options)
        for threads in (1, 2)
    )
    assert one.trace.equals(two.trace)
    np.testing.assert_array_equal(one.eta_mean, two.eta_mean)
    other = wb.fit(cases.line_model(), lines, method="saem", seed=1, **options)
    assert (one.trace["a"] != other.trace["a"]).any()


@pytest.mark.parametrize("sigma", [0.02, 50.0])
@pytest.mark.parametrize("factor", [-3.0, 30.0])
def test_far_from_the_truth_and_far_from_one(lines, exact, factor, sigma):
    """Typical values 30 SDs away, residual error off by 25 to 100."""
    start = cases.line_model(
        a=wb.Normal(10.0 * factor, iiv=0.5),
        b=wb.Normal(2.0 * factor, iiv=0.5),
        error=wb.error.Additive(sigma),
    )
    fit = wb.fit(start, lines, method="saem", n_chains=4, covariance="none")
    away = (fit.parameters["estimate"] - exact.parameters["estimate"]) / exact.parameters["se"]
    assert away.abs().max() < 0.8, away


def test_what_is_fixed_stays(lines):
    model = cases.line_model(
        a=wb.Normal(wb.Fixed(9.5), iiv=0.7),
        b=wb.Normal(2.0, iiv=wb.Fixed(0.3)),
        correlations=(),
        error=wb.error.Additive(wb.Fixed(0.6)),
    )
    fit = wb.fit(model, lines, method="saem", exploration=60, smoothing=60, n_chains=2)
    found = fit.parameters
    assert found.loc["a", "estimate"] == 9.5
    assert found.loc["omega[b]", "estimate"] == pytest.approx(0.09, rel=1e-14)
    assert found.loc["sigma[additive]", "estimate"] == pytest.approx(0.6, rel=1e-14)
    assert found.loc[found["fixed"], "se"].isna().all()
    assert found.loc[~found["fixed"], "se"].notna().all()
    assert fit.trace["a"].eq(9.5).all()
    expected = wb.fit(model, lines).parameters
    away = (found["estimate"] - expected["estimate"])[["b", "omega[a]"]] / expected["se"]
    assert away.abs().max() < 0.5


def test_nothing_to_estimate_ends_at_once(lines):
    model = cases.line_model(
        a=wb.Normal(wb.Fixed(10.0), iiv=wb.Fixed(0.7)),
        b=wb.Normal(wb.Fixed(2.0), iiv=wb.Fixed(0.3)),
        correlations=(),
        error=wb.error.Additive(wb.Fixed(0.6)),
    )
    fit = wb.fit(model, lines, method="saem", likelihood="linearisation")
    assert fit.ofv == wb.evaluate(model, lines).ofv
    assert fit.verdict == "converged", fit.reasons


def test_without_random_effects_it_is_least_squares(lines):
    """A deterministic problem: scoring reaches the maximum to 1e-5 SE, SEs to 1 %."""
    flat = {"a": wb.Normal(8.0), "b": wb.Normal(1.0)}
    model = cases.line_model(correlations=(), **flat)
    fit, expected = (wb.fit(model, lines, method=method) for method in ("saem", "focei"))
    away = (fit.parameters["estimate"] - expected.parameters["estimate"]) / expected.parameters[
        "se"
    ]
    assert away.abs().max() < 1e-5
    np.testing.assert_allclose(fit.parameters["se"], expected.parameters["se"], rtol=0.01)
    assert list(fit.draws(2)) == ["ID", "DRAW"]


def test_options_are_checked(lines):
    for options, words in (
        ({"tau": 1.0}, "tau must lie between 0 and 1"),
        ({"smoothing": -1}, "smoothing must be a whole number"),
        ({"n_chains": 0}, "n_chains must be None or a whole number of at least 1"),
        ({"covariance": "hessian"}, "one of linearisation, stochastic, none"),
        ({"likelihood": "exact"}, "likelihood must be one of"),
        ({"prior": 0, "single": 0, "block": 0}, "must move"),
        ({"auto_stop": 1}, "True or False"),
    ):
        with pytest.raises(OptionError, match=words):
            wb.fit(cases.line_model(), lines, method="saem", **options)


def test_limits_are_never_convergence(lines):
    options = {"exploration": 30, "covariance": "none"}
    fit = wb.fit(cases.line_model(), lines, method="saem", smoothing=20, **options)
    assert fit.verdict == "doubtful"
    assert "smoothing phase ended at its limit of 20" in fit.reasons[0]
    fit = wb.fit(cases.line_model(), lines, method="saem", max_iter=40, **options)
    assert fit.verdict == "doubtful"
    assert "limit of 40 iterations" in fit.reasons[0]
    assert len(fit.trace) == 40


def test_draws_of_any_fit(exact):
    """Means and SDs against the formula; 100 nearly independent draws each: 0.1 SD, 4 of those."""
    draws = exact.draws(100, seed=1)
    assert list(draws) == ["ID", "DRAW", "a", "b"]
    assert len(draws) == 30 * 100
    again = exact.draws(100, seed=1)
    assert draws.equals(again)
    assert not draws.equals(exact.draws(100, seed=2))
    z = np.stack([np.ones(5), cases.LINE_TIMES], axis=1)
    s2 = exact.sigma["additive"] ** 2
    covariance = np.linalg.inv(z.T @ z / s2 + np.linalg.inv(exact.omega.to_numpy()))
    sd = np.sqrt(np.diag(covariance))
    means = draws.groupby("ID", sort=False)[["a", "b"]].mean()
    np.testing.assert_array_less(np.abs(means - exact.etas.to_numpy()) / sd, 0.45)
    mean, spread = exact.conditional(100, seed=1)
    np.testing.assert_allclose(mean, means)
    np.testing.assert_allclose(spread.mean() / sd, 1.0, atol=0.06)
    with pytest.raises(OptionError, match="whole number of at least 1"):
        exact.draws(0)

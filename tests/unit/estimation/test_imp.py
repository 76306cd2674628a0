"""EM by importance sampling against adaptive quadrature, whose estimates are exact here."""

import numpy as np
import pytest

import workbench as wb
from tests import cases
from tests.objectives import likelihood
from workbench.core.jit import JIT_DISABLED
from workbench.errors import EstimationError, ModelError, OptionError
from workbench.estimation._imp_options import ImpOptions
from workbench.estimation._imp_search import SampledLikelihood, em_step, trend
from workbench.problem import Problem
from workbench.problem.workers import Workers

needs_compiled = pytest.mark.skipif(
    JIT_DISABLED, reason="plain Python refuses the logarithm of a negative number"
)


@pytest.fixture(scope="module")
def data():
    return cases.iv_data(24, sd=0.15)


def sampled(model, data, **options):
    problem = Problem(model, data)
    chosen = ImpOptions(**options)
    workers = Workers(1, problem.n_sub, problem.n_obs)
    return SampledLikelihood(problem, chosen, workers, 1, chosen.draws)


MODELS = {
    "block": cases.iv_model("proportional", correlations={("cl", "v"): 0.3}),
    "no random effect on v": cases.iv_model("combined2", v=(20.0, 0.0)),
    "no random effect on v, one sigma": cases.iv_model("proportional", v=(20.0, 0.0)),
    "combined 1": cases.iv_model("combined1"),
    "fixed": wb.Model(
        "pk_1cmt_iv",
        {"cl": wb.LogNormal(3.0, iiv=wb.Fixed(0.3)), "v": wb.LogNormal(wb.Fixed(20.0), iiv=0.2)},
        error=cases.error("lognormal"),
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_expected_scores_are_the_gradient_of_the_exact_likelihood(data, name):
    """Twelve independent runs against 15 nodes an eta; 5 standard errors of their mean."""
    model = MODELS[name]
    exact = likelihood(model, data, "agq", nodes=15)
    x = exact.problem.space.start + 0.05 * np.cos(np.arange(exact.problem.space.n_free))
    _, expected = exact(x)
    target = sampled(model, data, draws=1000)
    runs = []
    for iteration in range(12):
        target.iteration = iteration
        runs.append(target(x)[1].sum(axis=0))
    error = np.std(runs, axis=0, ddof=1) / np.sqrt(len(runs))
    off = np.abs(np.mean(runs, axis=0) - expected.sum(axis=0))
    assert (off < 5 * error + 1e-9).all()
    assert np.linalg.norm(off) < 0.02 * np.linalg.norm(expected.sum(axis=0))


@pytest.mark.parametrize("name", MODELS)
def test_a_step_lowers_the_objective_and_keeps_what_is_fixed(data, name):
    model = MODELS[name]
    target = sampled(model, data, draws=1000)
    x = target.problem.space.start + 0.3 * np.cos(np.arange(target.problem.space.n_free))
    values, out = target.sample(x, 0)
    moved = em_step(target.problem, target.parts, x, values, out)
    after = target.sample(moved, 0)[1]
    assert after.ofv.sum() < out.ofv.sum() - 1.0
    free = target.problem.space.free
    np.testing.assert_array_equal(
        target.problem.space.full(moved)[~free], target.problem.space.full(x)[~free]
    )


@pytest.mark.parametrize("name", ["block", "no random effect on v, one sigma", "fixed"])
def test_estimates_and_standard_errors_against_quadrature(data, name):
    """Estimates to a tenth of their SE, SEs to 5 %, -2LL to four Monte-Carlo errors."""
    model = MODELS[name]
    exact = wb.fit(model, data, method="agq", nodes=9)
    fit = wb.fit(model, data, method="imp", seed=4)
    assert fit.verdict == "converged", fit.reasons
    se = exact.parameters["se"]
    free = ~exact.parameters["fixed"]
    off = (fit.parameters["estimate"] - exact.parameters["estimate"])[free] / se[free]
    assert off.abs().max() < 0.1
    np.testing.assert_allclose(fit.parameters["se"], se, rtol=0.05)
    assert abs(fit.m2ll - exact.m2ll) < 4 * fit.likelihood_se
    assert fit.likelihood == "IS"
    assert 0 < fit.likelihood_se < 0.2
    assert (fit.eta_sd.to_numpy() > 0).all()
    assert list(fit.eta_mean.index) == list(data.subjects)
    assert "±" in repr(fit)


def test_covariances(data):
    """The sandwich and the scores need no more than the gradients; they agree in size."""
    model = MODELS["block"]
    size = {
        kind: wb.fit(model, data, method="imp", covariance=kind).parameters["se"]
        for kind in ("hessian", "sandwich", "scores", "none")
    }
    assert size["none"].isna().all()
    for kind in ("sandwich", "scores"):
        ratio = size[kind] / size["hessian"]
        assert ratio.between(0.4, 2.5).all(), ratio


def test_evaluation_is_the_expectation_step_alone(data):
    model = MODELS["block"]
    at = wb.evaluate(model, data, method="imp", draws=4000)
    exact = wb.evaluate(model, data, method="agq", nodes=15)
    assert abs(at.m2ll - exact.m2ll) < 4 * at.likelihood_se
    np.testing.assert_allclose(at.theta, [3.0, 20.0], rtol=1e-14)
    assert at.verdict == "converged"
    assert "nothing was estimated" in at.reasons[0]
    other = wb.evaluate(model, data, method="imp", draws=4000, seed=9)
    assert other.m2ll != at.m2ll
    assert abs(at.m2ll - other.m2ll) < 4 * np.hypot(at.likelihood_se, other.likelihood_se)


def test_no_iterations_leave_the_parameters_but_give_standard_errors(data):
    exact = wb.fit(MODELS["block"], data, method="agq", nodes=9)
    fit = wb.fit(exact.final_model, data, method="imp", max_iter=0)
    assert "Expectation only" in fit.reasons[0]
    np.testing.assert_allclose(fit.parameters["estimate"], exact.parameters["estimate"], rtol=1e-12)
    np.testing.assert_allclose(fit.parameters["se"], exact.parameters["se"], rtol=0.05)
    away = wb.fit(cases.iv_model("proportional", cl=(4.0, 0.3)), data, method="imp", max_iter=0)
    assert "Newton step" in " ".join(away.reasons)


def test_threads_change_nothing(data):
    a, b = (
        wb.fit(MODELS["block"], data, method="imp", threads=threads, draws=300, max_iter=3)
        for threads in (1, 2)
    )
    assert a.ofv == b.ofv
    np.testing.assert_array_equal(a.parameters["estimate"], b.parameters["estimate"])


def test_linear_gaussian_model_has_no_monte_carlo_error():
    """log f = log D − log v − (cl/v)·t is linear in a normal cl under log-normal error."""
    data = cases.iv_data(8)
    parameters = {"cl": wb.Normal(3.0, iiv=0.8), "v": wb.LogNormal(20.0)}
    model = wb.Model("pk_1cmt_iv", parameters, error=cases.error("lognormal"))
    exact = wb.evaluate(model, data, method="focei")
    at = wb.evaluate(model, data, method="imp", df=0, draws=50)
    assert at.m2ll == pytest.approx(exact.m2ll, abs=1e-9)
    assert at.likelihood_se < 1e-6


def test_a_residual_error_that_vanishes_is_named(data):
    """The data have no additive error; its logarithm must not fall until the limit."""
    fit = wb.fit(cases.iv_model("combined2", v=(20.0, 0.0)), cases.iv_data(30), method="imp")
    assert fit.verdict == "doubtful"
    assert any("went to zero" in reason for reason in fit.reasons)
    assert not any("limit" in reason for reason in fit.reasons)


def test_few_effective_draws_are_said(data):
    at = wb.evaluate(MODELS["block"], data, method="imp", draws=10)
    assert at.verdict == "doubtful"
    assert "independent" in at.reasons[0]


@needs_compiled
def test_draws_without_likelihood_are_noted():
    data = cases.iv_data(4)
    parameters = {"cl": wb.LogNormal(3.0), "v": wb.Normal(20.0, iiv=60.0)}
    model = wb.Model("pk_1cmt_iv", parameters, error=cases.error("lognormal", (5.0,)))
    at = wb.evaluate(model, data, method="imp", draws=500)
    assert any("does not exist at" in note for note in at.warnings)


def test_no_likelihood_at_the_start_is_refused_with_names():
    """A volume of 1e-300 overflows the prediction of everybody."""
    data = cases.iv_data(3)
    parameters = {"cl": wb.LogNormal(3.0), "v": wb.LogNormal(1e-160, iiv=0.3)}
    model = wb.Model("pk_1cmt_iv", parameters, error=cases.error("additive"))
    with pytest.raises((EstimationError, ModelError), match="starting values"):
        wb.fit(model, data, method="imp")


@pytest.mark.parametrize(
    "wrong",
    [
        {"draws": 3},
        {"df": -1},
        {"scale": 0.0},
        {"window": 2},
        {"covariance": "all"},
        {"threads": 0},
    ],
)
def test_options_out_of_range_are_refused(data, wrong):
    with pytest.raises(OptionError, match=next(iter(wrong))):
        wb.fit(MODELS["block"], data, method="imp", **wrong)


def test_trend_is_the_t_statistic_of_a_slope():
    time = np.arange(10.0)
    noise = np.random.default_rng(1).standard_normal(10)
    rows = np.column_stack([noise, 3 * time + noise, np.ones(10)])
    flat, steep, constant = trend(rows)
    fit = np.polynomial.polynomial.polyfit(time, noise, 1)
    rest = noise - fit[0] - fit[1] * time
    error = np.sqrt(rest @ rest / 8 / np.sum((time - time.mean()) ** 2))
    assert flat == pytest.approx(fit[1] / error, rel=1e-9)
    assert steep > 10
    assert constant == 0

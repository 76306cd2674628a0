"""Bounds and priors of typical values, in every estimator: honoured, or refused in words."""

import numpy as np
import pytest

import workbench as wb
from tests import cases
from tests.objectives import differences, likelihood
from workbench.errors import EstimationError
from workbench.estimation import estimators

GRADIENT_METHODS = ("fo", "foce", "focei", "laplace", "agq")
NAMES = [name for name in estimators.names() if name != "linear"]  # refuses this model


@pytest.fixture(scope="module")
def data():
    return cases.iv_data(15)


def with_cl(**extra):
    model = cases.iv_model("proportional")
    cl = wb.LogNormal(3.0, iiv=0.3, **extra)
    return model.replace(parameters={**model.parameters, "cl": cl})


@pytest.mark.parametrize("method", GRADIENT_METHODS)
def test_gradient_with_bounds_and_a_prior(data, method):
    model = with_cl(bounds=(1.0, 9.0), prior=wb.Prior(2.0, sd=0.4))
    target = likelihood(model, data, method)
    x = target.problem.space.start + 0.05
    _, terms = target(x)
    numeric = differences(lambda at: np.array([target(at)[0]]), x)[0]
    np.testing.assert_allclose(terms.sum(axis=0), numeric, rtol=1e-7, atol=1e-7)


def test_bounds_that_are_far_change_nothing(data):
    free, bounded = wb.fit(with_cl(), data), wb.fit(with_cl(bounds=(0.3, 30.0)), data)
    assert bounded.verdict == "converged", bounded.reasons
    assert bounded.ofv == pytest.approx(free.ofv, abs=1e-6)
    np.testing.assert_allclose(
        bounded.parameters["estimate"], free.parameters["estimate"], rtol=1e-4
    )
    np.testing.assert_allclose(bounded.parameters["se"], free.parameters["se"], rtol=1e-3)


@pytest.mark.parametrize("method", NAMES)
def test_a_bound_is_not_passed_and_reaching_it_is_said(data, method):
    best = wb.fit(with_cl(), data, method="focei").theta["cl"]
    start = with_cl()
    cl = wb.LogNormal(1.6 * best, iiv=0.3, bounds=(1.25 * best, None))
    model = start.replace(parameters={**start.parameters, "cl": cl})
    fit = wb.fit(model, data, method=method, seed=1)
    assert fit.theta["cl"] >= 1.25 * best
    assert fit.theta["cl"] < 1.27 * best
    assert fit.verdict == "doubtful"
    assert any("cl ended at its lower bound" in reason for reason in fit.reasons)
    assert np.isnan(fit.parameters.loc["cl", "se"]) or method == "two_stage"


@pytest.mark.parametrize("method", NAMES)
def test_a_tight_prior_holds_and_a_vague_one_lets_go(data, method):
    free = wb.fit(with_cl(), data, method=method, seed=1)
    prior = with_cl(prior=wb.Prior(4.0, sd=1e-3))
    if method == "two_stage":
        with pytest.raises(EstimationError, match="no place for priors"):
            wb.fit(prior, data, method=method)
        return
    tight = wb.fit(prior, data, method=method, seed=1)
    assert tight.theta["cl"] == pytest.approx(4.0, rel=0.01)
    assert tight.parameters.loc["cl", "se"] == pytest.approx(4.0 * 1e-3, rel=0.05)
    assert tight.ofv > free.ofv
    vague = wb.fit(with_cl(prior=wb.Prior(4.0, sd=1e3)), data, method=method, seed=1)
    assert vague.theta["cl"] == pytest.approx(free.theta["cl"], rel=1e-4)
    assert vague.penalty < 1e-6


def test_a_prior_of_a_linear_model_is_the_weighted_mean():
    """Known omega and sigma: the posterior mean of normal theory, by the exact method."""
    rng = np.random.default_rng(2)
    rows = [(i, t, 10.0 + rng.standard_normal()) for i in range(1, 9) for t in (0.0, 1.0)]
    frame = cases.frame([(i, t, y, 0.0, 0, 1, 0.0, 0.0, 0) for i, t, y in rows])
    data = wb.read_dataset(frame[["ID", "TIME", "DV"]], name="line")
    model = wb.Model(
        wb.equations("y = b0", outputs=["y"]),
        {"b0": wb.Normal(9.0, iiv=wb.Fixed(0.5), prior=wb.Prior(8.0, sd=0.3))},
        error=wb.error.Additive(wb.Fixed(1.0)),
    )
    means = frame.groupby("ID")["DV"].mean()
    information = len(means) / (0.5**2 + 1.0 / 2.0)
    expected = (information * means.mean() + 8.0 / 0.09) / (information + 1.0 / 0.09)
    fit = wb.fit(model, data, method="linear")
    assert fit.theta["b0"] == pytest.approx(expected, rel=1e-6)
    assert fit.parameters.loc["b0", "se"] == pytest.approx(
        (information + 1.0 / 0.09) ** -0.5, rel=1e-4
    )
    assert fit.penalty == pytest.approx(((expected - 8.0) / 0.3) ** 2, rel=1e-5)


def test_standard_errors_by_hessian_gradients_and_both_agree_on_much_data():
    """With 400 subjects of a true model R, S and the sandwich estimate the same: 25 %."""
    data, model = cases.iv_data(400, seed=8), cases.iv_model("proportional")
    se = {
        kind: wb.fit(model, data, covariance=kind).parameters["se"]
        for kind in ("hessian", "scores", "sandwich")
    }
    for kind in ("scores", "sandwich"):
        np.testing.assert_allclose(se[kind], se["hessian"], rtol=0.25)

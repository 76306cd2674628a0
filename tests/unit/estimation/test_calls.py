"""`fit` and `evaluate`: what they refuse, what they leave alone, and what they repeat."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests import cases
from workbench.errors import EstimationError, ModelError, OptionError, UnknownNameError

FRAMES = (
    "parameters",
    "covariance",
    "etas",
    "individual_parameters",
    "predictions",
    "shrinkage",
    "trace",
)


@pytest.fixture(scope="module")
def data():
    return cases.iv_data()


@pytest.fixture(scope="module")
def model():
    return cases.iv_model("proportional", correlations=[("cl", "v")])


@pytest.fixture(scope="module")
def fit(model, data):
    return wb.fit(model, data)


# --- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [wb.fit, wb.evaluate])
@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"method": "focie"}, UnknownNameError, "estimation method.*'foce'.*fo, foce, focei"),
        ({"method": "FOCEI"}, UnknownNameError, "Did you mean 'focei'"),
        ({"method": None}, UnknownNameError, "fo, foce, focei"),
        ({"max_itr": 3}, UnknownNameError, "option of FOCEI.*Did you mean 'max_iter'.*threads"),
        ({"covarance": "none"}, UnknownNameError, "Did you mean 'covariance'"),
        ({"max_iter": -1}, OptionError, "max_iter.*at least 0, not -1"),
        ({"max_iter": 2.5}, OptionError, "max_iter.*whole number.*not 2.5"),
        ({"tolerance": 0}, OptionError, "tolerance.*between 0 and 1, not 0"),
        ({"tolerance": "tight"}, OptionError, "tolerance.*between 0 and 1, not tight"),
        ({"covariance": "bread"}, OptionError, "hessian, sandwich, scores, none, not 'bread'"),
        ({"covariance": None}, OptionError, "hessian, sandwich, scores, none, not None"),
        ({"threads": 0}, OptionError, "threads.*at least 1, not 0"),
        *(
            ({"seed": wrong}, OptionError, f"seed= must be a whole number of at .*not {wrong!r}")
            for wrong in (-1, 1.5, True, 2**70, "a", None)
        ),
    ],
)
def test_a_bad_argument_is_refused_with_the_remedy(model, data, call, arguments, kind, words):
    with pytest.raises(kind, match=words):
        call(model, data, **arguments)


def test_model_and_data_the_wrong_way_round_are_refused(model, data):
    with pytest.raises(ModelError, match=r"first argument must be a wb.Model, not Dataset"):
        wb.fit(data, model)
    with pytest.raises(ModelError, match=r"second argument.*not DataFrame.*wb.read_dataset"):
        wb.fit(model, data.table)


def test_a_start_without_an_objective_names_the_subjects(data):
    """A clearance so large that the last predictions, and their variances, underflow."""
    lost = cases.iv_model("proportional", cl=(526.0, 0.3))
    words = r"FOCE objective does not exist.*20 of 20 subjects \(ID 1, 2, 3, 4, 5 …\).*units"
    with pytest.raises(EstimationError, match=words):
        wb.fit(lost, data, method="foce")


def test_a_start_that_is_far_off_finds_its_way(data):
    """A clearance 175 times too large, of which the variances underflow at eta = 0."""
    near = wb.fit(cases.iv_model("proportional"), data)
    far = wb.fit(cases.iv_model("proportional", cl=(526.0, 0.3)), data)
    assert far.verdict == "converged", far.reasons
    assert far.ofv == pytest.approx(near.ofv, abs=1e-6)


# --- evaluate --------------------------------------------------------------------------------


@pytest.mark.parametrize("method", cases.METHODS)
def test_evaluate_at_the_estimates_is_the_fit(model, data, method):
    """1e-12 of the OFV: the estimates pass through a logarithm and back."""
    fit = wb.fit(model, data, method=method)
    at = wb.evaluate(fit.final_model, data, method=method)
    assert at.ofv == pytest.approx(fit.ofv, rel=1e-12)
    np.testing.assert_allclose(at.individual_ofv, fit.individual_ofv, atol=1e-10)
    np.testing.assert_allclose(at.etas, fit.etas, atol=1e-10)
    np.testing.assert_allclose(at.predictions["CWRES"], fit.predictions["CWRES"], atol=1e-9)
    assert fit.ofv < wb.evaluate(model, data, method=method).ofv


@pytest.mark.parametrize("method", cases.METHODS)
def test_evaluate_changes_nothing(model, data, method):
    card, table = model.to_json(), data.table.copy()
    at = wb.evaluate(model, data, method=method)
    assert not at.estimated
    assert at.verdict == "converged"
    assert "nothing was estimated" in at.reasons[-1]
    assert len(at.trace) == 1
    np.testing.assert_allclose(at.theta, [3.0, 20.0], rtol=1e-14)
    np.testing.assert_allclose(at.omega, model.omega, rtol=1e-14)
    assert at.sigma["proportional"] == pytest.approx(0.15, rel=1e-14)
    assert at.parameters["se"].isna().all()
    assert model.to_json() == card
    pd.testing.assert_frame_equal(data.table, table)


def test_a_fit_with_everything_fixed_is_an_evaluation(data):
    held = {
        "cl": wb.LogNormal(wb.Fixed(3.0), iiv=wb.Fixed(0.3)),
        "v": wb.LogNormal(wb.Fixed(20.0), iiv=wb.Fixed(0.2)),
    }
    model = wb.Model("pk_1cmt_iv", held, error=wb.error.Proportional(wb.Fixed(0.15)))
    fit = wb.fit(model, data)
    assert fit.ofv == wb.evaluate(model, data).ofv
    assert fit.n_parameters == 0
    assert fit.aic == fit.bic == fit.m2ll
    assert fit.parameters["fixed"].all()


def test_without_random_effects_it_is_least_squares(data):
    r"""Additive error: :math:`s^2` is the mean square and the OFV :math:`n (\log s^2 + 1)`; 1e-6
    because the search stops within 1e-8 of the minimum.
    """
    pooled = {"cl": wb.LogNormal(3.0), "v": wb.LogNormal(20.0)}
    fit = wb.fit(wb.Model("pk_1cmt_iv", pooled, error=wb.error.Additive(1.0)), data)
    assert fit.verdict == "converged", fit.reasons
    square = np.mean(fit.predictions["RES"] ** 2)
    assert fit.sigma["additive"] ** 2 == pytest.approx(square, rel=1e-6)
    assert fit.ofv == pytest.approx(data.n_obs * (np.log(square) + 1), abs=1e-6)
    assert fit.etas.shape == (data.n_sub, 0)
    np.testing.assert_array_equal(fit.predictions["PRED"], fit.predictions["IPRED"])


# --- repetition, progress, cancelling --------------------------------------------------------


def test_the_same_fit_twice_is_the_same_to_the_bit(fit, model, data):
    again = wb.fit(model, data)
    for name in FRAMES:
        pd.testing.assert_frame_equal(getattr(again, name), getattr(fit, name), check_exact=True)
    assert again.ofv == fit.ofv
    assert again.final_model == fit.final_model
    assert (again.verdict, again.reasons) == (fit.verdict, fit.reasons)


def test_the_fit_records_what_it_was_asked(model, data):
    fit = wb.fit(model, data, method="foce", seed=7, max_iter=40, covariance="none")
    assert (fit.method, fit.seed, fit.estimated) == ("foce", 7, True)
    assert fit.given == {"max_iter": 40, "covariance": "none"}
    assert fit.options == {
        "max_iter": 40,
        "tolerance": 1e-8,
        "covariance": "none",
        "threads": None,
    }
    assert fit.model is model
    assert fit.data is data
    assert fit.seconds > 0


def test_progress_is_the_trace(model, data):
    seen = []
    fit = wb.fit(model, data, on_iteration=seen.append)
    assert [p.iteration for p in seen] == list(fit.trace["iteration"]) == list(range(len(seen)))
    assert [p.ofv for p in seen] == list(fit.trace["ofv"])
    assert [p.best_ofv for p in seen] == list(fit.trace["ofv"].cummin())
    assert {p.max_iter for p in seen} == {500}
    assert list(seen[-1].values) == list(fit.parameters.index)
    np.testing.assert_array_equal(list(seen[-1].values.values()), fit.parameters["estimate"])


@pytest.mark.parametrize("after", [0, 2, 5])
def test_a_cancelled_fit_keeps_the_best_so_far(model, data, after):
    token, seen = wb.CancelToken(), []

    def stop(progress):
        seen.append(progress)
        if progress.iteration == after:
            token.set()

    fit = wb.fit(model, data, on_iteration=stop, cancel=token)
    best = min(seen, key=lambda p: p.ofv)
    assert fit.verdict == "doubtful"
    assert fit.reasons[0].startswith(f"Stopped on request after {after} iterations")
    assert fit.parameters["se"].isna().all()  # nobody waits for the errors of what is not the end
    assert fit.ofv == best.ofv
    np.testing.assert_array_equal(fit.parameters["estimate"], list(best.values.values()))
    assert len(fit.trace) == after + 1


def test_a_fit_cancelled_before_it_began_returns_the_start(model, data):
    token = wb.CancelToken()
    token.set()
    fit = wb.fit(model, data, cancel=token)
    assert fit.verdict == "doubtful"
    assert fit.ofv == wb.evaluate(model, data).ofv

"""Every estimator, present and future, obeys these."""

import dataclasses

import numpy as np
import pytest

import workbench as wb
from tests import cases
from workbench.errors import UnknownNameError
from workbench.estimation import estimators

pytestmark = pytest.mark.parametrize("name", estimators.names())


@pytest.fixture(scope="module")
def data():
    return cases.oral_data()


def test_declaration(name):
    estimator = estimators.get(name)
    assert estimator.name == name
    assert estimator.description.endswith(".")
    assert dataclasses.is_dataclass(estimator.options)
    with pytest.raises(dataclasses.FrozenInstanceError):
        estimator.options().max_iter = 3


def test_the_same_run_twice_is_the_same_to_the_bit(name, data):
    first, second = (wb.fit(cases.oral_model("additive"), data, method=name) for _ in range(2))
    assert first.ofv == second.ofv
    np.testing.assert_array_equal(first.parameters["se"], second.parameters["se"])
    assert first.method == name


def test_the_trace_ends_at_the_result_and_never_rises(name, data):
    fit = wb.fit(cases.oral_model("additive"), data, method=name)
    assert fit.trace["ofv"].iloc[-1] == fit.ofv
    if estimators.get(name).minimises:
        assert (np.diff(fit.trace["ofv"]) <= 0).all()
    assert fit.verdict in ("converged", "doubtful")
    assert fit.reasons


def test_the_iteration_limit_is_never_convergence(name, data):
    start = cases.oral_model("additive").replace(error=wb.error.Additive(5.0))
    assert wb.fit(start, data, method=name, max_iter=1).verdict == "doubtful"


def test_a_cancelled_fit_keeps_its_best_values(name, data):
    token = wb.CancelToken()
    seen = []

    def stop(progress):
        seen.append(progress.best_ofv)
        token.set()

    start = cases.oral_model("additive").replace(error=wb.error.Additive(5.0))
    fit = wb.fit(start, data, method=name, on_iteration=stop, cancel=token)
    assert fit.verdict == "doubtful"
    assert "request" in fit.reasons[0]
    assert fit.ofv == seen[-1]


def test_fixed_values_stay(name, data):
    model = cases.oral_model("additive")
    held = {**model.parameters, "v": wb.LogNormal(wb.Fixed(28.0), iiv=0.2)}
    fit = wb.fit(model.replace(parameters=held), data, method=name)
    assert fit.theta["v"] == pytest.approx(28.0, rel=1e-14)
    assert np.isnan(fit.parameters.loc["v", "se"])


def test_a_misspelt_option_is_refused(name, data):
    with pytest.raises(UnknownNameError, match="Did you mean 'max_iter'"):
        wb.fit(cases.oral_model(), data, method=name, max_itr=3)

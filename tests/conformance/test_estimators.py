"""Every estimator, present and future, obeys these."""

import dataclasses

import numpy as np
import pytest

import workbench as wb
from tests import cases
from workbench.errors import UnknownNameError
from workbench.estimation import APPROXIMATE, INTEGRAL, STAGES, estimators

GROUPS = (APPROXIMATE, INTEGRAL, STAGES)
pytestmark = pytest.mark.parametrize("name", estimators.names())


@pytest.fixture
def case(name):
    """A model and data that the estimator takes."""
    return cases.suited(name)


def test_declaration(name):
    estimator = estimators.get(name)
    assert estimator.name == name
    assert estimator.description.endswith(".")
    assert dataclasses.is_dataclass(estimator.options)
    with pytest.raises(dataclasses.FrozenInstanceError):
        estimator.options().max_iter = 3


def poor(model):
    """Return the model with a residual error far too large."""
    return model.replace(error=wb.error.Additive(5.0))


def test_the_same_run_twice_is_the_same_to_the_bit(name, case):
    first, second = (wb.fit(*case, method=name) for _ in range(2))
    assert first.ofv == second.ofv
    np.testing.assert_array_equal(first.parameters["se"], second.parameters["se"])
    assert first.method == name
    assert first.likelihood


def test_the_trace_ends_at_the_result_and_never_rises(name, case):
    fit = wb.fit(*case, method=name)
    estimated = fit.parameters["estimate"]
    last = fit.trace.iloc[-1][estimated.index].astype(float)
    np.testing.assert_array_equal(last, estimated)
    if estimators.get(name).minimises:
        assert fit.trace["ofv"].iloc[-1] == fit.ofv
        assert (np.diff(fit.trace["ofv"]) <= 0).all()
    assert fit.verdict in ("converged", "doubtful")
    assert fit.reasons


def test_one_and_two_threads_give_the_same_to_the_bit(name, case):
    first, second = (wb.fit(*case, method=name, threads=n) for n in (1, 2))
    assert first.ofv == second.ofv
    np.testing.assert_array_equal(first.parameters["estimate"], second.parameters["estimate"])


def test_a_result_can_be_saved_repeated_and_started_from(name, case, tmp_path):
    fit = wb.fit(*case, method=name, max_iter=2)
    fit.save(tmp_path / "fit.json")
    again = wb.load_fit(tmp_path / "fit.json")
    assert (again.ofv, again.likelihood) == (fit.ofv, fit.likelihood)
    assert f"method={name!r}" in again.python()
    model = fit.updated_model
    assert model.etas == case[0].etas
    assert wb.evaluate(model, case[1], method="focei").verdict


def test_the_iteration_limit_is_never_convergence(name, case):
    model, data = case
    assert wb.fit(poor(model), data, method=name, max_iter=1).verdict == "doubtful"


def test_a_cancelled_fit_keeps_its_best_values(name, case):
    token = wb.CancelToken()
    seen = []

    def stop(progress):
        seen.append(progress.best_ofv)
        token.set()

    model, data = case
    fit = wb.fit(poor(model), data, method=name, on_iteration=stop, cancel=token)
    assert fit.verdict == "doubtful"
    assert "request" in fit.reasons[0]
    if estimators.get(name).minimises:
        assert fit.ofv == seen[-1]
    assert len(seen) <= 2


def test_fixed_values_stay(name, case):
    model, data = case
    last = list(model.parameters)[-1]
    held = 1.1 * model.parameters[last].typical
    parameter = dataclasses.replace(
        model.parameters[last], typical=held, fixed=frozenset({"typical"})
    )
    fixed = model.replace(parameters={**model.parameters, last: parameter})
    fit = wb.fit(fixed, data, method=name)
    assert fit.theta[last] == pytest.approx(held, rel=1e-14)
    assert np.isnan(fit.parameters.loc[last, "se"])


def test_a_misspelt_option_is_refused(name, case):
    with pytest.raises(UnknownNameError, match="Did you mean 'max_iter'"):
        wb.fit(*case, method=name, max_itr=3)


def test_what_a_page_offers_are_options(name):
    estimator = estimators.get(name)
    known = {field.name for field in dataclasses.fields(estimator.options)}
    for control in estimator.controls:
        assert control.option in known | {"seed"}
        default = getattr(estimator.options(), control.option, 0)
        assert not control.choices or default in control.choices
    assert estimator.group in GROUPS

"""Which endpoint of the data is which output, and what a problem of several outputs gives."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests import cases, outputs
from workbench.errors import DataError, ModelError
from workbench.problem import Problem
from workbench.problem.endpoints import endpoint_outputs
from workbench.problem.residuals import predictions_table

CP, EFFECT = wb.error.Combined(0.1, 0.1), wb.error.LogNormal(0.2)


@pytest.fixture(autouse=True)
def known(monkeypatch):
    outputs.register(monkeypatch)


def model(cp=CP, effect=EFFECT, **parts):
    return outputs.model("log", cp, effect, **parts)


MAPPED = {
    "numbers in order": ((1, 2), {}, [0, 1]),
    "any numbers": ((2, 7), {}, [0, 1]),
    "names": (("effect", "cp"), {}, [1, 0]),
    "names in capitals": (("EFFECT", "Cp"), {}, [1, 0]),
    "one name": (("effect", "conc"), {}, [1, 0]),
    "two spellings": (("CP", "effect", "cp"), {}, [0, 1, 0]),
    "one endpoint": (("DV",), {}, [0]),
    "said": ((1, 2), {1: "effect", 2: "cp"}, [1, 0]),
    "said of names": (("cp", "effect"), {"cp": "effect", "effect": "cp"}, [1, 0]),
    "said to be the same": ((1, 2, 3.0), {1: "cp", 2: "effect", 3: "cp"}, [0, 1, 0]),
    "said of more than there are": ((2,), {1: "cp", 2: "effect"}, [1]),
}


@pytest.mark.parametrize("what", MAPPED)
def test_which_output_an_endpoint_is(what):
    labels, said, numbers = MAPPED[what]
    assert endpoint_outputs(model(endpoints=said), labels).tolist() == numbers


def test_more_endpoints_than_outputs_are_refused_with_what_to_do():
    words = (
        r"3 endpoints \(1, 2, 3\).*two_outputs_log predicts 2 \(cp, effect\).*MDV = 1.*"
        r'endpoints={1: "cp", 2: "cp", 3: "cp"}'
    )
    with pytest.raises(DataError, match=words):
        endpoint_outputs(model(), (1, 2, 3))
    with pytest.raises(DataError, match="2 endpoints"):
        Problem(cases.iv_model(), outputs.data("log"))


def test_an_endpoint_that_endpoints_does_not_name_is_refused():
    with pytest.raises(DataError, match=r"endpoint 2, but .*only 1\. Say which.*cp, effect"):
        Problem(model(endpoints={1: "cp"}), outputs.data("log"))


def test_two_endpoints_of_one_output_by_request():
    frame = outputs.frame("same")
    both = cases.iv_model("combined1").replace(endpoints={1: "c", 2: "c"})
    problem = Problem(both, wb.read_dataset(frame, name="two"))
    assert problem.notes == []
    assert (problem.outputs == 0).all()
    assert problem.subjects.records[:, 9].max() == 0


def test_taking_endpoints_in_order_is_noted():
    (note,) = Problem(model(), outputs.data("log")).notes
    assert "in order: 1 is cp, 2 is effect." in note
    assert 'endpoints={1: "cp", 2: "effect"}' in note
    named = outputs.data("log", labels=("cp", "EFFECT"))
    assert Problem(model(), named).notes == []
    assert Problem(model(endpoints={1: "cp", 2: "effect"}), outputs.data("log")).notes == []


def test_records_and_observations_carry_the_output():
    data = outputs.data("log")
    swapped = Problem(model(endpoints={1: "effect", 2: "cp"}), data)
    plain = Problem(model(), data)
    np.testing.assert_array_equal(swapped.outputs, 1 - plain.outputs)
    np.testing.assert_array_equal(plain.recorded.records, data.population.records)
    observed = data.population.records[:, 1] == 0
    np.testing.assert_array_equal(swapped.recorded.records[observed, 9], swapped.outputs)
    assert not swapped.recorded.records.flags.writeable
    np.testing.assert_array_equal(swapped.subjects.endpoint, swapped.outputs)


def test_an_observed_output_needs_an_error():
    with pytest.raises(ModelError, match=r'\d+ observations of effect.*"effect": wb.error.Add'):
        Problem(model(effect=None), outputs.data("log"))


def test_the_error_of_an_output_that_is_not_observed_is_held():
    frame = outputs.frame("log")
    rows = frame[(frame["EVID"] == 1) | (frame["DVID"] == 1)]
    problem = Problem(model(), wb.read_dataset(rows, name="cp only"))
    held = [entry.name for entry in problem.space.entries if entry.fixed]
    assert held == ["e0", "sigma[effect.sd]"]
    assert any("no observation of effect" in note for note in problem.notes)
    fit = wb.fit(model(), wb.read_dataset(rows, name="cp only"))
    assert fit.sigma["effect.sd"] == 0.2
    assert fit.parameters.loc["sigma[effect.sd]", "fixed"]


REFUSED = {
    "zero under a log-normal error, of that endpoint only": (
        lambda f: f.assign(DV=f["DV"].where((f["DVID"] != 2) | (f["ID"] != 2), 0.0)),
        {},
        DataError,
        r"logarithm of DV, but DV is 0 at row \d+ \(ID 2",
    ),
    "a prediction of zero": (
        lambda f: pd.concat([_early(), f], ignore_index=True),
        {},
        ModelError,
        r"prediction is 0 at row 2 \(ID 0, TIME 0\).*Log-normal",
    ),
}


def _early():
    """A subject observed before the dose."""
    rows = outputs.frame("log", 1).head(2).assign(ID=0)
    first = rows.iloc[[1]].assign(TIME=0.0, DVID=2, DV=1.0)
    return pd.concat([first, rows], ignore_index=True)


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what):
    change, parts, kind, words = REFUSED[what]
    data = wb.read_dataset(change(outputs.frame("log")), name="odd")
    with pytest.raises(kind, match=words):
        Problem(model(**parts), data)


def test_zeros_of_the_other_endpoint_are_welcome():
    frame = outputs.frame("log")
    frame.loc[(frame["ID"] == 2) & (frame["DVID"] == 1), "DV"] = -0.1
    Problem(model(), wb.read_dataset(frame, name="negative"))


def test_each_output_has_a_curve_that_passes_through_its_predictions():
    given = outputs.data("log")
    problem = Problem(model(), given)
    theta = problem.space.values(problem.space.start).theta
    eta = np.random.default_rng(2).normal(size=(6, 2)) * 0.3
    dense = problem.curves(theta, eta, 7)
    assert list(dense) == ["ID", "TIME", "OUTPUT", "PRED", "IPRED"]
    assert list(dense["OUTPUT"].unique()) == ["cp", "effect"]
    assert list(dense["ID"].unique()) == list(given.subjects)
    pred = problem.predict(theta, problem.no_etas())[:, 0]
    ipred = problem.predict(theta, eta)[:, 0]
    at = given.observations[["ID", "TIME"]].assign(
        OUTPUT=np.array(outputs.OUTPUTS)[problem.outputs], P=pred, I=ipred
    )
    both = at.merge(dense, on=["ID", "TIME", "OUTPUT"])
    assert len(both) == given.n_obs
    np.testing.assert_allclose(both["PRED"], both["P"], rtol=1e-14)
    np.testing.assert_allclose(both["IPRED"], both["I"], rtol=1e-14)
    wide = dense[dense["ID"] == 1]
    cp, effect = (wide[wide["OUTPUT"] == name] for name in outputs.OUTPUTS)
    np.testing.assert_array_equal(cp["TIME"], effect["TIME"])
    np.testing.assert_allclose(effect["PRED"], np.log1p(cp["PRED"]), rtol=1e-14)


def test_predictions_name_the_endpoint_of_each_observation():
    data = outputs.data("log")
    problem = Problem(model(), data)
    values = problem.space.values(problem.space.start)
    table = predictions_table(
        problem, values, problem.model.omega, problem.no_etas(), interaction=True
    )
    assert list(table)[:6] == ["ROW", "ID", "TIME", "TAD", "ENDPOINT", "DV"]
    expected = data.observations["DVID"].map({1: "cp", 2: "effect"})
    assert table["ENDPOINT"].tolist() == expected.tolist()
    one = wb.evaluate(cases.iv_model(), cases.iv_data())
    assert "ENDPOINT" not in one.predictions
    assert "OUTPUT" not in one.curves()


def test_estimates_go_back_into_the_errors():
    problem = Problem(model(), outputs.data("log"))
    space = problem.space
    x = space.start + 0.1
    moved = space.model_at(x)
    values = [v for e in moved.errors.values() for v in e.values]
    np.testing.assert_allclose(values, space.values(x).sigma, rtol=1e-15)
    assert Problem(moved, outputs.data("log")).space.start == pytest.approx(x, rel=1e-12)


def test_the_size_of_a_residual_parameter_is_that_of_its_own_endpoint():
    """A slope that starts at 0 moves in steps of its own error's size, not of another's."""
    errors = {
        "cp": wb.error.Combined(additive=1000.0, proportional=0.1, kind=1),
        "effect": wb.error.Combined(additive=0.0, proportional=0.2, kind=1),
    }
    space = Problem(model(errors["cp"], errors["effect"]), outputs.data("log")).space
    step = np.zeros(space.n_free)
    step[space.n_free - 2] = 1.0
    full = space.full(space.start + step)
    np.testing.assert_allclose(space.sigma(full), [1000.0, 0.1, 0.2, 0.2])

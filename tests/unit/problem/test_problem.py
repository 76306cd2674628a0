"""A model and data that do not fit each other are refused in words; those that do are kept."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests import cases
from workbench.errors import DataError, ModelError
from workbench.problem import Problem


def data(**columns):
    rows = {"ID": [1, 1, 1], "TIME": [0.0, 1.0, 2.0], "DV": [0.0, 4.0, 3.0]}
    rows |= {"AMT": [100.0, 0.0, 0.0], "EVID": [1, 0, 0]}
    return wb.read_dataset(pd.DataFrame({**rows, **columns}), name="made up")


def oral(error="additive"):
    return cases.oral_model(error)


REFUSED = {
    "oral doses into an intravenous model": (
        lambda: Problem(cases.iv_model(), cases.oral_data()),
        DataError,
        r"compartment 2, which pk_1cmt_iv does not have.*ID 3.*1 = central.*Correct CMT",
    ),
    "a compartment that only a larger model has": (
        lambda: Problem(oral(), data(CMT=[3, 2, 2])),
        DataError,
        "compartment 3.*1 = depot, 2 = central",
    ),
    "zero under log-normal error": (
        lambda: Problem(oral("lognormal"), data(DV=[0.0, 0.0, 3.0])),
        DataError,
        r"logarithm of DV, but DV is 0 at row 3 \(ID 1, TIME 1\)\. Drop.*MDV = 1",
    ),
    "negative data under log-normal error": (
        lambda: Problem(oral("lognormal"), data(DV=[0.0, -2.0, -3.0])),
        DataError,
        r"DV is -2 at row 3 .* and 1 more",
    ),
    "a prediction of zero under log-normal error": (
        lambda: Problem(oral("lognormal"), data(TIME=[1.0, 0.0, 2.0])),
        ModelError,
        r"prediction is 0 at row 3 \(ID 1, TIME 0\)",
    ),
    "a prediction of zero under proportional error": (
        lambda: Problem(oral("proportional"), data(TIME=[1.0, 0.0, 2.0])),
        ModelError,
        r"prediction is 0 at row 3 \(ID 1, TIME 0\).*has no variance.*combined error",
    ),
    "starting values that overflow": (
        lambda: Problem(cases.iv_model("additive", v=(1e-308, 0.2), cl=(1e-308, 0.2)), data()),
        ModelError,
        "predicts inf at row 3.*plausible size",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_combinations_that_cannot_be_fitted_are_refused(what):
    make, kind, words = REFUSED[what]
    with pytest.raises(kind, match=words):
        make()


def test_observations_in_another_compartment_are_noted():
    problem = Problem(oral(), data(CMT=[1, 1, 1]))
    assert len(problem.notes) == 1
    assert "2 observation rows have CMT 1" in problem.notes[0]
    assert "compartment 2 (central)" in problem.notes[0]
    assert Problem(oral(), data(CMT=[1, 2, 2])).notes == []


def test_negative_data_are_welcome_where_no_logarithm_is_taken():
    assert Problem(oral("combined1"), data(DV=[0.0, -0.1, 3.0])).n_obs == 2


def test_model_and_data_are_kept_and_not_changed():
    model, given = oral(), cases.oral_data()
    card, table = model.to_json(), given.table.copy()
    problem = Problem(model, given)
    assert problem.model is model
    assert problem.data is given
    assert model.to_json() == card
    pd.testing.assert_frame_equal(given.table, table)


def test_curves_pass_through_the_predictions():
    """At the times of the observations; 1e-14, since the state moves in smaller steps."""
    given = cases.iv_data(4)
    problem = Problem(cases.iv_model(), given)
    theta = problem.space.values(problem.space.start).theta
    eta = np.random.default_rng(2).normal(size=(4, 2)) * 0.3
    dense = problem.curves(theta, eta, 7)
    pred = problem.predict(theta, problem.no_etas())[:, 0]
    ipred = problem.predict(theta, eta)[:, 0]
    at = given.observations[["ID", "TIME"]].assign(P=pred, I=ipred)
    both = at.merge(dense, on=["ID", "TIME"])
    assert len(both) == given.n_obs
    np.testing.assert_allclose(both["PRED"], both["P"], rtol=1e-14)
    np.testing.assert_allclose(both["IPRED"], both["I"], rtol=1e-14)
    for _, part in dense.groupby("ID"):
        assert (part["TIME"].iloc[0], part["TIME"].iloc[-1]) == (0.0, 14.0)
        # before and after the dose of 100 into 20 L
        np.testing.assert_allclose(part["PRED"].iloc[:2], [0.0, 5.0], rtol=1e-14)

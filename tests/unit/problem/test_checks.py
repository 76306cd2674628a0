"""What is refused before a fit, and whether the message says where."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests import cases
from workbench.errors import DataError, ModelError
from workbench.problem import Problem
from workbench.problem.checks import limit_notes


def test_a_prediction_of_zero_under_proportional_error_names_the_row():
    """Rows and subjects are whole numbers, and read so (they once read 'row 3.0 (ID 1.0)')."""
    data = wb.load_dataset("theophylline")
    model = wb.Model.from_dict(data.info.suggested_model)
    with pytest.raises(ModelError, match=r"row 3 \(ID 1, TIME 0\) and 11 more.*combined error"):
        Problem(model.replace(error=wb.error.Proportional(0.2)), data)


def test_zero_observations_under_log_normal_error_are_refused():
    data = wb.load_dataset("theophylline")
    model = wb.Model.from_dict(data.info.suggested_model)
    with pytest.raises(DataError, match=r"logarithm of DV.*row \d+ \(ID \d+, TIME 0\)"):
        Problem(model.replace(error=wb.error.LogNormal(0.2)), data)


def test_a_dose_into_a_missing_compartment_names_row_subject_and_compartments():
    rows = {"ID": 7, "TIME": [0.0, 1.0], "DV": [0.0, 3.0], "AMT": [100.0, 0.0], "EVID": [1, 0]}
    data = wb.read_dataset(pd.DataFrame({**rows, "CMT": [3, 1]}))
    with pytest.raises(DataError, match=r"compartment 3.*row 2, ID 7, TIME 0.*1 = central"):
        Problem(cases.iv_model(), data)


def test_a_subject_without_a_dose_is_noted():
    rows = {"ID": [1, 1, 2], "TIME": [0.0, 1.0, 1.0], "DV": [0.0, 3.0, 2.0]}
    data = wb.read_dataset(pd.DataFrame({**rows, "AMT": [100.0, 0, 0], "EVID": [1, 0, 0]}))
    assert any(
        "no dose" in note and "ID 2" in note for note in Problem(cases.iv_model(), data).notes
    )


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"DVID": [0, 1, 2]}, r"2 endpoints \(1, 2\).*predicts 1"),
        ({"RATE": [-2, 0, 0]}, r"RATE = -2 at row 2 \(ID 1, TIME 0\).*no parameter for it"),
        ({"RATE": [-1, 0, 0]}, r"RATE = -1 at row 2.*wb.pk\(rate=True"),
        ({"CMT": ["centrl", "", ""]}, "compartment centrl.*Did you mean 'central'"),
    ],
)
def test_what_the_model_does_not_serve_is_refused(columns, words):
    rows = {"ID": 1, "TIME": [0.0, 1.0, 2.0], "DV": [0.0, 3.0, 2.0], "AMT": [9, 0, 0]}
    with pytest.raises(DataError, match=words):
        Problem(cases.iv_model(), wb.read_dataset(pd.DataFrame({**rows, **columns})))


def test_a_compartment_by_name_is_that_by_number():
    rows = {"ID": 1, "TIME": [0.0, 1.0, 2.0], "DV": [0.0, 3.0, 2.0], "AMT": [9, 0, 0]}
    found = [
        Problem(cases.iv_model(), wb.read_dataset(pd.DataFrame({**rows, "CMT": [place, 0, 0]})))
        for place in ("central", 1)
    ]
    np.testing.assert_array_equal(*(problem.subjects.records for problem in found))


NEGATIVE = {
    "an expression": wb.error.Expression("a - f", {"a": 0.5}),
    "a slope": wb.error.Combined(0.1, -0.05, kind=1),
    "a slope and an exponent": wb.error.Combined(0.1, -0.05, kind=1, exponent=0.9),
}


@pytest.mark.parametrize("error", NEGATIVE.values(), ids=list(NEGATIVE))
def test_a_negative_sd_at_the_start_names_the_row(error):
    """Its square is positive, so the likelihood exists; the model is not the one written."""
    model, data = cases.iv_model().replace(error=error), cases.iv_data(3)
    words = r"SD of the residual error of \w+ .* is negative, -.* at row \d+ \(ID 1, TIME"
    with pytest.raises(ModelError, match=words):
        Problem(model, data, estimable=True)
    Problem(model, data)  # what is done with a fit that ended there goes on


def test_a_negative_slope_is_fine_where_the_sd_stays_positive():
    error = wb.error.Combined(5.0, -0.001, kind=1)
    Problem(cases.iv_model().replace(error=error), cases.iv_data(3), estimable=True)


def test_the_sign_of_an_sd_goes_with_its_variance():
    """What `signed_sd` gives is, squared, what the kernel writes."""
    for error in NEGATIVE.values():
        problem = Problem(cases.iv_model().replace(error=error), cases.iv_data(2))
        values, (endpoint,) = problem.space.values(problem.space.start), problem.endpoints
        f = problem.values(values.theta, problem.no_etas())
        signed = endpoint.signed_sd(f, values.sigma)
        assert (signed < 0).any()
        np.testing.assert_allclose(np.abs(signed), endpoint.sd(f, values.sigma), rtol=1e-13)


def test_a_design_is_not_fitted():
    rows = pd.DataFrame({"ID": 1, "TIME": [0.0, 1.0], "AMT": [9, 0]})
    design = wb.read_dataset(rows, design=True)
    for call in (wb.fit, wb.evaluate):
        with pytest.raises(DataError, match="is a design"):
            call(cases.iv_model(), design)


def test_the_limit_of_m2_is_said_in_words():
    data = cases.oral_data().censor(lloq=1.3).with_blq("M2")
    (note,) = limit_notes(data)
    assert note.endswith("(M2, limit 1.3).")
    (note,) = limit_notes(cases.oral_data().censor(lloq=1.3).with_blq("M4", limit=0.5))
    assert note.endswith("(M4, limit 0.5).")
    two = SimpleNamespace(
        n_below=0, n_above=0, blq="M2", blq_limit={"cp": 0.1, "pd": 2.0}, endpoints=("cp", "pd")
    )
    assert "0.1 of cp, 2 of pd (M2)" in limit_notes(two)[0]

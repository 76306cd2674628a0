"""What is refused before a fit, and whether the message says where."""

import pandas as pd
import pytest

import workbench as wb
from tests import cases
from workbench.errors import DataError, ModelError
from workbench.problem import Problem


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

"""Events that no parameter moves are made once: the kernels must not see a difference."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.core import frame
from workbench.core.predictions import predict_range
from workbench.problem import Problem

VALUES = {"ka": 1.2, "cl": 3.0, "v": 30.0, "tlag": 0.3}
OPTIONS = [{}, {"II": 12.0, "ADDL": 2}, {"II": 12.0, "SS": 1}, {"RATE": 40.0}]


def problem(dose, *, lag=False):
    rows = [{"ID": 1, "TIME": 0.0, "AMT": 100.0, "EVID": 1, "DV": np.nan, **dose}]
    rows += [{"ID": 1, "TIME": t, "AMT": 0.0, "EVID": 0, "DV": 1.0} for t in (0.5, 2.0, 13.0, 30.0)]
    data = wb.read_dataset(pd.DataFrame(rows).fillna({"II": 0, "ADDL": 0, "SS": 0, "RATE": 0}))
    structure = wb.pk(absorption="first_order", lag=lag)
    parameters = {name: wb.LogNormal(VALUES[name], iiv=0.3) for name in structure.parameters}
    return Problem(wb.Model(structure, parameters, error=wb.error.Additive(1.0)), data)


@pytest.mark.parametrize("dose", OPTIONS, ids=["bolus", "repeated", "steady", "infusion"])
def test_predictions_are_those_of_the_records_to_the_last_bit(dose):
    made = problem(dose)
    assert made.structure.context[frame.READY] == 1
    plain = made._structure(made.recorded)
    theta, eta = made.space.values(made.space.start).theta, np.full((1, 3), 0.2)
    eta.flags.writeable = False
    for order in (0, 1):
        found, expected = np.zeros((2, made.n_obs, 1 + order * 3))
        predict_range(order, 0, 1, made.structure, made.subjects, theta, eta, found)
        predict_range(order, 0, 1, plain, made.recorded, theta, eta, expected)
        assert np.isfinite(expected).all()
        np.testing.assert_array_equal(found, expected)


def test_a_lag_moves_the_events():
    late = problem({}, lag=True)
    assert late.structure.context[frame.READY] == 0
    assert late.subjects is late.recorded

"""Where the equations cannot be solved: subject, time, parameters and a way out."""

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import ModelError


def data(**columns):
    rows = {"ID": [7, 7, 7], "TIME": [0.0, 1.0, 2.0], "DV": [0.0, 3.0, 2.0], "AMT": [9.0, 0, 0]}
    return wb.read_dataset(pd.DataFrame(rows | columns), name="rows")


def model(text, solver=None, **values):
    structure = wb.equations(text, ["central"], solver=solver)
    parameters = {name: wb.LogNormal(values.get(name, 1.0)) for name in structure.parameters}
    return wb.Model(structure, parameters, error=wb.error.Additive(1.0))


def test_a_step_limit_names_subject_time_and_values():
    few = wb.Solver(max_steps=3)
    text = "d/dt(central) = -k*central + sin(200*t)"
    with pytest.raises(ModelError, match=r"more steps than allowed.*ID 7, TIME 0\.\d+; k = 0\.5"):
        wb.evaluate(model(text, few, k=0.5), data())


def test_a_dose_rate_above_the_capacity_has_no_steady_state():
    text = "d/dt(central) = -vmax*central/(km + central)"
    records = data(SS=[1, 0, 0], II=[1.0, 0, 0])
    with pytest.raises(ModelError, match=r"no steady state.*ID 7.*vmax = 2"):
        wb.evaluate(model(text, vmax=2.0), records)


def test_a_solution_that_runs_away_is_said_to():
    with pytest.raises(ModelError, match="ID 7"):
        wb.evaluate(model("d/dt(central) = k*central^2"), data())

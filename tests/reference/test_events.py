"""Dose records against NONMEM 7.4.3 (the nmtests data set of nlmixr2data).

Printed to five significant digits: 1e-4 relative. KA = 1.5, CL = 1.1, V = 20; cp is per mL, so
the concentration is scaled by 1000. Only cases without lag, steady state, reset and modelled
duration belong to this slice; the others must be refused, which the last test asks for.
"""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import DataError

EXPRESSIBLE = {1: "bolus", 3: "infusion", 6: "infusion into the depot", 17: "bolus, infusion"}


def subject(folder, label):
    raw = pd.read_csv(folder / "data/nmtests/nmtest.csv")
    return raw[raw["id"] == label]


def as_dataset(rows):
    frame = rows.rename(columns=str.upper).rename(columns={"CP": "DV"})
    columns = ["ID", "TIME", "DV", "CMT", "AMT", "EVID", "II", "SS", "ADDL", "RATE"]
    return wb.read_dataset(frame[columns], name="nmtest")


@pytest.mark.parametrize("label", EXPRESSIBLE, ids=EXPRESSIBLE.values())
def test_predictions_against_nonmem(references, label):
    rows = subject(references, label)
    assert (rows["ss"] == 0).all()
    assert (rows["bioav"] == 1).all()
    into_central = (rows["evid"] == 1) & (rows["cmt"] == 2)  # only these have the file's lag
    rows = rows.assign(time=rows["time"] + rows["lagt"].where(into_central, 0.0))
    rows = rows.sort_values(["time", "evid"], ascending=[True, False], kind="stable")
    model = wb.Model(
        "pk_1cmt_oral",
        {"ka": wb.LogNormal(1.5), "cl": wb.LogNormal(1.1), "v": wb.LogNormal(20.0)},
        error=wb.error.Additive(1.0),
    )
    fit = wb.evaluate(model, as_dataset(rows))
    expected = rows.loc[rows["evid"] == 0, "cp"].to_numpy()
    assert len(expected) == 131
    found = 1000.0 * fit.predictions["PRED"].to_numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6 * expected.max())


def test_steady_state_is_refused_until_it_is_there(references):
    raw = pd.read_csv(references / "data/nmtests/nmtest.csv")
    label = raw.loc[raw["ss"] > 0, "id"].iloc[0]
    with pytest.raises(DataError, match="SS"):
        as_dataset(subject(references, label))

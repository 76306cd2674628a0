"""Dose records, time-varying covariates and time-dependent equations against NONMEM.

The nmtests data set of nlmixr2data and nlmixr2's nmtests: NONMEM 7.4.3 and 7.5, printed to five
significant digits, hence 1e-4 relative. KA = 1.5, CL = 1.1, V = 20; cp is per mL, so the
concentration is scaled by 1000. Lag and bioavailability of the file belong to the central
compartment only.
"""

import numpy as np
import pandas as pd
import pytest

import workbench as wb

EQUATIONS = """
d/dt(depot) = -ka*depot
d/dt(central) = ka*depot - cl/v*central
lag(central) = LAGT
f(central) = BIOAV
dur(central) = DUR2
cp = 1000*central/v
"""
VALUES = {"ka": 1.5, "cl": 1.1, "v": 20.0}
CASES = (1, 2, 3, 4, 5, 6, 9, 11, 14, 15, 17, 20, 21, 23, 25, 26, 102, 109, 225, 525)
# Cases with doses into the central compartment only and one lag and bioavailability.
CLOSED = (2, 3, 4, 5, 9, 11, 14, 15, 109, 225)


def subject(folder, label):
    raw = pd.read_csv(folder / "data/nmtests/nmtest.csv")
    return raw[raw["id"] == label].rename(columns=str.upper).rename(columns={"CP": "DV"})


def as_dataset(rows, *covariates):
    columns = ["ID", "TIME", "DV", "CMT", "AMT", "EVID", "II", "SS", "ADDL", "RATE", *covariates]
    return wb.read_dataset(rows[columns], name="nmtest")


def predictions(structure, data, **values):
    known = VALUES | values
    model = wb.Model(
        structure,
        {name: wb.LogNormal(known[name]) for name in structure.parameters},
        error=wb.error.Additive(1.0),
    )
    return wb.evaluate(model, data).predictions["PRED"].to_numpy()


def assert_close(found, rows):
    expected = rows.loc[rows["EVID"] == 0, "DV"].to_numpy()
    assert len(expected) == 131
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6 * expected.max())


@pytest.mark.parametrize("label", CASES)
def test_dose_records_by_equations_against_nonmem(references, label):
    rows = subject(references, label)
    structure = wb.equations(EQUATIONS, ["cp"], covariates=["LAGT", "BIOAV", "DUR2"])
    data = as_dataset(rows, "LAGT", "BIOAV", "DUR2")
    assert_close(predictions(structure, data), rows)


@pytest.mark.parametrize("label", CLOSED)
def test_dose_records_by_closed_form_against_nonmem(references, label):
    rows = subject(references, label)
    assert set(rows.loc[rows["EVID"] > 0, "CMT"]) == {2}
    structure = wb.pk(lag=bool(rows["LAGT"].any()), bioavailability=True, duration=True)
    known = {"tlag": "LAGT", "f": "BIOAV", "dur": "DUR2"}
    values = {name: rows[column].iloc[0] for name, column in known.items()}
    data = as_dataset(rows.assign(CMT=rows["CMT"].replace(2, 1)))
    assert_close(1000.0 * predictions(structure, data, **values), rows)


@pytest.mark.parametrize("label", [1, 6, 17])
def test_dose_records_into_the_depot_by_closed_form_against_nonmem(references, label):
    """Without bioavailability; a lag of a single dose is added to its time."""
    rows = subject(references, label)
    moved = (rows["EVID"] == 1) & (rows["CMT"] == 2)
    rows = rows.assign(TIME=rows["TIME"] + rows["LAGT"].where(moved, 0.0))
    rows = rows.sort_values(["TIME", "EVID"], ascending=[True, False], kind="stable")
    found = predictions(wb.pk(absorption="first_order"), as_dataset(rows))
    assert_close(1000.0 * found, rows)


def test_a_time_varying_covariate_is_carried_backward_as_in_nonmem(references):
    folder = references / "data/nmtests"
    rows = pd.read_csv(folder / "time_varying_2001_data.csv", na_values=".")
    rows = rows.rename(columns=str.upper).loc[:, lambda t: ~t.columns.duplicated()]
    expected = pd.read_csv(folder / "time_varying_2001_nonmem.csv")["CP"].to_numpy()
    assert len(expected) == len(rows)
    text = """
    d/dt(depot) = -ka*depot
    d/dt(central) = ka*depot - cl*(WT/70)^0.75/v*central
    cp = 1000*central/v
    """
    structure = wb.equations(text, ["cp"], covariates=["WT"])
    observed = rows["EVID"].to_numpy() == 0
    data = as_dataset(rows.assign(DV=expected), "WT")
    assert "carried backward" in " ".join(data.audit["MESSAGE"])
    found = predictions(structure, data)
    np.testing.assert_allclose(found, expected[observed], rtol=1e-4, atol=1e-6 * expected.max())


def test_a_time_varying_covariate_effect_in_closed_form_against_nonmem(references):
    """The same run by an effect on a parameter: CL = 1.1 (WT/70)^0.75, row by row."""
    folder = references / "data/nmtests"
    rows = pd.read_csv(folder / "time_varying_2001_data.csv", na_values=".")
    rows = rows.rename(columns=str.upper).loc[:, lambda t: ~t.columns.duplicated()]
    expected = pd.read_csv(folder / "time_varying_2001_nonmem.csv")["CP"].to_numpy()
    effect = wb.covariate.Power("WT", reference=70, exponent=wb.Fixed(0.75))
    model = wb.Model(
        "pk_1cmt_oral",
        {
            "ka": wb.LogNormal(1.5),
            "cl": wb.LogNormal(1.1, covariates=[effect]),
            "v": wb.LogNormal(20.0),
        },
        error=wb.error.Additive(1.0),
    )
    data = as_dataset(rows.assign(DV=expected), "WT")
    found = 1000.0 * wb.simulate(model, data, iiv=False, ruv=False)["IPRED"].to_numpy()
    observed = rows["EVID"].to_numpy() == 0
    np.testing.assert_allclose(found, expected[observed], rtol=1e-4, atol=1e-6 * expected.max())


def test_equations_that_use_the_time_against_nonmem(references):
    """Tumour growth after Claret: the effect wears off exponentially; printed to five digits."""
    table = pd.read_csv(references / "data/nmtests/claret_c001_TAB", sep=r"\s+", skiprows=1)
    structure = wb.equations(
        """
        d/dt(a) = kg*a - kd*exp(-lam*t)*log(10)*a
        a(0) = a0
        """,
        ["a"],
    )
    rows = table.rename(columns={"Y": "DV"})
    data = wb.read_dataset(rows, name="claret")
    found = predictions(structure, data, kg=0.6, kd=0.4, lam=0.8, a0=70.0)
    np.testing.assert_allclose(found, table["Y"].to_numpy(), rtol=1e-4)

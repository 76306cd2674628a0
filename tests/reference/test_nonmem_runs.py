"""NONMEM runs of published tutorials: objective, estimates and sandwich standard errors.

At NONMEM's six-digit estimates the objective agrees to 1e-5 or better; a fit ends within 0.001 of
it, with typical values to 0.1 %, variances to 1 %, standard errors to 1 %.
"""

import numpy as np
import pandas as pd
import pytest

import workbench as wb


def two_compartments(values, omega, sigma):
    """THETA and OMEGA in the order V1, CL, V2, Q."""
    v1, cl, v2, q = values
    sd = dict(zip(("v1", "cl", "v2", "q"), np.sqrt(omega), strict=True))
    return wb.Model(
        wb.pk(compartments=2),
        {
            "cl": wb.LogNormal(cl, iiv=sd["cl"]),
            "v1": wb.LogNormal(v1, iiv=sd["v1"]),
            "q": wb.LogNormal(q, iiv=sd["q"]),
            "v2": wb.LogNormal(v2, iiv=sd["v2"]),
        },
        error=wb.error.Proportional(np.sqrt(sigma)),
    )


def test_two_compartments_against_nonmem(references, records):
    """30 subjects, 360 observations, FOCEI from NONMEM's starting values (OFV 1835.55)."""
    record = records["bauer402_2cmt_focei"]
    expected, start = record["expected"], record["params"]["init"]
    frame = pd.read_csv(references / record["dataset_csv"], skiprows=1)
    data = wb.read_dataset(frame.drop(columns="C"), name="two compartments")
    model = two_compartments(start["THETA"], start["OMEGA"], start["SIGMA"])
    assert wb.evaluate(model, data).ofv == pytest.approx(expected["ofv_at_initial"], abs=1e-5)
    fit = wb.fit(model, data, covariance="sandwich")
    assert fit.verdict == "converged", fit.reasons
    assert fit.ofv == pytest.approx(expected["ofv"], abs=1e-4)
    for k, name in enumerate(("v1", "cl", "v2", "q"), start=1):
        theta, omega = f"THETA{k}", f"OMEGA({k},{k})"
        assert fit.theta[name] == pytest.approx(expected["estimates"][theta], rel=1e-3)
        assert fit.omega.loc[name, name] == pytest.approx(expected["estimates"][omega], rel=0.01)
        assert fit.parameters.loc[name, "se"] == pytest.approx(expected["se"][theta], rel=0.01)
        se = fit.parameters.loc[f"omega[{name}]", "se"]
        assert se == pytest.approx(expected["se"][omega], rel=0.01)


def test_steady_state_and_resets_by_fo_against_nonmem(references, records):
    """SS = 1 with II = 12 and EVID 4, 1,006 observations; MAT = 1/ka has the same variance."""
    record = records["mox2_fo"]
    values = record["params"]
    sd = [np.sqrt(values[f"OMEGA({k},{k})"]) for k in (1, 2, 3)]
    model = wb.Model(
        wb.pk(absorption="first_order"),
        {
            "ka": wb.LogNormal(1.0 / values["THETA3"], iiv=sd[2]),
            "cl": wb.LogNormal(values["THETA1"], iiv=sd[0]),
            "v": wb.LogNormal(values["THETA2"], iiv=sd[1]),
        },
        error=wb.error.Proportional(np.sqrt(values["SIGMA(1,1)"])),
    )
    data = wb.read_dataset(references / record["dataset_csv"])
    found = wb.evaluate(model, data, method="fo").ofv
    assert found == pytest.approx(record["expected"]["ofv"], abs=1e-5)


def test_theophylline_with_a_full_omega_by_fo_against_nonmem(references, records):
    """CL = THETA3·WT + ETA3 as an equation: a normal random effect of its own, of mean zero."""
    record = records["theoph_control5_fo"]
    values, expected = record["params"], record["expected"]
    raw = pd.read_csv(references / record["dataset_csv"])
    doses = raw.drop_duplicates("Subject").assign(Time=0.0, conc=np.nan, EVID=1)
    rows = pd.concat([doses, raw.assign(Dose=0.0, EVID=0)])
    rows = rows.sort_values(["Subject", "EVID"], ascending=[True, False], kind="stable")
    names = {"Subject": "ID", "Time": "TIME", "conc": "DV", "Dose": "AMT", "Wt": "WT"}
    data = wb.read_dataset(rows.rename(columns=names), name="theophylline")
    structure = wb.equations(
        """
cl = th3*WT + e3
d/dt(depot) = -ka*depot
d/dt(central) = ka*depot - k*central
c = central*k*WT/cl
""",
        outputs=["c"],
        covariates=["WT"],
    )
    omega = {(a, b): values[f"OMEGA({b},{a})"] for a in (1, 2, 3) for b in range(a, 4)}
    sd = {k: np.sqrt(omega[k, k]) for k in (1, 2, 3)}
    model = wb.Model(
        structure,
        {
            "ka": wb.Normal(values["THETA1"], iiv=sd[1]),
            "k": wb.Normal(values["THETA2"], iiv=sd[2]),
            "th3": wb.Normal(values["THETA3"]),
            "e3": wb.Normal(wb.Fixed(0.0), iiv=sd[3]),
        },
        correlations={
            ("ka", "k"): omega[1, 2] / (sd[1] * sd[2]),
            ("ka", "e3"): omega[1, 3] / (sd[1] * sd[3]),
            ("k", "e3"): omega[2, 3] / (sd[2] * sd[3]),
        },
        error=wb.error.Additive(np.sqrt(values["SIGMA(1,1)"])),
    )
    at = wb.evaluate(model, data, method="fo")
    assert at.ofv == pytest.approx(expected["ofv"], abs=1e-6)
    fit = wb.fit(model, data, method="fo", covariance="sandwich")
    assert fit.ofv == pytest.approx(expected["ofv"], abs=1e-4)
    se = {"ka": "THETA1", "k": "THETA2", "th3": "THETA3"}
    se |= {"omega[ka]": "OMEGA(1,1)", "omega[k]": "OMEGA(2,2)", "omega[e3]": "OMEGA(3,3)"}
    for ours, theirs in se.items():
        assert fit.parameters.loc[ours, "se"] == pytest.approx(expected["se"][theirs], rel=0.01)

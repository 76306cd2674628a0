"""Models of other kinds against NONMEM, nlme and saemix: per subject, direct effects, curves."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb


def test_each_subject_of_log_data_at_steady_state_against_nonmem(references, records):
    """log DV = log f + EPS is log-normal error of DV, whose Jacobian is twice the sum of log DV.

    The run has a subject that the file lacks: rows are compared, not the total.
    """
    record = records["mox1_foce_persubject"]
    values = record["params"]
    frame = pd.read_csv(references / record["dataset_csv"])
    observed = frame["EVID"] == 0
    log_dv = frame["DV"].where(observed, 0.0)
    frame["DV"] = np.exp(log_dv).where(observed, 0.0)
    columns = ["ID", "TIME", "DV", "AMT", "SS", "II", "EVID", "CMT"]
    data = wb.read_dataset(frame[columns], name="moxonidine")
    sd = [np.sqrt(values[f"OMEGA({k},{k})"]) for k in (1, 2, 3)]
    model = wb.Model(
        wb.pk(absorption="first_order"),
        {
            "ka": wb.LogNormal(values["THETA3"], iiv=sd[2]),
            "cl": wb.LogNormal(values["THETA1"], iiv=sd[0]),
            "v": wb.LogNormal(values["THETA2"], iiv=sd[1]),
        },
        correlations={("cl", "v"): values["OMEGA(2,1)"] / (sd[0] * sd[1])},
        error=wb.error.LogNormal(np.sqrt(values["SIGMA(1,1)"])),
    )
    at = wb.evaluate(model, data, method="foce")
    phi = pd.read_csv(references / record["expected"]["phi_file"], skiprows=1, sep=r"\s+")
    phi = phi.set_index("ID").loc[[int(label) for label in data.subjects]]
    assert len(phi) == 73
    jacobian = 2.0 * log_dv.groupby(frame["ID"], sort=False).sum().to_numpy()
    np.testing.assert_allclose(at.individual_ofv - jacobian, phi["OBJ"], atol=1e-4)
    theirs = phi[["ETA(1)", "ETA(2)", "ETA(3)"]].to_numpy()
    np.testing.assert_allclose(at.etas[["cl", "v", "ka"]], theirs, atol=2e-5)


def test_concentration_and_direct_effect_against_nonmem(references, records):
    """Two endpoints, everything fixed but the slope of the effect."""
    record = records["pheno_pd_direct_focei"]
    values, expected = record["params"], record["expected"]
    data = wb.read_dataset(references / record["dataset_csv"])
    sd = [np.sqrt(values[f"OMEGA({k},{k})"]) for k in (1, 2, 3)]
    held = wb.Fixed
    model = wb.Model(
        wb.equations(
            "d/dt(central) = -cl/v*central\ncp = central/v\ne = slope*cp + e0\n",
            outputs=["cp", "e"],
        ),
        {
            "cl": wb.LogNormal(held(values["THETA1"]), iiv=held(sd[0])),
            "v": wb.LogNormal(held(values["THETA2"]), iiv=held(sd[1])),
            "slope": wb.Normal(0.1),
            "e0": wb.LogNormal(held(values["THETA3"]), iiv=held(sd[2])),
        },
        error={
            "cp": wb.error.Proportional(held(np.sqrt(values["SIGMA(1,1)"]))),
            "e": wb.error.Proportional(held(np.sqrt(values["SIGMA(2,2)"]))),
        },
        endpoints={1: "cp", 2: "e"},
    )
    fit = wb.fit(model, data)
    # Their block has a correlation of -0.03 beside variances of 1e-5: 3e-5 of the OFV.
    assert fit.ofv == pytest.approx(expected["ofv"], abs=1e-3)
    assert fit.theta["slope"] == pytest.approx(values["THETA4"], rel=1e-3)


def test_theophylline_with_two_random_effects_against_nlme(references, records):
    """SSfol by ML of R's nlme (Lindstrom & Bates), which is not quite FOCE.

    Its typical values solve a penalised least squares problem, FOCE's the linearised marginal:
    they differ by 1.1 % (ke) and 1.7 % (ka), which is a fifth of a standard error.
    """
    record = records["nlme_theoph_diag"]
    expected = record["expected"]
    raw = pd.read_csv(references / record["dataset_csv"])
    doses = raw.drop_duplicates("Subject").assign(Time=0.0, conc=np.nan, EVID=1)
    rows = pd.concat([doses, raw.assign(Dose=0.0, EVID=0)])
    rows = rows.sort_values(["Subject", "EVID"], ascending=[True, False], kind="stable")
    names = {"Subject": "ID", "Time": "TIME", "conc": "DV", "Dose": "AMT"}
    data = wb.read_dataset(rows.rename(columns=names).drop(columns="Wt"), name="theophylline")
    fixed, omega2 = expected["fixed"], expected["omega2"]
    model = wb.Model(
        wb.equations(
            "d/dt(depot) = -ka*depot\nd/dt(central) = ka*depot - ke*central\ncp = central*ke/cl\n",
            outputs=["cp"],
        ),
        {
            "ka": wb.LogNormal(np.exp(fixed["lKa"]), iiv=omega2["lKa"] ** 0.5),
            "ke": wb.LogNormal(np.exp(fixed["lKe"])),
            "cl": wb.LogNormal(np.exp(fixed["lCl"]), iiv=omega2["lCl"] ** 0.5),
        },
        error=wb.error.Additive(expected["sigma"]),
    )
    at, fit = wb.evaluate(model, data, method="foce"), wb.fit(model, data, method="foce")
    assert fit.verdict == "converged", fit.reasons
    assert at.m2ll == pytest.approx(expected["minus2LL"], abs=0.3)
    assert at.m2ll - 0.1 < fit.m2ll <= at.m2ll
    for ours, theirs in (("ke", "lKe"), ("ka", "lKa"), ("cl", "lCl")):
        near = 0.25 * expected["se"][theirs]
        assert np.log(fit.theta[ours]) == pytest.approx(fixed[theirs], abs=near)

"""Wang (2007, J Pharmacokinet Pharmacodyn 34:575): FO, FOCE and FOCEI at fixed parameters.

ke = 0.5·exp(eta), f = 10·exp(-ke·t): one compartment with a bolus of 10 into v = 1, held, and
cl in the place of ke.
"""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.models.error import ResidualError

S = float(np.sqrt(0.1))

# Our error model -> the record that describes it, or our own numbers' twin (see below).
RECORDS = {
    "additive": "wang2007_005",
    "proportional": "wang2007_001",
    "combined1": "wang2007_085",
    "lognormal": "wang2007_046",
    "power": "wang2007_067",
}
VALUES = {"additive": (S,), "proportional": (S,), "combined1": (S, S), "lognormal": (S,)}
VALUES["power"] = (S, 0.5)


def wang(folder):
    raw = pd.read_csv(folder / "data/nlmixr2data/Wang2007.csv")
    rows = []
    for label, block in raw.groupby("ID", sort=False):
        rows.append((label, 0.0, np.nan, 10.0, 1))
        rows += [(label, t, y, 0.0, 0) for t, y in zip(block["Time"], block["Y"], strict=True)]
    frame = pd.DataFrame(rows, columns=["ID", "TIME", "DV", "AMT", "EVID"])
    return wb.read_dataset(frame, name="wang2007")


def model(error, ke=0.5, omega=0.2):
    return wb.Model(
        "pk_1cmt_iv",
        {"cl": wb.LogNormal(ke, iiv=omega), "v": wb.LogNormal(wb.Fixed(1.0))},
        error=error,
    )


@pytest.mark.parametrize("method", ["fo", "foce", "focei"])
@pytest.mark.parametrize("name", RECORDS)
def test_objective_against_nonmem(references, records, name, method):
    """Published to three decimals, so 5.1e-4; log-normal includes the Jacobian as nlmixr2 does."""
    fit = wb.evaluate(model(ResidualError(name, VALUES[name])), wang(references), method=method)
    record = records[RECORDS[name]]["expected"]
    found = fit.m2ll - fit.data.n_obs * np.log(2 * np.pi)
    assert found == pytest.approx(record["ofv"][method.upper()], abs=5.1e-4)
    assert found == pytest.approx(record["ofv_evaluator_computed"][method.upper()], abs=1e-5)


@pytest.mark.parametrize("name", RECORDS)
def test_laplace_and_the_integral_against_an_evaluator(references, records, name):
    """Laplace with the true Hessian, and the exact marginal, are printed to four decimals."""
    expected = records[RECORDS[name]]["expected"]["ofv_evaluator_computed"]
    error, data = ResidualError(name, VALUES[name]), wang(references)
    laplace = wb.evaluate(model(error), data, method="laplace")
    assert laplace.ofv == pytest.approx(expected["LAPLACE_true_hessian"], abs=5.1e-5)
    exact = wb.evaluate(model(error), data, method="agq", nodes=40)
    assert exact.ofv == pytest.approx(expected["EXACT_marginal"], abs=5.1e-5)


@pytest.fixture(scope="module")
def table(references):
    return pd.read_csv(references / "data/wang2007/nonmem_focei_prop_table.csv")


@pytest.fixture(scope="module")
def evaluated(references):
    return wb.evaluate(model(ResidualError("proportional", (S,))), wang(references))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("PRED", "NPRED"),
        ("IPRED", "IPRE"),
        ("RES", "NRES"),
        ("IRES", "IRES"),
        ("IWRES", "IWRES"),
        ("WRES", "NWRES"),
        ("CWRES", "CWRES"),
        ("CWRESI", "CWRESI"),
        ("DV", "DV"),
        ("TIME", "TIME"),
    ],
)
def test_residuals_against_the_nonmem_table(evaluated, table, ours, theirs):
    """Printed to five significant digits: 1e-4 absolute."""
    found = evaluated.predictions[ours].to_numpy()
    np.testing.assert_allclose(found, table[theirs], atol=1e-4, rtol=0)


def test_random_effects_and_individual_objective_against_the_nonmem_table(evaluated, table):
    first = table.drop_duplicates("ID")
    np.testing.assert_allclose(evaluated.etas["cl"], first["ETA1"], atol=1e-6)
    np.testing.assert_allclose(evaluated.individual_ofv, first["OBJI"], atol=1e-4)


def test_fit_against_nonmem(references, records):
    """NONMEM's estimates are printed to six digits; SEs are the sandwich, to 2 %."""
    expected = records["wang2007_fit_focei"]["expected"]
    estimates, se = expected["estimates"], expected["se"]
    start = model(ResidualError("proportional", (0.31623,)), 0.5, 0.2)
    fit = wb.fit(start, wang(references), method="focei", covariance="sandwich")
    assert fit.verdict == "converged", fit.reasons
    assert fit.ofv == pytest.approx(expected["ofv"], abs=1e-4)
    found = fit.parameters["estimate"]
    assert found["cl"] == pytest.approx(estimates["THETA1"], rel=1e-3)
    assert found["sigma[proportional]"] == pytest.approx(estimates["THETA2"], rel=0.01)
    assert found["omega[cl]"] == pytest.approx(estimates["OMEGA(1,1)"], rel=0.01)
    assert fit.parameters["se"]["cl"] == pytest.approx(se["THETA1"], rel=0.02)
    assert fit.parameters["se"]["sigma[proportional]"] == pytest.approx(se["THETA2"], rel=0.02)
    assert fit.parameters["se"]["omega[cl]"] == pytest.approx(se["OMEGA(1,1)"], rel=0.02)

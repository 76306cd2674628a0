"""NPDE and NPD of the data theopp with given simulations, against the R package npde.

Record npde_theopp: npde 3.0's own functions (calcnpde, decorrelations "cholesky", "inverse" and
"polar", ties = TRUE) on theopp.tab and the 100 data sets of simtheopp.tab. Deterministic: 1e-9.
"""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.diagnostics._npde import prediction_errors


@pytest.fixture(scope="module")
def theopp(references):
    folder = references / "data/npde"
    data = pd.read_csv(folder / "theopp.tab", sep=r"\s+")
    simulated = pd.read_csv(folder / "simtheopp.tab", sep=r"\s+")["ysim"].to_numpy()
    seen = data["Conc"].notna().to_numpy()
    label = data["ID"].to_numpy()[seen]
    start = np.concatenate([[0], np.flatnonzero(np.diff(label)) + 1, [len(label)]])
    expected = pd.read_csv(folder / "theopp_npde_reference.csv")
    return (
        data["Conc"].to_numpy()[seen],
        np.ascontiguousarray(simulated.reshape(100, len(data))[:, seen]),
        start,
        expected,
    )


@pytest.mark.parametrize("name", ["cholesky", "inverse", "polar"])
def test_npde_against_the_npde_package(theopp, name):
    observed, simulated, start, expected = theopp
    found = prediction_errors(observed, simulated, start, decorrelation=name)
    np.testing.assert_allclose(found.pde, expected[f"pde_{name}"], atol=1e-9, rtol=0)
    np.testing.assert_allclose(found.npde, expected[f"npde_{name}"], atol=1e-9, rtol=0)
    np.testing.assert_allclose(found.pd, expected["pd"], atol=1e-9, rtol=0)
    np.testing.assert_allclose(found.npd, expected["npd"], atol=1e-9, rtol=0)
    np.testing.assert_allclose(found.ypred, expected["ypred"], atol=1e-9, rtol=0)


def test_mean_and_variance_against_the_npde_package(theopp, records):
    observed, simulated, start, _ = theopp
    expected = records["npde_theopp"]["expected"]
    chosen = prediction_errors(observed, simulated, start)
    inverse = prediction_errors(observed, simulated, start, decorrelation="inverse")
    for values, key in (
        (chosen.npde, "npde_cholesky"),
        (inverse.npde, "npde_inverse"),
        (chosen.npd, "npd"),
    ):
        assert values.mean() == pytest.approx(expected[key]["mean"], abs=1e-9)
        assert values.var(ddof=1) == pytest.approx(expected[key]["var"], abs=1e-9)


def test_simulated_residuals_against_a_nonmem_table(references, records):
    """Two compartments, 30 subjects, 360 observations, at NONMEM's FOCEI estimates.

    NONMEM's table holds NPD and NPDE of its own simulations, decorrelated by the symmetric root.
    The differences are Monte-Carlo error of both (SD 0.04 in the middle, more in the tails):
    their SD is below 0.15; with Cholesky it is 0.34. CWRES is printed to six digits.
    """
    record = records["bauer402_2cmt_focei"]
    values = record["expected"]["estimates"]
    frame = pd.read_csv(references / record["dataset_csv"], skiprows=1)
    data = wb.read_dataset(frame.drop(columns="C"), name="two compartments")
    parameters = {
        name: wb.LogNormal(values[f"THETA{k}"], iiv=values[f"OMEGA({k},{k})"] ** 0.5)
        for k, name in enumerate(("v1", "cl", "v2", "q"), start=1)
    }
    error = wb.error.Proportional(values["SIGMA(1,1)"] ** 0.5)
    fit = wb.evaluate(wb.Model(wb.pk(compartments=2), parameters, error=error), data)
    table = pd.read_csv(
        references / "data/nonmem_runs/bauer402/402.tab", sep=r"\s+", skiprows=1
    ).query("DV != 0")
    np.testing.assert_allclose(fit.predictions["CWRES"], table["CWRES"], atol=1e-4)
    found = wb.npde(fit, 1000, seed=1, decorrelation="inverse").table
    for name in ("NPD", "NPDE"):
        assert np.std(found[name].to_numpy() - table[name].to_numpy()) < 0.15

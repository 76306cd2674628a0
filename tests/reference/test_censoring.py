"""Values below a limit of quantification against an evaluator, and a NONMEM run with M3.

The one-dimensional cases are Wang's (2007) model, with one record at t = 1.5 below LLOQ = 3 added
to every subject for M3 and M4; M2 and M4 condition on values above 0.
"""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests.reference.test_wang2007 import S, model
from workbench.problem import Problem
from workbench.problem.laplace_draws import _log_target

LLOQ = 3.0


def wang(folder, *, below):
    raw = pd.read_csv(folder / "data/nlmixr2data/Wang2007.csv")
    rows = []
    for label, block in raw.groupby("ID", sort=False):
        rows.append((label, 0.0, np.nan, 10.0, 1, 0))
        own = [(label, t, y, 0.0, 0, 0) for t, y in zip(block["Time"], block["Y"], strict=True)]
        if below:
            own.append((label, 1.5, LLOQ, 0.0, 0, 1))
        rows += sorted(own, key=lambda row: row[1])
    frame = pd.DataFrame(rows, columns=["ID", "TIME", "DV", "AMT", "EVID", "CENS"])
    return wb.read_dataset(frame, name="wang2007")


CASES = {
    "M2": lambda folder: wang(folder, below=False).with_blq("M2", limit=0.0),
    "M3": lambda folder: wang(folder, below=True),
    "M4": lambda folder: wang(folder, below=True).with_blq("M4"),
}


@pytest.mark.parametrize("method", CASES)
def test_laplace_and_the_integral_against_an_evaluator(references, records, method):
    """Printed to five decimals."""
    expected = records[f"cens_{method}_open"]["expected"]["ofv"]
    data, error = CASES[method](references), wb.error.Proportional(S)
    laplace = wb.evaluate(model(error), data, method="laplace")
    assert laplace.ofv == pytest.approx(expected["LAPLACE"], abs=1e-5)
    exact = wb.evaluate(model(error), data, method="agq", nodes=40)
    assert exact.ofv == pytest.approx(expected["EXACT"], abs=1e-5)


@pytest.mark.parametrize("method", CASES)
def test_importance_sampling_finds_the_integral(references, records, method):
    expected = records[f"cens_{method}_open"]["expected"]["ofv"]["EXACT"]
    fit = wb.evaluate(
        model(wb.error.Proportional(S)), CASES[method](references), method="imp", seed=1
    )
    assert fit.ofv == pytest.approx(expected, abs=max(4 * fit.likelihood_se, 1e-3))


# --- Bauer's tutorial: 100 subjects, 104 of 500 values below the limit, on a log scale ---

LOG_LLOQ = -3.5


@pytest.fixture(scope="module")
def bauer(references, records):
    """Data, model at NONMEM's Laplace estimates, the record, and NONMEM's table of subjects."""
    folder, record = references / "data/nonmem_runs/bauer_m3", records["bauer_m3_laplace"]
    raw = pd.read_csv(folder / "ad3tr4.csv", skiprows=1)
    raw = raw[raw["C"] != "C"].astype({"ID": int, "EVID": int, "MDV": int})
    frame = raw[["ID", "TIME", "AMT", "EVID", "MDV"]].assign(DV=raw["CONC"].astype(float))
    data = wb.read_dataset(frame, name="bauer").censor(lloq=np.exp(LOG_LLOQ))
    at = record["params"]
    names = ("cl", "v1", "q", "v2")
    omega = np.array(
        [[at[f"OMEGA({max(i, j)},{min(i, j)})"] for j in range(1, 5)] for i in range(1, 5)]
    )
    sd = np.sqrt(np.diag(omega))
    parameters = {
        name: wb.LogNormal(float(np.exp(at[f"THETA{k + 1}"])), iiv=float(sd[k]))
        for k, name in enumerate(names)
    }
    correlations = {
        (names[i], names[j]): float(omega[i, j] / sd[i] / sd[j])
        for i in range(4)
        for j in range(i + 1, 4)
    }
    the_model = wb.Model(
        wb.pk(compartments=2),
        parameters,
        correlations=correlations,
        error=wb.error.LogNormal(at["THETA5"]),
    )
    phi = pd.read_csv(folder / "ad3tr4_loqb_lap.phi", sep=r"\s+", skiprows=1)
    return data, the_model, record, phi


def on_the_log_scale(fit):
    """NONMEM's part of each subject: without the Jacobian of log DV."""
    seen = fit.data.observations
    seen = seen[seen["CENS"] == 0]
    jacobian = 2.0 * np.log(seen["DV"]).groupby(seen["ID"]).sum()
    return fit.individual_ofv - jacobian.reindex(fit.individual_ofv.index, fill_value=0.0)


TWO_MODES = 10  # ID


def test_m3_by_laplace_against_nonmem(bauer):
    """NONMEM's second derivatives are numerical: 1e-3 for a subject, 1e-3 for a random effect.

    One subject has two modes 0.03 apart whose joint densities agree to 3e-6, and whose Hessians
    differ: NONMEM's table and this search end in different ones, 0.9 apart in the OFV. The
    OFV in NONMEM's own table of iterations, -131.09, is not the sum over its subjects either.
    """
    data, the_model, record, phi = bauer
    assert data.n_below == 104
    fit = wb.evaluate(the_model, data, method="laplace")
    found = on_the_log_scale(fit)
    expected = phi.set_index("ID")
    others = found.index != TWO_MODES
    difference = np.abs(found - expected["OBJ"])
    assert difference[others].max() < 1e-3
    names = [f"ETA({k})" for k in range(1, 5)]
    modes = expected[names].to_numpy()
    np.testing.assert_allclose(fit.etas.to_numpy()[others], modes[others], atol=1e-3)
    assert found.sum() == pytest.approx(record["expected"]["ofv"], abs=1.0)
    problem = Problem(fit.final_model, data)
    values = problem.space.values(problem.space.start)
    ours, theirs = (
        _log_target(problem, values, np.ascontiguousarray(eta))[~others][0]
        for eta in (fit.etas.to_numpy(), modes)
    )
    assert ours == pytest.approx(theirs, abs=5e-6)


def test_m3_by_importance_sampling_against_an_evaluator(bauer):
    """Both have Monte-Carlo errors; theirs is given."""
    data, the_model, record, _ = bauer
    exact = record["verified_by_evaluator"]["own_IS_exact_at_laplace_estimates"]
    fit = wb.evaluate(the_model, data, method="imp", seed=1, draws=3000)
    spread = float(np.hypot(fit.likelihood_se, exact["se"]))
    assert on_the_log_scale(fit).sum() == pytest.approx(exact["value"], abs=4 * spread)

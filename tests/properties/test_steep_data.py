"""Proportional errors and data that fall by many powers of ten: narrow valleys, found all the same.

From eta = 0 Newton's steps end hundreds of units above the modes of such subjects.
"""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

import workbench as wb
from tests import cases

TIMES = np.array([1.0, 4.0, 10.0, 24.0])


def model(iiv=1.0, sigma=0.1):
    base = cases.oral_model("proportional")
    typical = {"ka": (1.2, 0.4), "cl": (3.0, iiv), "v": (30.0, 0.2)}
    parameters = {name: wb.LogNormal(at, iiv=sd) for name, (at, sd) in typical.items()}
    return base.replace(parameters=parameters, error=wb.error.Proportional(sigma))


def concentrations(eta):
    ka, cl, v = np.array([1.2, 3.0, 30.0]) * np.exp(eta)
    k = cl / v
    return 100.0 * ka / (v * (ka - k)) * (np.exp(-k * TIMES) - np.exp(-ka * TIMES))


def frame(n_sub, dv=np.nan):
    """One dose of 100 by mouth and the samples."""
    parts = []
    for i in range(1, n_sub + 1):
        dose = pd.DataFrame({"ID": i, "TIME": [0.0], "DV": np.nan, "AMT": 100.0, "EVID": 1})
        samples = pd.DataFrame({"ID": i, "TIME": TIMES, "DV": dv, "AMT": 0.0, "EVID": 0})
        parts += [dose, samples]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("iiv", [0.8, 1.0])
@pytest.mark.parametrize("sigma", [0.1, 0.2])
@pytest.mark.parametrize("method", ["focei", "laplace"])
def test_the_mode_of_a_subject_far_out(iiv, sigma, method):
    """Clearance e² times the typical one; J within 1e-6 of the best end of scipy's simplex."""
    y = concentrations(np.array([0.0, 2.0, 0.0]))

    def misfit(eta):
        f = concentrations(eta)
        prior = np.square(eta / np.array([0.4, iiv, 0.2])).sum()
        return np.square((y - f) / (sigma * f)).sum() + 2.0 * np.log(f).sum() + prior

    starts = ([0.0, 2.0, 0.0], [0.2, 1.6, -0.1], [-0.4, 2.1, -0.2])
    options = {"maxiter": 20_000, "xatol": 1e-10, "fatol": 1e-12}
    best = min(minimize(misfit, s, method="Nelder-Mead", options=options).fun for s in starts)
    fit = wb.evaluate(model(iiv, sigma), wb.read_dataset(frame(1, y), name="one"), method=method)
    assert fit.verdict == "converged", fit.reasons
    assert misfit(fit.etas.iloc[0].to_numpy()) == pytest.approx(best, abs=1e-6)


@pytest.fixture(scope="module")
def study():
    truth = model()
    design = wb.read_dataset(frame(40, 1.0), name="design")
    return truth, wb.read_dataset(cases.drawn(truth, design, seed=2), name="steep")


@pytest.mark.parametrize("method", ["laplace", "saem"])
def test_methods_agree_on_a_study(study, method):
    """Within 0.6 SE of FOCEI; the variance of ka is FOCEI's to get low."""
    truth, data = study
    one, other = wb.fit(truth, data, method="focei"), wb.fit(truth, data, method=method)
    assert {one.verdict, other.verdict} == {"converged"}, (one.reasons, other.reasons)
    off = (other.parameters["estimate"] - one.parameters["estimate"]) / one.parameters["se"]
    assert off.drop("omega[ka]").abs().max() < 0.6, off

"""Box-Cox transformed random effects of NONMEM, on the linearised phenobarbital model.

The run is PsN's linearised base model with both etas Box-Cox transformed:
IPRED = OPRED + D_ETA1 (g1 - OETA1) + D_ETA2 (g2 - OETA2), with g = (exp(ETA)^THETA - 1)/THETA. Its
residual error has the weight of IPRED itself (D_EPS1 = OPRED, D_EPSETA = D_ETA in these data), so
it is proportional.
"""

import numpy as np
import pandas as pd
import pytest

import workbench as wb

TEXT = "f = OPRED + D_ETA1*(g1 - OETA1) + D_ETA2*(g2 - OETA2)"
REGRESSORS = ["OPRED", "D_ETA1", "D_ETA2", "OETA1", "OETA2"]


@pytest.fixture(scope="module")
def data(references):
    frame = pd.read_csv(references / "data/pharmpy/pheno_linbase.csv")
    frame = frame[frame["MDV"] == 0]
    np.testing.assert_allclose(frame["D_EPS1"], frame["OPRED"])
    np.testing.assert_allclose(frame["D_EPSETA1_1"], frame["D_ETA1"])
    frame = frame[["ID", "TIME", "DV", *REGRESSORS]].assign(AMT=0.0, EVID=0)
    return wb.read_dataset(frame, name="pheno_linbase")


def model(values, factor=1.0):
    parameters = {
        f"g{k}": wb.Normal(
            wb.Fixed(0.0),
            iiv=np.sqrt(values[f"OMEGA({k},{k})"]) * factor,
            eta=wb.eta.BoxCox(values[f"THETA{k}"] * factor),
        )
        for k in (1, 2)
    }
    structure = wb.equations(TEXT, outputs=["f"], covariates=REGRESSORS)
    sigma = np.sqrt(values["SIGMA(1,1)"]) * factor
    return wb.Model(structure, parameters, error=wb.error.Proportional(sigma))


def test_objective_at_the_estimates_against_nonmem(data, records):
    """1e-3: the estimates are printed to six digits."""
    case = records["lin_boxcox_eta_focei"]
    fit = wb.evaluate(model(case["params"]), data, method="focei")
    assert fit.ofv == pytest.approx(case["expected"]["ofv"], abs=1e-3)


def test_estimates_against_nonmem(data, records):
    """From 0.8 of them: OFV 0.01, shapes 0.1 % (of a flat likelihood), variances 1 %."""
    case = records["lin_boxcox_eta_focei"]
    fit = wb.fit(model(case["params"], 0.8), data, method="focei")
    expected = case["expected"]["estimates"]
    assert fit.ofv == pytest.approx(case["expected"]["ofv"], abs=0.01)
    found = fit.parameters["estimate"]
    for k in (1, 2):
        assert found[f"shape[g{k}]"] == pytest.approx(expected[f"THETA{k}"], rel=1e-3)
        assert found[f"omega[g{k}]"] == pytest.approx(expected[f"OMEGA({k},{k})"], rel=1e-2)
    assert found["sigma[proportional]"] ** 2 == pytest.approx(expected["SIGMA(1,1)"], rel=1e-2)

"""Everything that follows a fit, for parameters that vary between occasions."""

import json

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests.properties.test_occasions import frame, model, simulated
from workbench.diagnostics import diagnostics, table


@pytest.fixture(scope="module")
def data():
    return simulated(model(), frame([2, 1, 3, 2, 2, 3, 1, 2]), seed=7)


@pytest.fixture(scope="module", params=["focei", "saem"])
def fit(request, data):
    return wb.evaluate(model(), data, method=request.param)


def test_shapes_and_rows(fit):
    assert list(fit.etas.columns) == ["ka", "cl", "v"]
    assert list(fit.kappas.columns) == ["ID", "OCC", "cl", "v"]
    assert len(fit.kappas) == 2 + 1 + 3 + 2 + 2 + 3 + 1 + 2
    assert list(fit.omega_iov.index) == ["cl", "v"]
    row = fit.parameters.loc["omega_iov[cl]"]
    assert row["sd"] == pytest.approx(0.25)
    assert row["cv_percent"] == pytest.approx(100 * np.sqrt(np.expm1(0.25**2)))
    shrunk = 100 * (1 - fit.kappas["cl"].var(ddof=1) / 0.25**2)
    assert row["shrinkage_var"] == pytest.approx(shrunk)
    by_occasion = fit.kappa_shrinkage().set_index(["parameter", "OCC"])
    assert by_occasion.loc[("cl", "day 2"), "n"] == 6


def test_individual_predictions_are_those_of_the_parameters_over_time(fit):
    over_time = fit.individual_parameters_over_time()
    assert list(over_time.columns) == ["ID", "TIME", "OCC", "ka", "cl", "v"]
    first = over_time.groupby("ID", sort=False).first()
    kappa = fit.kappas.groupby("ID", sort=False).first()
    expected = fit.individual_parameters["cl"] * np.exp(kappa["cl"])
    np.testing.assert_allclose(first["cl"], expected, rtol=1e-12)
    np.testing.assert_allclose(
        fit.individual_parameters["cl"], 3.0 * np.exp(fit.etas["cl"]), rtol=1e-12
    )


def test_draws_of_kappa_come_from_the_conditional_distributions(fit):
    """Those of eta with the same seed are of the same chains; the sums make the predictions."""
    kappas, etas = fit.kappa_draws(400, seed=3), fit.draws(400, seed=3)
    assert list(kappas.columns) == ["ID", "OCC", "DRAW", "cl", "v"]
    assert len(kappas) == 400 * len(fit.kappas)
    mean = kappas.groupby(["ID", "OCC"], sort=False)[["cl", "v"]].mean()
    sd = kappas.groupby(["ID", "OCC"], sort=False)[["cl", "v"]].std()
    modes = fit.kappas.set_index(["ID", "OCC"])
    assert (np.abs(mean - modes) / sd).to_numpy().max() < 0.5
    both = kappas.merge(etas, on=["ID", "DRAW"], suffixes=("_kappa", "_eta"))
    apart = both.groupby(["ID", "OCC"])[["cl_kappa", "cl_eta"]].corr().iloc[0::2, 1]
    assert (apart < 0).all()  # what one has, the other lacks
    pd.testing.assert_frame_equal(kappas, fit.kappa_draws(400, seed=3))


def test_saving_keeps_the_kappas(fit, tmp_path):
    fit.save(tmp_path / "fit.json")
    again = wb.load_fit(tmp_path / "fit.json")
    pd.testing.assert_frame_equal(again.kappas, fit.kappas)
    pd.testing.assert_frame_equal(again.etas, fit.etas)
    np.testing.assert_array_equal(again.curves(5)["IPRED"], fit.curves(5)["IPRED"])


def test_a_file_from_before_there_were_occasions_opens(tmp_path, data):
    plain = wb.evaluate(
        model(cl=wb.LogNormal(3.0, iiv=0.3), v=wb.LogNormal(30.0), correlated=False), data
    )
    plain.save(tmp_path / "old.json")
    card = json.loads((tmp_path / "old.json").read_text())
    del card["kappas"]
    (tmp_path / "old.json").write_text(json.dumps(card))
    assert len(wb.load_fit(tmp_path / "old.json").kappas) == 0


@pytest.mark.parametrize("individual", ["ebe", "mean", "draws"])
def test_individual_estimates(fit, individual):
    etas = fit.etas_by(individual)
    assert list(etas.columns) == ["ID", "DRAW", "ka", "cl", "v"]
    assert np.isfinite(fit.predictions_by(individual)["IWRES"]).all()
    chosen = fit.curves(8, subjects=[1, 2], individual=individual, band=0.9)
    assert np.isfinite(chosen[["IPRED", "LOWER", "UPPER"]]).all(axis=None)
    if individual == "ebe":
        everyone = fit.curves(8)
        both = everyone[everyone["ID"].isin([1, 2])]["IPRED"].to_numpy()
        np.testing.assert_allclose(chosen["IPRED"], both, rtol=1e-12)


def test_draws_and_shrinkage_by_design(fit):
    assert list(fit.draws(20).columns) == ["ID", "DRAW", "ka", "cl", "v"]
    mean, sd = fit.conditional(40)
    assert mean.shape == sd.shape == (8, 3)
    assert (fit.conditional_variances() > 0).all(axis=None)
    predicted = fit.predicted_shrinkage()
    assert ((predicted > 0) & (predicted < 1)).all(axis=None)


@pytest.mark.parametrize("name", diagnostics.names())
def test_diagnostics_have_their_tables(fit, name):
    found = table(name, fit)
    assert list(found.index) == list(range(len(found)))
    assert found.columns.is_unique


def test_predictive_checks(fit):
    vpc = wb.vpc(fit, replicates=40, seed=1)
    assert len(vpc.table)
    residuals = wb.npde(fit, replicates=100, seed=1)
    assert np.isfinite(residuals.table["NPDE"]).all()


def test_simulation_from_a_fit_draws_each_occasion_anew(fit):
    drawn = wb.simulate(fit, design=fit.data, replicates=3, seed=2)
    again = wb.simulate(fit, design=fit.data, replicates=3, seed=2)
    pd.testing.assert_frame_equal(drawn, again)


def test_the_likelihood_ratio_knows_the_variance_at_its_boundary(data):
    large = model(correlated=False, v=wb.LogNormal(30.0, iiv=0.2))
    small = large.replace(parameters=large.parameters | {"cl": wb.LogNormal(3.0, iiv=0.3)})
    fits = [wb.fit(m, data, method="focei") for m in (small, large)]
    found = wb.likelihood_ratio_test(*fits)
    assert "omega_iov[cl] = 0" in str(found)


def test_automatic_starting_values_keep_occasions(data):
    start = wb.starting_values(model(), data)
    assert start.iov == ("cl", "v")

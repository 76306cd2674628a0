"""Prediction distribution and decomposition of the variance: against what theory says."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests import cases, outputs
from workbench.diagnostics._variance import _Moments
from workbench.errors import OptionError, UnknownNameError

TIMES = (0.5, 1.0, 2.0, 4.0, 8.0)


def bolus(n_sub=20, error=None, *, dose=100.0, iiv=(0.0, 0.25)):
    """An intravenous model whose V alone varies: log C(t = 0) is normal."""
    rows = []
    for i in range(1, n_sub + 1):
        rows.append((i, 0.0, dose, 1, np.nan, i % 2))
        rows += [(i, t, 0.0, 0, 4.0 + 0.1 * i, i % 2) for t in TIMES]
    frame = pd.DataFrame(rows, columns=["ID", "TIME", "AMT", "EVID", "DV", "SEX"])
    parameters = {
        "cl": wb.LogNormal(1e-9, iiv=iiv[0]),
        "v": wb.LogNormal(20.0, iiv=iiv[1]),
    }
    model = wb.Model("pk_1cmt_iv", parameters, error=error or wb.error.Additive(0.5))
    return model, wb.read_dataset(frame, name="bolus", units={"TIME": "h", "DV": "mg/L"})


def test_the_individual_distribution_is_lognormal():
    """60,000 draws: percentiles within 1.5 % (their standard error is at most 0.4 %)."""
    found = wb.prediction_distribution(*bolus(), replicates=3000, percents=(5, 50, 95))
    at = found.table[(found.table["TIME"] == 2.0) & (found.table["KIND"] == "individual")]
    expected = 5.0 * np.exp(0.25 * np.array([-1.6449, 0.0, 1.6449]))
    np.testing.assert_allclose(at["VALUE"], expected, rtol=0.015)
    assert (at["N"] == 20).all()


def test_residual_error_widens_the_distribution():
    table = wb.prediction_distribution(*bolus(), replicates=200).table
    width = table.pivot_table(index=["KIND", "TIME"], columns="PERCENTILE", values="VALUE")
    width = width[95.0] - width[5.0]
    assert (width["observation"] > width["individual"]).all()


def test_without_random_effects_the_individual_distribution_is_the_curve():
    model, data = bolus(iiv=(0.0, 0.0))
    table = wb.prediction_distribution(model, data, replicates=2).table
    individual = table[table["KIND"] == "individual"]
    np.testing.assert_allclose(individual["VALUE"], 5.0, rtol=1e-6)


def test_the_grid_is_dense_and_ends_with_the_observations():
    table = wb.prediction_distribution(*bolus(), replicates=2, points=40).table
    times = table["TIME"].unique()
    assert len(times) >= 40
    assert times[0] == 0.0
    assert times[-1] == 8.0
    assert set(TIMES) <= set(times)


def test_subjects_count_only_while_they_are_observed():
    model, data = bolus(4)
    short = data.table[(data.table["ID"] < 3) | (data.table["TIME"] <= 2)].drop(columns="ROW")
    found = wb.prediction_distribution(model, wb.read_dataset(short), replicates=3).table
    assert found.loc[found["TIME"] == 8.0, "N"].unique().tolist() == [2]
    assert found.loc[found["TIME"] == 2.0, "N"].unique().tolist() == [4]


def test_strata_and_endpoints_have_distributions_of_their_own():
    by_sex = wb.prediction_distribution(*bolus(), by="SEX", replicates=5)
    assert by_sex.table["STRATUM"].unique().tolist() == ["SEX 0", "SEX 1"]
    assert by_sex.table["N"].max() == 10
    assert by_sex.points["STRATUM"].nunique() == 2
    model = outputs.model("log", cp=outputs.error("proportional"), effect=outputs.error("additive"))
    both = wb.prediction_distribution(model, outputs.data("log"), replicates=20, percents=(50,))
    medians = both.table[both.table["KIND"] == "individual"].set_index(["ENDPOINT", "TIME"])[
        "VALUE"
    ]
    common = medians["cp"].index.intersection(medians["effect"].index)
    np.testing.assert_allclose(  # the second output is log(1 + the first), the etas are the same
        medians["effect"][common], np.log1p(medians["cp"][common]), rtol=1e-2
    )


def test_times_that_start_again_at_a_reset():
    rows = []
    for start in (0, 1):
        rows.append((1, 0.0, 100.0, 4 if start else 1, np.nan))
        rows += [(1, t, 0.0, 0, 3.0) for t in (1.0, 3.0)]
    data = wb.read_dataset(pd.DataFrame(rows, columns=["ID", "TIME", "AMT", "EVID", "DV"]))
    table = wb.prediction_distribution(bolus()[0], data, replicates=4, percents=(50,)).table
    assert table["TIME"].max() == 3.0
    assert (table.loc[table["TIME"] == 2.0, "N"] == 0).sum() == 0
    assert np.isfinite(table["VALUE"]).all()


def test_wrong_options_of_the_distribution_are_refused():
    with pytest.raises(OptionError, match="points="):
        wb.prediction_distribution(*bolus(), points=1)
    with pytest.raises(OptionError, match="percents="):
        wb.prediction_distribution(*bolus(), percents=(0, 50))
    with pytest.raises(UnknownNameError, match="SEX"):
        wb.prediction_distribution(*bolus(), by="SX")


@pytest.mark.parametrize(
    ("error", "residual"),
    [
        (wb.error.Additive(0.5), lambda _m, _s2: 0.25),
        (wb.error.Proportional(0.2), lambda m, s2: 0.04 * (m**2 + s2)),
    ],
)
def test_the_law_of_total_variance(error, residual):
    """C = dose / V is log-normal: its moments are known; 40,000 draws, so within 3 %."""
    found = wb.variance_decomposition(*bolus(error=error), replicates=2000).table
    mean = 5.0 * np.exp(0.25**2 / 2)
    between = mean**2 * (np.exp(0.25**2) - 1)
    np.testing.assert_allclose(found["BETWEEN"], between, rtol=0.03)
    np.testing.assert_allclose(found["RESIDUAL"], residual(mean, between), rtol=0.03)
    np.testing.assert_allclose(found["DESIGN"], 0.0, atol=1e-3)
    assert found["X_MEDIAN"].tolist() == list(TIMES)


def test_lognormal_error_by_quadrature():
    """Y = f exp(s z): E[Y|f] = f exp(s²/2), Var = f² exp(s²)(exp(s²) - 1); within 3 %."""
    model, data = bolus(error=wb.error.LogNormal(0.3))
    found = wb.variance_decomposition(model, data, replicates=2000).table
    square = 25.0 * np.exp(2 * 0.25**2)  # E[f²]
    np.testing.assert_allclose(
        found["RESIDUAL"], square * np.exp(0.09) * (np.exp(0.09) - 1), rtol=0.03
    )
    between = 25.0 * np.exp(0.25**2) * (np.exp(0.25**2) - 1) * np.exp(0.09)
    np.testing.assert_allclose(found["BETWEEN"], between, rtol=0.03)


def test_the_parts_sum_up_to_what_simulated_data_show():
    """Doses differ too; the mean sample variance of 2,000 data sets, whose median is near."""
    model, data = bolus()
    table = data.table.drop(columns="ROW").assign(AMT=lambda t: t["AMT"] * (1 + t["SEX"]))
    found = wb.variance_decomposition(model, wb.read_dataset(table), replicates=2000).table
    assert (found["DESIGN"] > 1.0).all()
    np.testing.assert_allclose(found["TOTAL"], found[["RESIDUAL", "BETWEEN", "DESIGN"]].sum(axis=1))
    np.testing.assert_allclose(found["MEDIAN"], found["TOTAL"], rtol=0.06)
    expected = table[table["EVID"] == 0].groupby("TIME")["DV"].var(ddof=1)
    np.testing.assert_allclose(found["OBSERVED"], expected)


def test_moments_do_not_depend_on_the_blocks():
    draw = np.random.default_rng(1)
    mean, variance = draw.normal(3, 1, size=(50, 4)), draw.uniform(size=(50, 4))
    mean[7, 2] = np.nan
    moments = _Moments(4)
    for first, last in ((0, 1), (1, 20), (20, 50)):
        moments.add(mean[first:last], variance[first:last])
    residual, between, _ = moments.parts(np.arange(4))
    assert between == pytest.approx(np.nanvar(mean, axis=0, ddof=1).mean(), rel=1e-12)
    whole = np.where(np.isnan(mean), np.nan, variance)
    assert residual == pytest.approx(np.nanmean(whole, axis=0).mean(), rel=1e-12)


@pytest.mark.parametrize("n_sub", [1, 2])
def test_few_subjects(n_sub):
    model, data = bolus(n_sub)
    found = wb.variance_decomposition(model, data, replicates=20).table
    assert found["OBSERVED"].isna().all() == (n_sub == 1)
    assert not found["OUTSIDE"].any() or n_sub > 1
    assert len(wb.prediction_distribution(model, data, replicates=20).table)


def test_several_endpoints_and_bins_by_hand():
    model = outputs.model(
        "log", cp=outputs.error("proportional"), effect=outputs.error("lognormal")
    )
    found = wb.variance_decomposition(model, outputs.data("log"), replicates=50, edges=[0, 2, 13])
    assert found.table[["ENDPOINT", "BIN"]].to_numpy().tolist() == [
        ["cp", 1],
        ["cp", 2],
        ["effect", 1],
        ["effect", 2],
    ]
    with pytest.raises(OptionError, match="ci="):
        wb.variance_decomposition(model, outputs.data("log"), ci=95)


def test_a_cancelled_run_says_so(monkeypatch):
    monkeypatch.setattr("workbench.simulation.BLOCK", 1000)
    token = wb.CancelToken()
    token.set()
    for work in (wb.variance_decomposition, wb.prediction_distribution):
        found = work(*bolus(), replicates=400, cancel=token, threads=1)
        assert found.replicates < 400
        assert any("Cancelled after" in note for note in found.notes)


def test_a_doubtful_fit_says_so():
    fit = wb.fit(cases.oral_model("additive"), wb.load_dataset("theophylline"), max_iter=1)
    assert fit.verdict != "converged"
    for work in (wb.variance_decomposition, wb.prediction_distribution):
        assert any(fit.verdict in note for note in work(fit, replicates=3).notes)

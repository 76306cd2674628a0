"""Multiple imputation: Rubin's rules by hand, and effects of a covariate that some miss."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

import workbench as wb
from workbench.errors import EstimationError, OptionError
from workbench.workflows._rubin import pooled

MODEL = wb.Model(
    "pk_1cmt_iv",
    {
        "cl": wb.LogNormal(3.0, iiv=0.2, covariates=[wb.covariate.Power("WT", reference=70)]),
        "v": wb.LogNormal(20.0, iiv=0.2),
    },
    error=wb.error.Proportional(0.1),
)


def frame(n=60, seed=8, share=0.3):
    """Weights that height tells with r = 0.97; clearance grows with weight^0.75."""
    random = np.random.default_rng(seed)
    height = 170 * np.exp(0.1 * random.standard_normal(n))
    weight = 70 * (height / 170) ** 2 * np.exp(0.05 * random.standard_normal(n))
    cl = 3 * (weight / 70) ** 0.75 * np.exp(0.2 * random.standard_normal(n))
    v = 20 * np.exp(0.2 * random.standard_normal(n))
    time = np.array([0.0, 1, 4, 8, 12])
    conc = 100 / v[:, None] * np.exp(-(cl / v)[:, None] * time)
    dv = conc * (1 + 0.1 * random.standard_normal(conc.shape))
    gone = random.random(n) < share
    table = pd.DataFrame({"ID": np.repeat(np.arange(1, n + 1), 5), "TIME": np.tile(time, n)})
    table["AMT"] = np.where(table["TIME"] == 0, 100.0, np.nan)
    table["EVID"] = (table["TIME"] == 0).astype(int)
    table["DV"] = np.where(table["EVID"] == 1, np.nan, dv.ravel())
    table["WT"], table["HT"] = np.repeat(weight, 5), np.repeat(height, 5)
    return table, np.repeat(gone, 5)


@pytest.fixture(scope="module")
def whole():
    return wb.Dataset.from_frame(frame()[0], name="whole")


@pytest.fixture(scope="module")
def data():
    table, gone = frame()
    return wb.Dataset.from_frame(table.assign(WT=table["WT"].where(~gone)), name="gaps")


@pytest.fixture(scope="module")
def result(data):
    return wb.multiple_imputation(MODEL, data, 5)


# --- Rubin's rules ---------------------------------------------------------------------------


def test_pooling_by_hand():
    """Three estimates 1, 2, 3 with variance 0.5: W = 0.5, B = 1, T = 0.5 + 4/3."""
    row = pooled(np.array([[1.0], [2], [3]]), np.full((3, 1), 0.5), np.inf, ["identity"]).iloc[0]
    assert row[["estimate", "within", "between"]].tolist() == [2.0, 0.5, 1.0]
    total = 0.5 + 4 / 3
    assert row["se"] == pytest.approx(np.sqrt(total), rel=1e-12)
    increase = (4 / 3) / 0.5
    df = 2 * (1 + 1 / increase) ** 2
    assert row["relative_increase"] == pytest.approx(increase, rel=1e-12)
    assert row["df"] == pytest.approx(df, rel=1e-12)
    assert row["fraction_missing"] == pytest.approx(
        (increase + 2 / (df + 3)) / (increase + 1),
        rel=1e-12,  # df is Rubin's here
    )
    half = student.ppf(0.975, df) * np.sqrt(total)
    assert row[["lower", "upper"]].tolist() == pytest.approx([2 - half, 2 + half], rel=1e-12)


def test_degrees_of_freedom_of_small_samples():
    """Barnard & Rubin 1999 by hand: with 100 degrees of freedom of the complete data."""
    row = pooled(np.array([[1.0], [2], [3]]), np.full((3, 1), 0.5), 100.0, ["log"]).iloc[0]
    share = (4 / 3) / (0.5 + 4 / 3)
    old, observed = 2 / share**2, 101 / 103 * 100 * (1 - share)
    df = 1 / (1 / old + 1 / observed)
    assert row["df"] == pytest.approx(df, rel=1e-12)
    assert row["fraction_missing"] == pytest.approx((8 / 3 + 2 / (old + 3)) / (8 / 3 + 1))
    factor = np.exp(student.ppf(0.975, df) * row["se"] / 2)
    assert row["lower"] == pytest.approx(2 / factor, rel=1e-12)
    assert row["upper"] == pytest.approx(2 * factor, rel=1e-12)


def test_below_three_degrees_of_freedom_there_is_no_interval():
    """It once read "2.9e-23 to 2.5e+23" with as many parameters as subjects."""
    row = pooled(np.array([[1.0], [2], [3]]), np.full((3, 1), 0.5), 1.0, ["log"]).iloc[0]
    assert 0 < row["df"] < 3
    assert np.isfinite(row["se"])
    assert np.isnan(row[["lower", "upper"]].to_numpy(float)).all()


def test_too_few_subjects_for_an_interval_are_named():
    table, gone = frame(8, share=0.0)
    gone = table["ID"] == 3
    few = wb.Dataset.from_frame(table.assign(WT=table["WT"].where(~gone)), name="few")
    found = wb.multiple_imputation(MODEL, few, 3, method="fo")
    assert found.parameters["lower"].isna().all()
    assert (
        "No interval of any parameter: fewer than 3 degrees of freedom are left. There are 8 "
        "subjects for 6 estimated parameters" in str(found)
    )


def test_equal_estimates_leave_the_variance_and_the_degrees_of_freedom():
    """And a fraction of missing information of 0."""
    row = pooled(np.full((4, 1), 2.0), np.full((4, 1), 0.25), 30.0, ["identity"]).iloc[0]
    assert row["se"] == 0.5
    assert row["fraction_missing"] == 0.0
    assert row["df"] == pytest.approx(30 * 31 / 33)


# --- fits ------------------------------------------------------------------------------------


def test_effect_of_a_weight_that_a_third_miss(result, whole, data):
    """Within two SDs of what the missing third may change of the fit of all weights.

    Var(estimate - full) is about T - Var(full) where draws are proper; the bias towards zero is
    at most 0.3 · (1 - r²) = 2 %, of 0.75.
    """
    full = wb.fit(MODEL, whole)
    own, of_full = result.parameters, full.parameters
    beta = "beta[cl,WT]"
    between = 1.2 * own.loc[beta, "between"]
    lost = max(own.loc[beta, "se"] ** 2 - of_full.loc[beta, "se"] ** 2, between)
    gap = own.loc[beta, "estimate"] - of_full.loc[beta, "estimate"]
    assert abs(gap) < 2 * np.sqrt(lost) + 0.02 * 0.75
    assert own.loc[beta, "se"] > np.sqrt(own.loc[beta, "within"])
    assert 0 < own.loc[beta, "fraction_missing"] < 0.5
    assert own.loc["cl", "lower"] < own.loc["cl", "estimate"] < own.loc["cl", "upper"]


def test_the_pooled_error_is_larger_than_that_of_one_regression_and_below_complete_cases(
    result, data
):
    """Height tells most of a weight, so that little is lost; a single prediction hides that."""
    beta = "beta[cl,WT]"
    one = np.mean([f.parameters.loc[beta, "se"] for f in result.fits])
    complete = wb.fit(MODEL, data.impute("complete_case")).parameters.loc[beta, "se"]
    assert one < result.parameters.loc[beta, "se"] < complete


def test_without_other_covariates_an_effect_is_biased_towards_zero():
    """By the share of subjects that miss it: drawn weights have nothing to do with clearance.

    Tolerance: 4 Monte-Carlo errors of the mean of the draws, and 5 % of the estimate.
    """
    table, gone = frame()
    table = table.drop(columns="HT").assign(WT=table["WT"].where(~gone))
    data = wb.Dataset.from_frame(table, name="weights only")
    complete = wb.fit(MODEL, data.impute("complete_case")).beta["beta[cl,WT]"]
    found = wb.multiple_imputation(MODEL, data, 30, covariance="none").parameters
    row = found.loc["beta[cl,WT]"]
    expected = (1 - gone.mean()) * complete
    error = 4 * np.sqrt(row["between"] / 30) + 0.05 * complete
    assert abs(row["estimate"] - expected) < error
    assert row["estimate"] + error < complete


def test_what_is_pooled_are_the_fits(result):
    estimates = np.array([f.parameters["estimate"] for f in result.fits])
    se = np.array([f.parameters["se"] for f in result.fits])
    np.testing.assert_allclose(result.parameters["estimate"], estimates.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(
        result.parameters["se"] ** 2,
        (se**2).mean(axis=0) + 1.2 * estimates.var(axis=0, ddof=1),
        rtol=1e-12,
    )
    assert result.table["draw"].tolist() == [1, 2, 3, 4, 5]
    assert set(result.table["verdict"]) == {"converged"}


def test_each_fit_says_how_to_repeat_it(result):
    assert ".impute('stochastic', ['WT'], seed=1, draw=3)" in result.fits[2].python()
    assert "pooled by Rubin's rules" in repr(result)
    assert "fraction_missing" in result._repr_html_()


def test_progress_executor_and_cancel(data, result):
    calls = []
    with ThreadPoolExecutor(1) as pool:
        same = wb.multiple_imputation(
            MODEL, data, 2, executor=pool, on_fit=lambda k, n: calls.append((k, n))
        )
    assert calls == [(1, 2), (2, 2)]
    np.testing.assert_array_equal([f.ofv for f in same.fits], [f.ofv for f in result.fits[:2]])
    token = wb.CancelToken()
    token.set()
    with pytest.raises(EstimationError, match="pooling needs two"):
        wb.multiple_imputation(MODEL, data, 2, cancel=token)


def test_a_fixed_parameter_has_no_variance(data):
    cl = wb.LogNormal(
        3.0,
        iiv=0.2,
        covariates=[wb.covariate.Power("WT", reference=70, exponent=wb.Fixed(0.75))],
    )
    model = MODEL.replace(parameters={**MODEL.parameters, "cl": cl})
    row = wb.multiple_imputation(model, data, 2, method="fo").parameters.loc["beta[cl,WT]"]
    assert row["estimate"] == 0.75
    assert np.isnan(row["se"])
    assert row["fixed"]


def test_all_fits_have_the_references_of_the_first(data):
    cl = wb.LogNormal(3.0, iiv=0.2, covariates=[wb.covariate.Power("WT")])
    model = MODEL.replace(parameters={**MODEL.parameters, "cl": cl})
    found = wb.multiple_imputation(model, data, 3, method="fo", covariance="none")
    references = {f.model.parameters["cl"].covariates[0].reference for f in found.fits}
    assert len(references) == 1
    assert any("standard error" in note for note in found.notes)


def test_wrong_calls(data, whole):
    with pytest.raises(OptionError, match="m= must be a whole number of at least 2"):
        wb.multiple_imputation(MODEL, data, 1)
    with pytest.raises(OptionError, match="no covariate that is missing in whole"):
        wb.multiple_imputation(MODEL, whole)

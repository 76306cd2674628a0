"""Linear mixed models: lme4's and nlme's maximum likelihood, and every method equal to it."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import workbench as wb
from tests.objectives import check_gradient
from workbench.errors import ModelError

METHODS = ("linear", "fo", "foce", "focei", "laplace", "agq")
SLEEP_START = (240.0, 20.0, 8.0, 5.0, 20.0)


def sleepstudy(references):
    frame = pd.read_csv(references / "data/R_datasets/lme4.sleepstudy.csv")
    names = {"Subject": "ID", "Days": "TIME", "Reaction": "DV"}
    return wb.read_dataset(frame.rename(columns=names)[["ID", "TIME", "DV"]], name="sleepstudy")


def line(b0, sd0, b1, sd1, sigma):
    return wb.Model(
        wb.equations("y = b0 + b1*t", outputs=["y"]),
        {"b0": wb.Normal(b0, iiv=sd0), "b1": wb.Normal(b1, iiv=sd1)},
        error=wb.error.Additive(sigma),
        correlations=[("b0", "b1")],
    )


@pytest.mark.parametrize("method", METHODS)
def test_sleepstudy_against_lme4(references, records, method):
    """-2LL to 1e-6, estimates to 1e-4; SEs of fixed effects as lme4 gives them to 1e-5."""
    expected = records["lmm_sleepstudy"]["expected"]
    fit = wb.fit(line(*SLEEP_START), sleepstudy(references), method=method)
    assert fit.verdict == "converged", fit.reasons
    assert fit.m2ll == pytest.approx(expected["minus2LL"], abs=1e-6)
    np.testing.assert_allclose(fit.theta, expected["fixed"], rtol=1e-5)
    np.testing.assert_allclose(fit.parameters["se"].to_numpy()[:2], expected["se"], rtol=1e-5)
    omega = fit.omega.to_numpy()
    found = [omega[0, 0], omega[0, 1], omega[1, 1]]
    np.testing.assert_allclose(found, expected["omega"], rtol=1e-4)
    assert fit.sigma["additive"] ** 2 == pytest.approx(expected["sigma2"], rel=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_sleepstudy_methods_are_equal_at_any_values(references, method):
    """Trap: a wrong log-determinant or residual shows here, away from the estimates too."""
    data = sleepstudy(references)
    exact = wb.evaluate(line(*SLEEP_START), data, method="linear")
    found = wb.evaluate(line(*SLEEP_START), data, method=method)
    np.testing.assert_allclose(found.individual_ofv, exact.individual_ofv, rtol=1e-11)
    np.testing.assert_allclose(found.etas, exact.etas, rtol=1e-9, atol=1e-9)


def test_random_effects_against_lme4(references, records):
    path = references / "data/R_results/sleepstudy_ML_ranef.csv"
    expected = pd.read_csv(path).select_dtypes("number").to_numpy()[:, -2:]
    fit = wb.fit(line(*SLEEP_START), sleepstudy(references), method="linear")
    np.testing.assert_allclose(fit.etas, expected, rtol=1e-4, atol=1e-3)


def test_likelihood_ratios_against_lme4(references):
    """Maximum likelihood, ``anova(fm2, fm1)`` and ``anova(fm0, fm1)`` of Reaction ~ Days.

    Bates, Maechler, Bolker, Walker 2015 (J. Stat. Softw. 67:1): 0.0639 with one df, p = 0.8004
    for the correlation; 42.139 with two df, plain chi-square 7.072e-10, for the random slope.
    The printed digits are met.
    """
    data = sleepstudy(references)
    block = line(*SLEEP_START)
    slopes = block.replace(correlations={})
    plain = {**block.parameters, "b1": wb.Normal(10.0)}
    intercepts = block.replace(correlations={}, parameters=plain)
    fits = {
        name: wb.fit(model, data, method="linear")
        for name, model in (("fm1", block), ("fm2", slopes), ("fm0", intercepts))
    }
    of_correlation = wb.likelihood_ratio_test(fits["fm2"], fits["fm1"])
    assert of_correlation.difference == pytest.approx(0.0639, abs=5e-5)
    assert of_correlation.p_value == pytest.approx(0.8004, abs=1e-4)
    of_slope = wb.likelihood_ratio_test(fits["fm0"], fits["fm1"])
    assert of_slope.difference == pytest.approx(42.139, abs=5e-4)
    assert stats.chi2.sf(of_slope.difference, 2) == pytest.approx(7.072e-10, rel=1e-3)
    half = 0.5 * stats.chi2.sf(of_slope.difference, 1) + 0.5 * 7.072e-10
    assert of_slope.p_value == pytest.approx(half, rel=1e-3)
    assert fits["fm1"].aic == pytest.approx(1763.9, abs=0.05)
    assert fits["fm2"].aic == pytest.approx(1762.0, abs=0.05)


@pytest.mark.parametrize("method", METHODS)
def test_dyestuff_against_lme4(references, records, method):
    expected = records["lmm_dyestuff"]["expected"]
    frame = pd.read_csv(references / "data/R_datasets/lme4.Dyestuff.csv")
    frame = frame.assign(ID=frame["Batch"], DV=frame["Yield"])
    frame["TIME"] = frame.groupby("Batch").cumcount()
    data = wb.read_dataset(frame[["ID", "TIME", "DV"]], name="dyestuff")
    model = wb.Model(
        wb.equations("y = b0", outputs=["y"]),
        {"b0": wb.Normal(1500.0, iiv=60.0)},
        error=wb.error.Additive(40.0),
    )
    fit = wb.fit(model, data, method=method)
    assert fit.m2ll == pytest.approx(expected["minus2LL"], abs=1e-6)
    assert fit.theta["b0"] == pytest.approx(expected["fixed"][0], rel=1e-6)
    assert fit.omega.loc["b0", "b0"] == pytest.approx(expected["omega2"], rel=1e-4)
    assert fit.sigma["additive"] ** 2 == pytest.approx(expected["sigma2"], rel=1e-5)


def orange(references):
    frame = pd.read_csv(references / "data/R_datasets/datasets.Orange.csv")
    names = {"Tree": "ID", "age": "TIME", "circumference": "DV"}
    frame = frame.rename(columns=names).sort_values(["ID", "TIME"])
    model = wb.Model(
        wb.equations("y = asym/(1 + exp((xmid - t)/scal))", outputs=["y"]),
        {"asym": wb.Normal(190.0, iiv=30.0), "xmid": wb.Normal(700.0), "scal": wb.Normal(350.0)},
        error=wb.error.Additive(8.0),
    )
    return model, wb.read_dataset(frame[["ID", "TIME", "DV"]], name="orange")


@pytest.mark.parametrize("method", METHODS)
def test_orange_trees_against_nlmer(references, records, method):
    """Linear in the random effect, not in the fixed ones: still exact. 1e-3, as nlmer stops."""
    expected = records["nlme_orange"]["expected"]
    model, data = orange(references)
    fit = wb.fit(model, data, method=method)
    assert fit.m2ll == pytest.approx(expected["nlmer_laplace_minus2LL"], abs=1e-3)
    np.testing.assert_allclose(fit.theta, expected["nlmer_fixed"], rtol=1e-4)


def test_gradient_of_the_closed_form(references):
    check_gradient(*orange(references), "linear")
    check_gradient(line(*SLEEP_START), sleepstudy(references), "linear")


def test_a_model_that_is_not_linear_is_refused():
    data = wb.load_dataset("theophylline")
    model = wb.Model.from_dict(data.info.suggested_model)
    with pytest.raises(ModelError, match=r"not linear in the random effects, first at row \d+"):
        wb.fit(model, data, method="linear")


def test_an_error_that_follows_the_prediction_is_refused(references):
    model = line(*SLEEP_START).replace(error=wb.error.Proportional(0.1))
    with pytest.raises(ModelError, match="residual error depends on the prediction"):
        wb.evaluate(model, sleepstudy(references), method="linear")

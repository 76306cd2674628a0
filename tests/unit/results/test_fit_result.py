"""What a result says, computed a second time from its own numbers."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from scipy import stats

import workbench as wb
from tests import cases
from workbench.models.error import ResidualError

Z = stats.norm.ppf(0.975)
NAMES = [
    "ka",
    "cl",
    "v",
    "omega[ka]",
    "omega[cl]",
    "omega[v]",
    "corr[cl,v]",
    "sigma[additive]",
    "sigma[proportional]",
]


@pytest.fixture(scope="module")
def fit():
    model = cases.oral_model(
        "combined1",
        distributions=("lognormal", "normal", "lognormal"),
        correlations={("cl", "v"): 0.3},
    )
    return wb.fit(model, cases.oral_data(30), covariance="hessian")


@pytest.fixture(scope="module")
def rows(fit):
    return fit.parameters


def test_the_fit_under_test_has_settled(fit):
    assert fit.verdict == "converged", fit.reasons
    assert list(fit.parameters.index) == NAMES
    assert fit.parameters["se"].notna().all()


def test_criteria_by_hand(fit):
    """Nine parameters, 30 subjects; the constant is n·log 2π."""
    assert (fit.n_parameters, fit.data.n_sub) == (9, 30)
    assert fit.m2ll == pytest.approx(fit.ofv + fit.data.n_obs * np.log(2 * np.pi), rel=1e-15)
    assert fit.aic == pytest.approx(fit.m2ll + 18, rel=1e-15)
    assert fit.bic == pytest.approx(fit.m2ll + 9 * np.log(30), rel=1e-15)
    assert fit.ofv == pytest.approx(fit.individual_ofv.sum(), rel=1e-14)


def test_variability_by_hand(rows):
    """CV of a log-normal is sqrt(exp(ω²) − 1), in percent; a normal one has none."""
    omega = rows[rows["kind"] == "omega"]
    np.testing.assert_allclose(omega["sd"] ** 2, omega["estimate"], rtol=1e-14)
    for name in ("ka", "v"):
        variance = rows.loc[f"omega[{name}]", "estimate"]
        cv = 100 * np.sqrt(np.exp(variance) - 1)
        assert rows.loc[f"omega[{name}]", "cv_percent"] == pytest.approx(cv, rel=1e-12)
    assert np.isnan(rows.loc["omega[cl]", "cv_percent"])
    assert rows.loc[rows["kind"] != "omega", ["sd", "cv_percent"]].isna().all(axis=None)


def test_relative_standard_errors_by_hand(rows):
    np.testing.assert_allclose(rows["rse"], 100 * rows["se"] / rows["estimate"].abs(), rtol=1e-14)


def test_intervals_by_hand(rows):
    """Wald on the logarithm where positive, on Fisher's z for the correlation, else plain.

    Those of variances are Satterthwaite's.
    """
    estimate, se = rows["estimate"], rows["se"]
    for name in ("omega[ka]", "omega[cl]", "omega[v]"):
        df = 2 * (estimate[name] / se[name]) ** 2
        expected = df * estimate[name] / stats.chi2.ppf([0.975, 0.025], df)
        np.testing.assert_allclose(rows.loc[name, ["lower", "upper"]].astype(float), expected)
    for name in ("ka", "v"):
        half = Z * se[name] / estimate[name]
        expected = estimate[name] * np.exp([-half, half])
        np.testing.assert_allclose(rows.loc[name, ["lower", "upper"]].astype(float), expected)
    for name in ("cl", "sigma[additive]", "sigma[proportional]"):
        expected = estimate[name] + Z * se[name] * np.array([-1, 1])
        np.testing.assert_allclose(rows.loc[name, ["lower", "upper"]].astype(float), expected)
    r = estimate["corr[cl,v]"]
    z = np.arctanh(r) + Z * se["corr[cl,v]"] / (1 - r**2) * np.array([-1, 1])
    found = rows.loc["corr[cl,v]", ["lower", "upper"]].astype(float)
    np.testing.assert_allclose(found, np.tanh(z))
    assert (rows["lower"] < estimate).all()
    assert (estimate < rows["upper"]).all()


def test_standard_errors_are_the_diagonal_of_the_covariance(fit, rows):
    assert list(fit.covariance.index) == list(fit.covariance.columns) == NAMES
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), rows["se"], rtol=1e-14)
    scaled = fit.covariance / np.outer(rows["se"], rows["se"])
    np.testing.assert_allclose(fit.correlation, scaled, rtol=1e-12)
    spread = np.linalg.eigvalsh(scaled)
    assert fit.condition_number == pytest.approx(spread[-1] / spread[0], rel=1e-8)


@pytest.mark.parametrize("method", cases.METHODS)
def test_a_standard_error_is_the_curvature_of_the_objective(method):
    """One free parameter: se² = 2 / OFV'', by second differences of `evaluate`; 1e-4."""
    data = cases.iv_data()

    def model(cl):
        held = {
            "cl": wb.LogNormal(cl, iiv=wb.Fixed(0.3)),
            "v": wb.LogNormal(wb.Fixed(20.0), iiv=wb.Fixed(0.2)),
        }
        error = ResidualError("proportional", (0.1,), frozenset({"proportional"}))
        return wb.Model("pk_1cmt_iv", held, error=error)

    fit = wb.fit(model(2.0), data, method=method)
    cl, h = fit.theta["cl"], 0.01
    low, middle, high = (
        wb.evaluate(model(at), data, method=method).ofv for at in (cl - h, cl, cl + h)
    )
    curvature = (low - 2 * middle + high) / h**2
    assert fit.parameters.loc["cl", "se"] == pytest.approx(np.sqrt(2 / curvature), rel=1e-4)
    assert abs(high - low) / (2 * h) < 1e-3 * curvature  # it is a minimum


def test_sandwich_and_hessian_differ_and_none_is_none():
    data, model = cases.iv_data(), cases.iv_model("proportional")
    kinds = {kind: wb.fit(model, data, covariance=kind) for kind in ("hessian", "sandwich", "none")}
    assert len({fit.ofv for fit in kinds.values()}) == 1
    ratio = kinds["sandwich"].parameters["se"] / kinds["hessian"].parameters["se"]
    assert (ratio != 1).all()
    assert ratio.between(0.3, 3).all()
    assert kinds["none"].parameters[["se", "rse", "lower", "upper"]].isna().all(axis=None)
    assert kinds["none"].covariance.empty
    assert all(fit.verdict == "converged" for fit in kinds.values())


def test_shrinkage_by_hand(fit, rows):
    """About the mean, divisor n − 1; epsilon shrinkage from the mean square of IWRES."""
    for name in fit.etas:
        ratio = np.var(fit.etas[name], ddof=1) / rows.loc[f"omega[{name}]", "estimate"]
        expected = [100 * (1 - np.sqrt(ratio)), 100 * (1 - ratio)]
        np.testing.assert_allclose(fit.shrinkage.loc[name], expected, rtol=1e-10)
        shown = rows.loc[f"omega[{name}]", ["shrinkage_sd", "shrinkage_var"]].astype(float)
        np.testing.assert_allclose(shown, expected, rtol=1e-10)
    iwres = fit.predictions["IWRES"]
    expected = 100 * (1 - np.sqrt((iwres**2).mean()))
    assert fit.epsilon_shrinkage == pytest.approx(expected, rel=1e-12)


def test_residuals_are_differences_and_iwres_is_in_units_of_the_error(fit):
    table, sigma = fit.predictions, fit.sigma
    np.testing.assert_allclose(table["RES"], table["DV"] - table["PRED"])
    np.testing.assert_allclose(table["IRES"], table["DV"] - table["IPRED"])
    sd = sigma["additive"] + sigma["proportional"] * table["IPRED"]
    np.testing.assert_allclose(table["IWRES"], table["IRES"] / sd, rtol=1e-10)


def test_individual_parameters_follow_from_theta_and_eta(fit):
    """Log-normal: theta·exp(eta); normal: theta + eta."""
    theta, etas, found = fit.theta, fit.etas, fit.individual_parameters
    for name in ("ka", "v"):
        np.testing.assert_allclose(found[name], theta[name] * np.exp(etas[name]), rtol=1e-13)
    np.testing.assert_allclose(found["cl"], theta["cl"] + etas["cl"], rtol=1e-13)
    assert list(found.index) == list(fit.data.subjects)


def test_views_are_the_rows_of_the_table(fit, rows):
    assert list(fit.theta.index) == ["ka", "cl", "v"]
    assert list(fit.sigma.index) == ["additive", "proportional"]
    np.testing.assert_array_equal(fit.theta, rows["estimate"].iloc[:3])
    np.testing.assert_array_equal(fit.sigma, rows["estimate"].iloc[7:])
    np.testing.assert_allclose(np.diag(fit.omega), rows["estimate"].iloc[3:6], rtol=1e-13)
    r = fit.omega.loc["cl", "v"] / np.sqrt(fit.omega.loc["cl", "cl"] * fit.omega.loc["v", "v"])
    assert r == pytest.approx(rows.loc["corr[cl,v]", "estimate"], rel=1e-12)


def test_the_final_model_holds_the_estimates(fit, rows):
    final = fit.final_model
    assert [p.typical for p in final.parameters.values()] == list(fit.theta)
    assert final.error.values == tuple(fit.sigma)
    assert fit.model != final


@pytest.mark.parametrize("name", ["ofv", "verdict", "model", "parameters", "data"])
def test_a_result_cannot_be_assigned_to(fit, name):
    with pytest.raises(FrozenInstanceError):
        setattr(fit, name, None)


# --- what it says ----------------------------------------------------------------------------


def test_the_summary_holds_the_numbers_and_the_verdict(fit):
    for text in (repr(fit), fit._repr_html_()):
        for number in (f"{fit.ofv:.3f}", f"{fit.aic:.2f}", f"{fit.bic:.2f}", "FOCEI", "converged"):
            assert number in text
        for name in NAMES:
            assert name in text


def test_names_are_escaped_in_html():
    data = wb.read_dataset(cases.iv_frame(4), name="<script>alert(1)</script>")
    text = wb.evaluate(cases.iv_model(), data)._repr_html_()
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def repeat(fit, **names):
    made = dict(names)
    exec(fit.python(), made)  # noqa: S102 our own text
    return made["fit"]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"method": "foce", "max_iter": 60, "tolerance": 1e-6, "covariance": "sandwich"},
        {"method": "fo", "seed": 11, "threads": 2, "covariance": "none"},
    ],
)
@pytest.mark.parametrize("call", [wb.fit, wb.evaluate])
def test_the_script_repeats_the_run_to_the_bit(call, options, capsys):
    data = wb.load_dataset("theophylline")
    fit = call(cases.oral_model("additive", correlations={("cl", "v"): 0.1}), data, **options)
    again = repeat(fit)
    assert again.ofv == fit.ofv
    assert (again.method, again.seed, again.options) == (fit.method, fit.seed, fit.options)
    assert again.estimated == fit.estimated
    assert again.model == fit.model
    np.testing.assert_array_equal(again.parameters["se"], fit.parameters["se"])
    assert capsys.readouterr().out == f"{fit}\n"


def test_the_script_reads_a_file_with_its_columns_and_subjects(tmp_path, capsys):
    path = tmp_path / "some data.csv"
    frame = cases.iv_frame(6).rename(columns={"DV": "CONC", "ID": "SUBJ"})
    frame.to_csv(path, index=False, na_rep=".")
    columns = {"ID": "SUBJ", "DV": "CONC"}
    data = wb.read_dataset(path, columns=columns, units={"TIME": "h"}, name="six").select([2, 4, 5])
    fit = wb.evaluate(cases.iv_model(), data)
    again = repeat(fit)
    assert again.ofv == fit.ofv
    assert again.data.subjects == (2, 4, 5)
    assert (again.data.name, again.units) == ("six", fit.units)


def test_options_that_are_numpy_numbers_make_a_script_too(capsys):
    """The text of a NumPy number, np.float64(0.001), means nothing without an import."""
    data, model = wb.load_dataset("theophylline"), cases.oral_model("additive")
    fit = wb.fit(model, data, tolerance=np.float64(1e-6), seed=np.int64(3))
    assert repeat(fit).ofv == fit.ofv


def test_bicc_counts_subjects_and_observations():
    """By hand: 3 typical values and 3 variances at log 12, one residual error at log 132."""
    data = wb.load_dataset("theophylline")
    model = wb.Model.from_dict(data.info.suggested_model)
    fit = wb.fit(model, data)
    assert fit.bicc == pytest.approx(fit.m2ll + 6 * np.log(12) + np.log(132), rel=1e-12)
    held = {
        **model.parameters,
        "ka": wb.LogNormal(1.6),  # no random effect: learnt from every observation
        "v": wb.LogNormal(32.0, iiv=wb.Fixed(0.14)),  # fixed: does not count
    }
    fewer = wb.fit(model.replace(parameters=held), data)
    assert fewer.bicc == pytest.approx(fewer.m2ll + 3 * np.log(12) + 2 * np.log(132), rel=1e-12)
    block = wb.fit(model.replace(correlations=[("cl", "v")]), data, max_iter=3)
    assert block.bicc == pytest.approx(block.m2ll + 7 * np.log(12) + np.log(132), rel=1e-12)
    pooled = wb.fit(model, data, method="pooled")
    assert pooled.bicc == pytest.approx(pooled.m2ll + 4 * np.log(132), rel=1e-12)

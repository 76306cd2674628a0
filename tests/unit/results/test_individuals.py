"""Individual estimates by conditional mode, mean and draws."""

import gc

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests import outputs
from workbench.diagnostics import diagnostics
from workbench.errors import DataError, OptionError, UnknownNameError
from workbench.problem import Problem
from workbench.problem.laplace_draws import laplace_draws
from workbench.results import individuals

KINDS = individuals.INDIVIDUAL


@pytest.fixture(scope="module")
def fit():
    data = wb.load_dataset("theophylline")
    return wb.fit(wb.Model.from_dict(data.info.suggested_model), data, covariance="none")


def at_estimates(fit):
    problem = Problem(fit.final_model, fit.data)
    return problem, problem.space.values(problem.space.start), fit.etas.to_numpy()


def test_draws_have_the_moments_of_the_random_walks(fit):
    """1,000 draws each: the means differ by a standard error of 1/sqrt(1000)·sqrt(2) = 4.5 %.

    Of the conditional SD; five of them among 36 comparisons, and SDs to 12 %.
    """
    problem, values, mode = at_estimates(fit)
    drawn = laplace_draws(problem, values, mode=mode, n=1000, seed=3)
    mean, sd = fit.conditional(1000, seed=1)
    assert np.abs((drawn.mean(axis=1) - mean) / sd).max(axis=None) < 5 * 0.045
    np.testing.assert_allclose(drawn.std(axis=1), sd, rtol=0.12)


def test_draws_are_nearly_independent(fit):
    """Correlation of one draw with the next: below 0.15, on average over subjects."""
    problem, values, mode = at_estimates(fit)
    drawn = laplace_draws(problem, values, mode=mode, n=500, seed=3)
    drawn -= drawn.mean(axis=1, keepdims=True)
    lag = (drawn[:, 1:] * drawn[:, :-1]).mean(axis=1) / (drawn**2).mean(axis=1)
    assert np.abs(lag.mean(axis=0)).max() < 0.15


def test_a_subjects_draws_depend_on_nobody_else(fit):
    problem, values, mode = at_estimates(fit)
    whole = laplace_draws(problem, values, mode=mode, n=6, seed=3)
    some = Problem(fit.final_model, fit.data.select([3, 9]))
    rows = np.array([list(fit.data.subjects).index(label) for label in some.data.subjects])
    alone = laplace_draws(some, values, mode=mode[rows], n=6, seed=3, number=rows)
    np.testing.assert_allclose(alone, whole[rows], rtol=1e-12)
    shorter = laplace_draws(problem, values, mode=mode, n=2, seed=3)
    np.testing.assert_array_equal(shorter, whole[:, :2])


def test_draws_do_not_need_the_mode(fit):
    """From eta = 0, whose proposals fit badly: slower, but to the same distribution."""
    problem, values, mode = at_estimates(fit)
    drawn = laplace_draws(problem, values, mode=np.zeros_like(mode), n=2000, seed=3)[:, 200:]
    mean, sd = fit.conditional(1000, seed=1)
    assert np.abs((drawn.mean(axis=1) - mean) / sd).max(axis=None) < 0.5


def test_draws_do_not_shrink(fit):
    """Their variance is omega²: 12 subjects give a standard error of sqrt(2/11) = 43 % of it."""
    drawn = fit.etas_by("draws")
    ratio = drawn[list(fit.etas)].var() / np.diag(fit.omega)
    assert (ratio > fit.etas.var() / np.diag(fit.omega)).all()
    assert np.abs(ratio - 1).max() < 0.43


@pytest.mark.parametrize("kind", KINDS)
def test_tables_have_a_row_per_subject_and_draw(fit, kind):
    etas, values = fit.etas_by(kind), fit.individual_parameters_by(kind)
    n = 50 if kind == "draws" else 1
    assert len(etas) == len(values) == 12 * n
    assert list(etas.columns) == ["ID", "DRAW", "ka", "cl", "v"]
    assert list(etas["ID"].unique()) == list(fit.data.subjects)
    assert etas["DRAW"].tolist() == list(range(1, n + 1)) * 12
    typical = fit.theta[["ka", "cl", "v"]].to_numpy()
    np.testing.assert_allclose(
        values[["ka", "cl", "v"]], typical * np.exp(etas[["ka", "cl", "v"]]), rtol=1e-10
    )
    pd.testing.assert_frame_equal(etas, fit.etas_by(kind))
    etas.iloc[:, 2:] = 0.0  # nobody else's
    assert (fit.etas_by(kind)["ka"] != 0).all()


def test_modes_are_the_fits_own(fit):
    np.testing.assert_array_equal(fit.etas_by().iloc[:, 2:], fit.etas)
    np.testing.assert_array_equal(
        fit.individual_parameters_by().iloc[:, 2:], fit.individual_parameters
    )
    assert fit.predictions_by() is fit.predictions


def test_means_are_the_methods_own_where_it_has_them(fit):
    at = wb.evaluate(fit.final_model, fit.data, method="imp", draws=300, seed=1)
    assert len(at.eta_mean)
    np.testing.assert_array_equal(at.etas_by("mean").iloc[:, 2:], at.eta_mean)
    np.testing.assert_array_equal(at.conditional_variances(), at.eta_sd**2)


@pytest.mark.parametrize("kind", ["mean", "draws"])
def test_predictions_are_those_at_the_first_draw(fit, kind):
    found, etas = fit.predictions_by(kind), fit.etas_by(kind)
    first = etas.loc[etas["DRAW"] == 1, list(fit.etas)].to_numpy()
    problem, values, _ = at_estimates(fit)
    np.testing.assert_allclose(found["IPRED"], problem.values(values.theta, first), rtol=1e-12)
    sigma = fit.sigma["additive"]
    np.testing.assert_allclose(found["IWRES"], (found["DV"] - found["IPRED"]) / sigma, rtol=1e-10)
    unchanged = ["DV", "PRED", "RES", "WRES", "CWRES"]
    pd.testing.assert_frame_equal(found[unchanged], fit.predictions[unchanged])


def test_residuals_at_draws_do_not_shrink(fit):
    """132 of them: mean square 1 with a standard error of sqrt(2/132) = 12 %; at EBEs it is 0.8."""
    squares = {kind: (fit.predictions_by(kind)["IWRES"] ** 2).mean() for kind in KINDS}
    assert squares["ebe"] < 0.85
    assert abs(squares["draws"] - 1) < 3 * 0.12


def test_fewer_subjects_have_more_draws():
    assert [individuals.draws_each(n) for n in (1, 12, 60, 120, 2000)] == [50, 50, 20, 10, 1]


def test_an_unknown_kind_is_refused(fit):
    for call in (fit.etas_by, fit.individual_parameters_by, fit.predictions_by):
        with pytest.raises(UnknownNameError, match="Did you mean 'draws'"):
            call("draw")


def test_what_was_drawn_is_forgotten_with_the_fit(fit):
    other = wb.evaluate(fit.final_model, fit.data, method="focei")
    other.etas_by("draws")
    before = len(individuals._known)
    del other
    gc.collect()
    assert len(individuals._known) == before - 1


def test_a_model_without_random_effects_has_none_to_draw(fit):
    at = wb.fit(fit.final_model, fit.data, method="pooled")
    for kind in KINDS:
        assert list(at.etas_by(kind).columns) == ["ID", "DRAW"]
        np.testing.assert_array_equal(at.predictions_by(kind)["IPRED"], at.predictions["IPRED"])
        assert len(at.curves(10, individual=kind, band=0.9)) > 0
    assert at.conditional_variances().empty
    assert at.predicted_shrinkage().empty


class TestCurves:
    def test_of_some_subjects_are_those_of_all(self, fit):
        whole = fit.curves(20)
        some = fit.curves(20, subjects=[9, 3])
        rows = whole[whole["ID"].isin([3, 9])].reset_index(drop=True)
        pd.testing.assert_frame_equal(some, rows, rtol=1e-12)

    def test_the_band_of_a_single_estimate_is_that_of_the_residual_error(self, fit):
        found = fit.curves(20, band=0.9)
        half = 1.6448536269514722 * fit.sigma["additive"]
        np.testing.assert_allclose(found["UPPER"], found["IPRED"] + half, rtol=1e-9)
        np.testing.assert_allclose(found["LOWER"], found["IPRED"] - half, rtol=1e-9)

    def test_the_band_of_draws_is_wider_and_holds_new_observations(self, fit):
        """At a peak, against 20,000 new observations simulated from long draws, to 0.15 mg/L.

        40 draws of eta leave some 0.05.
        """
        narrow = fit.curves(20, subjects=[1], band=0.9)
        wide = fit.curves(20, subjects=[1], band=0.9, individual="draws")
        assert (wide["UPPER"] - wide["LOWER"]).mean() > (narrow["UPPER"] - narrow["LOWER"]).mean()
        at_zero = wide.iloc[0]  # nothing has been absorbed: only the residual error is left
        half = 1.6448536269514722 * fit.sigma["additive"]
        assert at_zero["UPPER"] == pytest.approx(half, rel=0.02)
        _, values, _ = at_estimates(fit)
        one = Problem(fit.final_model, fit.data.select([1]))
        etas = np.ascontiguousarray(fit.draws(500, seed=5).query("ID == 1")[["ka", "cl", "v"]])
        _, times, predicted = one.dense(values.theta, etas[:, None, :], 20)
        at = 12
        noise = np.random.default_rng(1).normal(size=(40, 500)) * fit.sigma["additive"]
        (concentrations,) = predicted.values()
        new = (concentrations[:, at] + noise).ravel()
        assert wide["TIME"].iloc[at] == times[at]
        np.testing.assert_allclose(
            wide[["LOWER", "UPPER"]].iloc[at], np.quantile(new, [0.05, 0.95]), atol=0.15
        )

    def test_refuses_what_is_no_probability_and_nobody(self, fit):
        with pytest.raises(OptionError, match=r"such as 0\.9"):
            fit.curves(band=90)
        with pytest.raises(DataError, match="no subject 99"):
            fit.curves(subjects=[99])


class TestTwoOutputs:
    @pytest.fixture
    def two(self, monkeypatch):
        outputs.register(monkeypatch)
        errors = wb.error.Proportional(0.1), wb.error.Additive(0.05)
        return wb.evaluate(outputs.model("log", *errors), outputs.data("log"))

    @pytest.mark.parametrize("kind", KINDS)
    def test_each_output_has_its_own_band(self, two, kind):
        """Residual error only: the ratio is 1 ± 1.645 × 0.1 of cp, ± 1.645 × 0.05 of effect."""
        found = two.curves(20, individual=kind, band=0.9)
        for output in ("cp", "effect"):
            mine = found[(found["OUTPUT"] == output) & (found["IPRED"] > 0)]
            assert len(mine)
            half = 1.6448536 * (0.1 * mine["IPRED"] if output == "cp" else 0.05)
            if kind == "draws":
                assert ((mine["UPPER"] - mine["LOWER"]) / 2 > 0.9 * half).all()
            else:
                np.testing.assert_allclose(mine["UPPER"] - mine["IPRED"], half, rtol=1e-6)

    def test_predictions_keep_their_endpoints(self, two):
        found = two.predictions_by("draws")
        assert found["ENDPOINT"].equals(two.predictions["ENDPOINT"])
        assert not np.allclose(found["IPRED"], two.predictions["IPRED"])
        long = diagnostics.get("individual").table(two, individual="draws", band=0.9)
        assert set(long["ENDPOINT"].dropna()) == {"cp", "effect"}

"""Values known only to lie beyond a limit, in every estimator: gradients, integrals, recovery."""

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import norm

import workbench as wb
from tests import cases, outputs
from tests.objectives import check_gradient
from workbench.diagnostics import diagnostics, table
from workbench.errors import DataError, EstimationError, ModelError, OptionError
from workbench.problem import Problem
from workbench.problem.residuals import predictions_table

LLOQ = 1.0


def mixed():
    """Values below and above limits, some of them between two."""
    frame = cases.oral_frame()
    observed = frame["DV"].notna()
    frame["CENS"] = np.where(observed & (frame["DV"] < 1.3), 1, 0)
    frame["CENS"] = np.where(observed & (frame["DV"] > 2.9), -1, frame["CENS"])
    frame["DV"] = frame["DV"].where(frame["CENS"] != 1, 1.3).where(frame["CENS"] != -1, 2.9)
    frame["LIMIT"] = np.nan
    below, above = (np.flatnonzero(frame["CENS"] == sign) for sign in (1, -1))
    frame.loc[below[::2], "LIMIT"] = 0.4
    frame.loc[above[::2], "LIMIT"] = 4.0
    return wb.read_dataset(frame, name="mixed")


def below():
    return cases.oral_data().censor(lloq=1.3)


DATA = {
    "M3, above, between": mixed,
    "M2": lambda: below().with_blq("M2"),
    "M4": lambda: below().with_blq("M4"),
}
METHODS = {
    "foce": ("foce", {}),
    "focei": ("focei", {}),
    "laplace": ("laplace", {}),
    "laplace without interaction": ("laplace", {"interaction": False}),
    "agq": ("agq", {"nodes": 3}),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("error", ["additive", "combined2", "lognormal"])
@pytest.mark.parametrize("kind", DATA)
def test_gradient_is_that_of_the_objective(method, error, kind):
    name, options = METHODS[method]
    check_gradient(cases.oral_model(error), DATA[kind](), name, **options)


def one_eta(method):
    """A single subject with one random effect, for scipy's quadrature."""
    rows = [(1, 0.0, np.nan, 10.0, 0)]
    rows += [(1, 0.5, 7.4, 0.0, 0), (1, 2.0, 3.9, 0.0, 0), (1, 5.0, 1.0, 0.0, 1)]
    frame = pd.DataFrame(rows, columns=["ID", "TIME", "DV", "AMT", "CENS"])
    model = wb.Model(
        "pk_1cmt_iv",
        {"cl": wb.LogNormal(0.5, iiv=0.3), "v": wb.LogNormal(wb.Fixed(1.0))},
        error=wb.error.Combined(0.3, 0.1),
    )
    return model, wb.read_dataset(frame).with_blq(method)


def integral(method):
    """-2 log of the marginal of `one_eta`, without log 2 pi of the values that were measured."""

    def density(eta):
        f = 10.0 * np.exp(-0.5 * np.exp(eta) * np.array([0.5, 2.0, 5.0]))
        sd = np.hypot(0.3, 0.1 * f)
        of_values = norm.pdf([7.4, 3.9], f[:2], sd[:2]) * np.sqrt(2 * np.pi)
        of_limit = norm.cdf(1.0, f[2], sd[2])
        bound = {"M2": 1.0, "M3": -np.inf, "M4": 0.0}[method]
        if method == "M4":
            of_limit = of_limit - norm.cdf(0.0, f[2], sd[2])
            of_limit /= norm.sf(0.0, f[2], sd[2])
        of_values = of_values / norm.sf(bound, f[:2], sd[:2])
        part = 1.0 if method == "M2" else of_limit
        return of_values.prod() * part * norm.pdf(eta, 0.0, 0.3)

    return -2.0 * np.log(quad(density, -3.0, 3.0, epsabs=0, epsrel=1e-11, limit=400)[0])


@pytest.mark.parametrize("method", ["M2", "M3", "M4"])
def test_the_integral_against_scipy(method):
    model, data = one_eta(method)
    exact = wb.evaluate(model, data, method="agq", nodes=40)
    np.testing.assert_allclose(exact.ofv, integral(method), atol=1e-7)
    sampled = wb.evaluate(model, data, method="imp", seed=2, draws=4000)
    assert abs(sampled.ofv - integral(method)) < max(4 * sampled.likelihood_se, 1e-3)


def test_m2ll_has_a_log_2_pi_of_each_measured_value():
    model, data = one_eta("M3")
    fit = wb.evaluate(model, data, method="laplace")
    np.testing.assert_allclose(fit.m2ll - fit.ofv, 2 * np.log(2 * np.pi), rtol=1e-12)


def test_no_jacobian_of_a_probability():
    """Log-normal error: -2LL holds the Jacobian of what was measured, and of nothing else."""
    data, model = below(), cases.oral_model("lognormal")
    seen = data.observations
    jacobian = 2.0 * np.log(seen["DV"][seen["CENS"] == 0]).sum()
    np.testing.assert_allclose(Problem(model, data).jacobian.sum(), jacobian, rtol=1e-12)


def test_that_a_positive_value_is_positive_says_nothing():
    """With log-normal error M4 is M3."""
    data, model = below(), cases.oral_model("lognormal")
    m3, m4 = (wb.evaluate(model, d, method="laplace").ofv for d in (data, data.with_blq("M4")))
    np.testing.assert_allclose(m4, m3, rtol=1e-13)


def test_a_censored_value_has_no_residual():
    data = below()
    fit = wb.evaluate(cases.oral_model("combined2"), data, method="focei")
    censored = data.observations["CENS"].to_numpy() == 1
    table = fit.predictions
    for name in ("RES", "IRES", "WRES", "IWRES", "CWRES", "CWRESI"):
        assert table[name].isna().to_numpy().tolist() == censored.tolist()
    assert table[["PRED", "IPRED", "DV"]].notna().all(axis=None)
    assert np.isfinite(fit.epsilon_shrinkage)
    # The others are whitened as if the censored ones had not been there.
    problem = Problem(cases.oral_model("combined2"), data.with_blq("M1"))
    space = problem.space
    alone = predictions_table(
        problem,
        space.values(space.start),
        space.omega(space.start),
        fit.etas.to_numpy(),
        interaction=True,
    )
    np.testing.assert_allclose(alone["CWRES"], table["CWRES"][~censored], rtol=1e-10)


def test_methods_that_linearise_the_data_refuse():
    data = below()
    for method in ("fo", "linear"):
        with pytest.raises((EstimationError, ModelError), match=r'FOCEI.*with_blq\("M1"'):
            wb.evaluate(cases.oral_model("additive"), data, method=method)
    assert np.isfinite(
        wb.evaluate(cases.oral_model("additive"), data.with_blq("M5"), method="fo").ofv
    )


def test_without_random_effects_every_method_is_exact():
    model = cases.oral_model("additive").without_random_effects()
    values = {
        method: wb.evaluate(model, below(), method=method).ofv
        for method in ("fo", "focei", "laplace", "pooled")
    }
    np.testing.assert_allclose(list(values.values()), values["laplace"], rtol=1e-12)


def test_log_normal_error_refuses_zero_in_place_of_a_value():
    with pytest.raises(DataError, match="takes the logarithm of DV, but DV is 0"):
        wb.evaluate(cases.oral_model("lognormal"), below().with_blq("M7"))


def test_a_value_below_the_limit_where_nothing_is_predicted_is_certain():
    """Before the dose, with proportional error: its likelihood is 1 at any parameters."""
    frame = cases.oral_frame()
    extra = cases.frame([(i, 0.0, LLOQ, 0.0, 0, 2, 0.0, 0.0, 0) for i in range(1, 7)])
    marked = pd.concat([frame.assign(CENS=0), extra.assign(CENS=1)], ignore_index=True)
    marked = marked.sort_values(["ID", "TIME", "EVID"], kind="stable")
    model = cases.oral_model("proportional")
    for method in ("focei", "laplace"):
        with_them = wb.evaluate(model, wb.read_dataset(marked), method=method)
        without = wb.evaluate(model, wb.read_dataset(frame), method=method)
        np.testing.assert_allclose(with_them.ofv, without.ofv, rtol=1e-12)


# --- recovery ------------------------------------------------------------------------------------

TRUTH = {"cl": 3.0, "v": 20.0, "omega[cl]": 0.25, "omega[v]": 0.04, "sigma[proportional]": 0.3}


@pytest.fixture(scope="module")
def simulated():
    """A hundred and twenty subjects, a quarter of the values below the limit."""
    model = cases.iv_model("proportional", cl=(3.0, 0.5), sigma=(0.3,))
    rows = []
    for i in range(1, 121):
        rows.append((i, 0.0, np.nan, 100.0, 1, 1, 0.0, 0.0, 0))
        rows += [(i, t, 1.0, 0.0, 0, 1, 0.0, 0.0, 0) for t in (1.0, 4.0, 8.0, 12.0, 16.0, 20.0)]
    design = cases.frame(rows)
    drawn = wb.simulate(model, design, seed=4)
    design.loc[design["EVID"] == 0, "DV"] = drawn["DV"].to_numpy()
    data = wb.read_dataset(design, name="simulated")
    limit = float(np.quantile(data.population.dv, 0.25))
    return model, data.censor(lloq=limit)


def test_m3_finds_the_truth_and_m1_does_not(simulated):
    """Discarding takes those who eliminate fast out of the late samples: their variance is lost."""
    model, data = simulated
    assert data.n_below == pytest.approx(0.25 * data.n_obs, abs=1)
    found = wb.compare_blq(model, data, methods=("M3", "M1", "M5"))
    table, off = found.table, {}
    for method in found.fits:
        se = found.fits[method].parameters["se"]
        off[method] = (table[method, "estimate"].drop("n_obs") - pd.Series(TRUTH)) / se
    assert (np.abs(off["M3"]) < 3).all()
    assert off["M1"]["omega[cl]"] < -4
    assert off["M5"]["sigma[proportional]"] > 4
    assert table.loc["n_obs", ("M1", "estimate")] == data.n_obs - data.n_below
    m1, m3 = (table.loc["omega[cl]", (method, "estimate")] for method in ("M1", "M3"))
    assert table.loc["omega[cl]", ("M1", "change")] == pytest.approx(100 * (m1 / m3 - 1))
    assert "cannot be compared" in repr(found)


def test_likelihoods_by_different_methods_are_not_compared(simulated):
    model, data = simulated
    fits = [wb.evaluate(model, data.with_blq(name), method="focei") for name in ("M3", "M5")]
    compared = wb.compare(fits)
    assert "treated differently: " in str(compared)


def test_what_fails_is_named(simulated):
    """FO refuses M3 and takes M1; alone, its refusal is the answer."""
    model, data = simulated
    found = wb.compare_blq(model, data, methods=("M3", "M1"), method="fo")
    assert list(found.fits) == ["M1"]
    assert "FO takes every observation" in found.failed["M3"]
    with pytest.raises(EstimationError, match="FO takes every observation"):
        wb.compare_blq(model, data, methods=("M3",), method="fo")
    with pytest.raises(OptionError, match="each once"):
        wb.compare_blq(model, data, methods=("M3", "M3"))


@pytest.mark.parametrize("method", ["laplace", "saem", "imp", "its"])
def test_other_estimators_agree_with_the_truth(simulated, method):
    """Within four standard errors of FOCEI's fit; the residual error above all (SAEM's M-step)."""
    model, data = simulated
    fit = wb.fit(model, data, method=method, seed=1)
    se = wb.fit(model, data, method="laplace").parameters["se"]
    off = (fit.parameters["estimate"] - pd.Series(TRUTH)) / se
    assert (np.abs(off) < 4).all()


def test_saem_repeats_and_its_standard_errors_are_near_those_of_laplace(simulated):
    model, data = simulated
    once = wb.fit(model, data, method="saem", seed=4)
    again = wb.fit(model, data, method="saem", seed=4)
    pd.testing.assert_frame_equal(once.parameters, again.parameters)
    laplace = wb.fit(model, data, method="laplace")
    ratio = once.parameters["se"] / laplace.parameters["se"]
    assert ((ratio > 0.75) & (ratio < 1.35)).all()


# --- one endpoint of two -------------------------------------------------------------------------


def apart():
    """Two endpoints that share no random effect, the first with values below a limit."""
    frame = outputs.frame("apart")
    data = wb.read_dataset(frame, name="apart")
    limit = float(np.quantile(data.population.dv[data.population.obs_endpoint == 0], 0.3))
    return data, data.censor({1: limit}), limit


def test_limits_of_one_endpoint_leave_the_other_alone():
    """The change of the objective is that of the first endpoint's data alone."""
    plain, limited, limit = apart()
    assert set(limited.observations.loc[limited.observations["CENS"] == 1, "DVID"]) == {1}
    errors = outputs.error("additive"), outputs.error("combined2")
    model = outputs.model("apart", *errors, e0_iiv=0.25)
    frame = outputs.frame("apart")
    first = frame[(frame["EVID"] == 1) | (frame["DVID"] == 1)]
    alone = model.replace(endpoints={1: outputs.OUTPUTS[0]})
    for method in ("M3", "M4", "M5"):
        both = [
            wb.evaluate(model, d, method="laplace").ofv for d in (plain, limited.with_blq(method))
        ]
        marked = wb.read_dataset(first, name="one").censor(limit).with_blq(method)
        one = [
            wb.evaluate(alone, d, method="laplace").ofv
            for d in (wb.read_dataset(first, name="one"), marked)
        ]
        if method != "M4":  # whose condition holds for the other endpoint too
            np.testing.assert_allclose(both[1] - both[0], one[1] - one[0], rtol=1e-9)


@pytest.mark.parametrize("method", ["focei", "laplace"])
def test_gradient_with_limits_of_one_endpoint(method):
    _, limited, _ = apart()
    errors = outputs.error("combined2"), outputs.error("additive")
    check_gradient(outputs.model("apart", *errors, e0_iiv=0.25), limited, method)
    check_gradient(
        outputs.model("apart", *errors, e0_iiv=0.25), limited.with_blq("M4", limit={1: 0.0}), method
    )


@pytest.mark.parametrize("method", ["two_stage", "its", "foce", "pooled", "agq"])
def test_every_other_method_takes_them(simulated, method):
    """It ends somewhere, and says in words what it did with the values."""
    model, data = simulated
    fit = wb.fit(model, data, method=method)
    assert np.isfinite(fit.ofv)
    assert fit.verdict != "failed"
    assert any("(M3)" in sentence for sentence in fit.warnings)


@pytest.mark.parametrize("covariance", ["hessian", "sandwich", "scores"])
def test_standard_errors_of_every_kind_are_of_one_size(simulated, covariance):
    model, data = simulated
    usual = wb.fit(model, data, method="laplace").parameters["se"]
    ratio = wb.fit(model, data, method="laplace", covariance=covariance).parameters["se"] / usual
    assert ((ratio > 0.6) & (ratio < 1.6)).all()


def test_every_table_takes_a_fit_with_limits(simulated):
    model, data = simulated
    fit = wb.evaluate(model, data, method="focei")
    for name in diagnostics.names():
        found = table(name, data if diagnostics.get(name).needs == "dataset" else fit)
        assert isinstance(found, pd.DataFrame)


@pytest.mark.parametrize("method", ["foce", "focei", "laplace"])
def test_gradient_where_an_estimated_lambda_moves_the_limits(method):
    error = wb.error.Combined(0.3, 0.1, transform=wb.transform.BoxCox(wb.Estimated(0.5)))
    model = cases.oral_model("additive").replace(error=error)
    check_gradient(model, mixed(), method)
    check_gradient(model, below().with_blq("M4", limit=0.2), method)

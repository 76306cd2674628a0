"""Random effects on the residual error: objectives, gradients, refusals, and what is made of them.

.. math:: y = f + SD(f) e^{eta} eps
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad

import workbench as wb
from tests import cases
from tests.objectives import check_gradient, differences, likelihood
from workbench.core.ebe import evaluate
from workbench.core.likelihood import joint_derivatives
from workbench.core.packed import make_scratch
from workbench.errors import EstimationError, ModelError
from workbench.estimation._imp_options import ImpOptions
from workbench.estimation._imp_search import SampledLikelihood
from workbench.estimation._starting import started, starting_values
from workbench.problem import Problem
from workbench.problem.information import score_and_information
from workbench.problem.residuals import expected_variance
from workbench.problem.space import frozen
from workbench.problem.workers import Workers
from workbench.simulation import replicate
from workbench.workflows._nesting import nesting

T, Estimated = wb.transform, wb.Estimated
TIMES = (0.5, 2, 5, 9)

ERRORS = {
    "additive": wb.error.Additive(0.4, iiv=0.4),
    "proportional": wb.error.Proportional(0.15, iiv=0.4),
    "combined": wb.error.Combined(0.2, 0.1, iiv=0.3),
    "combined 1": wb.error.Combined(0.2, 0.1, kind=1, exponent=0.8, iiv=0.3),
    "log-normal": wb.error.LogNormal(0.2, iiv=0.5),
    "box-cox": wb.error.Combined(
        0.2, 0.1, transform=T.BoxCox(Estimated(0.4)), of="transformed", iiv=0.3
    ),
}
STUDENT = wb.error.Combined(0.2, 0.1, df=Estimated(5.0), iiv=0.3)
METHODS = {
    "focei": ("focei", {}),
    "laplace": ("laplace", {}),
    "agq": ("agq", {"nodes": 3}),
    "agq observed": ("agq", {"nodes": 3, "scale": "observed"}),
}


@pytest.fixture(scope="module")
def data():
    return cases.iv_data(4, times=TIMES)


def model(error=ERRORS["proportional"], **changes):
    return cases.iv_model(**changes).replace(error=error)


def two_outputs(data, errors):
    """The same observations by turns of two endpoints, with a model of both."""
    frame = data.table.drop(columns="ROW").copy()
    frame["DVID"] = 1 + np.arange(len(frame)) % 2
    structure = wb.equations("d/dt(a) = -cl/v*a\nc1 = a/v\nc2 = a/v", outputs=["c1", "c2"])
    parameters = {"cl": wb.LogNormal(3.0, iiv=0.3), "v": wb.LogNormal(20.0, iiv=0.2)}
    return wb.Model(structure, parameters, error=errors), wb.read_dataset(frame, name="two")


# --- gradients ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("error", ERRORS)
def test_gradient_is_that_of_the_objective(data, error, method):
    name, options = METHODS[method]
    check_gradient(model(ERRORS[error]), data, name, **options)


@pytest.mark.parametrize("method", ["laplace", "agq observed"])
@pytest.mark.parametrize("kind", ["M3", "M2", "M4", "student"])
def test_gradient_where_observations_are_not_plain(data, kind, method):
    name, options = METHODS[method]
    if kind == "student":
        check_gradient(model(STUDENT), data, name, **options)
        return
    limited = data.censor(lloq=1.5).with_blq(kind)
    check_gradient(model(ERRORS["combined"]), limited, name, **options)


@pytest.mark.parametrize("method", ["focei", "laplace"])
def test_gradient_with_a_correlation(data, method):
    one = model().replace(correlations={("cl", "ruv"): 0.3, ("cl", "v"): -0.2})
    check_gradient(one, data, method)
    assert one.blocks() == [("cl", "v", "ruv")]


@pytest.mark.parametrize("method", ["focei", "laplace"])
def test_gradient_of_two_outputs(data, method):
    errors = {"c1": ERRORS["combined"], "c2": ERRORS["log-normal"]}
    one, two = two_outputs(data, errors)
    assert one.etas == ("cl", "v", "ruv.c1", "ruv.c2")
    check_gradient(one, two, method)
    plain = {"c1": wb.error.Proportional(0.2), "c2": ERRORS["log-normal"]}
    one, two = two_outputs(data, plain)
    assert one.etas == ("cl", "v", "ruv.c2")
    check_gradient(one, two, method)


@pytest.mark.parametrize("method", ["focei", "laplace"])
def test_gradient_beside_occasions_shapes_and_covariates_that_change(data, method):
    frame = data.table.drop(columns="ROW").copy()
    frame["OCC"] = 1 + (frame["TIME"] > 3.0)
    frame["WT"] = 60.0 + 5 * frame["ID"].astype(float) + frame["TIME"]
    changing = wb.read_dataset(frame, name="changing")
    parameters = {
        "cl": wb.LogNormal(
            3.0, iiv=0.3, iov=0.2, covariates=[wb.covariate.Power("WT", reference=70)]
        ),
        "v": wb.LogNormal(20.0, iiv=0.2, eta=wb.eta.BoxCox(0.4)),
    }
    one = wb.Model("pk_1cmt_iv", parameters, error=ERRORS["combined"])
    check_gradient(one, changing, method)


def test_joint_hessian_is_the_slope_of_the_gradient(data):
    """Of the kernels, by differences of the gradient in eta and of the value in the gradient."""
    problem = Problem(model(ERRORS["combined"]), data)
    values, n_eta = problem.space.values(problem.space.start), problem.space.n_eta
    structure, subjects = problem.structure, problem.subjects
    scratch = make_scratch(structure, subjects, 0, problem.n_sub, n_eta, len(values.sigma))
    order = np.argsort(problem.eta_index)  # every direction has an eta here

    def value(eta):
        return evaluate(True, structure, subjects, 1, values, frozen(eta), scratch)

    def gradient(eta):
        value(eta)
        joint_derivatives(len(TIMES), scratch)
        return scratch.gradient[order] + values.precision @ eta

    at = np.array([0.1, -0.2, 0.3])
    np.testing.assert_allclose(gradient(at), differences(value, at), rtol=1e-8, atol=1e-9)
    numeric = differences(gradient, at)
    gradient(at)
    hessian = scratch.hessian[np.ix_(order, order)] + values.precision
    np.testing.assert_allclose(hessian, numeric, rtol=1e-8, atol=1e-8)
    _, information = score_and_information(problem, values, np.tile(at, (problem.n_sub, 1)))
    np.testing.assert_allclose(scratch.weights[np.ix_(order, order)], information[1], rtol=1e-12)


def test_score_is_the_slope_of_the_likelihood(data):
    problem = Problem(model(ERRORS["box-cox"]), data)
    values = problem.space.values(problem.space.start)
    eta = 0.1 * np.arange(12.0).reshape(4, 3)

    def minus_log_density(at):
        table = problem.residual_table(
            problem.values(values.theta, at.reshape(4, 3)), values.sigma, at.reshape(4, 3)
        )
        return 0.5 * float(np.sum(table[:, 0] ** 2 / table[:, 3] + np.log(table[:, 3])))

    score, _ = score_and_information(problem, values, eta)
    numeric = -differences(minus_log_density, eta.ravel())
    np.testing.assert_allclose(score.ravel(), numeric, rtol=1e-7, atol=1e-8)


# --- values ------------------------------------------------------------------------------------


def only_the_error(error):
    """A model whose only random effect is that on the error."""
    return wb.Model("pk_1cmt_iv", {"cl": wb.LogNormal(3.0), "v": wb.LogNormal(20.0)}, error=error)


def integral(data, sd, omega):
    """-2 log of the marginal of each subject, by scipy; sd(f) of the residual error."""
    rows = data.observations
    total = 0.0
    for _, own in rows.groupby("ID"):
        f = 100.0 / 20.0 * np.exp(-3.0 / 20.0 * own["TIME"].to_numpy(float))
        r, s = own["DV"].to_numpy(float) - f, sd(f)

        def density(u, r=r, s=s):
            z = r / (s * np.exp(u))
            prior = np.exp(-0.5 * (u / omega) ** 2) / (omega * np.sqrt(2 * np.pi))
            return prior * np.exp(-0.5 * np.sum(z**2 + 2 * np.log(s) + 2 * u))

        total -= 2 * np.log(quad(density, -4, 6, epsabs=0, epsrel=1e-12, limit=400)[0])
    return total


def test_value_against_the_integral(data):
    """By quadrature with many nodes to rounding; Laplace's to its error."""
    error = wb.error.Combined(0.2, 0.1, iiv=0.4)
    expected = integral(data, lambda f: np.hypot(0.2, 0.1 * f), 0.4)
    one = only_the_error(error)
    for scale in ("expected", "observed"):
        found = wb.evaluate(one, data, method="agq", nodes=40, scale=scale).ofv
        assert found == pytest.approx(expected, rel=1e-9)
    assert wb.evaluate(one, data, method="laplace").ofv == pytest.approx(expected, abs=0.2)


def test_laplace_against_its_formula(data):
    """J'' = sum 2 z + 1/omega^2 at the mode, where the sum of 1 - z + u/omega^2 is 0."""
    omega, total, information = 0.4, 0.0, 0.0
    for _, own in data.observations.groupby("ID"):
        f = 100.0 / 20.0 * np.exp(-3.0 / 20.0 * own["TIME"].to_numpy(float))
        v, square, u = (0.15 * f) ** 2, (own["DV"].to_numpy(float) - f) ** 2, 0.0
        for _ in range(60):
            z = np.sum(square / v) * np.exp(-2 * u)
            u -= (len(f) - z + u / omega**2) / (2 * z + 1 / omega**2)
        z = np.sum(square / v) * np.exp(-2 * u)
        joint = z + np.sum(np.log(v)) + 2 * u * len(f) + (u / omega) ** 2 + np.log(omega**2)
        total += joint + np.log(2 * z + 1 / omega**2)
        information += joint + np.log(2 * len(f) + 1 / omega**2)
    one = only_the_error(wb.error.Proportional(0.15, iiv=omega))
    assert wb.evaluate(one, data, method="laplace").ofv == pytest.approx(total, rel=1e-10)
    assert wb.evaluate(one, data, method="focei").ofv == pytest.approx(information, rel=1e-10)


@pytest.mark.parametrize("method", ["focei", "laplace", "agq", "its"])
def test_a_small_variance_is_none(data, method):
    plain = wb.evaluate(model(wb.error.Proportional(0.15)), data, method=method)
    small = wb.evaluate(model(wb.error.Proportional(0.15, iiv=1e-5)), data, method=method)
    assert small.ofv == pytest.approx(plain.ofv, rel=1e-8)


def test_duplicating_every_subject_doubles_the_ofv(data):
    frame = data.table.drop(columns="ROW")
    again = frame.assign(ID=frame["ID"].astype(int) + 100)
    twice = wb.read_dataset(pd.concat([frame, again]), name="twice")
    ofv = [wb.evaluate(model(), d, method="focei").ofv for d in (data, twice)]
    assert ofv[1] == pytest.approx(2 * ofv[0], rel=1e-12)


@pytest.mark.parametrize("method", ["focei", "laplace", "its", "imp", "saem"])
def test_one_and_two_threads_give_the_same_to_the_bit(data, method):
    first, second = (wb.evaluate(model(), data, method=method, threads=n) for n in (1, 2))
    assert first.ofv == second.ofv
    np.testing.assert_array_equal(first.etas, second.etas)


# --- what is not estimated ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "options", "words"),
    [
        ("fo", {}, "FO takes the residual variance at eta = 0"),
        ("foce", {}, "FOCE takes the residual variance at eta = 0"),
        ("laplace", {"interaction": False}, "without interaction takes the residual variance"),
        ("agq", {"interaction": False}, "without interaction takes the residual variance"),
        ("two_stage", {}, "estimates one residual error for all"),
        ("linear", {}, "the same residual SD in everybody"),
    ],
)
def test_methods_that_do_not_see_it_refuse(data, method, options, words):
    with pytest.raises(EstimationError, match=rf"{words}.*\(ruv\).*drop iiv="):
        wb.evaluate(model(), data, method=method, **options)


def test_its_does_not_estimate_it(data):
    """Its modes are not means: sigma and omega[ruv] would drift apart."""
    with pytest.raises(EstimationError, match=r"takes modes.*\(ruv\).*SAEM"):
        wb.fit(model(), data, method="its")
    focei = wb.evaluate(model(), data, method="focei")
    assert wb.evaluate(model(), data, method="its").ofv == pytest.approx(focei.ofv, rel=1e-10)


@pytest.mark.parametrize(
    ("method", "options"), [("focei", {}), ("its", {}), ("agq", {"scale": "expected"})]
)
def test_expected_information_is_that_of_plain_observations(data, method, options):
    limited = data.censor(lloq=1.5)
    for one, own in ((model(), limited), (model(STUDENT), data)):
        with pytest.raises(EstimationError, match="censored, truncated or have Student-t errors"):
            wb.evaluate(one, own, method=method, **options)


def test_naive_pooled_leaves_it_out_and_keeps_it_for_later(data):
    fit = wb.fit(model(), data, method="pooled")
    assert not fit.final_model.error.has_eta
    assert fit.updated_model.error.iiv == 0.4
    assert fit.updated_model.error.values == fit.final_model.error.values


def test_a_parameter_of_its_name_is_refused():
    structure = wb.equations("d/dt(a) = -ruv*a\ncp = a", outputs=["cp"])
    with pytest.raises(ModelError, match='parameter "ruv"'):
        wb.Model(structure, {"ruv": wb.LogNormal(1.0)}, error=ERRORS["additive"])
    wb.Model(structure, {"ruv": wb.LogNormal(1.0)}, error=wb.error.Additive(1.0))


@pytest.mark.parametrize("iiv", [-0.1, "much", float("nan")])
def test_values_that_are_none(iiv):
    with pytest.raises(ModelError, match="iiv of a residual error"):
        wb.error.Additive(1.0, iiv=iiv)


def test_a_correlation_needs_the_random_effect(data):
    with pytest.raises(ModelError, match="needs a random effect on both, but ruv has none"):
        model(wb.error.Additive(1.0)).replace(correlations=[("cl", "ruv")])


# --- the model ---------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [*ERRORS.values(), STUDENT])
@pytest.mark.parametrize("fixed", [False, True])
def test_card_and_python_round_trip(error, fixed):
    one = replace(error, fixed=error.fixed | {"iiv"} if fixed else error.fixed)
    card = model(one).replace(correlations=[("v", "ruv")])
    assert wb.Model.from_json(card.to_json()) == card
    assert eval(card.python(), {"wb": wb}) == card  # noqa: S307
    assert card.holds_eta("ruv") is fixed


def test_equations_and_values_at_an_estimate(data):
    one = model(wb.error.Proportional(0.15, iiv=0.4))
    line = r"y_{ij} = f_{ij}\,(1 + b\,e^{\eta_{\mathrm{ruv},i}}\,\varepsilon_{ij})"
    assert ("Residual error", line) in one.equations()
    space = Problem(one, data).space
    assert [e.name for e in space.entries if e.kind == "omega"][-1] == "omega[ruv]"
    x = space.start + 0.1
    assert space.model_at(x).error.iiv == pytest.approx(0.4 * np.exp(0.1))
    assert one.without_random_effects().etas == ()
    held = Problem(model(wb.error.Proportional(0.15, iiv=wb.Fixed(0.4))), data).space
    assert held.n_free == space.n_free - 1


def test_it_is_nested_with_the_variance_at_its_boundary(data):
    found = nesting(model(wb.error.Proportional(0.15)), model())
    assert [(r.words, r.boundary) for r in found.restrictions] == [("omega[ruv] = 0", True)]
    assert nesting(model(), model(wb.error.Proportional(0.15))).reason


def test_starting_values_keep_it_and_take_it_over():
    twenty, said = cases.iv_data(20, times=TIMES), []
    assert starting_values(model(), twenty).error.iiv == 0.4
    source = model(wb.error.Proportional(0.22, iiv=0.7))
    assert started(model(), twenty, source, said.append).error == source.error
    plain = model(wb.error.Proportional(0.22))
    assert started(model(), twenty, plain, said.append).error == replace(source.error, iiv=0.4)
    held = wb.error.Proportional(0.15, iiv=wb.Fixed(0.4))
    assert started(model(held), twenty, source, said.append).error.iiv == 0.4


# --- what follows from it ----------------------------------------------------------------------


def test_simulated_residuals_have_each_subjects_own_sd():
    design = cases.iv_data(6, times=tuple(np.linspace(0.5, 12, 400)))
    problem = Problem(model(wb.error.Proportional(0.1, iiv=0.6)), design)
    drawn = replicate(problem, 1, 3)
    residual = (drawn.dv[0] / drawn.ipred[0] - 1.0).reshape(6, 400)
    own = 0.1 * np.exp(drawn.eta[0, :, 2])
    assert np.ptp(np.log(own)) > 0.5
    np.testing.assert_allclose(residual.std(axis=1), own, rtol=4 / np.sqrt(2 * 400))


def test_residuals_and_bands_are_those_of_the_subjects_own_sd(data):
    fit = wb.evaluate(model(wb.error.Proportional(0.15, iiv=0.8)), data)
    table, eta = fit.predictions, fit.etas["ruv"].to_numpy()
    own = 0.15 * np.exp(np.repeat(eta, len(TIMES)))
    iwres = (table["DV"] / table["IPRED"] - 1.0) / own
    np.testing.assert_allclose(table["IWRES"], iwres, rtol=1e-10)
    assert table[["CWRES", "CWRESI", "WRES"]].notna().all(axis=None)
    curves = fit.curves(4, band=0.9)
    share = (curves["UPPER"] / curves["IPRED"] - 1.0).groupby(curves["ID"]).mean()
    np.testing.assert_allclose(share, 1.6448536 * 0.15 * np.exp(eta), rtol=1e-6)


def test_the_expected_variance_is_that_of_many_draws(data):
    """Of a linear prediction, by 400,000 draws: four of its standard errors."""
    one = cases.line_model(
        error=wb.error.Combined(0.5, 0.2, iiv=0.3), correlations={("a", "ruv"): 0.5}
    )
    lines = cases.line_data(3)
    problem = Problem(one, lines)
    values, omega = problem.space.values(problem.space.start), one.omega
    zero = np.zeros((3, 3))
    found = expected_variance(problem, values, omega, problem.predict(values.theta, zero), zero)
    z = np.random.default_rng(1).standard_normal((400_000, 3)) @ np.linalg.cholesky(omega).T
    for j, t in enumerate(lines.observations["TIME"].to_numpy(float)[:5]):
        f = 8.0 + z[:, 0] + (1.0 + z[:, 1]) * t
        v = (0.25 + 0.04 * f**2) * np.exp(2 * z[:, 2])
        assert found[j] == pytest.approx(v.mean(), abs=4 * v.std() / np.sqrt(len(v)))


def test_parts_of_the_variance(data):
    """E[v] = b^2 E[f^2] exp(2 omega^2)."""
    plain, spread = (
        wb.variance_decomposition(
            model(wb.error.Proportional(0.1, iiv=iiv)), data, replicates=4000
        ).table["RESIDUAL"]
        for iiv in (0, 0.4)
    )
    np.testing.assert_allclose(spread / plain, np.exp(2 * 0.4**2), rtol=0.05)


def test_conditional_and_predicted_shrinkage(data):
    """A subject's n plain observations give the information 2 n about eta."""
    one = only_the_error(wb.error.Additive(0.4, iiv=0.5))
    fit = wb.evaluate(one, data)
    remains = 1 / (2 * len(TIMES) + 1 / 0.25)
    np.testing.assert_allclose(fit.conditional_variances()["ruv"], remains, rtol=1e-8)
    np.testing.assert_allclose(fit.predicted_shrinkage(), remains / 0.25, rtol=1e-8)


def test_draws_have_the_moments_of_the_conditional_distribution(data):
    one = only_the_error(wb.error.Additive(0.4, iiv=0.5))
    fit = wb.evaluate(one, data, method="imp", seed=2)
    drawn = fit.draws(2000).groupby("ID")["ruv"].agg(["mean", "std"])
    np.testing.assert_allclose(drawn["mean"], fit.eta_mean["ruv"], atol=0.05)
    np.testing.assert_allclose(drawn["std"], fit.eta_sd["ruv"], rtol=0.1)
    quick = fit.etas_by("draws").groupby("ID")["ruv"].agg(["mean", "std"])
    np.testing.assert_allclose(quick["mean"], fit.eta_mean["ruv"], atol=0.15)
    np.testing.assert_allclose(quick["std"], fit.eta_sd["ruv"], rtol=0.35)


# --- estimates ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def simulated():
    truth = model(wb.error.Proportional(0.15, iiv=0.4))
    design = cases.iv_data(40, times=tuple(np.geomspace(0.25, 14, 16)))
    return truth, wb.read_dataset(cases.drawn(truth, design, 4), name="simulated")


@pytest.mark.parametrize("method", ["focei", "laplace", "imp", "saem"])
def test_estimates_are_within_three_standard_errors_of_the_truth(simulated, method):
    """On the logarithmic scale, for all are positive and SEs of variances grow with them."""
    truth, data = simulated
    fit = wb.fit(truth, data, method=method, seed=1)
    found = fit.parameters
    expected = np.array([3.0, 20.0, 0.09, 0.04, 0.16, 0.15])
    off = np.abs(np.log(found["estimate"] / expected))
    assert (off < 3 * found["se"] / found["estimate"]).all()
    assert found.loc["omega[ruv]", "se"] < 0.1
    assert fit.verdict == "converged", fit.reasons
    assert list(fit.etas) == ["cl", "v", "ruv"]
    assert list(fit.individual_parameters) == ["cl", "v"]


@pytest.mark.parametrize("method", ["focei", "laplace", "imp"])
def test_few_observations_a_subject_are_warned_of(simulated, data, method):
    said = " ".join(wb.evaluate(model(), data, method=method).warnings)
    assert ("puts omega[ruv] too low" in said) == (method != "imp")
    assert "too low" not in " ".join(wb.evaluate(*simulated, method=method).warnings)


def test_laplace_and_importance_sampling_agree(simulated):
    """Without other random effects Laplace's error is that of Stirling's formula, 1/(3 n) each."""
    _, data = simulated
    one = only_the_error(wb.error.Proportional(0.3, iiv=0.4))
    laplace, sampled = (wb.evaluate(one, data, method=m, seed=1) for m in ("laplace", "imp"))
    assert laplace.m2ll == pytest.approx(sampled.m2ll, abs=3 * sampled.likelihood_se + 40 / 48)


def test_quadrature_and_importance_sampling_agree(simulated):
    sampled = wb.evaluate(*simulated, method="imp", seed=1)
    quadrature = wb.evaluate(*simulated, method="agq", nodes=9)
    assert quadrature.m2ll == pytest.approx(sampled.m2ll, abs=4 * sampled.likelihood_se + 1e-3)


def test_censored_observations_by_sampling_and_by_quadrature(data):
    limited = data.censor(lloq=1.5)
    sampled = wb.evaluate(model(), limited, method="imp", seed=1)
    exact = wb.evaluate(model(), limited, method="agq", nodes=9, scale="observed")
    assert exact.ofv == pytest.approx(sampled.ofv, abs=4 * sampled.likelihood_se + 1e-3)
    fit = wb.fit(model(), limited, method="saem", seed=1)
    assert np.isfinite(fit.ofv)
    assert np.isfinite(fit.parameters["estimate"]).all()


def test_two_outputs_by_sampling_and_by_quadrature(data):
    one, two = two_outputs(data, {"c1": ERRORS["combined"], "c2": ERRORS["log-normal"]})
    sampled = wb.evaluate(one, two, method="imp", seed=1)
    exact = wb.evaluate(one, two, method="agq", nodes=7)
    assert exact.ofv == pytest.approx(sampled.ofv, abs=4 * sampled.likelihood_se + 1e-2)


def test_likelihood_ratio_has_a_mixture_as_its_law(simulated):
    truth, data = simulated
    plain = truth.replace(error=wb.error.Proportional(0.15))
    fits = [wb.fit(m, data, method="laplace") for m in (plain, truth)]
    test = wb.likelihood_ratio_test(*fits)
    assert test.p_value < 1e-3


def test_gradient_by_importance_sampling_is_that_of_quadrature(data):
    """Fisher's identity, over 20,000 draws: 2 % of the largest element."""
    problem = Problem(model(), data)
    with Workers(1, problem.n_sub, problem.n_obs) as workers:
        _, found = SampledLikelihood(problem, ImpOptions(), workers, 1, 20_000)(problem.space.start)
    _, expected = likelihood(model(), data, "agq", nodes=9)(problem.space.start)
    np.testing.assert_allclose(found, expected, atol=0.02 * np.abs(expected).max())

"""Covariate effects: objective, gradients and invariances of every method, and known truth."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests import cases, naive
from tests.objectives import check_gradient, differences, likelihood
from workbench.errors import EstimationError
from workbench.estimation import estimators
from workbench.estimation._imp_options import ImpOptions
from workbench.estimation._imp_search import SampledLikelihood
from workbench.models.covariate import covariate_kinds
from workbench.problem import Problem
from workbench.problem.workers import Workers

METHODS = ("fo", "foce", "focei", "laplace", "agq")
PAIR = {("cl", "v"): 0.4}
REFUSING = ("linear", "two_stage")  # a model that is not linear, and covariates: tested alone


@pytest.fixture(scope="module")
def data():
    return cases.covariate_data()


def plain_model(model, data, subject):
    """Return the model of one subject alone, its covariates taken into the typical values."""
    row = data.covariates.set_index("ID").loc[subject]
    parameters = {}
    for name, p in model.parameters.items():
        shift = 0.0
        for effect in p.covariates:
            x, beta = row[effect.column], effect.values[0]
            if effect.kind == "power":
                shift += beta * np.log(x / effect.reference)
            elif effect.kind in ("exponential", "linear"):
                shift += beta * (x - effect.reference)
            else:
                level = effect.group_of(x if isinstance(x, str) else f"{x:.0f}")
                shift += dict(zip(effect.levels, effect.values, strict=True)).get(level, 0.0)
        typical = p.typical * np.exp(shift) if p.distribution == "lognormal" else p.typical + shift
        parameters[name] = replace(p, typical=typical, covariates=())
    return model.replace(parameters=parameters)


def test_every_kind_has_a_case():
    tried = {effect.kind for _, effect in cases.EFFECTS.values()}
    assert tried == set(covariate_kinds.names())


@pytest.mark.parametrize("method", ["fo", "foce", "focei"])
@pytest.mark.parametrize("effect", cases.EFFECTS)
def test_objective_against_the_naive_twin(data, method, effect):
    """1e-10: of each subject alone, with typical values worked out by hand."""
    model = Problem(cases.covariate_model(effect), data).model
    fit = wb.evaluate(model, data, method=method)
    for subject in data.subjects:
        alone = data.select([subject])
        expected = naive.ofv(plain_model(model, data, subject), alone, method)[0]
        assert fit.individual_ofv[subject] == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("effect", cases.EFFECTS)
def test_gradient_is_that_of_the_objective(data, method, effect):
    model = cases.covariate_model(effect, correlations=PAIR)
    check_gradient(Problem(model, data).model, data, method)


@pytest.mark.parametrize("method", METHODS)
def test_gradient_of_two_effects_on_a_parameter_without_random_effect(data, method):
    model = cases.covariate_model("power", "categorical", on="v", iiv=(0.5, 0.3, 0.0))
    check_gradient(model, data, method)


def test_gradient_of_the_exact_linear_objective():
    frame = cases.line_data(12).table[["ID", "TIME", "DV"]].copy()
    frame["X"] = frame["ID"].to_numpy() % 5 + 1.0
    slope = wb.Normal(1.0, iiv=0.8, covariates=[wb.covariate.Linear("X", coefficient=0.2)])
    lines = wb.read_dataset(frame, name="lines with X")
    model = Problem(cases.line_model(b=slope), lines).model
    check_gradient(model, lines, "linear")


@pytest.mark.parametrize("effect", cases.EFFECTS)
def test_expected_gradient_by_importance_sampling(data, effect):
    """Fisher's identity; the mean of the gradient over 20,000 draws against AGQ's: 2 %."""
    problem = Problem(cases.covariate_model(effect), data)
    with Workers(1, problem.n_sub, problem.n_obs) as workers:
        sampled = SampledLikelihood(problem, ImpOptions(), workers, 1, 20000)
        _, found = sampled(problem.space.start)
    exact = likelihood(problem.model, data, "agq", nodes=9)
    _, expected = exact(problem.space.start)
    size = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, atol=0.02 * size)


# --- invariances -----------------------------------------------------------------------------


def with_effect(model, name, *effects):
    own = replace(model.parameters[name], covariates=effects)
    return model.replace(parameters={**model.parameters, name: own})


@pytest.fixture(scope="module")
def many():
    return cases.covariate_data(24, seed=8)


@pytest.mark.parametrize("kind", ["power", "exponential", "categorical"])
def test_another_reference_only_moves_theta(many, kind):
    """1e-8 in the OFV at the same point; coefficients of a fit to 1e-4."""
    there = {
        "power": (
            wb.covariate.Power("WT", reference=70, exponent=0.5),
            wb.covariate.Power("WT", reference=1, exponent=0.5),
            -0.5 * np.log(70),
        ),
        "exponential": (
            wb.covariate.Exponential("WT", reference=70, coefficient=0.01),
            wb.covariate.Exponential("WT", reference=50, coefficient=0.01),
            0.01 * (50 - 70),
        ),
        "categorical": (
            wb.covariate.Categorical("SEX", reference="F", effects={"M": 0.3}),
            wb.covariate.Categorical("SEX", reference="M", effects={"F": -0.3}),
            0.3,
        ),
    }
    first, second, shift = there[kind]
    base = cases.oral_model("additive")
    one = with_effect(base, "cl", first)
    other = with_effect(base, "cl", second)
    moved = replace(other.parameters["cl"], typical=one.parameters["cl"].typical * np.exp(shift))
    other = other.replace(parameters={**other.parameters, "cl": moved})
    a, b = wb.evaluate(one, many), wb.evaluate(other, many)
    assert a.ofv == pytest.approx(b.ofv, abs=1e-8)
    a, b = wb.fit(one, many), wb.fit(other, many)
    assert a.ofv == pytest.approx(b.ofv, abs=1e-5)
    assert abs(a.beta.iloc[0]) == pytest.approx(abs(b.beta.iloc[0]), abs=1e-4)


def test_units_of_a_covariate_do_not_matter(many):
    """Weight in g: coefficient per g, the same OFV to 1e-8 at the point and 1e-5 of the fit."""
    frame = many.table.drop(columns="ROW")
    grams = wb.read_dataset(frame.assign(WT=1000.0 * frame["WT"]), name="in g")
    base = cases.oral_model("additive")
    kilo = with_effect(base, "cl", wb.covariate.Exponential("WT", reference=70, coefficient=0.01))
    gram = with_effect(base, "cl", wb.covariate.Exponential("WT", reference=7e4, coefficient=1e-5))
    assert wb.evaluate(kilo, many).ofv == pytest.approx(wb.evaluate(gram, grams).ofv, abs=1e-8)
    a, b = wb.fit(kilo, many), wb.fit(gram, grams)
    assert a.ofv == pytest.approx(b.ofv, abs=1e-5)
    assert a.beta.iloc[0] == pytest.approx(1000.0 * b.beta.iloc[0], rel=1e-3)


def test_duplicating_every_subject_doubles_the_objective(many):
    frame = many.table.drop(columns="ROW")
    twice = pd.concat([frame, frame.assign(ID=frame["ID"] + 1000)], ignore_index=True)
    model = cases.covariate_model("power", "categorical")
    doubled = wb.evaluate(model, wb.read_dataset(twice, name="twice"))
    assert doubled.ofv == pytest.approx(2.0 * wb.evaluate(model, many).ofv, rel=1e-12)


def test_no_effect_is_the_model_without_the_covariate(many):
    """Bit for bit nearly: psi is the same sum with zeros in it (1e-12)."""
    plain = cases.oral_model("additive")
    zero = with_effect(plain, "cl", wb.covariate.Power("WT", reference=70))
    assert wb.evaluate(zero, many).ofv == pytest.approx(wb.evaluate(plain, many).ofv, rel=1e-12)


def test_individual_parameters_follow_the_covariates(many):
    """phi = typical · (WT/70)^0.6 · exp(eta), to rounding."""
    fit = wb.evaluate(cases.covariate_model("power"), many)
    weight = many.covariates.set_index("ID")["WT"]
    expected = 2.5 * (weight / 70) ** 0.6 * np.exp(fit.etas["cl"])
    np.testing.assert_allclose(fit.individual_parameters["cl"], expected, rtol=1e-12)
    assert list(fit.individual_parameters) == ["ka", "cl", "v"]


# --- truth -----------------------------------------------------------------------------------

TRUE = {"cl": 3.0, "v": 20.0, "beta[cl,WT]": 0.75, "beta[v,SEX=M]": 0.4}


@pytest.fixture(scope="module")
def simulated():
    """120 subjects of known truth: cl with weight, v with sex."""
    truth = wb.Model(
        "pk_1cmt_iv",
        {
            "cl": wb.LogNormal(
                3.0, iiv=0.25, covariates=[wb.covariate.Power("WT", reference=70, exponent=0.75)]
            ),
            "v": wb.LogNormal(
                20.0,
                iiv=0.2,
                covariates=[wb.covariate.Categorical("SEX", reference="F", effects={"M": 0.4})],
            ),
        },
        error=wb.error.Proportional(0.1),
    )
    frame = cases.iv_frame(120)
    who = frame["ID"].to_numpy() - 1
    frame["WT"] = (70 * np.exp(0.3 * np.random.default_rng(4).standard_normal(120)))[who]
    frame["SEX"] = np.where(who % 3 == 0, "F", "M")
    design = wb.read_dataset(frame, name="design")
    table = wb.simulate(truth, design=design, seed=2)
    frame.loc[frame["EVID"] == 0, "DV"] = table["DV"].to_numpy()
    return truth, wb.read_dataset(frame, name="simulated")


@pytest.fixture(scope="module")
def exact(simulated):
    """The fit by quadrature with five nodes, whose likelihood is exact for what is asked here."""
    return wb.fit(*simulated, method="agq", nodes=5)


def far_start(truth):
    """Other typical values and effects of zero, whose references are left to the data."""
    cl = [wb.covariate.Power("WT", reference=70)]
    return truth.replace(
        parameters={
            "cl": wb.LogNormal(6.0, iiv=0.5, covariates=cl),
            "v": wb.LogNormal(
                10.0, iiv=0.5, covariates=[wb.covariate.Categorical("SEX", reference="F")]
            ),
        },
        error=wb.error.Proportional(0.3),
    )


@pytest.mark.parametrize("method", ["focei", "laplace", "saem", "imp", "its"])
def test_truth_is_recovered(simulated, exact, method):
    """Within 3 SE of the truth, and of the maximum by quadrature: 0.2 SE.

    FOCEI and ITS, which approximate the likelihood, are away by 0.4 SE in cl.
    """
    truth, data = simulated
    fit = wb.fit(far_start(truth), data, method=method, seed=1)
    assert fit.verdict == "converged", fit.reasons
    away = 0.6 if method in ("focei", "its") else 0.2
    for name, true in TRUE.items():
        found, se = fit.parameters.loc[name, "estimate"], exact.parameters.loc[name, "se"]
        assert abs(found - true) < 3 * se, name
        assert abs(found - exact.parameters.loc[name, "estimate"]) < away * se, name


@pytest.mark.parametrize(
    ("method", "options"),
    [("saem", {}), ("saem", {"covariance": "stochastic"}), ("imp", {}), ("its", {})],
)
def test_standard_errors_of_coefficients(simulated, exact, method, options):
    """Against the Hessian of the likelihood by quadrature, to 20 %."""
    truth, data = simulated
    names = list(TRUE)
    expected = exact.parameters.loc[names, "se"]
    found = wb.fit(truth, data, method=method, seed=1, **options).parameters.loc[names, "se"]
    assert (found / expected).between(0.8, 1.2).all(), found / expected


def test_an_effect_on_a_parameter_without_random_effect_by_saem(simulated):
    """It takes scoring steps; against quadrature to 0.3 SE."""
    truth, data = simulated
    plain = truth.replace(
        parameters={**truth.parameters, "v": replace(truth.parameters["v"], iiv=0.0)}
    )
    expected = wb.fit(plain, data, method="agq", nodes=5)
    found = wb.fit(plain, data, method="saem", seed=1)
    se = expected.parameters["se"]
    away = (found.parameters["estimate"] - expected.parameters["estimate"]) / se
    assert away.abs().max() < 0.3, away


def test_duplicating_many_subjects_keeps_the_estimates(simulated):
    """1,920 subjects: sixteen times the OFV (1e-6), SEs a quarter (1e-3)."""
    truth, data = simulated
    frame = data.table.drop(columns="ROW")
    copies = [frame.assign(ID=frame["ID"] + 1000 * k) for k in range(16)]
    many = wb.read_dataset(pd.concat(copies, ignore_index=True), name="many")
    once, often = wb.fit(truth, data), wb.fit(truth, many)
    assert often.ofv == pytest.approx(16 * once.ofv, rel=1e-6)
    np.testing.assert_allclose(4 * often.parameters["se"], once.parameters["se"], rtol=1e-3)


def test_the_two_stage_method_refuses_what_it_cannot_estimate(simulated):
    truth, data = simulated
    with pytest.raises(EstimationError, match="effect of WT on cl"):
        wb.fit(truth, data, method="two_stage")


def test_the_two_stage_method_honours_fixed_effects(simulated):
    """Variances come out near the truth only if the covariates are taken out first."""
    truth, data = simulated
    held = truth.replace(
        parameters={
            "cl": replace(
                truth.parameters["cl"],
                covariates=(wb.covariate.Power("WT", reference=70, exponent=wb.Fixed(0.75)),),
            ),
            "v": replace(
                truth.parameters["v"],
                covariates=(
                    wb.covariate.Categorical("SEX", reference="F", effects={"M": wb.Fixed(0.4)}),
                ),
            ),
        }
    )
    fit = wb.fit(held, data, method="two_stage")
    assert fit.theta["cl"] == pytest.approx(3.0, rel=0.1)
    assert fit.omega.loc["v", "v"] == pytest.approx(0.04, rel=0.4)


@pytest.mark.parametrize("method", [n for n in estimators.names() if n not in REFUSING])
def test_every_method_takes_covariates(many, method):
    """A few iterations end with finite numbers for every parameter."""
    model = cases.covariate_model("power", "categorical", error="additive")
    options = {} if method in ("pooled", "fo", "foce", "focei") else {"max_iter": 5}
    fit = wb.fit(model, many, method=method, **options)
    assert np.isfinite(fit.parameters["estimate"]).all()
    assert {"beta[cl,WT]", "beta[cl,GRADE=2]", "beta[cl,GRADE=3]"} <= set(fit.parameters.index)


def test_differences_of_the_map_to_natural_values(many):
    """The Jacobian of the parameter space, coefficients included, to 1e-7."""
    space = Problem(cases.covariate_model("exponential", "categorical"), many).space
    numeric = differences(space.natural, space.start)
    np.testing.assert_allclose(space.jacobian(space.start), numeric, atol=1e-7)

"""Random effects that are not normal, and factors 1 + βx: gradients, equations, known truth."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests import cases
from tests.objectives import check_gradient
from workbench.errors import EstimationError, ModelError, UnknownNameError
from workbench.estimation._verdict import boundary_doubts
from workbench.problem import Problem

SHAPES = {"boxcox": wb.eta.BoxCox(0.6), "student": wb.eta.StudentT(4.0)}
T = {"boxcox": "(exp(0.6*x) - 1)/0.6", "student": None}
EQUATIONS = """
ka = 1.4*exp({t})
d/dt(depot) = -ka*depot
d/dt(central) = ka*depot - cl/v*central
cp = central/v
"""


def shaped(name, shape, base=None, **changes):
    model = base or cases.oral_model("proportional")
    own = replace(model.parameters[name], eta=shape, **changes)
    return model.replace(parameters={**model.parameters, name: own})


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("method", ["fo", "foce", "focei", "laplace"])
def test_gradient_equals_differences(shape, method):
    model = shaped("ka", SHAPES[shape], cases.oral_model(correlations={("ka", "v"): 0.3}))
    check_gradient(model, cases.oral_data(4), method)


@pytest.mark.parametrize("method", ["focei", "laplace"])
def test_box_cox_against_equations(method):
    """1e-6: the ODE solver's 1e-11 over the whole likelihood."""
    data = cases.oral_data(4)
    one = wb.evaluate(shaped("ka", SHAPES["boxcox"]), data, method=method)
    text = EQUATIONS.format(t=T["boxcox"])
    plain = cases.oral_model("proportional").parameters
    parameters = {"x": wb.Normal(0.0, iiv=0.5), "cl": plain["cl"], "v": plain["v"]}
    structure = wb.equations(text, outputs=["cp"], solver=wb.Solver(rtol=1e-11, atol=1e-12))
    other = wb.evaluate(
        wb.Model(structure, parameters, error=cases.error("proportional")), data, method=method
    )
    assert one.ofv == pytest.approx(other.ofv, abs=1e-6)
    np.testing.assert_allclose(one.etas["ka"], other.etas["x"], atol=1e-6)


def test_shape_zero_is_the_plain_model():
    """1e-9 of the objective: the same numbers by another road."""
    data = cases.oral_data(4)
    for method in ("fo", "focei"):
        one = wb.evaluate(shaped("ka", wb.eta.BoxCox(0.0)), data, method=method)
        other = wb.evaluate(cases.oral_model("proportional"), data, method=method)
        assert one.ofv == pytest.approx(other.ofv, abs=1e-9)


@pytest.fixture(scope="module")
def skewed():
    """120 subjects, eta of cl long to the right."""
    base = cases.iv_model("combined2", cl=(3.0, 0.4), v=(20.0, 0.2))
    truth = shaped("cl", wb.eta.BoxCox(0.8), base)
    design = cases.iv_data(120, times=(0.5, 2, 5, 9, 14, 20, 30))
    return truth, wb.read_dataset(cases.drawn(truth, design, seed=2), name="skewed")


@pytest.mark.parametrize("method", ["focei", "saem"])
def test_known_truth(skewed, method):
    """From the normal: all within 3 SE, the shape with an SE and an interval."""
    truth, data = skewed
    fit = wb.fit(shaped("cl", wb.eta.BoxCox(0.01), truth), data, method=method)
    assert fit.verdict == "converged", fit.reasons
    true = [3.0, 20.0, 0.8, 0.16, 0.04, *cases.SIGMA["combined2"]]
    away = (fit.parameters["estimate"] - true) / fit.parameters["se"]
    assert away.abs().max() < 3.0, away
    row = fit.parameters.loc["shape[cl]"]
    assert row["kind"] == "shape"
    assert row["lower"] < row["estimate"] < row["upper"]
    assert np.isnan(fit.parameters.loc["omega[cl]", "cv_percent"])
    assert fit.final_model.parameters["cl"].eta.value == row["estimate"]


def test_the_shape_is_worth_its_parameter(skewed):
    truth, data = skewed
    plain = wb.fit(shaped("cl", None, truth), data)
    assert wb.fit(truth, data).ofv < plain.ofv - 6


def test_the_methods_agree_on_the_shape(skewed):
    """SAEM within 1 SE of FOCEI: FOCEI is approximate where eta is skewed, and SAEM has noise."""
    truth, data = skewed
    fits = [wb.fit(truth, data, method=method).parameters for method in ("focei", "saem")]
    off = (fits[1]["estimate"] - fits[0]["estimate"]) / fits[0]["se"]
    assert off.abs().max() < 1.0, off


def test_a_held_shape_stays(skewed):
    truth, data = skewed
    fit = wb.fit(shaped("cl", wb.eta.StudentT(wb.Fixed(5.0)), truth), data)
    assert fit.parameters.loc["shape[cl]", "estimate"] == pytest.approx(5.0, rel=1e-14)
    assert fit.parameters.loc["shape[cl]", "fixed"]


def test_degrees_of_freedom_stay_where_they_can_be():
    """However far the search goes: more than 2, and not so many that they are infinite."""
    space = Problem(shaped("ka", wb.eta.StudentT(4.0)), cases.oral_data(4)).space
    place = [entry.name for entry in space.entries if not entry.fixed].index("shape[ka]")
    for far, side in ((-60.0, "lower"), (60.0, "upper")):
        x = space.start.copy()
        x[place] += far
        value = space.model_at(x).parameters["ka"].eta.value
        assert 2.0 < value <= 1e5
        assert ("shape[ka]", side) in space.at_bounds(x)


@pytest.mark.parametrize(("far", "words"), [(-60.0, "further out in ka than"), (60.0, "is normal")])
def test_degrees_of_freedom_at_their_limits_are_said_once(far, words):
    """Their bounds are no user's, so nobody is told to widen them."""
    problem = Problem(shaped("ka", wb.eta.StudentT(4.0)), cases.oral_data(4))
    x = problem.space.start.copy()
    x[[entry.name for entry in problem.space.entries if not entry.fixed].index("shape[ka]")] += far
    doubts = boundary_doubts(problem, x)
    assert len(doubts) == 1
    assert words in doubts[0]


def test_random_effects_that_are_normal_after_all_are_called_so():
    """Of uniform ones no t distribution is heavy enough to be right."""
    rows = cases.oral_frame(30)
    truth = cases.oral_model("proportional").without_random_effects()
    spread = np.linspace(-0.8, 0.8, 30)
    parts = []
    for k, ka in enumerate(1.4 * np.exp(spread)):
        own = rows[rows["ID"] == k + 1].copy()
        at = replace(truth.parameters["ka"], typical=float(ka))
        alone = truth.replace(parameters={**truth.parameters, "ka": at})
        made = wb.simulate(alone, wb.read_dataset(own, name="one"), seed=k)
        own.loc[own["EVID"] == 0, "DV"] = made["DV"].to_numpy()
        parts.append(own)
    data = wb.read_dataset(pd.concat(parts), name="uniform")
    plain = {
        name: p if name == "ka" else replace(p, iiv=0.0)
        for name, p in cases.oral_model("proportional").parameters.items()
    }
    model = shaped("ka", wb.eta.StudentT(6.0), truth.replace(parameters=plain))
    fit = wb.fit(model, data)
    assert fit.verdict == "doubtful"
    assert any("the random effect on ka is normal" in reason for reason in fit.reasons), fit.reasons


def test_card_and_python_both_ways():
    for shape in (*SHAPES.values(), wb.eta.StudentT(wb.Fixed(7.0))):
        model = shaped("ka", shape)
        assert wb.Model.from_json(model.to_json()) == model
        assert eval(model.python(), {"wb": wb}) == model  # noqa: S307 our own text
    line = next(x for s, x in model.equations() if s == "Individual parameters")
    assert r"e^{T(\eta_{{k_a},i})},\ T(\eta) \approx t_{\nu" in line


def test_what_cannot_be_is_refused():
    data = cases.oral_data(4)
    with pytest.raises(ModelError, match="more than 2 degrees of freedom"):
        wb.eta.StudentT(2.0)
    with pytest.raises(ModelError, match="is normal: leave eta= out"):
        wb.eta.StudentT(1e6)
    with pytest.raises(ModelError, match=r"wb\.eta\.BoxCox"):
        wb.LogNormal(1.0, iiv=0.3, eta=0.5)
    with pytest.raises(UnknownNameError, match="boxcox"):
        wb.Model.from_dict(
            {
                **cases.oral_model().to_dict(),
                "parameters": {
                    **cases.oral_model().to_dict()["parameters"],
                    "ka": {"distribution": "lognormal", "typical": 1, "eta": {"kind": "boxcos"}},
                },
            }
        )
    with pytest.raises(EstimationError, match="random effect of ka is not"):
        wb.fit(shaped("ka", SHAPES["boxcox"]), data, method="two_stage")
    with pytest.raises(EstimationError, match="its typical value would be biased"):
        wb.fit(shaped("ka", SHAPES["boxcox"]), data, method="its")


def test_models_with_shapes_are_compared():
    """The start of a shape does not matter; a held one is a restriction, another kind is none."""
    from workbench.workflows._nesting import nesting

    free, moved = shaped("ka", wb.eta.BoxCox(0.5)), shaped("ka", wb.eta.BoxCox(0.9))
    assert nesting(free, moved).restrictions == ()
    held = nesting(shaped("ka", wb.eta.BoxCox(wb.Fixed(0.5))), free)
    assert [r.words for r in held.restrictions] == ["shape[ka] = 0.5"]
    assert "another shape" in nesting(cases.oral_model("proportional"), free).reason
    assert "fixed at 0.5" in nesting(free, shaped("ka", wb.eta.BoxCox(wb.Fixed(0.5)))).reason


def linear_model(coefficient=0.012):
    effect = wb.covariate.Linear("WT", reference=70, coefficient=coefficient)
    model = cases.oral_model("proportional")
    own = replace(model.parameters["cl"], covariates=(effect,))
    return model.replace(parameters={**model.parameters, "cl": own})


@pytest.mark.parametrize("method", ["fo", "focei", "laplace"])
def test_gradient_of_a_linear_effect_on_a_log_normal_parameter(method):
    check_gradient(linear_model(), cases.covariate_data(4), method)


def test_a_linear_effect_multiplies():
    """1e-13, by hand."""
    data = cases.covariate_data()
    fit = wb.evaluate(linear_model(), data, method="focei")
    factor = 1 + 0.012 * (data.covariates["WT"].to_numpy() - 70)
    expected = 2.5 * factor * np.exp(fit.etas["cl"].to_numpy())
    np.testing.assert_allclose(fit.individual_parameters["cl"], expected, rtol=1e-13)


def test_a_factor_that_is_not_positive_is_refused():
    with pytest.raises(ModelError, match=r"multiplies by 1 \+ β .* positive.*Let β be above"):
        wb.evaluate(linear_model(-0.5), cases.covariate_data(), method="focei")


@pytest.mark.parametrize("method", ["focei", "saem"])
def test_known_linear_effect(method):
    """80 subjects, weights from 50 to 95: within 3 SE."""
    frame = cases.iv_frame(80, times=(0.5, 2, 5, 9, 14, 20, 30))
    weight = np.linspace(50, 95, 80)[np.unique(frame["ID"], return_inverse=True)[1]]
    design = wb.read_dataset(pd.DataFrame({**frame, "WT": weight}), name="weights")
    effect = wb.covariate.Linear("WT", reference=70, coefficient=0.015)
    base = cases.iv_model("combined2")
    own = replace(base.parameters["cl"], covariates=(effect,))
    truth = base.replace(parameters={**base.parameters, "cl": own})
    data = wb.read_dataset(cases.drawn(truth, design, seed=3), name="simulated")
    start = replace(own, covariates=(effect.with_values([0.0]),))
    fit = wb.fit(truth.replace(parameters={**base.parameters, "cl": start}), data, method=method)
    assert fit.verdict == "converged", fit.reasons
    row = fit.parameters.loc["beta[cl,WT]"]
    assert abs(row["estimate"] - 0.015) < 3 * row["se"]
    assert row["se"] < 0.004


@pytest.mark.parametrize("shape", SHAPES)
def test_the_density_integrates_to_one(shape):
    """Trapezia over what ±4 SD of eta become: 2e-3."""
    from workbench.diagnostics import population_density

    fit = wb.evaluate(shaped("ka", SHAPES[shape]), cases.oral_data(4), method="focei")
    table = population_density.table(fit)
    rows = table[table["parameter"] == "ka"]
    assert np.trapezoid(rows["density"], rows["value"]) == pytest.approx(1.0, abs=2e-3)

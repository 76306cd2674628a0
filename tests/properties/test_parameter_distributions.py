"""Parameters between bounds: against equations that say the same, and known truth."""

import numpy as np
import pytest
from scipy.stats import norm

import workbench as wb
from tests import cases
from tests.objectives import check_gradient

LOW, HIGH = 5.0, 60.0
LINKS = {
    "logitnormal": (wb.LogitNormal, lambda p: np.log(p / (1 - p)), "1/(1 + exp(-x))"),
    "probitnormal": (wb.ProbitNormal, norm.ppf, "phi(x)"),
}
EQUATIONS = """
v = {low} + {width}*{share}
d/dt(central) = -cl/v*central
cp = central/v
"""


def bounded(name, typical=20.0, iiv=0.5, effects=(), correlations=()):
    make = LINKS[name][0]
    parameters = {
        "cl": wb.LogNormal(3.0, iiv=0.3),
        "v": make(typical, iiv=iiv, lower=LOW, upper=HIGH, covariates=effects),
    }
    return wb.Model(
        "pk_1cmt_iv", parameters, error=cases.error("combined2"), correlations=correlations
    )


def by_equations(name, typical=20.0, iiv=0.5):
    _, link, share = LINKS[name]
    text = EQUATIONS.format(low=LOW, width=HIGH - LOW, share=share)
    parameters = {
        "cl": wb.LogNormal(3.0, iiv=0.3),
        "x": wb.Normal(float(link((typical - LOW) / (HIGH - LOW))), iiv=iiv),
    }
    structure = wb.equations(text, outputs=["cp"], solver=wb.Solver(rtol=1e-11, atol=1e-12))
    return wb.Model(structure, parameters, error=cases.error("combined2"))


@pytest.mark.parametrize("method", ["fo", "focei", "laplace"])
def test_logit_normal_against_equations(method):
    """1e-6: the ODE solver's 1e-11 over the whole likelihood; laplace has second derivatives."""
    data = cases.iv_data(4)
    one = wb.evaluate(bounded("logitnormal"), data, method=method)
    other = wb.evaluate(by_equations("logitnormal"), data, method=method)
    assert one.ofv == pytest.approx(other.ofv, abs=1e-6)
    np.testing.assert_allclose(one.etas["v"], other.etas["x"], atol=1e-6)


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("method", ["foce", "focei", "laplace"])
def test_gradient_equals_differences(name, method):
    check_gradient(bounded(name, correlations={("cl", "v"): 0.3}), cases.iv_data(4), method)


@pytest.mark.parametrize("name", LINKS)
def test_individual_parameters_by_hand(name):
    """1e-12; the effect of a covariate is added to the logit or probit."""
    data = cases.covariate_data()
    effect = wb.covariate.Power("WT", reference=70, exponent=0.4)
    parameters = dict(cases.oral_model().parameters)
    parameters["v"] = LINKS[name][0](20.0, iiv=0.5, lower=LOW, upper=HIGH, covariates=[effect])
    fit = wb.evaluate(cases.oral_model().replace(parameters=parameters), data, method="focei")
    _, link, _ = LINKS[name]
    x = link((20.0 - LOW) / (HIGH - LOW)) + 0.4 * np.log(data.covariates["WT"] / 70)
    x = x.to_numpy() + fit.etas["v"].to_numpy()
    share = norm.cdf(x) if name == "probitnormal" else 1 / (1 + np.exp(-x))
    expected = LOW + (HIGH - LOW) * share
    np.testing.assert_allclose(fit.individual_parameters["v"], expected, rtol=1e-12)


@pytest.fixture(scope="module")
def simulated():
    """80 subjects, v logit-normal about 20 between 5 and 60."""
    truth = bounded("logitnormal", 20.0, 0.6)
    design = cases.iv_data(80, times=(0.5, 2, 5, 9, 14, 20, 30))
    return truth, wb.read_dataset(cases.drawn(truth, design, seed=1), name="simulated")


@pytest.mark.parametrize("method", ["focei", "saem"])
def test_known_truth(simulated, method):
    """From 35 and an SD of 1: within 3 SE; the interval of v on the logit scale."""
    _, data = simulated
    start = bounded("logitnormal", 35.0, 1.0)
    fit = wb.fit(start, data, method=method)
    assert fit.verdict == "converged", fit.reasons
    table = fit.parameters
    true = np.array([3.0, 20.0, 0.09, 0.36])
    away = (table["estimate"].iloc[:4] - true) / table["se"].iloc[:4]
    assert away.abs().max() < 3.0, away
    assert np.isnan(table.loc["omega[v]", "cv_percent"])
    assert table.loc["omega[v]", "sd"] == pytest.approx(np.sqrt(table.loc["omega[v]", "estimate"]))
    v = table.loc["v"]

    def logit(x):
        return np.log((x - LOW) / (HIGH - x))

    ends = np.array([logit(v["lower"]), logit(v["upper"])]) - logit(v["estimate"])
    half = 1.959964 * v["se"] * (HIGH - LOW) / ((v["estimate"] - LOW) * (HIGH - v["estimate"]))
    np.testing.assert_allclose(ends, [-half, half], rtol=1e-6)


def test_density_integrates_to_one(simulated):
    """Trapezia over ±4 SD: 1e-3."""
    from workbench.diagnostics import population_density

    truth, data = simulated
    fit = wb.evaluate(truth, data, method="focei")
    table = population_density.table(fit)
    rows = table[table["parameter"] == "v"]
    assert rows["value"].between(LOW, HIGH).all()
    assert np.trapezoid(rows["density"], rows["value"]) == pytest.approx(1.0, abs=1e-3)


def test_card_and_python_both_ways():
    model = bounded("probitnormal", effects=[wb.covariate.Linear("WT", reference=70)])
    assert wb.Model.from_json(model.to_json()) == model
    assert eval(model.python(), {"wb": wb}) == model  # noqa: S307 our own text
    lines = [latex for section, latex in model.equations() if section == "Individual parameters"]
    assert r"\Phi^{-1}\left(\frac{{V}_i -5}{55}\right)" in lines[1]


def test_random_starts_stay_between_the_bounds():
    from workbench.workflows.multistart import random_start

    model = bounded("logitnormal")
    found = [random_start(model, k, seed=1, spread=8, iiv_spread=2) for k in range(50)]
    values = [m.parameters["v"].typical for m in found]
    assert LOW < min(values) < 12
    assert 40 < max(values) < HIGH

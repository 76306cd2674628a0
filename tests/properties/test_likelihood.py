"""What must hold of every objective whatever the numbers: exact gradients, purity, invariance."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests import cases, naive
from tests.objectives import check_gradient, likelihood
from workbench.estimation import estimators
from workbench.models.residual import error_models
from workbench.problem import Problem

METHODS = ("fo", "foce", "focei")
BLOCKS = {
    "diagonal": {},
    "block": {("cl", "v"): 0.4},
    "full": {("ka", "cl"): -0.2, ("ka", "v"): 0.3, ("cl", "v"): 0.4},
}
DISTRIBUTIONS = {
    "log-normal": ("lognormal",) * 3,
    "normal": ("normal",) * 3,
    "mixed": ("normal", "lognormal", "normal"),
}


@pytest.fixture(scope="module")
def data():
    return cases.oral_data()


def stacked(frames):
    return pd.concat(frames, ignore_index=True)


# --- gradients -------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("error", error_models.names())
@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_gradient_is_that_of_the_objective(data, method, error, block, distribution):
    model = cases.oral_model(
        error, distributions=DISTRIBUTIONS[distribution], correlations=BLOCKS[block]
    )
    check_gradient(model, data, method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("error", error_models.names())
def test_gradient_when_parameters_lack_random_effects(data, method, error):
    check_gradient(cases.oral_model(error, iiv=(0.0, 0.3, 0.0)), data, method)


@pytest.mark.parametrize("method", METHODS)
def test_gradient_with_fixed_parts(data, method):
    model = wb.Model(
        "pk_1cmt_oral",
        {
            "ka": wb.LogNormal(wb.Fixed(1.4), iiv=0.5),
            "cl": wb.LogNormal(2.5, iiv=wb.Fixed(0.3)),
            "v": wb.LogNormal(30.0, iiv=0.2),
        },
        error=cases.error("combined2", fixed=("additive",)),
    )
    assert Problem(model, data).space.n_free == 5
    check_gradient(model, data, method)


@pytest.mark.parametrize("method", METHODS)
def test_gradient_with_a_negative_slope_of_combined1(data, method):
    """SD = a + b·f with b < 0, as NONMEM's W = a + b·F may come out."""
    model = cases.oral_model("combined1").replace(error=cases.error("combined1", (0.8, -0.05)))
    check_gradient(model, data, method)


# --- naive twins -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("error", error_models.names())
@pytest.mark.parametrize("block", BLOCKS)
def test_objective_against_the_naive_twin(data, method, error, block):
    """1e-10: both modes are found to rounding."""
    model = cases.oral_model(error, correlations=BLOCKS[block])
    fit = wb.evaluate(model, data, method=method)
    jacobian = [-2 * naive.log_jacobian(error, s.y) for s in naive.subjects(model, data)]
    np.testing.assert_allclose(
        fit.individual_ofv, naive.ofv(model, data, method) + jacobian, rtol=0, atol=1e-10
    )
    assert fit.ofv == pytest.approx(fit.individual_ofv.sum(), rel=1e-14)
    assert fit.m2ll == pytest.approx(fit.ofv + data.n_obs * np.log(2 * np.pi), rel=1e-14)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("error", error_models.names())
def test_residuals_against_the_naive_twin(data, method, error):
    """1e-9: scipy's matrix square root loses a few digits more than the objective.

    CWRESI expands the variance to second order: of power error its expectation is not exact.
    """
    model = cases.oral_model(error, correlations=BLOCKS["block"])
    table = wb.evaluate(model, data, method=method).predictions
    twins = naive.subjects(model, data)
    interaction = method == "focei"
    expected = {
        "WRES": [s.wres() for s in twins],
        "CWRES": [s.cwres(interaction) for s in twins],
        "CWRESI": [s.cwresi(interaction) for s in twins],
        "IWRES": [s.iwres(interaction) for s in twins],
    }
    for column, parts in expected.items():
        expanded = column == "CWRESI" and error.endswith("power")
        atol = 2e-3 if expanded else 1e-9
        np.testing.assert_allclose(table[column], np.concatenate(parts), rtol=0, atol=atol)


# --- purity ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_the_objective_depends_on_its_arguments_alone(data, method):
    """Bit for bit: cold, repeated, after other evaluations, on two threads."""
    model = cases.oral_model("combined2", correlations=BLOCKS["block"])
    target = likelihood(model, data, method)
    x = target.problem.space.start + 0.1
    value, gradient = target(x)
    for other in (x + 0.7, x - 0.5, x):
        again, gradient_again = target(other)
    assert again == value
    np.testing.assert_array_equal(gradient_again, gradient)
    cold, cold_gradient = likelihood(model, data, method, threads=2)(x)
    assert cold == value
    np.testing.assert_array_equal(cold_gradient, gradient)


@pytest.mark.parametrize("method", METHODS)
def test_a_subject_knows_nothing_of_the_others(data, method):
    model = cases.oral_model("combined1")
    whole = wb.evaluate(model, data, method=method)
    frame = cases.oral_frame()
    order = [4, 1, 6, 3, 2, 5]
    shuffled = wb.read_dataset(stacked([frame[frame["ID"] == i] for i in order]), name="shuffled")
    other = wb.evaluate(model, shuffled, method=method)
    assert list(other.individual_ofv.index) == order
    for label in data.subjects:
        assert other.individual_ofv[label] == whole.individual_ofv[label]
        np.testing.assert_array_equal(other.etas.loc[label], whole.etas.loc[label])
    alone = wb.evaluate(model, data.select([3]), method=method)
    assert alone.individual_ofv[3] == whole.individual_ofv[3]


@pytest.mark.parametrize("method", METHODS)
def test_a_fit_is_the_same_on_two_threads(method):
    data = cases.iv_data(12)
    one = wb.fit(cases.iv_model("proportional"), data, method=method, threads=1)
    two = wb.fit(cases.iv_model("proportional"), data, method=method, threads=2)
    assert one.ofv == two.ofv
    np.testing.assert_array_equal(one.parameters["estimate"], two.parameters["estimate"])
    np.testing.assert_array_equal(one.parameters["se"], two.parameters["se"])


@pytest.mark.parametrize("method", METHODS)
def test_duplicating_every_subject_doubles_the_ofv(method):
    """1e-14: the same numbers in a longer sum."""
    frame = cases.oral_frame()
    copy = frame.assign(ID=frame["ID"] + 100)
    once = wb.evaluate(cases.oral_model(), cases.oral_data(), method=method)
    twice = wb.read_dataset(stacked([frame, copy]), name="twice")
    both = wb.evaluate(cases.oral_model(), twice, method=method)
    assert both.ofv == pytest.approx(2 * once.ofv, rel=1e-14)


# --- doses and units -------------------------------------------------------------------------


def test_doses_superpose():
    """A subject's prediction after two doses is the sum of those after each; 1e-14."""
    frame = cases.oral_frame(3)
    frame = frame[frame["ID"] == 3].reset_index(drop=True)  # depot bolus, then an infusion
    dose = frame["EVID"] == 1
    assert dose.sum() == 2
    parameters = cases.oral_model().replace(error=cases.error("additive"))

    def predicted(rows):
        fit = wb.evaluate(parameters, wb.read_dataset(rows, name="part"))
        return fit.predictions["PRED"].to_numpy()

    parts = [predicted(frame.drop(index=frame.index[dose][k])) for k in (0, 1)]
    np.testing.assert_allclose(predicted(frame), parts[0] + parts[1], rtol=1e-14)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("error", error_models.names())
def test_time_in_minutes_leaves_the_ofv(method, error):
    """Rates per minute are rates per hour / 60; 1e-10 for rounding."""
    hours = cases.oral_frame()
    minutes = hours.assign(TIME=hours["TIME"] * 60, RATE=hours["RATE"] / 60)
    model = cases.oral_model(error)
    slower = {
        name: wb.LogNormal(p.typical / (1 if name == "v" else 60), iiv=p.iiv)
        for name, p in model.parameters.items()
    }
    a = wb.evaluate(model, cases.oral_data(), method=method)
    b = wb.evaluate(
        model.replace(parameters=slower), wb.read_dataset(minutes, name="min"), method=method
    )
    assert b.ofv == pytest.approx(a.ofv, abs=1e-10)
    np.testing.assert_allclose(b.predictions["CWRES"], a.predictions["CWRES"], atol=1e-10)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("error", error_models.names())
def test_concentration_units_shift_m2ll_by_their_jacobian(method, error):
    """Densities scale: DV and f times 1000 add 2·n·log 1000, whatever the error model."""
    frame = cases.oral_frame()
    scaled = wb.read_dataset(frame.assign(DV=frame["DV"] * 1000), name="ug")
    model = cases.oral_model(error)
    sigma = [
        value * (1000 if unit == "{DV}" else 1)
        for value, unit in zip(model.error.values, error_models.get(error).units, strict=True)
    ]
    if error.endswith("power"):  # a·f^c: the unit of a depends on c
        sigma[-2] *= 1000 ** (1 - sigma[-1])
    smaller = {"cl": wb.LogNormal(0.0025, iiv=0.3), "v": wb.LogNormal(0.030, iiv=0.2)}
    other = model.replace(
        parameters={**model.parameters, **smaller}, error=cases.error(error, tuple(sigma))
    )
    data = cases.oral_data()
    a = wb.evaluate(model, data, method=method)
    b = wb.evaluate(other, scaled, method=method)
    shift = 2 * data.n_obs * np.log(1000)
    assert b.m2ll == pytest.approx(a.m2ll + shift, abs=1e-9)
    assert b.ofv == pytest.approx(a.ofv + shift, abs=1e-9)


# --- limits ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("error", error_models.names())
def test_without_variability_the_likelihood_is_the_pooled_one(data, method, error):
    """omega → 0: the difference is of the order of omega² (1e-12) times curvatures of 1e3."""
    pooled = naive.pooled_m2ll(cases.oral_model(error), data)
    tiny = cases.oral_model(error, iiv=(1e-6, 1e-6, 1e-6))
    assert wb.evaluate(tiny, data, method=method).m2ll == pytest.approx(pooled, abs=1e-7)
    none = cases.oral_model(error, iiv=(0.0, 0.0, 0.0))
    assert wb.evaluate(none, data, method=method).m2ll == pytest.approx(pooled, abs=1e-10)


@pytest.mark.parametrize("error", error_models.names())
def test_all_methods_meet_the_exact_marginal_as_variability_shrinks(error):
    """What the linearisations leave out is of the order of omega² (quadrature is exact here).

    From SD 0.002 to 0.0004 the difference falls 25-fold; 15-fold is asked for, to leave room for
    higher orders, and 1e-6 for rounding. (With proportional error FOCEI is not yet in that regime
    at SD 0.02, where kernel and naive twin agree: it misses 0.0168, at 0.004 0.0032, at 0.001
    0.0002.)
    """
    data = cases.iv_data(5, cl=(3.0, 0.1), v=(20.0, 0.1), sd=0.1)
    missing = {method: [] for method in METHODS}
    for size in (0.002, 0.0004):
        model = cases.iv_model(error, cl=(3.0, size), v=(20.0, size))
        twins = naive.subjects(model, data)
        exact = sum(s.exact(30) - 2 * naive.log_jacobian(error, s.y) for s in twins)
        for method in METHODS:
            missing[method].append(abs(wb.evaluate(model, data, method=method).ofv - exact))
    for large, small in missing.values():
        assert small <= large / 15 + 1e-6


@pytest.mark.parametrize("effect", ["cl", "v"])
def test_linear_gaussian_case_is_exact(effect):
    r"""log f = log D − log v − (cl/v)·t is linear in a normal cl; at t = 0 in a log-normal v too.

    Under log-normal error the modelled residual then is linear in eta, and FO, FOCE and FOCEI are
    all the exact Gaussian marginal, here computed densely; 1e-9 for rounding.
    """
    data = cases.iv_data(8)
    parameters = {"cl": wb.Normal(3.0, iiv=0.8), "v": wb.LogNormal(20.0)}
    if effect == "v":
        data = wb.read_dataset(cases.iv_frame(8, times=(0.0,)), name="at zero")
        parameters = {"cl": wb.Normal(3.0), "v": wb.LogNormal(20.0, iiv=0.3)}
    model = wb.Model("pk_1cmt_iv", parameters, error=cases.error("lognormal"))
    total = 0.0
    for s in naive.subjects(model, data):
        zero = np.zeros(1)
        g = s.slopes(s.h, zero)
        c = g @ s.omega @ g.T + np.diag(s.v(zero))
        r = np.log(s.y) - s.h(zero)
        total += r @ np.linalg.solve(c, r) + np.linalg.slogdet(2 * np.pi * c)[1]
        total += 2 * np.sum(np.log(s.y))
    for method in METHODS:
        assert wb.evaluate(model, data, method=method).m2ll == pytest.approx(total, abs=1e-9)


def test_foce_is_focei_when_the_variance_does_not_depend_on_f(data):
    for error in ("additive", "lognormal"):
        model = cases.oral_model(error)
        a, b = (wb.evaluate(model, data, method=m) for m in ("foce", "focei"))
        assert a.ofv == b.ofv


def test_combined_errors_reduce_to_their_parts(data):
    """b = 0 is additive; a = 1e-9 is proportional to the order of a (combined 1: 2a/(b·f))."""
    model = cases.oral_model("additive")
    additive = wb.evaluate(model, data).ofv
    combined = model.replace(error=cases.error("combined1", (0.4, 0.0)))
    assert wb.evaluate(combined, data).ofv == pytest.approx(additive, abs=1e-10)
    proportional = wb.evaluate(model.replace(error=cases.error("proportional")), data).ofv
    for name in ("combined1", "combined2"):
        combined = model.replace(error=cases.error(name, (1e-9, 0.15)))
        assert wb.evaluate(combined, data).ofv == pytest.approx(proportional, abs=1e-5)


def test_power_error_reduces_to_additive_and_proportional(data):
    for exponent, other in ((0.0, "additive"), (1.0, "proportional")):
        model = cases.oral_model(other)
        power = model.replace(error=cases.error("power", (model.error.values[0], exponent)))
        expected = wb.evaluate(model, data).ofv
        assert wb.evaluate(power, data).ofv == pytest.approx(expected, abs=1e-10)


def test_every_estimator_is_tested_here():
    with_objective = [name for name in estimators.names() if estimators.get(name).minimises]
    # Quadrature has its twin and limits in test_quadrature.py; the exact method its outside
    # tools in reference/test_linear_mixed.py; without random effects FO is exact.
    elsewhere = {"laplace", "agq", "linear", "pooled"}
    assert set(METHODS) | elsewhere == set(with_objective)

"""A fit is called converged only when it is, and otherwise the reason has a name in it."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests import cases
from workbench.core.optimize import Minimum
from workbench.core.status import Status
from workbench.estimation._uncertainty import Uncertainty
from workbench.estimation._verdict import doubted, judge
from workbench.problem import Problem


def made(cl, v, noise=0.1, seed=1):
    """One bolus per subject with the given individual parameters."""
    rng = np.random.default_rng(seed)
    parts = []
    for i, (one_cl, one_v) in enumerate(zip(cl, v, strict=True), start=1):
        part = cases.iv_frame(1, cl=(one_cl, 0.0), v=(one_v, 0.0), sd=0.0)
        dv = part["DV"] * np.exp(noise * rng.standard_normal(len(part)))
        parts.append(part.assign(ID=i, DV=dv))
    return wb.read_dataset(pd.concat(parts, ignore_index=True), name="made")


def reason(fit, *words):
    """Return the only reason that holds all the words."""
    found = [text for text in fit.reasons if all(word in text for word in words)]
    assert len(found) == 1, fit.reasons
    return found[0]


# --- whole fits ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", cases.METHODS)
@pytest.mark.parametrize("limit", [0, 1, 2, 4])
def test_the_iteration_limit_is_said_and_is_not_convergence(method, limit):
    start = cases.iv_model("proportional", cl=(6.0, 0.5), v=(9.0, 0.5), sigma=(0.5,))
    fit = wb.fit(start, cases.iv_data(), method=method, max_iter=limit)
    assert fit.verdict == "doubtful"
    assert "max_iter" in reason(fit, f"limit of {limit} iterations")
    assert len(fit.trace) <= limit + 1


def test_a_fit_that_has_settled_is_converged_with_its_evidence():
    fit = wb.fit(cases.iv_model("proportional"), cases.iv_data())
    assert fit.verdict == "converged"
    assert f"{len(fit.trace) - 1} iterations" in reason(fit, "gradient")


@pytest.mark.parametrize("method", cases.METHODS)
def test_variances_of_identical_subjects_go_to_zero_and_are_named(method):
    one = made([3.0], [20.0]).table.drop(columns="ROW")
    data = wb.read_dataset(pd.concat([one.assign(ID=i) for i in range(1, 9)]), name="one, 8 times")
    fit = wb.fit(cases.iv_model("lognormal"), data, method=method)
    assert fit.verdict == "doubtful"
    for name in ("cl", "v"):
        assert "Drop this random effect" in reason(fit, f"variance of eta on {name} went to zero")
        assert fit.parameters.loc[f"omega[{name}]", "sd"] < 1e-3


def test_only_the_variance_that_vanished_is_named():
    """Subjects differ in v alone; their noise is the same, so nothing is left for cl."""
    rng = np.random.default_rng(3)
    v = 20.0 * np.exp(0.3 * rng.standard_normal(10))
    parts = [made([3.0], [each]).table.assign(ID=i) for i, each in enumerate(v, 1)]
    data = wb.read_dataset(pd.concat(parts).drop(columns="ROW"), name="one clearance")
    fit = wb.fit(cases.iv_model("lognormal"), data)
    assert fit.verdict == "doubtful"
    reason(fit, "variance of eta on cl went to zero")
    assert not any("eta on v" in text for text in fit.reasons)
    assert fit.parameters.loc["omega[v]", "sd"] == pytest.approx(np.std(np.log(v)), rel=0.05)


def test_a_correlation_that_goes_to_one_is_named():
    shared = np.random.default_rng(2).standard_normal(15)
    data = made(3.0 * np.exp(0.4 * shared), 20.0 * np.exp(0.3 * shared), noise=0.02)
    fit = wb.fit(cases.iv_model("lognormal", correlations=[("cl", "v")]), data)
    assert fit.verdict == "doubtful"
    assert "the boundary" in reason(fit, "correlation [cl,v] went to")


def test_four_subjects_and_a_full_block_end_in_words():
    """A variance near zero beside others made omega singular to rounding, and the fit raise."""
    pairs = dict.fromkeys([("ka", "cl"), ("ka", "v"), ("cl", "v")], 0.2)
    fit = wb.fit(cases.oral_model("additive", correlations=pairs), cases.oral_data(4, seed=0))
    assert fit.verdict == "doubtful"
    # Rounding decides which pair of the three comes to the boundary first.
    assert any("correlation [" in said and "the boundary" in said for said in fit.reasons)
    assert fit.final_model.etas == ("ka", "cl", "v")


def test_a_part_of_the_residual_error_that_is_not_needed_is_named():
    """Noise below 2 mg/L only: whatever grows with the concentration is not there."""
    rng = np.random.default_rng(4)
    frame = cases.iv_frame(20, sd=0.0)
    noise = 0.2 * rng.standard_normal(len(frame)) * (frame["DV"] < 2.0)
    data = wb.read_dataset(frame.assign(DV=frame["DV"] + noise), name="noise far down")
    fit = wb.fit(cases.iv_model("combined2"), data)
    assert fit.verdict == "doubtful"
    assert "simpler error model" in reason(fit, "sigma[proportional] went to zero")


def test_a_variance_that_vanishes_inside_a_block_ends_the_fit_in_words():
    """Omega then has eigenvalues far apart; the model of the estimates must still be made."""
    one = made([3.0], [20.0]).table.drop(columns="ROW")
    data = wb.read_dataset(pd.concat([one.assign(ID=i) for i in range(1, 9)]), name="one, 8 times")
    fit = wb.fit(cases.iv_model("lognormal", correlations={("cl", "v"): 0.4}), data)
    assert fit.verdict == "doubtful"
    reason(fit, "eta on cl went to zero")
    assert fit.final_model.etas == ("cl", "v")


@pytest.mark.parametrize("method", cases.METHODS)
def test_a_parameter_that_the_data_do_not_inform_is_named(method):
    """Concentrations at time zero say nothing of clearance."""
    data = cases.iv_data(12, times=(0.0,))
    parameters = {"cl": wb.LogNormal(3.0), "v": wb.LogNormal(20.0)}
    model = wb.Model("pk_1cmt_iv", parameters, error=wb.error.LogNormal(0.2))
    fit = wb.fit(model, data, method=method)
    assert fit.verdict == "doubtful"
    assert "do not inform" in reason(fit, "hardly changes with cl,")
    assert fit.parameters["se"].isna().all()
    assert fit.theta["cl"] == pytest.approx(3.0)


def test_two_parameters_that_cannot_be_told_apart_are_named():
    """One observation per subject: only the sum of omega[v] and the residual variance shows."""
    data = cases.iv_data(30, times=(0.0,), v=(20.0, 0.4))
    parameters = {"cl": wb.LogNormal(wb.Fixed(3.0)), "v": wb.LogNormal(20.0, iiv=0.3)}
    fit = wb.fit(wb.Model("pk_1cmt_iv", parameters, error=wb.error.LogNormal(0.2)), data)
    assert fit.verdict == "doubtful"
    reason(fit, "omega[v]", "sigma[sd]", "do not inform")


# --- the judge alone -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def problem():
    return Problem(cases.iv_model("additive"), cases.iv_data(5))


def judged(
    problem, reason="converged", *, status=(), estimate=True, value=10.0, unknown="", **known
):
    """Judge a made-up end of a search."""
    n = problem.space.n_free
    minimum = Minimum(problem.space.start, value, np.zeros((5, n)), 9, 12, 1e-12, reason)
    se = np.full(n, np.nan)
    numbers = {"decrement": 1e-9, "condition_number": 10.0, **known}
    uncertain = Uncertainty(pd.DataFrame(), se, **numbers, problem=unknown)
    out = SimpleNamespace(status=np.zeros(5, dtype=np.int64))
    for i, code in status:
        out.status[i] = code
    modes = SimpleNamespace(status=np.zeros(5, dtype=np.int64))
    options = SimpleNamespace(max_iter=9)
    return judge(problem, minimum, uncertain, out, modes, options, estimate=estimate)


def test_no_objection_is_convergence(problem):
    verdict = judged(problem)
    assert verdict.verdict == "converged"
    assert "9 iterations" in verdict.reasons[0]
    assert verdict.warnings == ()


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ({"reason": "max_iter"}, "limit of 9 iterations"),
        ({"reason": "cancelled"}, "on request after 9 iterations"),
        ({"reason": "no_descent"}, "no lower objective"),
        ({"decrement": 0.01}, "promises a decrease of 0.01"),
        ({"unknown": "The objective hardly changes with cl."}, "hardly changes with cl"),
        ({"status": [(1, Status.MAX_ITER), (4, Status.MAX_ITER)]}, "ID 2, 5: The search"),
        ({"status": [(2, Status.NOT_FINITE)]}, "ID 3: A prediction"),
    ],
)
def test_every_objection_is_a_doubt_in_words(problem, case, words):
    verdict = judged(problem, **case)
    assert verdict.verdict == "doubtful"
    assert words in " ".join(verdict.reasons)


def test_a_negative_sd_at_the_end_is_a_doubt(problem):
    verdict = doubted(judged(problem), ["The SD of c is negative at row 3"])
    assert verdict.verdict == "doubtful"
    assert verdict.reasons[0].startswith("The SD of c is negative at row 3. The likelihood has")
    earlier = judged(problem, reason="max_iter")
    assert doubted(earlier, ["The SD …"]).reasons[:-1] == earlier.reasons
    assert doubted(earlier, []) is earlier


def test_an_sd_that_is_negative_at_the_given_values_is_said():
    model = cases.iv_model().replace(error=wb.error.Combined(0.1, -0.05, kind=1))
    at = wb.evaluate(model, cases.iv_data(3))
    assert at.verdict == "doubtful"
    reason(at, "SD of the residual error", "negative")


def test_an_objective_that_is_not_finite_is_a_failure(problem):
    assert judged(problem, value=np.nan).verdict == "failed"


def test_estimates_that_are_nearly_interchangeable_are_a_warning(problem):
    verdict = judged(problem, condition_number=5000.0)
    assert verdict.verdict == "converged"
    assert "5e+03" in verdict.warnings[0]


def test_an_unfinished_search_says_nothing_about_what_the_data_inform(problem):
    verdict = judged(problem, "cancelled", unknown="The objective hardly changes with cl.")
    assert len(verdict.reasons) == 1

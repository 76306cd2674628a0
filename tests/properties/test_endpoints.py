"""Several outputs, each with its own residual error: what must hold of the likelihood."""

import numpy as np
import pytest

import workbench as wb
from tests import cases, naive, outputs
from tests.objectives import check_gradient, likelihood
from workbench.problem import Problem

METHODS = ("fo", "foce", "focei")
PAIRS = (
    ("lognormal", "combined1"),
    ("combined1", "lognormal"),
    ("additive", "proportional"),
    ("combined2", "combined2"),
)


def pooled(frame):
    """The same rows without DVID: all observations of one endpoint."""
    return wb.read_dataset(frame.drop(columns="DVID"), name="pooled")


# --- reductions to one endpoint --------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("error", cases.ERRORS)
def test_the_same_quantity_twice_is_one_endpoint(method, error):
    """Both outputs are the concentration, with the same error: the split changes no term."""
    frame = outputs.frame("same")
    model = outputs.model("same", outputs.error(error), outputs.error(error))
    two = wb.evaluate(model, wb.read_dataset(frame, name="two"), method=method)
    one = wb.evaluate(cases.iv_model(error), pooled(frame), method=method)
    np.testing.assert_allclose(two.individual_ofv, one.individual_ofv, rtol=0, atol=1e-12)
    columns = ["PRED", "IPRED", "RES", "IRES", "WRES", "IWRES", "CWRES", "CWRESI"]
    np.testing.assert_allclose(two.predictions[columns], one.predictions[columns], atol=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_gradients_of_equal_errors_sum_to_that_of_one(method):
    frame = outputs.frame("same")
    model = outputs.model("same", outputs.error("combined2"), outputs.error("combined2"))
    two = likelihood(model, wb.read_dataset(frame, name="two"), method)
    one = likelihood(cases.iv_model("combined2"), pooled(frame), method)
    by_two = two(two.problem.space.start)[1]
    by_one = one(one.problem.space.start)[1]
    names = [e.name for e in two.problem.space.entries if not e.fixed]
    assert names[-4:] == [
        f"sigma[{output}.{part}]"
        for output in ("cp", "effect")
        for part in ("additive", "proportional")
    ]
    np.testing.assert_allclose(by_two[:, :4], by_one[:, :4], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(by_two[:, 4:6] + by_two[:, 6:], by_one[:, 4:], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("pair", PAIRS)
def test_endpoints_that_share_no_random_effect_add_up(method, pair):
    cp, effect = (outputs.error(name) for name in pair)
    model = outputs.model("apart", cp, effect, e0_iiv=0.25)
    frame = outputs.frame("apart")
    both = wb.evaluate(model, wb.read_dataset(frame, name="both"), method=method)
    alone = []
    for label in (1, 2):
        rows = frame[(frame["EVID"] == 1) | (frame["DVID"] == label)]
        named = model.replace(endpoints={label: outputs.OUTPUTS[label - 1]})
        fit = wb.evaluate(named, wb.read_dataset(rows, name="one"), method=method)
        alone.append(fit.individual_ofv.reindex(both.individual_ofv.index).fillna(0.0))
    np.testing.assert_allclose(both.individual_ofv, alone[0] + alone[1], rtol=0, atol=1e-11)
    rows = frame[(frame["EVID"] == 1) | (frame["DVID"] == 1)]
    plain = wb.evaluate(cases.iv_model(pair[0]), pooled(rows), method=method)
    mine = alone[0][plain.individual_ofv.index]  # one subject has no observation of it
    np.testing.assert_allclose(mine, plain.individual_ofv, rtol=0, atol=1e-11)


# --- gradients and naive twins ---------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("kind", ["log", "apart"])
def test_gradient_is_that_of_the_objective(kind, pair, method):
    cp, effect = (outputs.error(name) for name in pair)
    correlations = {("cl", "v"): 0.3}
    if kind == "apart":
        correlations |= {("cl", "e0"): 0.2, ("v", "e0"): -0.3}
    model = outputs.model(kind, cp, effect, e0_iiv=0.25, correlations=correlations)
    check_gradient(model, outputs.data(kind), method)


@pytest.mark.parametrize("method", METHODS)
def test_gradient_with_fixed_parts_of_one_error(method):
    model = outputs.model(
        "log", cases.error("combined2", fixed=("additive",)), outputs.error("lognormal")
    )
    assert Problem(model, outputs.data("log")).space.n_free == 4 + 2
    check_gradient(model, outputs.data("log"), method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("kind", ["log", "apart"])
def test_objective_and_residuals_against_the_naive_twin(kind, pair, method):
    """1e-9: both modes are found to rounding; scipy's matrix root loses a few digits."""
    cp, effect = (outputs.error(name) for name in pair)
    model = outputs.model(kind, cp, effect, e0_iiv=0.25, correlations={("cl", "v"): 0.3})
    data = outputs.data(kind)
    twins = outputs.twins(model, data, kind)
    fit = wb.evaluate(model, data, method=method)
    expected = [
        s.ofv(method)
        - 2 * sum(naive.log_jacobian(n, s.y[s.which == k]) for k, n in enumerate(pair))
        for s in twins
    ]
    np.testing.assert_allclose(fit.individual_ofv, expected, rtol=0, atol=1e-9)
    interaction = method == "focei"
    residuals = {
        "WRES": [s.wres() for s in twins],
        "CWRES": [s.cwres(interaction) for s in twins],
        "CWRESI": [s.cwresi(interaction) for s in twins],
        "IWRES": [s.iwres(interaction) for s in twins],
    }
    for column, parts in residuals.items():
        np.testing.assert_allclose(
            fit.predictions[column], np.concatenate(parts), rtol=0, atol=1e-8
        )


# --- purity, and the way of the search -------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_the_objective_depends_on_its_arguments_alone(method):
    """Bit for bit: repeated, after other evaluations, on two threads."""
    model = outputs.model("log", outputs.error("combined1"), outputs.error("lognormal"))
    data = outputs.data("log")
    target = likelihood(model, data, method)
    x = target.problem.space.start + 0.1
    value, gradient = target(x)
    for other in (x + 0.5, x):
        again, gradient_again = target(other)
    cold, cold_gradient = likelihood(model, data, method, threads=2)(x)
    assert again == cold == value
    np.testing.assert_array_equal(gradient_again, gradient)
    np.testing.assert_array_equal(cold_gradient, gradient)


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_rows_at_one_time_changes_only_rounding(method):
    """Runs of one endpoint, or alternating ones: the same terms in another order."""
    frame = outputs.frame("log")
    by_endpoint = frame.sort_values(["ID", "TIME", "DVID"], ascending=[True, True, False])
    model = outputs.model("log", outputs.error("combined1"), outputs.error("lognormal"))
    sets = [wb.read_dataset(f.reset_index(drop=True), name="x") for f in (frame, by_endpoint)]
    a, b = (wb.evaluate(model, data, method=method) for data in sets)
    np.testing.assert_allclose(a.individual_ofv, b.individual_ofv, rtol=0, atol=1e-11)


def test_a_fit_finds_both_errors():
    """Simulated with 10 % exponential error on both; Monte-Carlo error of an SD is 1/sqrt(2n)."""
    data = outputs.data("apart", 60)
    model = outputs.model("apart", wb.error.Proportional(0.4), wb.error.LogNormal(0.02), e0_iiv=0.4)
    fit = wb.fit(model, data, method="focei")
    assert fit.verdict == "converged"
    counts = fit.predictions["ENDPOINT"].value_counts()
    for name, output in (("cp.proportional", "cp"), ("effect.sd", "effect")):
        assert fit.sigma[name] == pytest.approx(0.1, rel=4 / np.sqrt(2 * counts[output]))
    assert fit.theta["e0"] == pytest.approx(8.0, rel=4 * 0.25 / np.sqrt(60))
    assert fit.parameters.loc["sigma[effect.sd]", "se"] > 0


# --- what the kernel writes ------------------------------------------------------------------


def test_the_kernel_and_the_problem_write_the_same_table():
    """`table.residual_table` in place, run by run; `Problem.residual_table` by gathering."""
    from workbench.core.packed import make_scratch
    from workbench.core.residuals import KIND, OTHER, SCALED, n_columns
    from workbench.core.table import residual_table

    model = outputs.model("log", outputs.error("combined1"), outputs.error("lognormal"))
    problem = Problem(model, outputs.data("log"))
    values = problem.space.values(problem.space.start)
    f = problem.predict(values.theta, problem.no_etas())
    whole = problem.residual_table(f[:, 0], values.sigma)
    starts = problem.subjects.obs_start
    n_sub, n_eta, n_sigma = problem.n_sub, problem.space.n_eta, len(values.sigma)
    scratch = make_scratch(problem.structure, problem.subjects, 0, n_sub, n_eta, n_sigma)
    for i in range(n_sub):
        rows = slice(starts[i], starts[i + 1])
        mine = np.ascontiguousarray(f[rows])
        mine.flags.writeable = False
        table = np.full((len(mine), whole.shape[1]), np.nan)
        table[:, [KIND, OTHER, SCALED]] = 0.0  # scratch of plain observations, never written
        residual_table(problem.structure, problem.subjects, i, values.sigma, mine, scratch, table)
        np.testing.assert_array_equal(table, whole[rows])
    assert np.isfinite(whole).all()
    cp = problem.outputs == 0
    assert (whole[cp, n_columns(2) :] == 0).all()  # the columns of the lognormal sd
    assert (whole[~cp, n_columns(0) : n_columns(2)] == 0).all()

"""Variability between occasions: objectives, gradients, invariances and known truth."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.linalg

import workbench as wb
from tests import cases, naive
from tests.objectives import check_gradient, likelihood
from workbench.errors import EstimationError, ModelError
from workbench.estimation._imp_options import ImpOptions
from workbench.estimation._imp_search import SampledLikelihood
from workbench.problem import Problem
from workbench.problem.workers import Workers

METHODS = ("fo", "foce", "focei", "laplace")
TIMES = (0.5, 1.0, 2.0, 4.0, 8.0, 23.0)


def frame(counts, times=TIMES):
    """Subjects with so many occasions, each with a dose and samples; DV is still to come."""
    rows = []
    for i, count in enumerate(counts, 1):
        for k in range(count):
            begins = 24.0 * k
            rows.append((i, begins, np.nan, 100.0, 1, f"day {k + 1}"))
            rows += [(i, begins + t, 1.0, 0.0, 0, f"day {k + 1}") for t in times]
    return pd.DataFrame(rows, columns=["ID", "TIME", "DV", "AMT", "EVID", "OCC"])


def model(error=None, *, correlated=True, **parameters):
    known = {
        "ka": wb.LogNormal(1.2, iiv=0.4),
        "cl": wb.LogNormal(3.0, iiv=0.3, iov=0.25),
        "v": wb.LogNormal(30.0, iiv=0.2, iov=0.15),
    }
    pairs = {("cl", "v"): 0.3} if correlated else {}
    return wb.Model(
        "pk_1cmt_oral",
        {**known, **parameters},
        error=error or wb.error.Proportional(0.12),
        correlations=pairs,
        iov_correlations=pairs,
    )


def simulated(truth, rows, seed=1):
    design = wb.read_dataset(rows, name="occasions", design=True)
    drawn = wb.simulate(truth, design, replicates=1, seed=seed)
    rows = rows.copy()
    rows.loc[rows["EVID"] == 0, "DV"] = drawn["DV"].to_numpy()
    return wb.read_dataset(rows, name="occasions")


@pytest.fixture(scope="module")
def data():
    return simulated(model(), frame([2, 1, 3]))


@pytest.mark.parametrize("method", ["fo", "foce", "focei"])
@pytest.mark.parametrize(
    "error", [wb.error.Proportional(0.12), wb.error.Combined(additive=0.1, proportional=0.1)]
)
def test_objective_against_a_hand_coded_twin(data, method, error):
    """1e-8: kappas as effects of their own, predictions record by record."""
    own = model(error)
    labels = dict(enumerate(data.table["OCC"]))
    shifts = {k: {} for k in labels}
    expected = [s.ofv(method) for s in naive.subjects_by_row(own, data, shifts, labels)]
    found = wb.evaluate(own, data, method=method)
    np.testing.assert_allclose(found.individual_ofv, expected, atol=1e-8)


def test_kappas_are_the_modes_of_the_twin(data):
    labels = dict(enumerate(data.table["OCC"]))
    twins = naive.subjects_by_row(model(), data, {k: {} for k in labels}, labels)
    fit = wb.evaluate(model(), data)
    for twin, label in zip(twins, data.subjects, strict=True):
        modes = twin.mode(True)
        np.testing.assert_allclose(fit.etas.loc[label], modes[:3], atol=1e-7)
        own = fit.kappas[fit.kappas["ID"] == label]
        np.testing.assert_allclose(own[["cl", "v"]].to_numpy().ravel(), modes[3:], atol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_gradient_is_that_of_the_objective(data, method):
    check_gradient(model(), data, method)


def test_gradient_of_quadrature(data):
    small = model(correlated=False, ka=wb.LogNormal(1.2), v=wb.LogNormal(30.0, iiv=0.2))
    check_gradient(small, data, "agq", nodes=3)


def test_gradient_of_a_variance_that_is_fixed_and_of_a_parameter_without_eta(data):
    own = model(
        correlated=False,
        cl=wb.LogNormal(3.0, iov=0.25),
        v=wb.LogNormal(30.0, iiv=0.2, iov=wb.Fixed(0.1)),
    )
    check_gradient(own, data, "focei")
    assert [e.fixed for e in Problem(own, data).space.entries if e.kind == "omega_iov"] == [
        False,
        True,
    ]


def test_gradient_by_importance_sampling(data):
    """Fisher's identity; over 20,000 draws against AGQ's: 2 % of the largest element."""
    own = model(correlated=False, ka=wb.LogNormal(1.2), v=wb.LogNormal(30.0, iiv=0.2))
    problem = Problem(own, data)
    with Workers(1, problem.n_sub, problem.n_obs) as workers:
        _, found = SampledLikelihood(problem, ImpOptions(), workers, 1, 20000)(problem.space.start)
    _, expected = likelihood(own, data, "agq", nodes=5)(problem.space.start)
    np.testing.assert_allclose(found, expected, atol=0.02 * np.abs(expected).max())


def test_importance_sampling_agrees_with_quadrature(data):
    own = model(correlated=False, ka=wb.LogNormal(1.2), v=wb.LogNormal(30.0, iiv=0.2))
    sampled = wb.evaluate(own, data, method="imp", seed=2)
    exact = wb.evaluate(own, data, method="agq", nodes=7)
    assert abs(sampled.ofv - exact.ofv) < 4 * sampled.likelihood_se + 1e-3


def test_laplace_agrees_with_importance_sampling_where_data_are_rich():
    """Many precise samples make the conditional distributions normal."""
    rich = model(wb.error.Proportional(0.03), correlated=False)
    data = simulated(rich, frame([2, 2, 3], tuple(np.linspace(0.3, 23.0, 24))))
    laplace = wb.evaluate(rich, data, method="laplace")
    sampled = wb.evaluate(rich, data, method="imp", seed=1)
    assert abs(laplace.ofv - sampled.ofv) < 3 * sampled.likelihood_se + 0.05


# --- a linear model: everything has a formula ---------------------------------------------------


def lines(n_sub=12):
    rng = np.random.default_rng(2)
    rows = []
    for i in range(1, n_sub + 1):
        a, b = 8.0 + 1.5 * rng.standard_normal(), 1.0 + 0.8 * rng.standard_normal()
        for k in range(1 + i % 3):
            own = a + 0.9 * rng.standard_normal()
            rows += [
                (i, t, own + b * t + rng.standard_normal(), k)
                for t in np.arange(5.0 * k, 5.0 * k + 4)
            ]
    table = pd.DataFrame(rows, columns=["ID", "TIME", "DV", "OCC"])
    return wb.read_dataset(table, name="lines with occasions")


@pytest.mark.parametrize("method", ["fo", "foce", "focei", "laplace", "linear"])
def test_linear_model_against_its_covariance(method):
    """1e-9: -2 log of the normal density with V = Z omega Z' + Z_occ omega_iov Z_occ' + R."""
    data = lines()
    own = cases.line_model(a=wb.Normal(8.0, iiv=1.5, iov=0.9), correlations=())
    found = wb.evaluate(own, data, method=method)
    for label, ofv in found.individual_ofv.items():
        rows = data.table[data.table["ID"] == label]
        t, occ = rows["TIME"].to_numpy(), rows["OCC"].to_numpy()
        v = 1.5**2 + 0.8**2 * np.outer(t, t) + 0.9**2 * (occ[:, None] == occ) + np.eye(len(t))
        r = rows["DV"].to_numpy() - 8.0 - t
        expected = r @ np.linalg.solve(v, r) + np.linalg.slogdet(v)[1]
        assert ofv == pytest.approx(expected, abs=1e-9)


def test_gradient_of_the_exact_linear_objective():
    own = cases.line_model(a=wb.Normal(8.0, iiv=1.5, iov=0.9), correlations=())
    check_gradient(own, lines(), "linear")


def test_simulated_kappas_have_their_covariance():
    """Of 4,000 subjects without error: within 4 standard errors of the truth."""
    own = cases.line_model(a=wb.Normal(8.0, iiv=1.5, iov=0.9), b=wb.Normal(0.0), correlations=())
    rows = [(i, float(t), k) for i in range(4000) for k in (0, 1) for t in (2 * k, 2 * k + 1)]
    table = pd.DataFrame(rows, columns=["ID", "TIME", "OCC"]).assign(EVID=0)
    drawn = wb.simulate(own, wb.read_dataset(table, design=True), replicates=1, seed=4, ruv=False)
    y = drawn["IPRED"].to_numpy().reshape(4000, 2, 2)
    np.testing.assert_allclose(y[:, :, 0], y[:, :, 1], rtol=1e-12)
    covariance = np.cov(y[:, :, 0], rowvar=False)
    expected = 1.5**2 + 0.9**2 * np.eye(2)
    np.testing.assert_allclose(covariance, expected, atol=4 * 3.1 * np.sqrt(2 / 4000))


# --- invariances --------------------------------------------------------------------------------


def test_occasions_of_others_change_nothing(data):
    """A subject's own part, alone and beside those with more occasions: 1e-10."""
    together = wb.evaluate(model(), data)
    for label in data.subjects:
        alone = wb.evaluate(model(), data.select([label]))
        assert alone.ofv == pytest.approx(together.individual_ofv[label], abs=1e-10)


def test_names_of_occasions_do_not_matter(data):
    table = data.table.copy()
    table["PERIOD"] = table["OCC"].str[-1].astype(int) * 10
    renamed = wb.read_dataset(table.drop(columns=["OCC", "ROW"]), name="renamed")
    found = wb.evaluate(model().replace(occasion="PERIOD"), renamed)
    assert found.ofv == wb.evaluate(model(), data).ofv
    assert wb.evaluate(model().replace(occasion="dose"), renamed).ofv == found.ofv


def test_variability_between_single_occasions_adds_to_that_between_subjects():
    data = simulated(model(), frame([1, 1, 1, 1]))
    own = model(correlated=False)
    summed = {
        name: replace(p, iiv=float(np.hypot(p.iiv, p.iov)), iov=0.0)
        for name, p in own.parameters.items()
    }
    both = wb.evaluate(own, data)
    one = wb.evaluate(own.replace(parameters=summed), data)
    np.testing.assert_allclose(both.individual_ofv, one.individual_ofv, atol=1e-9)


def test_without_variance_it_is_the_model_without_occasions(data):
    small = model(
        correlated=False,
        cl=wb.LogNormal(3.0, iiv=0.3, iov=1e-5),
        v=wb.LogNormal(30.0, iiv=0.2),
    )
    plain = small.parameters | {"cl": wb.LogNormal(3.0, iiv=0.3)}
    found, expected = (wb.evaluate(m, data) for m in (small, small.replace(parameters=plain)))
    assert found.ofv == pytest.approx(expected.ofv, abs=1e-5)


@pytest.mark.parametrize("method", ["focei", "laplace"])
def test_the_objective_is_pure(data, method):
    target, other = (likelihood(model(), data, method, threads=n) for n in (1, 2))
    x = target.problem.space.start
    first = target(x)[0]
    target(x + 0.3)
    assert target(x)[0] == first == other(x)[0]


# --- known truth --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many():
    return simulated(model(correlated=False), frame([3, 2] * 20), seed=11)


TRUTH = {"cl": 3.0, "v": 30.0, "omega_iov[cl]": 0.25**2, "omega_iov[v]": 0.15**2}


def check_truth(fit):
    assert fit.verdict == "converged", fit.reasons
    for name, truth in TRUTH.items():
        row = fit.parameters.loc[name]
        assert abs(row["estimate"] - truth) < 3 * row["se"], name


def test_focei_recovers_the_truth(many):
    check_truth(wb.fit(model(correlated=False), many, method="focei"))


def test_saem_recovers_the_truth_and_repeats_itself(many):
    fit = wb.fit(model(correlated=False), many, method="saem", seed=3)
    check_truth(fit)
    focei = wb.fit(model(correlated=False), many, method="focei")
    for name in ("omega_iov[cl]", "omega_iov[v]"):
        row = focei.parameters.loc[name]
        assert abs(fit.parameters.loc[name, "estimate"] - row["estimate"]) < row["se"]
    again = wb.fit(model(correlated=False), many, method="saem", seed=3, threads=2)
    assert (fit.parameters["estimate"] == again.parameters["estimate"]).all()


@pytest.mark.parametrize("method", ["its", "imp"])
def test_em_methods_come_near_focei(many, method):
    """Within half a standard error: each has an approximation of its own."""
    focei = wb.fit(model(correlated=False), many, method="focei")
    fit = wb.fit(model(correlated=False), many, method=method, seed=1)
    apart = (fit.parameters["estimate"] - focei.parameters["estimate"]).abs()
    assert (apart < 0.5 * focei.parameters["se"]).all()


# --- what is refused ----------------------------------------------------------------------------


def test_two_stage_refuses_in_words(data):
    with pytest.raises(EstimationError, match="between occasions"):
        wb.fit(model(), data, method="two_stage")


def test_a_single_occasion_is_not_estimable():
    with pytest.raises(ModelError, match="one occasion only"):
        wb.fit(model(), simulated(model(), frame([1, 1])), method="focei")


def test_pooled_leaves_occasions_out(data):
    fit = wb.fit(model(), data, method="pooled")
    assert not len(fit.kappas.columns.intersection(["cl"]))
    assert fit.updated_model.iov == ("cl", "v")


def test_whole_omega_is_block_diagonal(data):
    space = Problem(model(), data).space
    expected = scipy.linalg.block_diag(model().omega, *[model().omega_iov] * 3)
    np.testing.assert_allclose(space.omega(space.start), expected, rtol=1e-12)

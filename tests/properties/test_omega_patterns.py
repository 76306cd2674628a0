"""Omega with fixed zeros, correlations and variances: gradients, best values, known truth."""

import numpy as np
import pytest
from scipy.optimize import minimize

import workbench as wb
from tests import cases
from tests.objectives import check_gradient
from workbench.problem.covariance import CovarianceMap
from workbench.problem.space import ParameterSpace

ZERO = {("cl", "v"): 0.5, ("ka", "v"): -0.4}  # ka and cl: none
CASES = {
    "fixed zero": cases.oral_model(correlations=ZERO),
    "fixed zero, hub first": cases.oral_model(correlations={("ka", "cl"): 0.3, ("ka", "v"): -0.4}),
    "fixed correlation": cases.oral_model(
        correlations={("cl", "v"): wb.Fixed(0.5), ("ka", "v"): -0.3, ("ka", "cl"): 0.1}
    ),
    "fixed variance": wb.Model(
        "pk_1cmt_oral",
        {
            "ka": wb.LogNormal(1.4, iiv=0.5),
            "cl": wb.LogNormal(2.5, iiv=wb.Fixed(0.3)),
            "v": wb.LogNormal(30, iiv=0.2),
        },
        error=cases.error("combined2"),
        correlations={("cl", "v"): 0.3},
    ),
}
CYCLE = [(0, 1), (1, 2), (2, 3), (0, 3)]


@pytest.mark.parametrize("name", CASES)
def test_gradient_equals_differences(name):
    check_gradient(CASES[name], cases.oral_data(), "focei")


def random_moments(n, seed=2):
    rng = np.random.default_rng(seed)
    part = rng.standard_normal((n, n + 3))
    return part @ part.T / (n + 3)


def brute(pattern, moments):
    """Minimise log|O| + tr(O^-1 S) over the elements of the pattern, without the map."""
    rows, columns = np.nonzero(np.tril(pattern))

    def full(values):
        omega = np.zeros(pattern.shape)
        omega[rows, columns] = omega[columns, rows] = values
        return omega

    def value(values):
        omega = full(values)
        if np.linalg.eigvalsh(omega).min() <= 1e-9:
            return 1e10
        return np.linalg.slogdet(omega)[1] + np.trace(np.linalg.solve(omega, moments))

    start = np.where(rows == columns, np.diag(moments)[rows], 0.0)
    options = {"xatol": 1e-10, "fatol": 1e-14, "maxiter": 40000, "maxfev": 40000}
    found = minimize(value, start, method="Nelder-Mead", options=options)
    found = minimize(value, found.x, method="Nelder-Mead", options=options)
    return full(found.x)


@pytest.mark.parametrize(
    "pairs", [[(0, 1), (1, 2)], [(0, 1), (0, 2)], [(0, 1), (1, 2), (2, 3)], CYCLE]
)
def test_the_best_omega_with_fixed_zeros(pairs):
    """Against Nelder and Mead, 1e-5; the derivative vanishes in the pattern's elements: 1e-9."""
    n = max(max(pair) for pair in pairs) + 1
    found = CovarianceMap(np.eye(n), pairs, [False] * (n + len(pairs)))
    moments = random_moments(n)
    best = found.nearest(moments)
    pattern = np.eye(n, dtype=bool)
    for i, j in pairs:
        pattern[i, j] = pattern[j, i] = True
    assert (best[~pattern] == 0).all()
    precision = np.linalg.inv(best)
    slope = precision - precision @ moments @ precision
    assert np.abs(slope[pattern]).max() < 1e-9
    np.testing.assert_allclose(best, brute(pattern, moments), atol=1e-5)


def test_what_is_fixed_stays_fixed():
    """A held correlation and a held variance, to 1e-12, and no better omega nearby."""
    start = np.array([[0.5, 0.2, 0.0], [0.2, 0.4, 0.1], [0.0, 0.1, 0.3]])
    held = [False, True, False, True, False]  # variance 1; correlation of 0 with 1
    found = CovarianceMap(start, [(0, 1), (1, 2)], held)
    moments = random_moments(3, seed=4)
    best = found.nearest(moments)
    r = 0.2 / np.sqrt(0.5 * 0.4)
    assert best[1, 1] == pytest.approx(0.4, rel=1e-12)
    assert best[0, 1] == pytest.approx(r * np.sqrt(best[0, 0] * 0.4), rel=1e-12)

    def value(a, c, cov):
        omega = np.array([[a, r * np.sqrt(a * 0.4), 0], [0, 0.4, cov], [0, 0, c]])
        omega = np.triu(omega) + np.triu(omega, 1).T
        return np.linalg.slogdet(omega)[1] + np.trace(np.linalg.solve(omega, moments))

    at = (best[0, 0], best[2, 2], best[1, 2])
    for k in range(3):
        step = np.zeros(3)
        step[k] = 1e-4
        assert value(*at) < min(value(*(at + step)), value(*(at - step)))


def test_a_full_block_is_the_moments():
    found = CovarianceMap(np.eye(3), [(0, 1), (0, 2), (1, 2)], [False] * 6)
    np.testing.assert_array_equal(found.nearest(random_moments(3)), random_moments(3))
    assert not found.constrained


def test_the_zero_needs_no_restriction_of_the_vector():
    """Chordal patterns: every vector is a legal omega, and the other way round."""
    space = ParameterSpace(CASES["fixed zero"])
    rng = np.random.default_rng(1)
    for _ in range(50):
        x = space.start + 3 * rng.standard_normal(space.n_free)
        omega = space.omega(x)
        assert np.isfinite(omega).all()
        assert omega[0, 1] == 0.0
        full = space.full(x)
        again = space.pack(space.theta(full), omega, space.sigma(full))
        np.testing.assert_allclose(again, x, atol=1e-6)


@pytest.fixture(scope="module")
def simulated():
    truth = cases.oral_model("proportional", correlations=ZERO, iiv=(0.5, 0.4, 0.3))
    design = cases.oral_data(80)
    return truth, wb.read_dataset(cases.drawn(truth, design, seed=8), name="simulated")


def test_known_truth_by_focei_saem_and_its(simulated):
    """Estimates within 3 SE of the truth; SAEM near FOCEI; the zero is zero."""
    truth, data = simulated
    true = {"corr[cl,v]": 0.5, "corr[ka,v]": -0.4, "omega[cl]": 0.16, "omega[v]": 0.09}
    fits = {m: wb.fit(truth, data, method=m) for m in ("focei", "saem", "its")}
    expected = fits["focei"].parameters
    for method, fit in fits.items():
        table = fit.parameters
        assert fit.verdict == "converged", (method, fit.reasons)
        assert fit.omega.loc["ka", "cl"] == 0.0
        for name, value in true.items():
            assert abs(table.loc[name, "estimate"] - value) < 3 * table.loc[name, "se"]
            off = table.loc[name, "estimate"] - expected.loc[name, "estimate"]
            assert abs(off) < 0.75 * expected.loc[name, "se"], (method, name)
    assert expected.loc["corr[cl,v]", ["se", "lower", "upper"]].notna().all()
    assert any("held at 0" in note for note in fits["focei"].warnings)
    free = wb.fit(truth.replace(correlations={**ZERO, ("ka", "cl"): 0.0}), data, method="focei")
    assert free.ofv <= fits["focei"].ofv + 1e-6
    test = wb.likelihood_ratio_test(fits["focei"], free)
    assert test.restrictions == ("corr[ka,cl] = 0",)


def test_a_fixed_correlation_stays(simulated):
    truth, data = simulated
    held = truth.replace(correlations={("cl", "v"): wb.Fixed(0.3), ("ka", "v"): -0.4})
    for method in ("focei", "saem"):
        fit = wb.fit(held, data, method=method)
        sd = np.sqrt(np.diag(fit.omega))
        assert fit.omega.loc["cl", "v"] / (sd[1] * sd[2]) == pytest.approx(0.3, abs=1e-9)
        assert fit.omega.loc["ka", "cl"] == 0.0
        assert fit.parameters.loc["corr[cl,v]", "fixed"]
    assert wb.Model.from_json(held.to_json()) == held
    assert eval(held.python(), {"wb": wb}) == held  # noqa: S307 our own text

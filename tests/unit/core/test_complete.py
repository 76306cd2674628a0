"""The complete-data likelihood against the residual table and differences."""

import numpy as np
import pytest

from tests import cases
from workbench.core.residuals import R, V
from workbench.core.rng import SAMPLER
from workbench.models.residual import error_models
from workbench.problem import Problem
from workbench.problem.sampler import Sampler, Sweep
from workbench.problem.workers import Workers


@pytest.fixture(scope="module", params=error_models.names())
def drawn(request):
    problem = Problem(cases.oral_model(request.param, iiv=(0.5, 0.0, 0.2)), cases.oral_data(4))
    run = Sampler(
        problem, Workers(1, 4, problem.n_obs), seed=1, purpose=SAMPLER, n_chains=2, sweep=Sweep()
    )
    run.eta[:] = 0.2 * np.random.default_rng(2).standard_normal(run.eta.shape)
    return problem, run, problem.space.values(problem.space.start)


def moved(values, k, step):
    n_theta = len(values.theta)
    theta, sigma = values.theta.copy(), values.sigma.copy()
    if k < n_theta:
        theta[k] += step
    else:
        sigma[k - n_theta] += step
    theta.flags.writeable = sigma.flags.writeable = False
    return values._replace(theta=theta, sigma=sigma)


def tables(problem, run, values):
    """Residuals and variances of every chain, (n_chains, n_obs)."""
    found = [
        problem.residual_table(problem.values(values.theta, run.eta[:, c]), values.sigma)
        for c in range(run.n_chains)
    ]
    return np.array([t[:, R] for t in found]), np.array([t[:, V] for t in found])


def test_misfit_is_that_of_the_residual_table(drawn):
    problem, run, values = drawn
    r, v = tables(problem, run, values)
    per_row = 0.5 * (r**2 / v + np.log(v))
    expected = np.add.reduceat(per_row, problem.data.population.obs_start[:-1], axis=1).T
    np.testing.assert_allclose(run.complete(values, order=0).misfit, expected, rtol=1e-13)


def test_scores_equal_differences(drawn):
    """Central differences with a step of 1e-5: 1e-8 relative to the largest score."""
    _, run, values = drawn
    out = run.complete(values, order=1)
    scores = np.concatenate([out.by_theta, out.by_sigma], axis=2)
    size = np.abs(scores).max()
    for k in range(scores.shape[2]):
        high = run.complete(moved(values, k, 1e-5), order=0).misfit.copy()
        low = run.complete(moved(values, k, -1e-5), order=0).misfit.copy()
        np.testing.assert_allclose(scores[:, :, k], (high - low) / 2e-5, atol=1e-8 * size)


def test_information_is_that_of_gaussian_observations(drawn):
    """The formula of the module, its derivatives by central differences."""
    problem, run, values = drawn
    information = run.complete(values, order=1, information=True).information.sum(axis=0)
    n = len(information)
    _, v = tables(problem, run, values)
    r_by, v_by = [], []
    for k in range(n):
        (r1, v1), (r0, v0) = (tables(problem, run, moved(values, k, s)) for s in (1e-5, -1e-5))
        r_by.append((r1 - r0) / 2e-5)
        v_by.append((v1 - v0) / 2e-5)
    expected = [
        [np.sum(r_by[a] * r_by[b] / v + 0.5 * v_by[a] * v_by[b] / v**2) for b in range(n)]
        for a in range(n)
    ]
    np.testing.assert_allclose(information, expected, rtol=1e-6, atol=1e-7 * np.max(expected))
    without = run.complete(values, order=0)
    assert (without.by_theta == 0).all()
    assert (without.information == 0).all()

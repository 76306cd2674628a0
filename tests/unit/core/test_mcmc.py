"""Chains in the random effects: the distribution they sample, and that nothing else matters."""

import numpy as np
import pytest

from tests import cases
from workbench.core.mcmc import Moves, n_moves, propose
from workbench.core.rng import CONDITIONAL, SAMPLER
from workbench.problem import Problem
from workbench.problem.sampler import Sampler, Sweep
from workbench.problem.space import frozen
from workbench.problem.workers import Workers


def sampler(problem, *, threads=1, seed=3, n_chains=2, sweep=None, purpose=SAMPLER):
    workers = Workers(threads, problem.n_sub, problem.n_obs)
    return Sampler(
        problem, workers, seed=seed, purpose=purpose, n_chains=n_chains, sweep=sweep or Sweep()
    )


def parameters(problem):
    space = problem.space
    return space.values(space.start), space.low(space.full(space.start))


@pytest.mark.parametrize("sweep", [Sweep(1, 1, 3), Sweep(6, 0, 0), Sweep(0, 3, 0), Sweep(0, 0, 5)])
def test_linear_gaussian_posterior(sweep):
    """Mean and covariance against the formula, every kind of move alone and all together.

    20 subjects of 12 chains, 400 sweeps: about 1,000 independent draws each (the walks' times of
    autocorrelation are about 5), so means are good to 0.03 SD and 6 of those are allowed.
    """
    model = cases.line_model(correlations={("a", "b"): 0.5}, error=cases.error("additive", (2.0,)))
    problem = Problem(model, cases.line_data(20, sd=2.0))
    values, low = parameters(problem)
    chains = sampler(problem, n_chains=12, sweep=sweep)
    for _ in range(50):
        chains.move(values, low)
    first, second = 0.0, 0.0
    for _ in range(400):
        chains.move(values, low)
        first = first + chains.eta.mean(axis=1) / 400
        second = second + np.einsum("nca,ncb->nab", chains.eta, chains.eta) / (12 * 400)
    z = np.stack([np.ones(5), cases.LINE_TIMES], axis=1)
    covariance = np.linalg.inv(z.T @ z / 4.0 + values.precision)
    residual = problem.data.population.dv.reshape(20, 5) - z @ values.theta
    mean = residual @ z @ covariance / 4.0
    sd = np.sqrt(np.diag(covariance))
    np.testing.assert_array_less(np.abs(first - mean) / sd, 0.2)
    pooled = (second - np.einsum("na,nb->nab", first, first)).mean(axis=0)
    np.testing.assert_allclose(pooled / np.outer(sd, sd), covariance / np.outer(sd, sd), atol=0.06)


def test_the_same_on_one_and_two_threads_and_again():
    problem = Problem(cases.oral_model(correlations=[("cl", "v")]), cases.oral_data(9))
    values, low = parameters(problem)
    runs = [sampler(problem, threads=threads) for threads in (1, 2, 1)]
    for run in runs:
        for _ in range(20):
            run.move(values, low)
    for other in runs[1:]:
        np.testing.assert_array_equal(runs[0].eta, other.eta)
        np.testing.assert_array_equal(runs[0].scale, other.scale)


def test_seed_purpose_and_chain_make_different_numbers():
    problem = Problem(cases.oral_model(), cases.oral_data())
    values, low = parameters(problem)
    seen = []
    for seed, purpose in ((1, SAMPLER), (2, SAMPLER), (1, CONDITIONAL), (-1, SAMPLER), (2**70, 1)):
        run = sampler(problem, seed=seed, purpose=purpose)
        run.move(values, low)
        assert (run.eta[:, 0] != run.eta[:, 1]).any()
        seen.append(run.eta.copy())
    for k, one in enumerate(seen):
        assert all((one != other).any() for other in seen[k + 1 :])


def test_scales_lead_to_the_acceptance_that_is_aimed_at():
    """40 %, within 5 % over 100 sweeps after 60 of adaptation."""
    problem = Problem(cases.oral_model(), cases.oral_data(12))
    values, low = parameters(problem)
    run = sampler(problem, n_chains=6)
    tried, accepted = 0.0, 0.0
    for k in range(160):
        run.move(values, low)
        if k >= 60:
            tried, accepted = tried + run.tried, accepted + run.accepted
    rates = accepted[1:] / tried[1:]
    np.testing.assert_allclose(rates, 0.4, atol=0.05)
    assert set(run.acceptance()) == {"prior", "single", "block"}


def test_every_random_effect_is_moved_and_blocks_go_round():
    n = 4
    scale, low = frozen(np.ones((n, n))), frozen(np.eye(n))
    eta, z, trial = np.zeros(n), np.ones(n), np.zeros(n)
    for size in (2, 3, 4):
        moves = Moves(2, 1, 2, size, low, scale)
        assert n_moves(moves) == 2 + n + 2 * (n // size)
        met = set()
        for sweep in range(n):
            for move in range(2 + n, n_moves(moves)):
                assert propose(move, sweep, moves, eta, z, trial) == size
                met.add(tuple(np.flatnonzero(trial)))
        assert len(met) == (1 if size == n else n)
    moves = Moves(2, 1, 0, 0, low, scale)
    assert propose(1, 0, moves, eta, z, trial) == 0
    np.testing.assert_array_equal(trial, z)
    singles = []
    for move in range(2, 2 + n):
        propose(move, 0, moves, eta, z, trial)
        singles += list(np.flatnonzero(trial))
    assert singles == list(range(n))


def test_a_chain_leaves_a_place_without_likelihood():
    """Eta of 800 on log(ka) overflows; any place with a likelihood is better."""
    problem = Problem(cases.oral_model(), cases.oral_data())
    values, low = parameters(problem)
    run = sampler(problem)
    run.eta[:, :, 0] = 800.0
    for _ in range(10):
        run.move(values, low)
    assert (np.abs(run.eta) < 10).all()
    assert np.isfinite(run.complete(values, order=0).misfit).all()

"""Shifts between random effects of subjects and of occasions: an exact conditional draw."""

import numpy as np
import pytest

import workbench as wb
from tests.properties.test_occasions import frame, model
from workbench.problem import Problem
from workbench.problem.exchange import Exchange


def bound(own):
    data = wb.read_dataset(frame([2, 3, 1, 3]), name="occasions", design=True)
    return Problem(own, data)


def noise(seed=1):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def problem():
    return bound(model())


def random_effects(problem, n_chains, seed=5):
    shape = (problem.n_sub, n_chains, problem.space.n_eta)
    return np.random.default_rng(seed).normal(0, 0.3, shape)


def test_predictions_stay_to_rounding(problem):
    values = problem.space.values(problem.space.start)
    eta = random_effects(problem, 1)
    moved = eta.copy()
    Exchange(problem).move(values, moved, noise())
    assert (moved[:, 0, [1, 2]] != eta[:, 0, [1, 2]]).all()
    np.testing.assert_array_equal(moved[:, 0, 0], eta[:, 0, 0])  # ka does not vary
    np.testing.assert_allclose(
        problem.values(values.theta, moved[:, 0]),
        problem.values(values.theta, eta[:, 0]),
        rtol=1e-12,
    )


def test_occasions_that_a_subject_lacks_are_left_alone(problem):
    values = problem.space.values(problem.space.start)
    eta = random_effects(problem, 2)
    moved = eta.copy()
    Exchange(problem).move(values, moved, noise())
    lacking = ~problem.used
    np.testing.assert_array_equal(
        moved.transpose(0, 2, 1)[lacking], eta.transpose(0, 2, 1)[lacking]
    )


def test_mean_and_covariance_are_those_of_the_normal_distribution_given_the_sums(problem):
    """By brute force: the joint normal of (eta, all kappas), conditioned on what stays."""
    values = problem.space.values(problem.space.start)
    n = 40_000
    eta = np.repeat(random_effects(problem, 1), n, axis=1)
    before = eta[:, 0].copy()
    Exchange(problem).move(values, eta, noise())
    omega = np.linalg.inv(values.precision)
    for subject, count in enumerate((2, 3, 1, 3)):
        n_between = problem.space.n_between
        own = np.arange(n_between + 2 * count)
        keeps = np.zeros((1 + 2 * count, len(own)))  # ka's eta, and eta + kappa of each occasion
        keeps[0, 0] = 1.0
        for j in range(count):
            for parameter in range(2):
                keeps[1 + 2 * j + parameter, 1 + parameter] = 1.0
                keeps[1 + 2 * j + parameter, n_between + 2 * j + parameter] = 1.0
        joint = omega[np.ix_(own, own)]
        gain = joint @ keeps.T @ np.linalg.inv(keeps @ joint @ keeps.T)
        mean = gain @ keeps @ before[subject, own]
        spread = joint - gain @ keeps @ joint
        drawn = eta[subject][:, own]
        error = np.sqrt(np.diag(spread) / n)
        np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=5 * error.max() + 1e-12)
        np.testing.assert_allclose(np.cov(drawn.T), spread, atol=8 * spread.max() / np.sqrt(n))


def test_only_parameters_with_both_are_shifted():
    own = model(cl=wb.LogNormal(3.0, iov=0.2), v=wb.LogNormal(30.0), correlated=False)
    assert not Exchange(bound(own)).any
    own = model(
        cl=wb.LogNormal(3.0, iiv=0.3, iov=0.2, eta=wb.eta.BoxCox(0.3)),
        v=wb.LogNormal(30.0),
        correlated=False,
    )
    assert not Exchange(bound(own)).any

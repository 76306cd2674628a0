"""The M-step against brute force."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.optimize

from workbench.estimation import _m_step as m_step
from workbench.estimation import _saem_guards as guards

RNG = np.random.default_rng(4)
NONE = np.zeros(0, dtype=np.int64)
OMEGA = np.array([[0.5, 0.1, 0.0], [0.1, 0.3, 0.0], [0.0, 0.0, 0.2]])
BLOCKS = OMEGA != 0


def parts(design, closed, free=BLOCKS, factors=()):
    n = len(closed)
    return m_step.Split(
        closed=np.array(closed),
        design=design,
        factors=factors,
        numeric=NONE,
        scaled=NONE,
        n_scaled=NONE,
        outputs=NONE,
        free_omega=free,
        n_theta=5,
        prior_mean=np.zeros(n),
        prior_precision=np.zeros(n),
        lower=np.full(n, -np.inf),
        upper=np.full(n, np.inf),
    )


@pytest.mark.parametrize("n_design", [1, 12])
def test_typical_values_are_generalised_least_squares(n_design):
    """Minimised numerically as well, with a design per subject (covariates) or one for all."""
    design = RNG.standard_normal((n_design, 3, 3))
    mean, theta = RNG.standard_normal((12, 3)), RNG.standard_normal(5)
    precision = np.linalg.inv(OMEGA)
    split = parts(design, [0, 2, 3])

    def distance(free):
        d = mean - design @ free
        return np.einsum("na,ab,nb->", d, precision, d)

    best = scipy.optimize.minimize(distance, np.zeros(3), options={"gtol": 1e-9}).x
    found = m_step.typical_values(theta, precision, mean, split)
    np.testing.assert_allclose(found[[0, 2, 3]], best, atol=1e-6)
    np.testing.assert_array_equal(found[[1, 4]], theta[[1, 4]])


def with_factor(n_design):
    """Three typical values and a coefficient of a factor on the second random effect."""
    design = np.zeros((n_design, 3, 4))
    design[:, :, :3] = np.eye(3)
    weight = RNG.uniform(-1.0, 2.0, 12)
    return parts(design, [0, 1, 2, 4], factors=(m_step.Factor(1, 4, weight),)), weight


@pytest.mark.parametrize("n_design", [1, 12])
def test_slopes_of_a_factor_are_those_of_the_location(n_design):
    split, weight = with_factor(n_design)
    theta = np.array([0.1, 0.2, 0.3, 9.0, 0.25])
    found = m_step.design_at(theta, split)
    for column, element in enumerate(split.closed):
        step = np.zeros(5)
        step[element] = 1e-5
        change = m_step.location(theta + step, split) - m_step.location(theta - step, split)
        np.testing.assert_allclose(found[:, :, column], change / 2e-5, atol=1e-9)
    expected = theta[1] + np.log(1.0 + 0.25 * weight)
    np.testing.assert_allclose(m_step.location(theta, split)[:, 1], expected, rtol=1e-14)


def test_steps_of_a_factor_end_at_the_nonlinear_least_squares_estimate():
    split, _ = with_factor(1)
    precision, truth = np.linalg.inv(OMEGA), np.array([0.1, 0.2, 0.3, 9.0, 0.3])
    mean = m_step.location(truth, split) + 0.2 * RNG.standard_normal((12, 3))

    def distance(free):
        theta = truth.copy()
        theta[split.closed] = free
        d = mean - m_step.location(theta, split)
        return np.einsum("na,ab,nb->", d, precision, d)

    best = scipy.optimize.minimize(distance, truth[split.closed], options={"gtol": 1e-9}).x
    theta = np.array([0.0, 0.0, 0.0, 9.0, 0.0])
    for _ in range(60):
        theta = m_step.typical_values(theta, precision, mean, split)
    np.testing.assert_allclose(theta[split.closed], best, atol=2e-6)
    assert theta[3] == 9.0


def test_a_factor_stays_positive_whatever_the_step():
    split, weight = with_factor(1)
    theta = np.array([0.0, 0.0, 0.0, 9.0, 0.1])
    mean = np.full((12, 3), 5.0) * np.sign(weight)[:, None]
    for _ in range(20):
        theta = m_step.typical_values(theta, np.linalg.inv(OMEGA), mean, split)
        assert (1.0 + theta[4] * weight > 0).all()


@pytest.mark.parametrize("n_design", [1, 12])
def test_omega_is_the_mean_square_within_its_blocks(n_design):
    draws = RNG.standard_normal((12, 4, 3))
    mu = RNG.standard_normal((n_design, 3))
    square = np.einsum("nca,ncb->ab", draws, draws) / 4
    deviation = draws - mu[:, None, :]
    brute = np.einsum("nca,ncb->ab", deviation, deviation) / 48
    problem = SimpleNamespace(mean_omega=lambda total: total / 12)
    found = m_step.covariance(problem, draws.mean(axis=1), square, mu)
    np.testing.assert_allclose(found, brute, rtol=1e-12)


def test_annealing_slows_the_fall_of_variances_and_keeps_correlations():
    low = np.array([[0.1, 0.02, 0.0], [0.02, 0.4, 0.0], [0.0, 0.0, 0.1]])
    found = guards.annealed(low, OMEGA, 0.95)
    np.testing.assert_allclose(np.diag(found), [0.475, 0.4, 0.19])
    before = low[0, 1] / np.sqrt(low[0, 0] * low[1, 1])
    assert found[0, 1] / np.sqrt(found[0, 0] * found[1, 1]) == pytest.approx(before)
    assert guards.annealed(OMEGA, OMEGA, 0.95) is OMEGA


def test_omega_stays_positive_definite():
    singular = np.ones((3, 3))
    np.linalg.cholesky(guards.positive(singular, OMEGA))
    assert guards.positive(-10.0 * np.eye(3), OMEGA) is OMEGA


def test_scoring_solves_and_is_limited():
    information = np.array([[4.0, 1.0], [1.0, 2.0]])
    score = np.array([0.5, -0.2])
    found = m_step.scoring_step(score, information)
    np.testing.assert_allclose(found, np.linalg.solve(information, score), rtol=1e-6)
    assert np.abs(m_step.scoring_step(1e6 * score, information)).max() == m_step.LONGEST_STEP
    assert np.isfinite(m_step.scoring_step(score, np.zeros((2, 2)))).all()


def test_a_step_is_halved_until_it_does_no_harm():
    assert guards.accepted_part(lambda part: 1.0 - part, 1.0) == 1.0
    assert guards.accepted_part(lambda part: np.inf if part > 0.3 else 0.0, 1.0) == 0.25
    assert guards.accepted_part(lambda part: np.nan * part, 1.0) == 0.0
    errors = guards.standard_errors(np.diag([4.0, 0.0]))
    assert errors[0] == pytest.approx(0.5)
    assert not errors[1] < 1e100

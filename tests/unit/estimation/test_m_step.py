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


def parts(design, closed, free=BLOCKS):
    n = len(closed)
    return m_step.Split(
        closed=np.array(closed),
        design=design,
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

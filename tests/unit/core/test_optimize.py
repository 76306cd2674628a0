"""The outer search on functions whose minimum is known."""

import numpy as np
import pytest

from workbench.core.optimize import bhhh, minimise

TIGHT = {"tolerance": 1e-12, "max_iter": 200}


def least_squares(residuals, slopes):
    """Return the sum of squares as the search wants it: its value and the terms' gradients."""

    def objective(x):
        r, j = residuals(x), slopes(x)
        return float(r @ r), 2.0 * r[:, None] * j

    return objective


def quadratic(n_terms, n, seed=0):
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((n_terms, n)), rng.standard_normal(n_terms)
    solution = np.linalg.lstsq(a, b, rcond=None)[0]
    return least_squares(lambda x: a @ x - b, lambda _x: a), solution


def rosenbrock(x):
    r = np.array([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])
    j = np.array([[-20.0 * x[0], 10.0], [-1.0, 0.0]])
    return float(r @ r), 2.0 * r[:, None] * j


def recorded(objective):
    """Count the calls of an objective."""

    def counting(x):
        counting.calls += 1
        return objective(x)

    counting.calls = 0
    return counting


@pytest.mark.parametrize("n_terms", [5, 400], ids=["few subjects", "many subjects"])
def test_a_quadratic_is_solved(n_terms):
    """Its minimum is that of least squares; 1e-6 in x for 1e-12 in the value."""
    objective, solution = quadratic(n_terms, 3)
    found = minimise(objective, np.zeros(3), **TIGHT)
    assert found.reason == "converged"
    np.testing.assert_allclose(found.x, solution, atol=1e-6)
    assert found.value == pytest.approx(objective(solution)[0], abs=1e-11)
    assert abs(found.gradients.sum(axis=0)).max() < 1e-4


@pytest.mark.parametrize("start", [(-1.2, 1.0), (0.0, 0.0), (3.0, -4.0)])
def test_rosenbrock_is_followed_to_its_end(start):
    found = minimise(rosenbrock, np.array(start), **TIGHT)
    assert found.reason == "converged"
    np.testing.assert_allclose(found.x, 1.0, atol=1e-5)
    assert found.iterations < 100


def test_steps_are_reported_and_never_rise():
    steps = []
    objective = recorded(rosenbrock)
    found = minimise(objective, np.array([-1.2, 1.0]), **TIGHT, on_step=steps.append)
    values = [step.value for step in steps]
    assert (np.diff(values) < 0).all()
    assert [step.iteration for step in steps] == sorted({step.iteration for step in steps})
    assert (steps[0].iteration, steps[0].step_length) == (0, 0.0)
    assert steps[-1].value == found.value == rosenbrock(found.x)[0]
    assert found.evaluations == objective.calls
    np.testing.assert_array_equal(steps[-1].x, found.x)


@pytest.mark.parametrize("limit", [0, 1, 4])
def test_the_limit_is_kept_and_is_not_convergence(limit):
    found = minimise(rosenbrock, np.array([-1.2, 1.0]), tolerance=1e-12, max_iter=limit)
    assert found.reason == "max_iter"
    assert found.iterations == limit
    assert found.value <= rosenbrock(np.array([-1.2, 1.0]))[0]


def test_cancel_keeps_the_best_point():
    steps = []
    found = minimise(
        rosenbrock,
        np.array([-1.2, 1.0]),
        **TIGHT,
        on_step=steps.append,
        cancelled=lambda: len(steps) > 3,
    )
    assert found.reason == "cancelled"
    assert found.value == steps[-1].value == min(step.value for step in steps)


def test_the_start_is_not_written_to():
    start = np.array([-1.2, 1.0])
    minimise(rosenbrock, start, **TIGHT)
    np.testing.assert_array_equal(start, [-1.2, 1.0])


@pytest.mark.parametrize("n_terms", [2, 50], ids=["few subjects", "many subjects"])
def test_a_flat_objective_ends_where_it_began(n_terms):
    """A gradient of exactly zero once ended in a division by zero."""
    found = minimise(lambda _x: (3.0, np.zeros((n_terms, 2))), np.array([0.3, -0.2]), **TIGHT)
    assert found.reason == "converged"
    assert found.value == 3.0
    np.testing.assert_array_equal(found.x, [0.3, -0.2])


def test_a_start_at_the_minimum_stays_there():
    objective = least_squares(lambda x: x, lambda x: np.eye(len(x)))
    found = minimise(objective, np.zeros(2), **TIGHT)
    assert (found.reason, found.value) == ("converged", 0.0)


def test_a_direction_without_information_is_left_alone():
    """Of x and y only x matters; y stays where it was."""
    objective = least_squares(lambda x: x[:1] - 2.0, lambda _x: np.array([[1.0, 0.0]]))
    found = minimise(objective, np.array([0.0, 5.0]), **TIGHT)
    assert found.reason == "converged"
    np.testing.assert_allclose(found.x, [2.0, 5.0], atol=1e-6)


def test_nothing_to_estimate_is_converged_at_once():
    found = minimise(lambda _x: (1.5, np.zeros((4, 0))), np.zeros(0), **TIGHT)
    assert (found.reason, found.iterations, found.value) == ("converged", 0, 1.5)


def test_a_region_where_the_objective_does_not_exist_is_stepped_around():
    """(log x - log 0.05)² from x = 1: the first step of Newton would land below zero."""

    def objective(x):
        if x[0] <= 0:
            return np.nan, np.full((1, 1), np.nan)
        r = np.log(x[0] / 0.05)
        return float(r * r), np.array([[2.0 * r / x[0]]])

    counted = recorded(objective)
    found = minimise(counted, np.array([1.0]), **TIGHT)
    assert found.reason == "converged"
    assert found.x[0] == pytest.approx(0.05, rel=1e-5)
    assert counted.calls > found.iterations + 1  # it did have to step back


def test_a_minimum_at_infinity_is_approached_and_its_value_reached():
    """exp(-x), like a variance that goes to zero on the logarithmic scale."""
    found = minimise(
        lambda x: (float(np.exp(-x[0])), np.array([[-np.exp(-x[0])]])), np.zeros(1), **TIGHT
    )
    assert found.reason == "converged"
    assert found.value < 1e-5
    assert np.isfinite(found.x).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_start_without_an_objective_is_refused(value):
    with pytest.raises(ValueError, match="not finite at the starting values"):
        minimise(lambda _x: (value, np.zeros((1, 1))), np.zeros(1), **TIGHT)


def test_a_wrong_gradient_is_not_convergence():
    """x² from 1, with the sign of its slope turned: no step that way goes down."""
    found = minimise(
        lambda x: (float(x[0] ** 2), np.array([[-2.0 * x[0]]])), np.array([1.0]), **TIGHT
    )
    assert found.reason == "no_descent"
    assert (found.x[0], found.value) == (1.0, 1.0)


def test_a_gradient_that_is_not_a_number_is_not_convergence():
    def lost(x):
        return (1.0, np.full((2, 2), np.nan)) if (x == 0).all() else (np.nan, np.zeros((2, 2)))

    assert minimise(lost, np.zeros(2), **TIGHT).reason == "no_descent"


def test_no_step_is_longer_than_one():
    """In any element, so that a poor start cannot throw a parameter out of the plausible."""
    steps = []
    objective = least_squares(lambda x: x - 50.0, lambda x: np.eye(len(x)))
    minimise(objective, np.zeros(2), **TIGHT, on_step=steps.append)
    moves = np.diff([step.x for step in steps], axis=0)
    assert abs(moves).max() <= 1.0 + 1e-12
    assert steps[-1].x == pytest.approx([50.0, 50.0], abs=1e-5)


def test_bhhh_is_half_the_summed_outer_products():
    """Up to its ridge of 1e-3 on the diagonal."""
    gradients = np.random.default_rng(1).standard_normal((30, 3))
    expected = 0.5 * sum(np.outer(g, g) for g in gradients)
    found = bhhh(gradients)
    np.testing.assert_allclose(
        found - np.diag(np.diag(found)), expected - np.diag(np.diag(expected))
    )
    np.testing.assert_allclose(np.diag(found), 1.001 * np.diag(expected), rtol=1e-6)
    assert np.linalg.eigvalsh(bhhh(np.zeros((2, 2)))).min() > 0


def test_a_step_lost_in_rounding_ends_the_search():
    """A step that leaves x as it is was once taken again and again up to the limit."""
    objective = recorded(lambda _x: (1.0, np.array([[1e20]])))
    found = minimise(objective, np.array([1.0]), **TIGHT)
    assert found.reason == "no_descent"
    assert objective.calls < 5


def test_minus_infinity_is_not_a_minimum():
    """Beyond -0.5 a variance vanished, say: the search stays where the objective is a number."""

    def objective(x):
        return (float(x[0]) if x[0] > -0.5 else -np.inf), np.ones((1, 1))

    found = minimise(objective, np.zeros(1), **TIGHT)
    assert np.isfinite(found.value)
    assert -0.5 < found.x[0] < -0.49

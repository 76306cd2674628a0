"""Bounded typical values as unbounded variables, and the priors' penalty."""

import numpy as np
import pytest

import workbench as wb
from tests import cases
from workbench.problem.bounds import Bounds, Priors
from workbench.problem.space import ParameterSpace

PARAMETERS = [
    wb.LogNormal(2.0, bounds=(0.5, 8.0)),
    wb.LogNormal(2.0, bounds=(0.5, None)),
    wb.Normal(-3.0, bounds=(None, 4.0)),
    wb.Normal(5.0, prior=wb.Prior(4.0, sd=2.0)),
]
THETA = np.array([np.log(3.0), np.log(0.6), 1.5, -20.0])


@pytest.fixture
def bounds():
    return Bounds(PARAMETERS, np.array([1.0, 1.0, 3.0, 5.0]))


def test_there_and_back(bounds):
    np.testing.assert_allclose(bounds.to_theta(bounds.to_free(THETA)), THETA, rtol=1e-13)


def test_slope_is_the_derivative(bounds):
    free, h = bounds.to_free(THETA), 1e-6
    expected = (bounds.to_theta(free + h) - bounds.to_theta(free - h)) / (2 * h)
    np.testing.assert_allclose(bounds.slope(free), expected, rtol=1e-8)


def test_no_value_leaves_its_bounds(bounds):
    for far in (-700.0, -30.0, 30.0, 700.0):
        theta = bounds.to_theta(np.full(4, far))
        assert (theta >= bounds.lower).all()
        assert (theta <= bounds.upper).all()
    packed = bounds.to_theta(bounds.to_free(np.array([9.0, -9.0, 9.0, 9.0])))
    assert ((packed > bounds.lower) & (packed < bounds.upper)).all()


def test_reached(bounds):
    at_edges = np.array([np.log(8.0) - 1e-5, np.log(0.5) + 1e-5, 4.0 - 1e-4, 0.0])
    assert bounds.reached(at_edges) == [(1, "lower"), (0, "upper"), (2, "upper")]
    assert bounds.reached(THETA) == []


def test_penalty_is_twice_the_negative_log_density():
    priors = Priors(PARAMETERS)
    assert priors.penalty(THETA) == pytest.approx(((-20.0 - 4.0) / 2.0) ** 2)
    assert priors.slope(THETA)[3] == pytest.approx(2 * (-24.0) / 4.0)


def test_penalty_gradient_in_x():
    model = cases.iv_model()
    parameters = {
        "cl": wb.LogNormal(3.0, iiv=0.3, bounds=(1.0, 9.0), prior=wb.Prior(2.0, sd=0.5)),
        "v": model.parameters["v"],
    }
    space = ParameterSpace(model.replace(parameters=parameters))
    x, h = space.start + 0.1, 1e-6
    unit = np.eye(len(x))
    expected = [(space.penalty(x + h * u) - space.penalty(x - h * u)) / (2 * h) for u in unit]
    np.testing.assert_allclose(space.penalty_gradient(x), expected, rtol=1e-7, atol=1e-9)

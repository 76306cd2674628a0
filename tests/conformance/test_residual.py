"""Every residual error model, present and future, obeys these."""

import numpy as np
import pytest
from matplotlib.mathtext import MathTextParser

import workbench as wb
from workbench.core.residuals import (
    FIRST_SIGMA,
    KIND,
    R_F,
    R_FF,
    R_FS,
    R_S,
    SIGMA_WIDTH,
    V_F,
    V_FF,
    V_FS,
    V_S,
    R,
    V,
    n_columns,
)
from workbench.models.error import ResidualError
from workbench.models.residual import error_models

Y, F = np.array([0.5, 2.0, 7.0, 3.0]), np.array([0.8, 1.7, 6.0, 3.0])
pytestmark = pytest.mark.parametrize("name", error_models.names())


def table(model, f=F, sigma=None):
    sigma = np.array(model.defaults if sigma is None else sigma)
    out = np.zeros((len(Y), n_columns(len(sigma))))
    out[:, :FIRST_SIGMA] = np.nan
    model.residual(Y, np.ascontiguousarray(f), sigma, out)
    return out


def slope(function, x, h=1e-6):
    return (function(x + h) - function(x - h)) / (2 * h)


def test_declaration(name):
    model = error_models.get(name)
    assert model.name == name
    assert len(model.scales) == len(model.defaults) == len(model.units) == len(model.parameters)
    assert set(model.scales) <= {"log", "identity"}
    MathTextParser("path").parse(f"${model.latex}$")


def test_variance_is_positive_and_the_residual_vanishes_at_the_prediction(name):
    found = table(error_models.get(name))
    assert (found[:, V] > 0).all()
    assert found[3, R] == 0.0
    assert not np.isnan(found[:, :KIND]).any()


def test_derivatives_in_the_prediction_equal_differences(name):
    model = error_models.get(name)
    found = table(model)
    for value, first in ((R, R_F), (R_F, R_FF), (V, V_F), (V_F, V_FF)):
        expected = slope(lambda f, c=value: table(model, f)[:, c], F)
        np.testing.assert_allclose(found[:, first], expected, rtol=1e-7, atol=1e-8)


def test_derivatives_in_sigma_equal_differences(name):
    model = error_models.get(name)
    found, sigma = table(model), np.array(model.defaults)
    for k in range(len(sigma)):
        unit = np.eye(len(sigma))[k]
        first = FIRST_SIGMA + SIGMA_WIDTH * k
        for value, place in ((V, V_S), (V_F, V_FS), (R, R_S), (R_F, R_FS)):
            expected = slope(
                lambda s, c=value, u=unit: table(model, sigma=sigma + s * u)[:, c], 0.0
            )
            np.testing.assert_allclose(found[:, first + place], expected, rtol=1e-7, atol=1e-8)


def test_jacobian_is_the_slope_of_the_transformation(name):
    """r = h(y) - h(f), so h'(y) is -dr/df where f = y."""
    model = error_models.get(name)
    np.testing.assert_allclose(model.log_jacobian(Y), np.log(-table(model, Y)[:, R_F]).sum())


def test_the_public_call_makes_it(name):
    error = ResidualError(name, error_models.get(name).defaults)
    assert eval(error.python(), {"wb": wb}) == error  # noqa: S307 our own text
    assert ResidualError.from_dict(error.to_dict()) == error

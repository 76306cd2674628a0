"""Every parameter distribution, present and future, obeys these."""

import numpy as np
import pytest
from matplotlib.mathtext import MathTextParser

import workbench as wb
from workbench.core.transforms import transform
from workbench.models.distributions import distributions
from workbench.models.parameter import Parameter

pytestmark = pytest.mark.parametrize("name", distributions.names())


def phi(code, psi):
    codes, out = np.full(len(psi), code), np.zeros((3, len(psi)))
    transform(codes, psi, *out)
    return out


def test_declaration(name):
    distribution = distributions.get(name)
    assert distribution.name == name
    MathTextParser("path").parse(f"${distribution.latex.replace('@', '{CL}')}$")


def test_the_scales_are_inverse_and_those_of_the_kernel(name):
    distribution = distributions.get(name)
    for value in (0.3, 1.0, 40.0):
        psi = distribution.to_psi(value)
        assert distribution.from_psi(psi) == pytest.approx(value, rel=1e-14)
        assert phi(distribution.code, np.array([psi]))[0, 0] == pytest.approx(value, rel=1e-14)


def test_derivatives_equal_differences(name):
    code, psi, h = distributions.get(name).code, np.array([-0.7, 0.2, 1.9]), 1e-6
    value, first, second = phi(code, psi)
    up, down = phi(code, psi + h), phi(code, psi - h)
    np.testing.assert_allclose(first, (up[0] - down[0]) / (2 * h), rtol=1e-8)
    np.testing.assert_allclose(second, (up[1] - down[1]) / (2 * h), rtol=1e-8, atol=1e-9)
    assert np.isfinite(value).all()


def test_the_public_call_makes_it(name):
    parameter = Parameter(name, 1.5, 0.4, frozenset({"iiv"}))
    assert eval(parameter.python(), {"wb": wb}) == parameter  # noqa: S307 our own text

"""Every parameter distribution, present and future, obeys these."""

import mpmath
import numpy as np
import pytest
from matplotlib.mathtext import MathTextParser

import workbench as wb
from workbench.core.transforms import transform
from workbench.models.distributions import distributions
from workbench.models.parameter import Parameter
from workbench.problem.intervals import interval

pytestmark = pytest.mark.parametrize("name", distributions.names())


def phi(code, psi, lower=0.0, upper=1.0):
    codes, out = np.full(len(psi), code), np.zeros((3, len(psi)))
    transform(codes, np.tile([lower, upper], (len(psi), 1)), psi, *out)
    return out


def test_declaration(name):
    distribution = distributions.get(name)
    assert distribution.name == name
    MathTextParser("path").parse(f"${distribution.latex.replace('@', '{CL}')}$")


def test_the_scales_are_inverse_and_those_of_the_kernel(name):
    distribution = distributions.get(name)
    for value in (1e-9, 0.3, 0.7) if distribution.limited else (0.3, 1.0, 40.0):
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
    distribution = distributions.get(name)
    np.testing.assert_allclose([distribution.slope(at) for at in psi], first, rtol=1e-14)


def test_far_out_nothing_is_lost(name):
    """At psi = ±30 and ±700: finite, and by the nearer bound to 1e-13."""
    distribution = distributions.get(name)
    if not distribution.limited:
        pytest.skip("no bounds")
    psi = np.array([-700.0, -30.0, 30.0, 700.0])
    value, first, second = phi(distribution.code, psi, -2.0, 3.0)
    assert np.isfinite([value, first, second]).all()
    assert (first >= 0).all()
    np.testing.assert_allclose(value[[0, 3]], [-2.0, 3.0], rtol=1e-15)
    down, _, _ = phi(distribution.code, psi[1:2], 0.0, 1.0)
    exact = mpmath.ncdf(-30) if name == "probitnormal" else 1 / (1 + mpmath.exp(30))
    assert down[0] == pytest.approx(float(exact), rel=1e-13)


def test_a_wald_interval_respects_the_range(name):
    """The ends are images of psi plus or minus the half length there: 1e-12."""
    distribution = distributions.get(name)
    low, high = interval(distribution.interval, 0.3, 0.2)
    psi = distribution.to_psi(0.3)
    half = 0.2 / distribution.slope(psi)
    assert low == pytest.approx(distribution.from_psi(psi - half), rel=1e-12)
    assert high == pytest.approx(distribution.from_psi(psi + half), rel=1e-12)


def test_the_public_call_makes_it(name):
    parameter = Parameter(name, 0.4, 0.4, frozenset({"iiv"}))
    assert eval(parameter.python(), {"wb": wb}) == parameter  # noqa: S307 our own text

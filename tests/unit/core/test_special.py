"""Functions of generated equations against scipy, and their limits at the edges."""

import numpy as np
import pytest
import sympy
from scipy import special as reference

from workbench.core import special

POSITIVE = np.concatenate([np.geomspace(1e-6, 1e6, 200), np.arange(0.5, 40.0, 0.5)])
NEGATIVE = -np.add.outer(np.arange(20.0), [0.08, 0.37, 0.5, 0.81]).ravel()
INTEGERS = -np.arange(0.0, 5.0)


def each(kernel, *columns):
    with np.errstate(all="ignore"):
        return np.array([kernel(*map(float, row)) for row in zip(*columns, strict=True)])


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        (special.lgamma, reference.gammaln),
        (special.digamma, reference.digamma),
        (special.trigamma, lambda x: reference.polygamma(1, x)),
    ],
)
def test_gamma_family_against_scipy(kernel, expected):
    # near its root at 1.46 digamma is small; 1e-14 is a few roundings of the terms it sums
    np.testing.assert_allclose(each(kernel, POSITIVE), expected(POSITIVE), rtol=3e-14, atol=1e-14)


def test_gamma_family_left_of_zero_against_scipy_and_sympy():
    # the reflection formula loses digits near the poles; 1e-11 is what tan and sin leave there
    np.testing.assert_allclose(
        each(special.lgamma, NEGATIVE), reference.gammaln(NEGATIVE), rtol=1e-12, atol=1e-12
    )
    np.testing.assert_allclose(
        each(special.digamma, NEGATIVE), reference.digamma(NEGATIVE), rtol=1e-11, atol=1e-12
    )
    expected = [float(sympy.polygamma(1, sympy.Float(x, 30))) for x in NEGATIVE]
    np.testing.assert_allclose(each(special.trigamma, NEGATIVE), expected, rtol=1e-11)


def test_gamma_against_scipy():
    x = np.concatenate([np.linspace(0.1, 171.0, 300), NEGATIVE])
    np.testing.assert_allclose(each(special.gamma, x), reference.gamma(x), rtol=1e-12)


def test_poles_and_ends_of_the_gamma_family_are_numbers():
    assert np.all(each(special.lgamma, INTEGERS) == np.inf)
    assert np.all(np.isnan(each(special.gamma, INTEGERS)))
    assert np.all(np.isnan(each(special.digamma, INTEGERS)))
    assert np.all(each(special.trigamma, INTEGERS) == np.inf)
    assert special.gamma(200.0) == np.inf
    assert special.lgamma(1e306) == np.inf
    for kernel in (special.gamma, special.lgamma, special.digamma, special.trigamma):
        assert np.isnan(kernel(np.nan))


def test_normal_distribution_function_against_scipy():
    x = np.linspace(-37.0, 9.0, 200)
    np.testing.assert_allclose(each(special.phi, x), reference.ndtr(x), rtol=1e-12)


def test_powers():
    x, y = map(np.ravel, np.meshgrid(np.geomspace(1e-3, 1e3, 13), [-2.5, -1.0, 0.3, 1.0, 2.0, 3.7]))
    p = each(special.power, x, y)
    np.testing.assert_allclose(p, x**y, rtol=1e-15)
    np.testing.assert_allclose(each(special.power_less, p, x, y), x ** (y - 1), rtol=1e-13)
    np.testing.assert_allclose(each(special.edge_log, x), np.log(x), rtol=1e-15)
    np.testing.assert_allclose(each(special.edge_reciprocal, x), 1 / x, rtol=1e-15)


def test_whole_powers_of_negative_numbers():
    for x in (-3.0, -0.25):
        assert special.power(x, 3.0) == x**3
        assert special.power_less(x**3, x, 3.0) == x**2
    with np.errstate(all="ignore"):
        assert np.isnan(special.power(-3.0, 1.5))


def test_powers_at_zero():
    for y in (0.5, 1.0, 1.5, 2.0, 3.0):
        assert special.power(0.0, y) == 0.0
        # the limit where there is one; the convention of core.special for y < 1
        assert special.power_less(0.0, 0.0, y) == (1.0 if y == 1.0 else 0.0)
    assert special.power(0.0, 0.0) == 1.0
    assert special.edge_log(0.0) == special.edge_reciprocal(0.0) == 0.0


def test_vanish_and_select():
    assert special.vanish(0.0, np.inf) == special.vanish(0.0, np.nan) == 0.0
    assert special.vanish(2.0, 3.0) == 6.0
    assert np.isnan(special.vanish(np.nan, 0.0))
    assert special.select(True, 1.0, np.nan) == 1.0
    assert special.select(False, np.nan, 2.0) == 2.0

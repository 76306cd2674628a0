"""Shapes of random effects, with their derivatives, against 40 digits."""

import mpmath
import numpy as np
import pytest

from workbench.core.shapes import BOX_COX, N_PARTS, STUDENT, inverse_range, shaped, shaped_range


def box_cox(eta, shape):
    return (mpmath.exp(eta) ** shape - 1) / shape


def student(eta, shape):
    """Petersson et al. 2009, as in their code; shape is the log of the degrees of freedom."""
    n = mpmath.exp(shape)
    return eta * (
        1
        + (eta**2 + 1) / (4 * n)
        + (5 * eta**4 + 16 * eta**2 + 3) / (96 * n**2)
        + (3 * eta**6 + 19 * eta**4 + 17 * eta**2 - 15) / (384 * n**3)
    )


@pytest.mark.parametrize("eta", [-2.1, -0.3, 0.01, 0.7, 3.0])
@pytest.mark.parametrize("shape", [-1.5, -0.2, 1e-3, 0.5, 1.9])
@pytest.mark.parametrize(("kind", "formula"), [(BOX_COX, box_cox), (STUDENT, student)])
def test_value_and_derivatives(kind, formula, eta, shape):
    """1e-12 of each, or of 1e-6 where it is smaller."""
    orders = [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)]
    with mpmath.workdps(40):
        at = (mpmath.mpf(eta), mpmath.mpf(shape))
        expected = [float(mpmath.diff(formula, at, n) if any(n) else formula(*at)) for n in orders]
    for found, exact in zip(shaped(kind, eta, shape), expected, strict=True):
        assert found == pytest.approx(exact, rel=1e-12, abs=1e-18)


def test_box_cox_of_shape_zero_is_normal():
    value, by_eta, by_shape, by_eta_twice, mixed, _ = shaped(BOX_COX, 0.8, 0.0)
    assert (value, by_eta, by_eta_twice) == (0.8, 1.0, 0.0)
    assert by_shape == pytest.approx(0.32, rel=1e-14)
    assert mixed == pytest.approx(0.8, rel=1e-14)


def test_students_expansion_is_that_of_its_quantiles():
    """At 20 degrees of freedom within 2.3 SD: 2e-5, the size of the next term, z⁹/(10⁴ ν⁴)."""
    from scipy.stats import norm, t

    for z in (-2.3, -1.0, 0.4, 1.96):
        value = shaped(STUDENT, z, float(mpmath.log(20)))[0]
        assert value == pytest.approx(t.ppf(norm.cdf(z), 20), rel=2e-5)


@pytest.mark.parametrize("shape", [-0.4, 0.0, 1e-9, 0.72, 1.9])
@pytest.mark.parametrize("kind", [BOX_COX, STUDENT])
def test_inverse(kind, shape):
    """From a start that is off by one: 1e-12 of each."""
    eta = np.linspace(-3.0, 3.0, 31)
    parts, back = np.empty((31, N_PARTS)), np.empty(31)
    shaped_range(kind, shape, eta, parts)
    inverse_range(kind, np.ascontiguousarray(parts[:, 0]), shape, eta + 1.0, back)
    np.testing.assert_allclose(back, eta, rtol=1e-12, atol=1e-12)


def test_what_box_cox_does_not_reach_has_no_inverse():
    back = np.empty(2)
    inverse_range(BOX_COX, np.array([-2.1, -1.9]), 0.5, np.zeros(2), back)
    assert np.isnan(back).tolist() == [True, False]

"""Tails of the normal distribution against 50 digits."""

import mpmath
import numpy as np
import pytest

from workbench.core import tails

mpmath.mp.dps = 50
PLACES = [-40.0, -8.0, -3.0, -1.0, -0.5, 0.0, 1.0, 3.99, 4.0, 7.0, 10.0, 38.0, 1e3, 1e6]


def beyond(t):
    return mpmath.erfc(mpmath.mpf(t) / mpmath.sqrt(2)) / 2


@pytest.mark.parametrize("t", PLACES)
def test_surprise_and_its_derivatives(t):
    """The third derivative is a small difference in the far tail: 1e-10 of the second one there."""
    hazard = mpmath.npdf(t) / beyond(t)
    excess = hazard - t
    second = hazard * excess
    third = second * excess + hazard * (second - 1)
    np.testing.assert_allclose(tails.surprise(t), float(-mpmath.log(beyond(t))), rtol=1e-13)
    np.testing.assert_allclose(tails.excess(t), float(excess), rtol=1e-13)
    found = tails.tail(t)
    np.testing.assert_allclose(found[0], float(hazard), rtol=1e-13, atol=1e-300)
    np.testing.assert_allclose(found[1], float(second), rtol=1e-13, atol=1e-300)
    np.testing.assert_allclose(found[2], float(third), rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize(
    ("low", "high"), [(-1.0, 2.0), (-0.5, 0.4), (9.0, 9.5), (-31.0, -30.0), (38.0, 40.0), (3, 60)]
)
def test_interval(low, high):
    inside = abs(beyond(low) - beyond(high)) if low > 0 else beyond(-high) - beyond(-low)
    value, at_low, at_high = tails.between(low, high)
    np.testing.assert_allclose(value, float(-mpmath.log(inside)), rtol=1e-12)
    np.testing.assert_allclose(at_low, float(mpmath.npdf(low) / inside), rtol=1e-11)
    np.testing.assert_allclose(at_high, float(mpmath.npdf(high) / inside), rtol=1e-11)


@pytest.mark.parametrize("t", [-5.0, 0.5, 1.0, 9.99, 10.0, 1e3])
def test_spread_of_the_truncated_distribution(t):
    """Covariances by quadrature; their slopes by differences of those in 50 digits."""
    shift, *found = tails.truncated_spread(t)

    def covariances(t):
        by = t if shift else mpmath.mpf(0)  # X = Z - shift, and the shift is t where X is D
        far = max(mpmath.mpf(0), t) + 300 / max(mpmath.mpf(12), t)

        def moment(k):
            def weighted(z):
                return (z - by) ** k * mpmath.exp((max(t, 0) ** 2 - z**2) / 2)

            return mpmath.quad(weighted, [t, t + (far - t) / 30, t + (far - t) / 6, far])

        m = [moment(k) / moment(0) for k in range(5)]
        return m[2] - m[1] ** 2, m[3] - m[1] * m[2], m[4] - m[2] ** 2

    t, h = mpmath.mpf(t), mpmath.mpf(10) ** -15
    high, low = covariances(t + h), covariances(t - h)
    expected = [*covariances(t), *((a - b) / (2 * h) for a, b in zip(high, low, strict=True))]
    np.testing.assert_allclose(found, [float(e) for e in expected], rtol=1e-10, atol=1e-15)

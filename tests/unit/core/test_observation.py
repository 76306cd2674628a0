"""Contributions of observations of every kind: against scipy, and derivatives by differences.

The error model of the tests is Box-Cox with an SD that follows f, so that r moves with a sigma.
"""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from workbench.core import observation
from workbench.core.residuals import (
    ABOVE,
    BELOW,
    BELOW_TRUNCATED,
    BETWEEN,
    FIRST_SIGMA,
    KIND,
    OBSERVED,
    OTHER,
    OTHER_S,
    R_F,
    R_FF,
    R_FS,
    R_S,
    SIGMA_WIDTH,
    TRUNCATED,
    V_F,
    V_FF,
    V_FS,
    V_S,
    R,
    V,
    n_columns,
)
from workbench.core.table import place_limit

KINDS = (OBSERVED, BELOW, ABOVE, BETWEEN, TRUNCATED, BELOW_TRUNCATED)
N_SIGMA = 3  # lambda, proportional SD, additive SD


def transformed(x, power):
    return (x**power - 1) / power


def by_power(x, power):
    return x**power * np.log(x) / power - (x**power - 1) / power**2


def row(kind, y, limit, f, sigma):
    power, b, a = sigma
    out = np.zeros(n_columns(N_SIGMA))
    out[R] = transformed(y, power) - transformed(f, power)
    out[R_F], out[R_FF] = -(f ** (power - 1)), -(power - 1) * f ** (power - 2)
    out[V], out[V_F], out[V_FF] = a * a + (b * f) ** 2, 2 * b * b * f, 2 * b * b
    out[KIND], out[OTHER] = kind, transformed(limit, power) - transformed(f, power)
    column = FIRST_SIGMA
    out[column + R_S] = by_power(y, power) - by_power(f, power)
    out[column + R_FS] = -(f ** (power - 1)) * np.log(f)
    out[column + OTHER_S] = by_power(limit, power) - by_power(f, power)
    column += SIGMA_WIDTH
    out[column + V_S], out[column + V_FS] = 2 * b * f * f, 4 * b * f
    out[column + SIGMA_WIDTH + V_S] = 2 * a
    return out


def cases(kind):
    generator = np.random.default_rng(kind)
    for _ in range(25):
        y, f = generator.uniform(0.5, 4, 2)
        limit = generator.uniform(0.2, 4) if kind == BETWEEN else y * generator.uniform(0.2, 0.9)
        sigma = np.array([generator.uniform(0.3, 1.5), *generator.uniform(0.1, 0.5, 2)])
        yield y, limit, f, sigma


def difference(function, x, h=2e-5):
    near, far = function(x + h) - function(x - h), function(x + 2 * h) - function(x - 2 * h)
    return (8 * near - far) / (12 * h)


def probability(kind, y, limit, f, sigma):
    """By quadrature of the density of the transformed data."""
    power, b, a = sigma
    sd = np.hypot(a, b * f)
    density = norm(transformed(f, power), sd).pdf

    def mass(low, high):
        return quad(density, low, high, epsabs=0, epsrel=1e-12, limit=200)[0]

    centre = transformed(f, power)
    bottom, top = centre - 12 * sd, centre + 12 * sd
    at, other = transformed(y, power), transformed(limit, power)
    return {
        OBSERVED: lambda: density(at) * np.sqrt(2 * np.pi),
        BELOW: lambda: mass(bottom, at),
        ABOVE: lambda: mass(at, top),
        BETWEEN: lambda: abs(mass(at, other)),
        TRUNCATED: lambda: density(at) * np.sqrt(2 * np.pi) / mass(other, top),
        BELOW_TRUNCATED: lambda: mass(other, at) / mass(other, top),
    }[kind]()


@pytest.mark.parametrize("kind", KINDS)
def test_value_against_quadrature(kind):
    for y, limit, f, sigma in cases(kind):
        expected = probability(kind, y, limit, f, sigma)
        if expected > 1e-12:
            found = observation.value(row(kind, y, limit, f, sigma))
            np.testing.assert_allclose(found, -np.log(expected), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_in_the_prediction_equal_differences(kind):
    for y, limit, f, sigma in cases(kind):
        here = row(kind, y, limit, f, sigma)
        for found, whole in (
            (observation.slope, observation.value),
            (observation.curvature, observation.slope),
            (observation.weight_slope, observation.weight),
        ):
            expected = difference(lambda x, w=whole: w(row(kind, y, limit, x, sigma)), f)  # noqa: B023
            np.testing.assert_allclose(found(here), expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_in_sigma_equal_differences(kind):
    for y, limit, f, sigma in cases(kind):
        here = row(kind, y, limit, f, sigma)
        for s in range(N_SIGMA):
            found = observation.sigma_terms(here, s)
            unit = np.eye(N_SIGMA)[s]
            for one, whole in zip(
                found, (observation.value, observation.slope, observation.weight), strict=True
            ):
                expected = difference(
                    lambda x, w=whole, u=unit: w(row(kind, y, limit, f, sigma + x * u)),  # noqa: B023
                    0.0,
                )
                np.testing.assert_allclose(one, expected, rtol=1e-7, atol=1e-7)


def scaled(row, u):
    """The row with its SD times exp(u)."""
    out = row.copy()
    out[[V, V_F, V_FF]] *= np.exp(2 * u)
    out[FIRST_SIGMA + V_S :: SIGMA_WIDTH] *= np.exp(2 * u)
    out[FIRST_SIGMA + V_FS :: SIGMA_WIDTH] *= np.exp(2 * u)
    return out


@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_in_the_log_of_a_factor_on_the_sd_equal_differences(kind):
    for y, limit, f, sigma in cases(kind):
        here = row(kind, y, limit, f, sigma)
        slope, across, weight = observation.scale_terms(here)
        found = [slope, across, weight, observation.scale_curvature(here)]
        whole = [observation.value, observation.slope, observation.weight]
        whole.append(lambda r: observation.scale_terms(r)[0])
        for s in range(N_SIGMA):
            found.append(observation.scale_sigma(here, s))
            whole.append(lambda r, s=s: observation.sigma_terms(r, s)[0])
        for one, function in zip(found, whole, strict=True):
            expected = difference(lambda u, w=function: w(scaled(here, u)), 0.0)  # noqa: B023
            np.testing.assert_allclose(one, expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_parts_of_a_sigma_add_up(kind):
    for y, limit, f, sigma in cases(kind):
        here = row(kind, y, limit, f, sigma)
        moved = here[V + 0] * 0.3
        total = observation.variance_terms(here, moved)

        def at(v, here=here):
            other = here.copy()
            other[V] += v
            return other

        for one, whole in zip(
            total, (observation.value, observation.slope, observation.weight), strict=True
        ):
            expected = difference(lambda x, w=whole: w(at(x * moved)), 0.0)  # noqa: B023
            np.testing.assert_allclose(one, expected, rtol=1e-7, atol=1e-7)
        through_r = observation.residual_terms(here, 0)
        np.testing.assert_allclose(through_r, observation.sigma_terms(here, 0), rtol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_information_about_the_prediction_is_its_weight_and_not_negative(kind):
    for y, limit, f, sigma in cases(kind):
        here = row(kind, y, limit, f, sigma)
        by_r, by_v, by_other = observation.informed(here, here[R_F], here[V_F], 0.0)
        assert by_other == 0.0
        np.testing.assert_allclose(
            by_r * here[R_F] + by_v * here[V_F], observation.weight(here), rtol=1e-12, atol=1e-14
        )
        assert kind == BELOW_TRUNCATED or observation.weight(here) >= 0.0


def test_a_truncated_observation_has_its_expected_information():
    """The variance of the slope over the truncated distribution, by quadrature."""
    for _, limit, f, sigma in cases(TRUNCATED):
        sd = np.hypot(sigma[2], sigma[1] * f)
        bottom = (transformed(limit, sigma[0]) - transformed(f, sigma[0])) / sd

        def slope(z, limit=limit, f=f, sigma=sigma, sd=sd):
            here = row(OBSERVED, limit, limit, f, sigma)
            here[R] = z * sd
            return observation.slope(here)

        mass = norm.sf(bottom)
        moments = [
            quad(lambda z, k=k: slope(z) ** k * norm.pdf(z), bottom, 12 + abs(bottom), limit=200)[0]
            / mass
            for k in (1, 2)
        ]
        found = observation.weight(row(TRUNCATED, limit, limit, f, sigma))
        np.testing.assert_allclose(found, moments[1] - moments[0] ** 2, rtol=1e-6)


def test_far_tails_are_finite_and_smooth():
    """A prediction 1e4 SDs from the limit: the square of the distance, and its derivatives."""
    sigma = np.array([1.0, 0.0, 1e-4])
    below = row(BELOW, 1.0, 1.0, 2.0, sigma)
    np.testing.assert_allclose(observation.value(below), 0.5e8, rtol=1e-6)
    np.testing.assert_allclose(observation.slope(below), 1e8, rtol=1e-7)
    np.testing.assert_allclose(observation.curvature(below), 1e8, rtol=1e-7)
    above = row(ABOVE, 1.0, 1.0, 2.0, sigma)
    assert observation.value(above) == 0.0
    assert observation.slope(above) == 0.0


def test_without_variance():
    """Below a limit above a prediction that has no error is certain; nothing else has a value."""
    certain = row(BELOW, 1.0, 1.0, 0.5, np.array([1.0, 0.0, 0.0]))
    assert observation.value(certain) == 0.0
    assert observation.sigma_terms(certain, 1) == (0.0, 0.0, 0.0)
    assert np.isnan(observation.value(row(BELOW, 1.0, 1.0, 1.5, np.array([1.0, 0.0, 0.0]))))
    assert np.isnan(observation.value(row(OBSERVED, 1.0, 1.0, 0.5, np.array([1.0, 0.0, 0.0]))))


@pytest.mark.parametrize(
    ("kind", "far", "becomes"),
    [
        (TRUNCATED, -np.inf, OBSERVED),
        (BELOW_TRUNCATED, -np.inf, BELOW),
        (BETWEEN, -np.inf, BELOW),
        (BETWEEN, np.inf, ABOVE),
        (BETWEEN, -0.2, BETWEEN),
    ],
)
def test_a_limit_infinitely_far_away_is_none(kind, far, becomes):
    """Such as 0 on the logarithmic scale."""
    here = row(OBSERVED, 1.0, 1.0, 0.5, np.array([1.0, 0.1, 0.1]))
    limit = here.copy()
    limit[R] = far
    place_limit(kind, limit, here)
    assert here[KIND] == becomes
    assert np.isfinite(observation.value(here))

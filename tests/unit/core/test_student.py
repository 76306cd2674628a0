"""Student-t error: the density against scipy, derivatives against differences and integrals."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import t as student_t

from workbench.core import gaussian, student
from workbench.core.residuals import FIRST_SIGMA, KIND, OTHER, STUDENT

NU = 4.3


def made(f, s, nu=NU):
    """A row with r = log 2 - s f^1.2 and sqrt(v) = 0.3 + 0.2 s f, and its derivatives in s."""
    sd = 0.3 + 0.2 * s * f
    row = np.zeros(FIRST_SIGMA)
    row[:6] = (
        np.log(2.0) - s * f**1.2,
        -1.2 * s * f**0.2,
        -0.24 * s * f**-0.8,
        sd * sd,
        0.4 * s * sd,
        0.08 * s * s,
    )
    row[KIND], row[OTHER] = STUDENT, nu
    return row, (-(f**1.2), -1.2 * f**0.2, 0.4 * f * sd, 0.4 * sd + 0.08 * s * f)


def slope(function, h=1e-5):
    return (function(h) - function(-h)) / (2 * h)


F, S = 0.8, 0.9
FUNCTIONS = (student.value, student.slope, student.weight)


def test_the_value_is_the_density_s():
    row, _ = made(F, S)
    sd = np.sqrt(row[3])
    expected = -student_t.logpdf(row[0] / sd, NU) + np.log(sd) - 0.5 * np.log(2 * np.pi)
    assert student.value(row) == pytest.approx(expected, rel=1e-13)


def test_derivatives_in_the_prediction_equal_differences():
    row, _ = made(F, S)
    for value, derivative in (
        (student.value, student.slope),
        (student.slope, student.curvature),
        (student.weight, student.weight_slope),
    ):
        expected = slope(lambda h, function=value: function(made(F + h, S)[0]))
        assert derivative(row) == pytest.approx(expected, rel=1e-7)


def test_derivatives_in_a_parameter_equal_differences():
    row, by_s = made(F, S)
    expected = [slope(lambda h, g=g: g(made(F, S + h)[0])) for g in FUNCTIONS]
    np.testing.assert_allclose(student.terms(row, *by_s, 0.0), expected, rtol=1e-7)
    expected = [slope(lambda h, g=g: g(made(F, S, NU + h)[0])) for g in FUNCTIONS]
    np.testing.assert_allclose(student.terms(row, 0, 0, 0, 0, 1.0), expected, rtol=1e-6)


def test_derivatives_in_the_log_of_a_factor_on_the_scale_equal_differences():
    row, (rs, rfs, vs, vfs) = made(F, S)

    def by_u(row):
        return student.terms(row, 0.0, 0.0, 2 * row[3], 2 * row[4], 0.0)[0]

    def at(u):
        moved = row.copy()
        moved[3:6] *= np.exp(2 * u)
        return moved

    assert student.scale_curvature(row) == pytest.approx(slope(lambda h: by_u(at(h))), rel=1e-7)
    for ns in (0.0, 1.0):
        expected = slope(
            lambda h, ns=ns: student.terms(
                at(h), rs, rfs, vs * np.exp(2 * h), vfs * np.exp(2 * h), ns
            )[0]
        )
        assert student.scale_sigma(row, rs, vs, ns) == pytest.approx(expected, rel=1e-6)


def test_the_information_is_the_integral_of_the_squared_scores():
    row, _ = made(F, S)
    row[1] = row[4] = 0.0

    def scores(x):
        row[0] = x * np.sqrt(row[3])
        unit = np.eye(3)
        return [student.terms(row, u[0], 0.0, u[1], 0.0, u[2])[0] for u in unit]

    for a in range(3):
        found = student.informed(row, *np.eye(3)[a])
        for b in range(3):
            expected = quad(
                lambda x, a=a, b=b: scores(x)[a] * scores(x)[b] * student_t.pdf(x, NU),
                -np.inf,
                np.inf,
            )[0]
            assert found[b] == pytest.approx(expected, rel=1e-7, abs=1e-9)


def test_the_weight_is_what_the_information_says_of_the_prediction():
    row, _ = made(F, S)
    r_i, v_i, _ = student.informed(row, row[1], row[4], 0.0)
    assert student.weight(row) == pytest.approx(r_i * row[1] + v_i * row[4], rel=1e-14)


def test_many_degrees_of_freedom_are_normal():
    row, by_s = made(F, S, 1e9)
    for name in ("value", "slope", "curvature", "weight", "weight_slope"):
        ours, theirs = getattr(student, name)(row), getattr(gaussian, name)(row)
        assert ours == pytest.approx(theirs, rel=1e-7)
    np.testing.assert_allclose(
        student.terms(row, *by_s, 0.0), gaussian.terms(row, *by_s), rtol=1e-7
    )

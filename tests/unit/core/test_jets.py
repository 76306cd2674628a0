"""Truncated Taylor arithmetic against sympy: exact derivatives, so rounding is the tolerance."""

import itertools

import numpy as np
import pytest
import sympy

from workbench.core import jets

X, Y = sympy.symbols("x y", positive=True)
A = X**2 * sympy.exp(-Y) + 3  # two arbitrary smooth functions of two parameters
B = Y / (1 + X)
AT = {X: 0.7, Y: 1.3}
RTOL = 1e-13  # a few roundings


def jet(expression, order=2):
    parts = [expression]
    if order >= 1:
        parts += [sympy.diff(expression, s) for s in (X, Y)]
    if order >= 2:
        parts += [sympy.diff(expression, *pair) for pair in ((X, X), (X, Y), (Y, Y))]
    return np.array([float(p.subs(AT)) for p in parts])


def rows(order=2):
    matrix = np.full((4, 6), np.nan)
    size = jets.n_parts(order, 2)
    matrix[0, :size], matrix[1, :size] = jet(A, order), jet(B, order)
    return matrix, size


@pytest.mark.parametrize(("order", "p"), list(itertools.product((0, 1, 2), (1, 2, 3, 5))))
def test_number_of_parts(order, p):
    assert jets.n_parts(order, p) == (1, 1 + p, 1 + p + p * (p + 1) // 2)[order]


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("out", [0, 1, 2])
def test_product_against_sympy_also_in_place(order, out):
    matrix, size = rows(order)
    jets.multiply(order, 2, matrix, 0, 1, out)
    np.testing.assert_allclose(matrix[out, :size], jet(A * B, order), rtol=RTOL)


@pytest.mark.parametrize("out", [0, 2])
def test_square_against_sympy(out):
    matrix, _ = rows()
    jets.multiply(2, 2, matrix, 0, 0, out)
    np.testing.assert_allclose(matrix[out], jet(A**2), rtol=RTOL)


@pytest.mark.parametrize("out", [1, 2])
def test_reciprocal_against_sympy(out):
    matrix, _ = rows()
    jets.reciprocal(2, 2, matrix, 1, out)
    np.testing.assert_allclose(matrix[out], jet(1 / B), rtol=RTOL, atol=1e-15)  # one is zero


def test_chain_rule_of_one_against_sympy():
    matrix, _ = rows()
    s = float(np.sin(matrix[0, 0]))
    jets.compose(2, 2, matrix, s, float(np.cos(matrix[0, 0])), -s, 0, 2)
    np.testing.assert_allclose(matrix[2], jet(sympy.sin(A)), rtol=1e-12)


@pytest.mark.parametrize("out", [0, 1, 2])
def test_chain_rule_of_two_against_sympy(out):
    matrix, _ = rows()
    u, w = sympy.symbols("u w")
    f = u**2 * sympy.sin(w) + u * w
    at = {u: matrix[0, 0], w: matrix[1, 0]}
    parts = [f, *(sympy.diff(f, *s) for s in ((u,), (w,), (u, u), (u, w), (w, w)))]
    numbers = [float(part.subs(at)) for part in parts]
    jets.compose2(2, 2, matrix, *numbers, 0, 1, out)
    np.testing.assert_allclose(matrix[out], jet(f.subs({u: A, w: B})), rtol=1e-12)


def test_variable_and_add_scaled():
    matrix, _ = rows()
    jets.variable(2, 2, matrix, 2, 1, 1.3)
    np.testing.assert_array_equal(matrix[2], [1.3, 0, 1, 0, 0, 0])
    jets.add_scaled(2, 2, matrix, 0, -2.0, 2)
    np.testing.assert_allclose(matrix[2], jet(Y - 2 * A), rtol=RTOL, atol=1e-14)

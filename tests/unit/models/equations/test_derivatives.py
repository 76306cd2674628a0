"""Values and exact derivatives of compiled equations against sympy in 30 digits.

sympy reads the same formulas by its own parser and differentiates by its own rules, so nothing
is shared with the code under test.
"""

import numpy as np
import pytest
import sympy

from workbench.models.equations import compile_system, parse

DIGITS = 30
RTOL = 1e-12  # tens of roundings, and cancellation in sums of like size

SMOOTH = {  # text of ours: what sympy reads; x and y are parameters
    "exp(-x*y)": None,
    "log(x + y^2)": None,
    "ln(x)": "log(x)",
    "log10(x)/y": "log(x)/log(10)/y",
    "log2(x*y)": "log(x*y)/log(2)",
    "log1p(x*y)": "log(1 + x*y)",
    "expm1(x - y)": "exp(x - y) - 1",
    "sqrt(x + y)": None,
    "sin(x)*cos(y)": None,
    "tan(x/y)": None,
    "asin(x/3)": None,
    "acos(x*y/9)": None,
    "atan(x*y)": None,
    "sinh(x - y)": None,
    "cosh(x*y)": None,
    "tanh(x - y/2)": None,
    "gamma(x + y)": None,
    "lgamma(x*y)": "loggamma(x*y)",
    "phi(x - y)": "(1 + erf((x - y)/sqrt(2)))/2",
    "x^y": "x**y",
    "x**3 - y^-2": "x**3 - y**(-2)",
    "pow(x, 1.7)": "x**1.7",
    "2^x": "2**x",
    "x^40": "x**40",
    "(x + y)^0": "1",
    "x^0.5": "sqrt(x)",
    "-x^2": "-x**2",
    "-x^-y": "-x**(-y)",
    "x^y^0.5": "x**(y**0.5)",
    "x/y/(x + y)*2": None,
    "x - (y - x) - -y": None,
    "x/3 + 7/y - 1.5e-1*x*y": None,
    "1/(1 + exp(-(t - x)/y))": None,
    "x*t^y/(3^y + t^y)": "x*t**y/(3**y + t**y)",
    "x*exp(-x*t)*y*t": None,
    "exp(log(x) + y*log(x*t) - x*t - lgamma(y + 1))":
        "exp(log(x) + y*log(x*t) - x*t - loggamma(y + 1))",
}  # fmt: skip
POINTS = [(0.7, 1.3), (2.1, 0.45), (1.9, 1.1)]
T = 1.75


@pytest.fixture(scope="module")
def compiled():
    names = [f"out{i}" for i in range(len(SMOOTH))]
    lines = [f"{name} = {text}" for name, text in zip(names, SMOOTH, strict=True)]
    # every formula gets x and y, in this order
    system = parse("\n".join(["both = x + y", *lines]), ["both", *names])
    assert system.parameters == ("x", "y")
    return compile_system(system)


def by_sympy(text, point):
    x, y, t = sympy.symbols("x y t")
    expression = sympy.sympify(text, locals={"x": x, "y": y, "t": t}, rational=True)
    at_point = {s: sympy.Float(v, DIGITS) for s, v in zip((x, y, t), (*point, T), strict=True)}

    def number(e):
        return float(e.evalf(DIGITS, subs=at_point))

    first = [sympy.diff(expression, s) for s in (x, y, t)]
    second = [[sympy.diff(e, s) for s in (x, y, t)] for e in first]
    return number(expression), [number(e) for e in first], [[number(e) for e in r] for r in second]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("text", SMOOTH)
def test_formula_and_derivatives_against_sympy(compiled, text, point):
    row = 1 + list(SMOOTH).index(text)
    value, jacobian, hessian = compiled.output.evaluate(T, np.array([*point, T]))
    expected = by_sympy(SMOOTH[text] or text, point)
    np.testing.assert_allclose(value[row], expected[0], rtol=RTOL)
    np.testing.assert_allclose(jacobian[row], expected[1], rtol=RTOL, atol=1e-13)
    np.testing.assert_allclose(hessian[row], expected[2], rtol=RTOL, atol=1e-12)

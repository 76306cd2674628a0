"""Typeset equations: what they look like, and that matplotlib can draw every one."""

import pytest
from matplotlib.mathtext import MathTextParser

from workbench.models.equations import parse
from workbench.models.equations.typeset import symbols

DRAW = MathTextParser("path")

ALL = """
d/dt(depot) = -ka*depot
d/dt(central) = ka*depot - cl/v*central - vmax*central/(km + central)
central(0) = base_line*v1
lag(depot) = tlag; f(depot) = fr; rate(depot) = r; dur(central) = d*1e-3
k = cl/v/2*3
if (t < 5 && !(wt >= 70 || wt == 3)) { kin = 1; kin = kin*2 } else if (t != 8) { kin = k } else { kin = -k }
s = exp(ka) + exp(-ka*t) + log(ka) + ln(v) + log10(v) + log2(v) + log1p(v) + expm1(v) + sqrt(v)
s2 = abs(v) + sin(v)*cos(v)/tan(v) + asin(v) + acos(v) + atan(v) + sinh(v) + cosh(v) + tanh(v)
s3 = min(v, 1, t) + max(v, 2) + gamma(v) + lgamma(v) + phi(v) + pow(v, 2) + ifelse(v > 1, v, -v)
p = (a + b)^2 - (a*b)^c + (a/b)^(c + 1)*2^3*2.5e-7 - a^-b + (-a)^2 + exp(a)^2 + (v1^2)^3 - (a - (b - c))
l = dose(depot)*tad(central) + (a < b) + (a && b)
y = kin + s + s2 + s3 + p + l + gamma + alpha_1 + V1 + ec50 + x_y_z + A_ + lambda1
"""  # noqa: E501


@pytest.fixture(scope="module")
def lines():
    return parse(ALL, ["y"], ["wt"]).latex()


def test_every_line_can_be_drawn(lines):
    assert len(lines) == 8 + 2 + 1 + 4
    for line in lines:
        DRAW.parse(f"${line}$")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y = -ka*c + 1", r"y = -k_{a}\,c + 1"),
        ("y = cl/v*c", r"y = \frac{CL}{V}\,c"),
        ("y = a*b/c/d", r"y = \frac{a\,b}{c\,d}"),
        ("y = a/b*c/(d - 1)/2*e", r"y = \frac{\frac{a}{b}\,c}{\left(d - 1\right) \cdot 2}\,e"),
        ("y = (a + b)*c/d", r"y = \frac{\left(a + b\right)\,c}{d}"),
        ("y = (a + b)*c", r"y = \left(a + b\right)\,c"),
        ("y = (a + b)/(c - d)", r"y = \frac{a + b}{c - d}"),
        ("y = a - (b - c)", r"y = a - \left(b - c\right)"),
        ("y = a - b*c", r"y = a - b\,c"),
        ("y = a*-b", r"y = a\,\left(-b\right)"),
        ("y = 2*3", r"y = 2 \cdot 3"),
        ("y = a^b^c", r"y = a^{b^{c}}"),
        ("y = (a^b)^c", r"y = \left(a^{b}\right)^{c}"),
        ("y = (a*b)^2", r"y = \left(a\,b\right)^{2}"),
        ("y = -a^2", r"y = -a^{2}"),
        ("y = (-a)^2", r"y = \left(-a\right)^{2}"),
        ("y = cl^2", r"y = CL^{2}"),
        ("y = (a/b)^2", r"y = \left(\frac{a}{b}\right)^{2}"),
        ("y = sqrt(a + b)", r"y = \sqrt{a + b}"),
        ("y = log(a)*exp(-b)", r"y = \ln\left(a\right)\,\exp\left(-b\right)"),
        ("y = 1.5e-7*a", r"y = 1.5 \cdot 10^{-7}\,a"),
        (
            "y = ifelse(t < a, b, c)",
            r"y = b\;\;\mathrm{if}\;\;t < a,\quad c\;\;\mathrm{else}",
        ),
        ("y = 2*(a < b)", r"y = 2\,\left(a < b\right)"),
    ],
)
def test_what_lines_look_like(text, expected):
    (line,) = parse(text, ["y"]).latex()
    assert line == expected


def test_lines_of_a_model():
    text = "d/dt(depot) = -ka*depot; depot(0) = base; lag(depot) = tlag; cp = depot/v"
    assert parse(text, ["cp"]).latex() == (
        r"\mathit{cp} = \frac{\mathit{depot}}{V}",
        r"\frac{d\,\mathit{depot}}{dt} = -k_{a}\,\mathit{depot}",
        r"\mathit{depot}(0) = \mathit{base}",
        r"\mathrm{lag}(\mathit{depot}) = t_{lag}",
    )


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("ka", "k_{a}"), ("ktr", "k_{tr}"), ("ke0", "k_{e0}"), ("k12", "k_{12}"), ("k", "k"),
        ("cl", "CL"), ("v", "V"), ("v1", "V_{1}"), ("q2", "Q_{2}"), ("ec50", "EC_{50}"),
        ("emax", "E_{max}"), ("vmax2", "V_{max,2}"), ("gamma", r"\gamma"),
        ("alpha1", r"\alpha_{1}"), ("WT", r"\mathit{WT}"), ("base_line", r"\mathit{base}_{line}"),
        ("x", "x"), ("t", "t"),
        ("a1b", r"\mathrm{a1b}"),
    ],
)  # fmt: skip
def test_symbols_of_names(name, symbol):
    assert symbols([name]) == {name: symbol}
    DRAW.parse(f"${symbol}$")


def test_names_that_would_look_the_same_are_spelled_out():
    assert symbols(["v1", "V1", "ka"]) == {"v1": "V_{1}", "V1": "V_{1}", "ka": "k_{a}"} | {
        "v1": r"\mathrm{v1}",
        "V1": r"\mathrm{V1}",
    }
    assert symbols(["cl", "CL"])["cl"] != symbols(["cl", "CL"])["CL"]


def test_what_would_fill_the_page_is_cut_off():
    (line,) = parse("y = " + "+".join(["abc*def1"] * 500), ["y"]).latex()
    assert line == r"y = \ldots"
    (line,) = parse("y = " + "exp(1+" * 40 + "a" + ")" * 40, ["y"]).latex()
    assert line == r"y = \ldots"

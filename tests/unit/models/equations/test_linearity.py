"""Which equations are advanced exactly."""

import pytest

from workbench.models.equations import compile_system, parse


def linear(text, covariates=()):
    outputs = [text.split("/dt(")[1].split(")")[0]]
    return compile_system(parse(text, outputs, covariates)).is_linear


@pytest.mark.parametrize(
    "text",
    [
        "d/dt(x) = -k*x",
        "k = exp(a)^2/(1 + b)\nd/dt(x) = -k*x\nx(0) = x0",
        "d/dt(x) = kin - kout*x",
        "d/dt(y) = kin - kout*y + 2*(x - y)/v\nd/dt(x) = -k*x",
        "k = ifelse(WT > 70, a, b)\nd/dt(x) = -k*x",
    ],
)
def test_constant_coefficients_are_recognised(text):
    assert linear(text, ["WT"] if "WT" in text else ())


@pytest.mark.parametrize(
    "text",
    [
        "d/dt(x) = -vmax*x/(km + x)",
        "d/dt(x) = -k*x*t",
        "d/dt(x) = kin*cos(t) - k*x",
        "d/dt(x) = -k*x + ifelse(t < 5, a, b)",
        "d/dt(x) = ifelse(x > 1, a, b)",
        "d/dt(x) = -k*max(x, 0)",
        "d/dt(x) = -k*x^g",
        "d/dt(x) = -k*x*exp(-a*tad(x))",
        "d/dt(x) = -k*x*dose(x)",
        "d/dt(x) = -k*x*y\nd/dt(y) = -k*y",
    ],
)
def test_anything_else_is_not(text):
    assert not linear(text)

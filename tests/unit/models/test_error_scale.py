"""Scale and distribution of residual errors as parts of a model: card, Python, equations, words."""

import pytest
from matplotlib.mathtext import MathTextParser

import workbench as wb
from tests import cases
from workbench.errors import EquationError, ModelError, UnknownNameError
from workbench.models.error import ResidualError
from workbench.models.transform import SHAPES, Transform

T = wb.transform
ERRORS = {
    "log": wb.error.Additive(0.3, transform=T.Log()),
    "held lambda": wb.error.Proportional(0.2, transform=T.BoxCox(0.5)),
    "estimated lambda": wb.error.Proportional(0.2, transform=T.YeoJohnson(wb.Estimated(0.5))),
    "of g": wb.error.Power(0.2, 0.7, transform=T.BoxCox(0.5), of="transformed"),
    "ends": wb.error.Combined(0.2, wb.Fixed(0.1), transform=T.Logit(-1, 20)),
    "ends, lambda": wb.error.Additive(0.2, transform=T.Probit(0, 20, yeo_johnson=0.5)),
    "student": wb.error.Combined(0.2, 0.1, kind=1, df=4),
    "student, estimated": wb.error.LogNormal(0.2, df=wb.Estimated(6.0)),
    "both": wb.error.Additive(0.2, transform=T.BoxCox(wb.Estimated(0.1)), df=5),
    "exponent": wb.error.Combined(0.2, 0.1, exponent=wb.Fixed(0.8)),
    "own": wb.error.Expression("a*f/(f + c)", {"a": 0.3, "c": wb.Fixed(5)}),
    "own, of g": wb.error.Expression("a*f", {"a": 0.3}, transform=T.Log(), of="transformed", df=4),
}


@pytest.mark.parametrize("name", ERRORS)
def test_card_and_python_make_the_same_error_again(name):
    error = ERRORS[name]
    assert ResidualError.from_dict(error.to_dict()) == error
    assert eval(error.python(), {"wb": wb}) == error  # noqa: S307 our own text
    model = cases.iv_model().replace(error=error)
    assert wb.Model.from_json(model.to_json()) == model
    assert eval(model.python(), {"wb": wb}) == model  # noqa: S307


@pytest.mark.parametrize("name", ERRORS)
def test_the_equations_can_be_drawn(name):
    for _, line in cases.iv_model().replace(error=ERRORS[name]).equations():
        MathTextParser("path").parse(f"${line}$")


def test_lambda_and_degrees_of_freedom_are_held_unless_estimated():
    held = wb.error.Additive(0.2, transform=T.BoxCox(0.5), df=4)
    assert held.names == ("additive", "lambda", "df")
    assert held.fixed == {"lambda", "df"}
    free = wb.error.Additive(0.2, transform=T.BoxCox(wb.Estimated(0.5)), df=wb.Estimated(4))
    assert free.fixed == frozenset()
    assert free.scales == ("log", "identity", "log")
    model = cases.iv_model().replace(error=free)
    assert model.sigma_names == ("additive", "lambda", "df")
    assert model.units({"DV": "mg/L"})["additive"] == ""


def test_the_equations_name_scale_and_distribution():
    model = cases.iv_model().replace(error=ERRORS["both"])
    lines = [line for section, line in model.equations() if section == "Residual error"]
    assert lines[0].startswith("g(y_{ij}) = g(f_{ij}) + a")
    assert "\\lambda" in lines[1]
    assert "t_{\\nu}" in lines[2]
    ends = wb.error.Additive(0.2, transform=T.Logit(-1, 20)).latex()[1]
    assert "y + 1" in ends
    assert "20 - y" in ends


def test_scaling_leaves_shapes_alone():
    error = ERRORS["both"].scaled(2.0)
    assert error.parameters == {"additive": 0.4, "lambda": 0.1, "df": 5.0}
    power = wb.error.Power(0.2, 0.7).scaled(2.0)
    assert power.parameters == {"coefficient": 0.4, "exponent": 0.7}


BAD = {
    "no ends": (lambda: T.Logit(5, 5), "maps the data from between two ends"),
    "lambda too large": (lambda: T.BoxCox(50), "between -10 and 10"),
    "lambda no number": (lambda: T.BoxCox("a"), "must be a number"),
    "ends of Box-Cox": (lambda: Transform("boxcox", 0.0, 5.0), "takes no lower and upper end"),
    "not a transformation": (
        lambda: wb.error.Additive(0.2, transform="log"),
        r"one of wb\.transform's",
    ),
    "log of the logarithm": (
        lambda: ResidualError("lognormal", (0.2,), transform=Transform("log")),
        "a transformation already",
    ),
    "no degrees of freedom": (lambda: wb.error.Additive(0.2, df=0), "degrees of freedom above 0"),
    "of what": (lambda: wb.error.Proportional(0.2, of="g"), "of must be 'prediction'"),
    "of without g": (lambda: wb.error.Proportional(0.2, of="transformed"), "needs a transf"),
    "no expression": (lambda: wb.error.Expression("", {}), "one line of text"),
    "no parameter": (lambda: wb.error.Expression("f + 1", {}), "has no parameter"),
    "time": (lambda: wb.error.Expression("a*t", {"a": 1}), "uses t, which means"),
    "reserved": (lambda: wb.error.Expression("a*lambda", {"a": 1}), "reserved word"),
    "another meaning": (lambda: wb.error.Expression("a*y", {"a": 1}), "another name"),
    "missing value": (lambda: wb.error.Expression("a*f + b", {"a": 1}), "lacks the values of b"),
    "card without text": (
        lambda: ResidualError.from_dict({"model": "expression", "a": 1}),
        "takes its SD as text",
    ),
    "card without lambda": (
        lambda: ResidualError.from_dict(
            {"model": "additive", "additive": 1, "transform": {"name": "boxcox"}}
        ),
        "lacks lambda",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_makes_no_sense_is_refused_in_words(name):
    make, words = BAD[name]
    with pytest.raises(ModelError, match=words):
        make()


def test_names_that_are_misspelt_are_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'boxcox'"):
        Transform("boxcx")
    with pytest.raises(UnknownNameError, match="'c'"):
        wb.error.Expression("a*f + c", {"a": 1, "cc": 2})
    with pytest.raises(EquationError):
        wb.error.Expression("a*(f", {"a": 1})


def test_every_shape_says_what_it_is():
    for name, shape in SHAPES.items():
        assert shape.name == name
        assert shape.title
        assert shape.constructor in dir(T)

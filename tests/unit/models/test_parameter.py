"""Parameters and residual errors refuse values that they cannot have."""

import math
from dataclasses import replace

import pytest

import workbench as wb
from workbench.errors import ModelError, UnknownNameError
from workbench.models.error import ResidualError
from workbench.models.parameter import Parameter

NAN, INF = math.nan, math.inf
REFUSED = {
    "log-normal zero": (lambda: wb.LogNormal(0.0), "above 0, not 0.*normal distribution"),
    "log-normal negative": (lambda: wb.LogNormal(-2.0), "above 0, not -2"),
    "log-normal negative and fixed": (lambda: wb.LogNormal(wb.Fixed(-2.0)), "above 0, not -2"),
    "typical nan": (lambda: wb.LogNormal(NAN), "finite number, not nan"),
    "typical infinite": (lambda: wb.Normal(INF), "finite number, not inf"),
    "typical text": (lambda: wb.Normal("much"), "number, not 'much'"),
    "typical missing": (lambda: wb.Normal(None), "number, not None"),
    "iiv negative": (lambda: wb.LogNormal(1.0, iiv=-0.1), "cannot be negative.*-0.1"),
    "iiv nan": (lambda: wb.LogNormal(1.0, iiv=NAN), "IIV.*finite number, not nan"),
    "iiv infinite": (lambda: wb.Normal(1.0, iiv=INF), "IIV.*finite number, not inf"),
    "iiv a switch": (lambda: wb.LogNormal(1.0, iiv=True), "IIV.*number, not True"),
    "fixed unknown": (lambda: Parameter("normal", 1.0, 0.1, {"mean"}), "Cannot fix mean"),
    "distribution unknown": (lambda: Parameter("lognorm", 1.0), "Did you mean 'lognormal'"),
    "above the upper bound": (
        lambda: wb.LogitNormal(1.2, iiv=0.3),
        "logit-normal.*between its bounds, 0 and 1, and 1.2 does not",
    ),
    "at the lower bound": (lambda: wb.ProbitNormal(2, lower=2, upper=3), "bounds, 2 and 3"),
    "bounds the wrong way": (
        lambda: wb.LogitNormal(0.5, lower=1, upper=0),
        "lower bound.*below the upper one, not 1 and 0",
    ),
    "bound infinite": (lambda: wb.LogitNormal(0.5, upper=INF), "upper bound must be a finite"),
    "bounds of a log-normal": (
        lambda: Parameter("lognormal", 0.5, lower=0.0, upper=1.0),
        "no lower and upper.*wb.LogitNormal",
    ),
    "prior beyond the bounds": (
        lambda: wb.LogitNormal(0.5, prior=wb.Prior(1.5, sd=0.2)),
        "mean of the prior must lie between the bounds.*0 and 1",
    ),
    "exponential effect between bounds": (
        lambda: wb.LogitNormal(0.5, covariates=[wb.covariate.Exponential("WT")]),
        "does not apply to a logit-normal parameter.*Linear",
    ),
    "shape without an effect": (
        lambda: wb.LogNormal(1.0, eta=wb.eta.BoxCox(0.3)),
        r"BoxCox\(0.3\), but the parameter has none: its iiv is 0. Give",
    ),
    "shape of kappas": (
        lambda: wb.Normal(1.0, iov=0.2, eta=wb.eta.StudentT(5)),
        "its iiv is 0.*iov, are always normal",
    ),
    "covariate's name alone": (lambda: wb.LogNormal(1.0, covariates="WT"), "list.*not 'WT'"),
    "error zero": (lambda: wb.error.Additive(0.0), "'additive'.*above 0, not 0"),
    "error negative": (lambda: wb.error.Proportional(-0.1), "'proportional'.*above 0, not -0.1"),
    "error nan": (lambda: wb.error.LogNormal(NAN), "'sd'.*finite number, not nan"),
    "error text": (lambda: wb.error.Additive("low"), "'additive'.*number, not 'low'"),
    "error infinite": (lambda: wb.error.Combined(INF, 0.1), "'additive'.*finite number, not inf"),
    "no error at all": (lambda: wb.error.Combined(0, 0, kind=1), "cannot be zero"),
    "kind of combined": (lambda: wb.error.Combined(1, 1, kind=3), "kind 1 or 2, not 3"),
    "too many values": (lambda: ResidualError("additive", (1, 2)), r"1 parameters \(additive\)"),
    "error fixed unknown": (
        lambda: ResidualError("combined2", (1, 2), {"aditive"}),
        "Did you mean 'additive'",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_values_that_cannot_be_are_refused(what):
    make, words = REFUSED[what]
    with pytest.raises((ModelError, UnknownNameError), match=words):
        make()


def test_a_parameter_that_loses_its_random_effect_loses_the_shape():
    shaped = wb.LogNormal(1.0, iiv=0.3, eta=wb.eta.BoxCox(0.3))
    assert replace(shaped, iiv=0.0) == wb.LogNormal(1.0)


def test_a_normal_parameter_may_be_zero_or_negative():
    assert wb.Normal(0.0, iiv=0.3).typical == 0.0
    assert wb.Normal(-2, iiv=0.3).typical == -2.0


def test_fixed_marks_what_is_held():
    assert wb.LogNormal(wb.Fixed(2), iiv=0.3) == Parameter("lognormal", 2.0, 0.3, {"typical"})
    assert wb.Normal(2.0, iiv=wb.Fixed(0.3)) == Parameter("normal", 2.0, 0.3, {"iiv"})
    combined = wb.error.Combined(additive=wb.Fixed(0.5), proportional=0.1)
    assert combined == ResidualError("combined2", (0.5, 0.1), {"additive"})


def test_numbers_become_floats():
    """So that a card written from whole numbers equals one written from decimals."""
    assert repr(wb.LogNormal(2, iiv=1).to_dict()) == repr(wb.LogNormal(2.0, iiv=1.0).to_dict())
    assert wb.error.Additive(1).to_dict() == {"model": "additive", "additive": 1.0, "fixed": []}


def test_combined1_may_have_a_slope_of_zero_or_below():
    """Only the sum a + b·f must be positive."""
    assert wb.error.Combined(0.8, -0.05, kind=1).values == (0.8, -0.05)
    assert wb.error.Combined(0.8, 0.0, kind=1).values == (0.8, 0.0)

"""Bounds and priors of typical values: what a model takes, and how it writes them."""

import math

import pytest

import workbench as wb
from workbench.errors import ModelError

REFUSED = {
    "crossed": (lambda: wb.LogNormal(2.0, bounds=(3.0, 1.0)), "below the upper"),
    "outside": (lambda: wb.LogNormal(2.0, bounds=(3.0, 9.0)), "between its bounds"),
    "at the bound": (lambda: wb.Normal(2.0, bounds=(2.0, 9.0)), "between its bounds"),
    "no pair": (lambda: wb.Normal(2.0, bounds=3.0), "pair"),
    "words": (lambda: wb.Normal(2.0, bounds=("a", "b")), "pair"),
    "sd of zero": (lambda: wb.Prior(2.0, sd=0.0), "above 0"),
    "mean of words": (lambda: wb.Prior("two", sd=1.0), "must be a number"),
    "infinite": (lambda: wb.Prior(math.inf, sd=1.0), "must be finite"),
    "negative mean": (lambda: wb.LogNormal(2.0, prior=wb.Prior(-1.0, sd=1.0)), "above 0"),
    "fixed": (lambda: wb.LogNormal(wb.Fixed(2.0), prior=wb.Prior(2.0, sd=1.0)), "fixed"),
    "no prior": (lambda: wb.Normal(2.0, prior=0.3), "wb.Prior"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_words(name):
    make, words = REFUSED[name]
    with pytest.raises(ModelError, match=words):
        make()


def model(**parameters):
    rest = {"v": wb.LogNormal(20.0, iiv=0.2)}
    return wb.Model("pk_1cmt_iv", {**rest, **parameters}, error=wb.error.Additive(0.5))


@pytest.mark.parametrize(
    "cl",
    [
        wb.LogNormal(2.0, iiv=0.3, bounds=(0.5, None)),
        wb.LogNormal(2.0, bounds=(None, 9.0), prior=wb.Prior(2.5, sd=0.2)),
        wb.Normal(2.0, iiv=0.3, bounds=(-1.0, 9.0)),
    ],
)
def test_model_card_and_python_keep_them(cl):
    one = model(cl=cl)
    assert wb.Model.from_json(one.to_json()) == one
    assert eval(one.python().removeprefix("model = "), {"wb": wb}) == one  # noqa: S307 our own text


def test_a_positive_parameter_has_no_lower_bound_below_zero():
    assert wb.LogNormal(2.0, bounds=(0.0, None)) == wb.LogNormal(2.0)

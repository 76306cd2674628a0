"""Every kind of covariate effects, present and future, obeys these."""

import numpy as np
import pytest
from matplotlib.mathtext import MathTextParser

import workbench as wb
from tests import cases
from workbench.models.covariate import covariate_kinds
from workbench.models.covariates import CovariateEffect

X = np.array([40.0, 55.0, 70.0, 90.0])
pytestmark = pytest.mark.parametrize("name", covariate_kinds.names())


def made(name):
    """Return an effect of this kind, by its public function."""
    return getattr(wb.covariate, covariate_kinds.get(name).constructor)("WT")


def test_declaration(name):
    kind = covariate_kinds.get(name)
    assert kind.name == name
    assert kind.title
    assert kind.factor or kind.term
    assert kind.advice or (kind.factor and kind.term), "says what to use in its place"
    assert (kind.column is None) == kind.categorical


def test_the_public_function_makes_this_kind_with_no_effect(name):
    effect = made(name)
    assert isinstance(effect, CovariateEffect)
    assert effect.kind == name
    assert effect.reference is None
    assert not effect.resolved
    assert set(effect.values) == {0.0}


def test_the_column_is_zero_at_the_reference_and_grows(name):
    column = covariate_kinds.get(name).column
    if column is None:
        return
    found = column(X, 70.0)
    assert found.shape == X.shape
    assert found[2] == 0.0
    assert (np.diff(found) > 0).all()


def test_equations_can_be_typeset(name):
    for positive in (True, False):
        latex = made(name).latex("{CL}", positive=positive)
        if latex:
            MathTextParser("path").parse(f"${latex}$")


def test_card_and_python_both_ways(name):
    effect = made(name)
    assert CovariateEffect.from_dict(effect.to_dict()) == effect
    assert eval(effect.python(), {"wb": wb}) == effect  # noqa: S307  our own text


def test_an_effect_of_zero_changes_no_objective(name):
    """1e-12: psi is the same sum with zeros in it."""
    kind = covariate_kinds.get(name)
    distribution = "lognormal" if kind.factor else "normal"
    column = "GRADE" if kind.categorical else "WT"
    effect = getattr(wb.covariate, kind.constructor)(column)
    model = cases.oral_model("additive", distributions=(distribution,) * 3)
    own = model.parameters["cl"]
    make = wb.LogNormal if kind.factor else wb.Normal
    cl = make(own.typical, iiv=own.iiv, covariates=[effect])
    data = cases.covariate_data()
    there = wb.evaluate(model.replace(parameters={**model.parameters, "cl": cl}), data)
    assert there.ofv == pytest.approx(wb.evaluate(model, data).ofv, rel=1e-12)

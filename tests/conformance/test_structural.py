"""Every structural model, present and future, obeys these."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.mathtext import MathTextParser

from tests import structures as one
from workbench.models.read import read_structure
from workbench.models.structural import structures
from workbench.models.structural._linear import LinearFamily

TIMES = np.array([0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 24.0, 48.0])
pytestmark = pytest.mark.parametrize("name", structures.names())


def closed(model):
    """Whether the model is a closed form: exact, and linear in the dose."""
    return isinstance(model.family, LinearFamily)


def solved_tightly(model):
    """The model at tolerances that leave differences little noise."""
    if closed(model):
        return model
    family = replace(model.family, solver=replace(model.family.solver, rtol=1e-12, atol=1e-18))
    return replace(model, family=family)


def run(model, phi, order=0, amount=100.0, scale=1.0):
    """A bolus into each compartment, an infusion, then observations of every output."""
    n = len(model.compartments)
    rows = [one.dose(0.0, amount, c + 1) for c in range(n)]
    if n:
        into = model.observed or 1
        rows.append(one.dose(1.5 * scale, amount, into, rate=amount / (2 * scale)))
    rows += [one.record(t * scale, endpoint=k) for t in TIMES for k in range(len(model.outputs))]
    values = [np.ones(len(model.covariates))]
    return one.predict(model, phi, one.in_order(rows), order, covariates=values)


def per_time(model):
    """By what each parameter's number shrinks when hours become minutes."""
    return np.array(
        [1 / 60 if u == "{TIME}" else 60.0 if "{TIME}" in u else 1.0 for u in model.units]
    )


def test_declaration(name):
    model = structures.get(name)
    n = len(model.parameters)
    assert model.name == name
    assert len(set(model.parameters)) == n
    for part in (model.symbols, model.units, model.meanings, model.typical):
        assert len(part) == n
    assert 0 <= model.observed <= len(model.compartments)
    assert model.outputs
    assert read_structure(model.card) is model
    assert all(meaning for meaning in model.meanings)


def test_equations_can_be_drawn(name):
    model = structures.get(name)
    for text in (*model.equations, *model.symbols):
        MathTextParser("path").parse(f"${text}$")


def test_predictions_are_finite_and_not_negative(name):
    model = structures.get(name)
    f = run(model, model.typical)[:, 0]
    assert np.isfinite(f).all()
    if closed(model):
        assert (f >= 0).all()
    assert f.max() > 0


def test_linear_in_dose(name):
    model = structures.get(name)
    if not closed(model):
        pytest.skip("not linear in the dose")
    once, twice = run(model, model.typical), run(model, model.typical, amount=200.0)
    np.testing.assert_allclose(twice[:, 0], 2 * once[:, 0], rtol=1e-12)


def test_time_unit_is_arbitrary(name):
    """Hours to minutes: whatever is per time shrinks by 60, predictions stay."""
    model = solved_tightly(structures.get(name))
    minutes = run(model, np.array(model.typical) / per_time(model), scale=60.0)[:, 0]
    rtol = 1e-10 if closed(model) else 1e-6
    np.testing.assert_allclose(minutes, run(model, model.typical)[:, 0], rtol=rtol)


def test_orders_agree(name):
    model = structures.get(name)
    p = len(model.parameters)
    zero, one, two = (run(model, model.typical, order) for order in (0, 1, 2))
    np.testing.assert_array_equal(zero[:, 0], two[:, 0])
    np.testing.assert_array_equal(one[:, : 1 + p], two[:, : 1 + p])


def test_derivatives_equal_differences(name):
    """Steps of 1e-4 leave an error of about 1e-6 of the largest slope."""
    model = solved_tightly(structures.get(name))
    p, phi = len(model.parameters), np.array(model.typical) * 1.13
    full = run(model, phi, 2)
    for i in range(p):
        step = np.zeros(p)
        step[i] = 1e-4 * phi[i]
        slope = (run(model, phi + step, 1) - run(model, phi - step, 1)) / (2 * step[i])
        noise = (1e-12 if closed(model) else 1e-4) * np.abs(full[:, 0]).max() / phi[i]
        size = np.abs(slope).max(axis=0) + noise
        np.testing.assert_allclose(full[:, 1 + i] / size[0], slope[:, 0] / size[0], atol=2e-6)
        for j in range(i + 1):
            pair = full[:, 1 + p + i * (i + 1) // 2 + j]
            np.testing.assert_allclose(pair / size[1 + j], slope[:, 1 + j] / size[1 + j], atol=5e-6)

"""Closed forms whose parameters change between blocks, against the same model as equations."""

import numpy as np
import pytest

import workbench as wb
from tests.structures import RESET_DOSE, dose, in_order, record
from workbench.core.jets import parts_of
from workbench.core.records import KIND, OBSERVATION
from workbench.problem.structure import pack_context

VALUES = {
    "ka": 0.9,
    "cl": 3.0,
    "v": 20.0,
    "v1": 20.0,
    "q": 2.0,
    "v2": 30.0,
    "q2": 2.0,
    "q3": 0.8,
    "v3": 60.0,
    "k": 0.15,
    "k12": 0.2,
    "k21": 0.1,
    "tlag": 0.4,
    "f": 0.7,
    "dur": 3.0,
}
FACTORS = np.array([1.0, 1.4, 0.7])  # of block after block, each parameter with its own power

ORAL = [
    dose(0.0, 100.0),
    record(1.0),
    record(4.0),
    dose(12.0, 80.0, ii=5.0, addl=3, block=1),
    record(13.0, block=1),
    record(19.0, block=1),
    record(25.0, block=2),
    record(26.0, block=0),
    record(40.0, block=0),
]
INFUSED = [
    dose(0.0, 100.0, rate=10.0),
    record(4.0),
    record(8.0, block=1),
    record(11.0, block=2),
    dose(12.0, 50.0, ii=8.0, ss=1, block=1),
    record(13.0, block=1),
    dose(16.0, 50.0, rate=20.0, ii=8.0, ss=2, block=2),
    record(17.0, block=2),
    record(30.0, block=0),
    dose(31.0, 60.0, kind=RESET_DOSE, block=1),
    record(33.0, block=2),
]
MODELLED = [
    dose(0.0, 100.0, rate=-2.0),
    record(2.0),
    record(2.5, block=1),
    dose(6.0, 100.0, block=1),
    record(9.0, block=2),
    record(20.0, block=2),
]
CASES = {
    "one compartment, oral": ({"absorption": "first_order"}, ORAL),
    "one compartment, infused": ({}, INFUSED),
    "two compartments, oral": ({"compartments": 2, "absorption": "first_order"}, ORAL),
    "two compartments, infused": ({"compartments": 2}, INFUSED),
    "two compartments by rates": ({"compartments": 2, "parametrisation": "rates"}, INFUSED),
    "three compartments": ({"compartments": 3}, INFUSED),
    "lag and bioavailability": (
        {"compartments": 2, "absorption": "first_order", "lag": True, "bioavailability": True},
        ORAL,
    ),
    "modelled duration": ({"duration": True}, MODELLED),
    "depot infusion": ({"absorption": "first_order"}, INFUSED),
}


def jets(model, phi, records, order=2):
    """Return the jets of one subject, with every parameter of every block as a direction."""
    n_blocks, p = len(phi), phi.size
    parts = parts_of(2, p)
    start = np.array([0, len(records)])
    context, n_work = pack_context(model, records, start, n_blocks, p=p)
    params = np.zeros((p, parts))
    params[:, 0] = phi.ravel()
    params[:, 1 : 1 + p] = np.eye(p)
    out = np.full((int(np.sum(records[:, KIND] == OBSERVATION)), parts), np.nan)
    inputs = (context, model.family.settings(), params, np.zeros((n_blocks, 0)), records)
    for array in inputs:
        array.flags.writeable = False
    status = model.family.kernel()(order, p, *inputs, out, np.full(n_work, np.nan))
    assert status == 0
    return out[:, : parts_of(order, p)]


def values(model):
    powers = 0.5 + np.arange(len(model.parameters)) / 3
    typical = np.array([VALUES[name] for name in model.parameters])
    return typical * FACTORS[:, None] ** powers


@pytest.mark.parametrize("case", CASES)
def test_predictions_and_derivatives_are_those_of_the_equations(case):
    """1e-8 of the largest: the equations are linear, and solved to rounding error."""
    options, rows = CASES[case]
    closed, equations = wb.pk(**options), wb.pk(**options, form="ode")
    records, phi = in_order(rows), values(wb.pk(**options))
    found, expected = jets(closed, phi, records), jets(equations, phi, records)
    scale = np.abs(expected).max(axis=0)
    np.testing.assert_allclose(
        found / np.where(scale > 0, scale, 1.0),
        expected / np.where(scale > 0, scale, 1.0),
        rtol=0,
        atol=1e-8,
    )


@pytest.mark.parametrize("order", [0, 1])
def test_a_lower_order_gives_the_same_numbers(order):
    options, rows = CASES["two compartments, oral"]
    model, records = wb.pk(**options), in_order(rows)
    phi = values(model)
    found = jets(model, phi, records, order)
    np.testing.assert_allclose(found, jets(model, phi, records)[:, : found.shape[1]], rtol=1e-12)


@pytest.mark.parametrize("compartments", [1, 2, 3])
def test_blocks_of_the_same_parameters_change_nothing(compartments):
    model = wb.pk(compartments=compartments)
    records = in_order(INFUSED)
    one = np.array([[VALUES[name] for name in model.parameters]])
    still = records.copy()
    still[:, 8] = 0.0
    expected = jets(model, one, still)
    found = jets(model, np.repeat(one, 3, axis=0), records)
    np.testing.assert_allclose(found[:, 0], expected[:, 0], rtol=1e-10)
    n = one.size
    gathered = found[:, 1 : 1 + 3 * n].reshape(-1, 3, n).sum(axis=1)
    np.testing.assert_allclose(gathered, expected[:, 1 : 1 + n], rtol=1e-7, atol=1e-12)

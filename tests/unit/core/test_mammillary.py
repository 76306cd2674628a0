"""Two and three compartments against the matrix exponential of their differential equations."""

import numpy as np
import pytest
from scipy.linalg import expm

from tests import structures as one
from workbench.core import records as rec
from workbench.models.structural import structures

TIMES = np.array([0.1, 0.5, 1.0, 3.0, 8.0, 24.0, 60.0])
NAMES = ["pk_2cmt_iv", "pk_2cmt_oral", "pk_3cmt_iv", "pk_3cmt_oral"]


def regimen(model, *, peripheral):
    """Boluses and an infusion; with `peripheral`, into those compartments too."""
    central = model.compartments.index("central") + 1
    doses = [one.dose(0.0, 100.0), one.dose(2.0, 60.0, central, rate=30.0), one.dose(12.0, 50.0)]
    if peripheral:
        places = range(central + 1, len(model.compartments) + 1)
        doses += [one.dose(5.0, 40.0, place) for place in places]
    return one.in_order(doses + [one.record(t) for t in TIMES])


def predict(model, phi, order=0, *, peripheral=True):
    return one.predict(model, phi, regimen(model, peripheral=peripheral), order)


def exact(model, phi):
    """Concentrations by the exponential of the augmented rate matrix, event by event."""
    d = dict(zip(model.parameters, phi, strict=True))
    n = 2 if "q" in d else 3
    v1, ka = d["v1"], d.get("ka", 0.0)
    rates = np.zeros((n + 2, n + 2))  # depot, central, peripheral ..., constant input
    rates[0, 0], rates[1, 0] = -ka, ka
    rates[1, 1] = -d["cl"] / v1
    for j in range(2, n + 1):
        q, v = d["q"] if n == 2 else d[f"q{j}"], d[f"v{j}"]
        rates[1, 1] -= q / v1
        rates[j, 1] += q / v1
        rates[j, j] -= q / v
        rates[1, j] += q / v
    state, now, found = np.zeros(n + 2), 0.0, []
    state[-1] = 1.0
    steps = []
    for row in regimen(model, peripheral=True):
        time, kind = row[rec.TIME], row[rec.KIND]
        if kind == one.OBSERVATION:
            steps.append((time, "observe", 0, 0.0))
        elif row[rec.RATE] == 0.0:
            place = int(row[rec.CMT]) - (1 if ka else 0)
            steps.append((time, "bolus", place, row[rec.AMT]))
        else:
            steps.append((time, "rate", 1, row[rec.RATE]))
            steps.append((time + row[rec.AMT] / row[rec.RATE], "rate", 1, -row[rec.RATE]))
    for time, what, place, amount in sorted(steps, key=lambda step: step[0]):
        state, now = expm(rates * (time - now)) @ state, time
        if what == "observe":
            found.append(state[1] / v1)
        elif what == "bolus":
            state[place] += amount
        else:
            rates[place, -1] += amount
    return np.array(found)


def draws(model, n):
    rng = np.random.default_rng(5)
    typical = np.array(model.typical)
    return typical * np.exp(0.5 * rng.standard_normal((n, len(typical))))


@pytest.mark.parametrize("name", NAMES)
def test_predictions_equal_the_matrix_exponential(name):
    """1e-11: cancellation in the coefficients where two rates lie close together."""
    model = structures.get(name)
    for phi in draws(model, 20):
        np.testing.assert_allclose(predict(model, phi)[:, 0], exact(model, phi), rtol=1e-11)


@pytest.mark.parametrize("name", NAMES)
def test_derivatives_equal_differences(name):
    """Central differences of the order below, steps 1e-4: their own error is about 1e-6."""
    model = structures.get(name)
    p = len(model.parameters)
    for phi in draws(model, 4):
        full = predict(model, phi, 2)
        for i in range(p):
            step = np.zeros(p)
            step[i] = 1e-4 * phi[i]
            high, low = predict(model, phi + step, 1), predict(model, phi - step, 1)
            slope = (high - low) / (2.0 * step[i])
            scale = np.abs(slope).max(axis=0) + 1e-12
            np.testing.assert_allclose(full[:, 1 + i] / scale[0], slope[:, 0] / scale[0], atol=2e-6)
            for j in range(i + 1):
                pair = full[:, 1 + p + i * (i + 1) // 2 + j] / scale[1 + j]
                np.testing.assert_allclose(pair, slope[:, 1 + j] / scale[1 + j], atol=5e-6)


@pytest.mark.parametrize("route", ["iv", "oral"])
def test_without_exchange_the_peripheral_compartment_disappears(route):
    """Q = 1e-12: what is left is the one-compartment model, to the size of Q."""
    simple_model, two = structures.get(f"pk_1cmt_{route}"), structures.get(f"pk_2cmt_{route}")
    phi = {"ka": 1.3, "cl": 2.0, "v": 9.0, "v1": 9.0, "q": 1e-12, "v2": 20.0}
    simple = predict(
        simple_model, np.array([phi[n] for n in simple_model.parameters]), peripheral=False
    )[:, 0]
    full = predict(two, np.array([phi[n] for n in two.parameters]), peripheral=False)[:, 0]
    np.testing.assert_allclose(full, simple, rtol=1e-9)


def test_equal_peripheral_compartments_act_as_one():
    """Two peripheral compartments with nearly the same rate constants equal one of double size."""
    three, two = structures.get("pk_3cmt_iv"), structures.get("pk_2cmt_iv")
    split = np.array([2.0, 9.0, 1.0, 10.0, 1.0, 10.0 * (1.0 + 1e-7)])
    joined = np.array([2.0, 9.0, 2.0, 20.0])
    np.testing.assert_allclose(
        predict(three, split, peripheral=False)[:, 0],
        predict(two, joined, peripheral=False)[:, 0],
        rtol=1e-6,
    )

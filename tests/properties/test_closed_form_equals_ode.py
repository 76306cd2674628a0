"""Every record type with every linear model: the closed form and the solved equations agree.

The two share the schedule of events (tests/unit/core/test_schedule.py shows what records mean)
and nothing behind it. Values and derivatives are compared relative to the largest of a curve.
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from tests.structures import RESET, RESET_DOSE, differences, dose, in_order, predict, record
from workbench.models.pk import pk
from workbench.models.structural import Solver

TIMES = np.array([0.0, 0.3, 1.0, 2.1, 4.4, 6.0, 7.3, 12.0, 13.7, 18.0, 25.0, 41.0])
TIGHT = {m: Solver(rtol=1e-11, atol=1e-14, method=m) for m in ("explicit", "linear")}
VALUES = {"tlag": 1.15, "f": 0.7, "rate": 35.0, "dur": 2.9, "fr": 0.35, "tk0": 3.3}
MODELS = [
    (n, absorption, parametrisation)
    for n in (1, 2, 3)
    for absorption in (None, "first_order", "zero_order", "mixed")
    for parametrisation in ("clearance", "rates")
]
NAMES = ["-".join(map(str, model)) for model in MODELS]


@lru_cache(maxsize=64)
def pair(compartments, absorption, parametrisation, plain=False, method="explicit"):
    """The model in closed form and as equations, with every dosing parameter it may have."""
    options = {} if plain else {"lag": True}
    if not plain and absorption != "mixed":
        options |= {"bioavailability": True, "rate": True}
        options["duration"] = absorption != "zero_order"
    options |= {
        "compartments": compartments,
        "absorption": absorption,
        "parametrisation": parametrisation,
    }
    equations = pk(form="ode", **options)
    tight = replace(equations, family=replace(equations.family, solver=TIGHT[method]))
    return pk(**options), tight


def typical(model, **values):
    known = dict(zip(model.parameters, model.typical, strict=True)) | VALUES | values
    return np.array([known[name] for name in model.parameters])


def central(model):
    return model.compartments.index("central") + 1


def regimens(central, n):
    """Doses by name, for a model of `n` compartments, one of them the central one."""
    every = [dose(0.4 * c, 100.0 - 7 * c, c) for c in range(1, n + 1)]
    return {
        "bolus": [dose(0.0, 100.0), dose(12.0, 60.0)],
        "infusion": [dose(0.0, 100.0, rate=40.0), dose(5.0, 60.0, rate=6.0)],
        "into the central": [dose(0.0, 100.0, central), dose(2.0, 60.0, central)],
        "every compartment": [
            *every,
            dose(3.0, 60.0, n, rate=25.0),
            dose(6.0, 50.0, 1, rate=9.0),
        ],
        "additional": [dose(0.5, 100.0, addl=5, ii=4.0)],
        "additional infusions that overlap": [
            dose(0.0, 100.0, rate=12.0, addl=4, ii=5.0),
            dose(1.0, 30.0, central, addl=6, ii=3.0),
        ],
        "steady bolus": [dose(0.0, 100.0, ss=1, ii=6.0), dose(12.0, 50.0)],
        "steady bolus, additional": [dose(2.0, 100.0, ss=1, ii=6.0, addl=3)],
        "steady infusion": [dose(0.0, 100.0, rate=40.0, ss=1, ii=6.0)],
        "steady infusion longer than II": [dose(0.0, 100.0, rate=7.0, ss=1, ii=6.0)],
        "steady constant infusion": [dose(0.0, 0.0, central, rate=20.0, ss=1)],
        "steady, added": [
            dose(-3.0, 80.0),
            dose(-1.0, 100.0, rate=20.0),
            dose(0.0, 50.0, ss=2, ii=6.0),
            dose(6.0, 40.0, central, rate=10.0, ss=2, ii=8.0),
        ],
        "steady, forgetting": [dose(-3.0, 80.0, addl=9, ii=2.0), dose(4.0, 50.0, ss=1, ii=6.0)],
        "reset": [
            dose(0.0, 100.0, addl=9, ii=2.0),
            dose(3.5, 40.0, central, rate=8.0),
            record(4.5, RESET),
            dose(6.5, 70.0),
        ],
        "reset and dose": [
            dose(0.0, 100.0, rate=9.0, addl=9, ii=2.0),
            dose(6.5, 70.0, kind=RESET_DOSE),
        ],
        "modelled rate": [dose(0.0, 100.0, rate=-1), dose(5.0, 60.0, rate=-1, addl=2, ii=2.5)],
        "steady modelled rate": [dose(0.0, 100.0, rate=-1, ss=1, ii=6.0)],
        "modelled duration": [dose(0.0, 100.0, rate=-2), dose(5.0, 60.0, rate=-2, addl=2, ii=2.5)],
        "steady modelled duration": [dose(0.0, 100.0, rate=-2, ss=1, ii=2.0)],
    }


REGIMENS = tuple(regimens(1, 1))


def makes_sense(model, regimen):
    """Whether there is a parameter for what the regimen leaves to the model."""
    absorption = model[1]
    by_rate = absorption != "mixed" or "modelled rate" not in regimen
    by_duration = absorption not in ("mixed", "zero_order") or "modelled duration" not in regimen
    return by_rate and by_duration


CASES = [(m, r) for m in MODELS for r in REGIMENS if makes_sense(m, r)]


def doses_of(regimen, model):
    return regimens(central(model), len(model.compartments))[regimen]


def observed(doses, times=TIMES):
    """Doses first where the times are equal."""
    return in_order([*doses, *(record(t) for t in times)])


def assert_equal_curves(found, expected, rtol, *, n_first):
    """Each column relative to its largest number; second derivatives by pairs of parameters."""
    size = np.abs(expected).max(axis=0)
    size[1:n_first] = np.maximum(size[1:n_first], 1e-6 * size[0])
    size[n_first:] = np.maximum(size[n_first:], 1e-3 * size[0])
    np.testing.assert_allclose(found / size, expected / size, rtol=0, atol=rtol)


@pytest.mark.parametrize(
    ("model", "regimen"), CASES, ids=["-".join(map(str, [*m, r])) for m, r in CASES]
)
@pytest.mark.parametrize("method", TIGHT)
def test_values_and_gradients(model, regimen, method):
    closed, equations = pair(*model, method=method)
    assert closed.parameters == equations.parameters
    assert closed.compartments == equations.compartments
    records, phi = observed(doses_of(regimen, closed)), typical(closed)
    expected = predict(closed, phi, records, 1)
    assert expected[:, 0].max() > 0.1
    found = predict(equations, phi, records, 1)
    assert_equal_curves(found, expected, 1e-8, n_first=1 + len(phi))


@pytest.mark.parametrize("regimen", REGIMENS)
@pytest.mark.parametrize("model", [(1, "first_order", "clearance"), (2, None, "rates")])
@pytest.mark.parametrize("method", TIGHT)
def test_second_derivatives(model, regimen, method):
    closed, equations = pair(*model, method=method)
    records, phi = observed(doses_of(regimen, closed)), typical(closed)
    expected = predict(closed, phi, records, 2)
    found = predict(equations, phi, records, 2)
    assert_equal_curves(found, expected, 1e-6, n_first=1 + len(phi))


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_without_dosing_parameters(model):
    closed, equations = pair(*model, plain=True)
    phi = typical(closed)
    for regimen in ("bolus", "infusion", "steady infusion"):
        records = observed(doses_of(regimen, closed))
        expected = predict(closed, phi, records, 1)
        found = predict(equations, phi, records, 1)
        assert_equal_curves(found, expected, 1e-8, n_first=1 + len(phi))


@pytest.mark.parametrize("model", MODELS[::2], ids=NAMES[::2])
def test_a_dose_at_the_time_of_a_sample(model):
    """The order of the rows decides; an arrival at the time of a sample comes before it."""
    closed, equations = pair(*model)
    lag = 1.0
    rows = [record(2.0), dose(2.0, 50.0), record(2.0), record(2.0 + lag), record(5.0)]
    rows += [dose(5.0, 40.0, central(closed)), record(5.0), dose(5.0, 30.0, 1), record(9.0)]
    phi = typical(closed, tlag=lag)
    records = np.array(rows)
    expected = predict(closed, phi, records, 1)
    assert expected[0, 0] == expected[1, 0] == 0.0
    found = predict(equations, phi, records, 1)
    assert_equal_curves(found, expected, 1e-8, n_first=1 + len(phi))


@pytest.mark.parametrize("lag", [0.0, 1.15, 6.0, 14.0])
@pytest.mark.parametrize("model", [(1, "first_order", "rates"), (2, "mixed", "clearance")])
def test_any_lag_at_steady_state(model, lag):
    closed, equations = pair(*model)
    for rate in (0.0, 40.0, 7.0):
        records = observed([dose(0.0, 100.0, rate=rate, ss=1, ii=6.0, addl=2)])
        phi = typical(closed, tlag=lag)
        expected = predict(closed, phi, records, 1)
        found = predict(equations, phi, records, 1)
        assert_equal_curves(found, expected, 1e-8, n_first=1 + len(phi))


# --- derivatives of equations that have no closed form -----------------------------------------


@lru_cache(maxsize=1)
def saturable():
    model = pk(
        compartments=2,
        absorption="first_order",
        elimination="michaelis_menten",
        lag=True,
        bioavailability=True,
        rate=True,
        duration=True,
    )
    return replace(model, family=replace(model.family, solver=Solver(rtol=1e-12, atol=1e-15)))


@pytest.mark.parametrize("regimen", REGIMENS)
def test_derivatives_of_saturable_elimination_equal_differences(regimen):
    """Lag, bioavailability, rate and duration included; no event passes an observation."""
    if regimen in ("steady constant infusion", "reset and dose"):
        times = TIMES[TIMES >= 7.0]
    else:
        times = TIMES
    model = saturable()
    phi = typical(model, vmax=40.0, km=2.0, rate=33.0, dur=2.77)
    records = observed(doses_of(regimen, model), times)
    jet, p = predict(model, phi, records, 2), len(phi)
    for k in range(p):
        slope = differences(lambda at: predict(model, at, records, 1), phi, k)
        size = np.abs(slope).max(axis=0) + 1e-6 * np.abs(jet[:, 0]).max() / phi[k]
        np.testing.assert_allclose(jet[:, 1 + k] / size[0], slope[:, 0] / size[0], atol=1e-6)
        for q in range(k + 1):
            both = jet[:, 1 + p + k * (k + 1) // 2 + q]
            found, expected = both / size[1 + q], slope[:, 1 + q] / size[1 + q]
            np.testing.assert_allclose(found, expected, atol=1e-6)

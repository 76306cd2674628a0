"""Differential equations against closed forms, scipy's solvers and differences."""

from math import exp

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from tests.systems import (
    DELAYED,
    DRIVEN,
    ORAL,
    POL,
    SATURABLE,
    TURNOVER,
    attempt,
    closed_form,
    differences,
    event,
    in_order,
    jets,
    observations,
    solve,
)
from workbench.core import events as ev
from workbench.core import odes
from workbench.core.abi import export_vector
from workbench.core.jit import OutMat, OutVec, Vec, kernel
from workbench.core.status import Status

METHODS = pytest.mark.parametrize("method", [odes.EXPLICIT, odes.STIFF], ids=["explicit", "stiff"])
TIMES = np.array([0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 36.0])
KA, CL, V = 1.2, 2.0, 20.0

# Directions of the first five event jets: ka, cl, v, then the time of an event, its size.
P = 5


def event_jet(order, *, value=0.0, time=False, size=False):
    """A jet that moves in the direction of the event's time, or with its size squared."""
    row = np.zeros([1, 1 + P, 1 + P + P * (P + 1) // 2][order])
    row[0] = value
    if order > 0:
        row[4] = 1.0 if time else 0.0
        row[5] = value if size else 0.0
    if order > 1 and size:
        row[-1] = value
    return row


def oral_jets(order):
    """Jets of ka, cl and v in five directions."""
    rows = np.zeros((3, [1, 1 + P, 1 + P + P * (P + 1) // 2][order]))
    rows[:, 0] = KA, CL, V
    if order > 0:
        rows[:, 1:4] = np.eye(3)
    return rows


REGIMENS = {
    "bolus": [event(0.0, ev.BOLUS, 0, 100.0)],
    "into the second state": [event(0.0, ev.BOLUS, 1, 100.0)],
    "infusion": [event(0.5, ev.RATE, 1, 40.0), event(3.0, ev.RATE, 1, -40.0)],
    "both": [
        event(0.0, ev.BOLUS, 0, 100.0),
        event(2.0, ev.RATE, 1, 20.0),
        event(5.0, ev.RATE, 1, -20.0),
        event(12.0, ev.BOLUS, 0, 70.0),
    ],
    "reset": [
        event(0.0, ev.BOLUS, 0, 100.0),
        event(1.0, ev.RATE, 1, 5.0),
        event(5.0, ev.RESET),
        event(5.5, ev.BOLUS, 1, 50.0),
    ],
    "lagged bolus": [event(0.7, ev.BOLUS, 0, 100.0, 0, 1)],
    "lagged bolus into the second state": [event(0.7, ev.BOLUS, 1, 100.0, 0, 1)],
    "lagged infusion of modelled length": [
        event(0.0, ev.OTHER),
        event(0.7, ev.RATE, 1, 100.0, 0, 1),
        event(3.1, ev.RATE, 1, -100.0, 0, 2),
    ],
    "lagged infusion into the first state": [
        event(0.0, ev.BOLUS, 0, 30.0),
        event(0.7, ev.RATE, 0, 100.0, 0, 1),
        event(3.1, ev.RATE, 0, -100.0, 0, 2),
    ],
    "two at the same moving time": [
        event(0.7, ev.BOLUS, 0, 100.0, 0, 1),
        event(0.7, ev.BOLUS, 1, 100.0, 0, 1),
        event(0.7, ev.RATE, 1, 30.0, 0, -1),
    ],
}


def event_jets(order):
    return np.array(
        [
            event_jet(order, time=True),
            event_jet(order, value=100.0, size=True),
            event_jet(order, value=-100.0, size=True),
        ]
    )


@METHODS
@pytest.mark.parametrize("regimen", REGIMENS)
def test_oral_absorption_is_the_closed_form(regimen, method):
    """1e-8 of the largest of each derivative, at rtol 1e-11 (second ones are less exact)."""
    events = in_order(REGIMENS[regimen], observations(TIMES))
    known = closed_form(2, oral_jets(2), events, event_jets(2))
    found = solve(
        ORAL.pack(),
        oral_jets(2),
        events,
        2,
        p=P,
        event_jets=event_jets(2),
        rtol=1e-11,
        method=method,
    )
    size = np.maximum(np.abs(known).max(axis=0), 1e-6 * np.abs(known).max())
    np.testing.assert_allclose(found / size, known / size, rtol=0, atol=1e-8)


def reference(rhs, start, times, method="DOP853"):
    path = solve_ivp(
        rhs, (0.0, times[-1]), start, method=method, rtol=1e-12, atol=1e-14, t_eval=times
    )
    return path.y


@METHODS
def test_saturable_elimination_against_scipy(method):
    ka, vmax, km, v = phi = (1.2, 8.0, 0.8, 20.0)

    def rhs(_, x):
        return [-ka * x[0], ka * x[0] - vmax * x[1] / v / (km + x[1] / v)]

    events = in_order([event(0.0, ev.BOLUS, 0, 100.0)], observations(TIMES))
    found = solve(SATURABLE.pack(), jets(phi, 0), events, rtol=1e-11, method=method)[:, 0]
    np.testing.assert_allclose(found, reference(rhs, [100.0, 0.0], TIMES)[1] / v, rtol=1e-8)


@METHODS
@pytest.mark.parametrize("mu", [0.3, 5.0])
def test_van_der_pol_against_scipy(mu, method):
    times = np.linspace(0.5, 30.0, 40)
    events = in_order([event(0.0, ev.OTHER)], observations(times))
    found = solve(POL.pack(), jets((mu, 2.0, 0.0), 0), events, rtol=1e-12, method=method)[:, 0]
    known = reference(lambda _, x: [x[1], mu * (1 - x[0] ** 2) * x[1] - x[0]], [2.0, 0.0], times)
    np.testing.assert_allclose(found, known[0], rtol=0, atol=1e-8)


CASES = {
    "saturable": (SATURABLE, (1.2, 8.0, 0.8, 20.0), [event(0.0, ev.BOLUS, 0, 100.0)]),
    "turnover": (
        TURNOVER,
        (1.0, 2.0, 20.0, 4.0, 0.2, 0.5),
        [event(0.0, ev.BOLUS, 0, 100.0), event(12.0, ev.BOLUS, 0, 60.0)],
    ),
    "van der Pol": (POL, (1.5, 2.0, 0.5), [event(0.0, ev.OTHER)]),
    "driven": (DRIVEN, (0.3, 1.5, 0.2), [event(1.5, ev.OTHER)]),
}


@METHODS
@pytest.mark.parametrize("rtol", [1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("case", ["saturable", "turnover", "driven"])
def test_values_are_the_same_bits_for_any_order(case, rtol, method):
    """The guard of the derivatives stays out of the way of ordinary systems."""
    system, phi, doses = CASES[case]
    covs = [[0.7]] if system is DRIVEN else ((),)
    events = in_order(doses, observations(TIMES[2:]))
    options = {"covs": covs, "rtol": rtol, "atol": 0.01 * rtol, "method": method}
    found = [
        solve(system.pack(), jets(phi, order, log=True), events, order, **options)
        for order in (0, 1, 2)
    ]
    np.testing.assert_array_equal(found[0][:, 0], found[1][:, 0])
    np.testing.assert_array_equal(found[1], found[2][:, : found[1].shape[1]])


@METHODS
@pytest.mark.parametrize("case", CASES)
def test_derivatives_agree_with_differences(case, method):
    """First derivatives against differences of values, second against those of the first.

    Differences of order 6 with a step of 3e-3 in the logarithm.
    """
    system, phi, doses = CASES[case]
    covs = [[0.7]] if system is DRIVEN else ((),)
    events = in_order(doses, observations(TIMES[2:]))
    packed, p = system.pack(), len(phi)

    def at(log_phi, order=0):
        rows = jets(np.exp(log_phi), order, log=True)
        return solve(packed, rows, events, order, covs=covs, rtol=1e-12, method=method)

    found = at(np.log(phi), 2)
    first = differences(lambda x: at(x)[:, 0], np.log(phi))
    second = differences(lambda x: at(x, 1)[:, 1:], np.log(phi))
    rows, columns = np.tril_indices(p)
    scale = np.abs(found).max()
    np.testing.assert_allclose(found[:, 1 : 1 + p], first, rtol=1e-7, atol=1e-8 * scale)
    np.testing.assert_allclose(
        found[:, 1 + p :], second[:, rows, columns], rtol=1e-7, atol=1e-8 * scale
    )


def test_a_change_of_units_changes_nothing():
    """Steps do not depend on the unit of amounts; 2^k, so that rounding does not either."""
    events = in_order([event(0.0, ev.BOLUS, 0, 100.0)], observations(TIMES))
    phi = np.array((1.2, 8.0, 0.8, 20.0))
    once = solve(SATURABLE.pack(), jets(phi, 0), events, rtol=1e-6)
    events[:, ev.VALUE] *= 1024.0
    phi[1:3] *= 1024.0
    np.testing.assert_array_equal(
        solve(SATURABLE.pack(), jets(phi, 0), events, rtol=1e-6), 1024 * once
    )


def test_parameters_of_the_later_block_hold_between_events():
    """Clearance changes at 4; two solutions in sequence."""
    phi = [(1.2, 2.0, 20.0), (1.2, 5.0, 20.0)]
    params = np.vstack([jets(values, 0) for values in phi])
    events = in_order(
        [event(0.0, ev.BOLUS, 0, 100.0)],
        observations([2.0, 4.0]),
        observations([6.0, 9.0], block=1),
    )
    found = solve(ORAL.pack(), params, events, rtol=1e-12)[:, 0]
    first = solve(ORAL.pack(), params[:3], events, rtol=1e-12)[:2, 0]
    depot = 100.0 * np.exp(-1.2 * 4.0)
    later = in_order(
        [event(4.0, ev.BOLUS, 0, depot), event(4.0, ev.BOLUS, 1, first[1] * 20.0)],
        observations([6.0, 9.0]),
    )
    second = solve(ORAL.pack(), params[3:], later, rtol=1e-12)[:, 0]
    np.testing.assert_allclose(found, np.concatenate([first, second]), rtol=1e-10)


@kernel
def curve(order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec) -> int:
    """a exp(-b (t - t_last)) with z = [a, b, time of the last dose, its amount, t]."""
    decay = exp(-z[1] * (t - z[2]))
    value[0] = z[0] * z[3] * decay
    if order > 0:
        jacobian[0, 0] = z[3] * decay
        jacobian[0, 1] = -(t - z[2]) * value[0]
        jacobian[0, 2] = z[1] * value[0]
        jacobian[0, 3] = z[0] * decay
        jacobian[0, 4] = -z[1] * value[0]
    return 0


def test_outputs_without_states():
    """A curve of parameters, time and the last dose, whose time moves with the third direction."""
    system = odes.pack_system(
        n_states=0,
        n_phi=2,
        n_covariates=2,
        n_outputs=1,
        output=export_vector(curve),
        dose_inputs=[(0, 0, 1, 1)],
    )
    params, delay = np.zeros((2, 4)), np.array([[0.0, 0.0, 0.0, 1.0]])
    params[:, 0] = 2.0, 0.5
    params[0, 1] = params[1, 2] = 1.0
    events = np.array(
        [
            *observations([0.5]),
            event(1.0, ev.BOLUS, 0, 3.0, 0),
            event(1.0, ev.CYCLE_START),
            event(0.5, ev.BOLUS, 0, 4.0, 0),
            event(8.0, ev.CYCLE_END, value=1),
            *observations([2.0]),
            event(3.0, ev.RESET),
            event(4.0, ev.BOLUS, 0, 3.0, 0),
            *observations([6.0]),
        ]
    )
    found = solve(system, params, events, 1, p=3, event_jets=delay)
    second, third = 8.0 * np.exp(-0.5 * 8.5), 6.0 * np.exp(-0.5 * 2.0)
    expected = [
        [0.0, 0.0, 0.0, 0.0],
        [second, second / 2.0, -8.5 * second, 0.5 * second],
        [third, third / 2.0, -2.0 * third, 0.5 * third],
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_the_last_dose_is_an_input_with_derivatives():
    """Absorption that begins with each dose, delayed by a parameter, against differences."""
    packed = DELAYED.pack([(0, 0, 1, 1)])

    def at(x, order=0):
        phi, lag = np.exp(x[:3]), x[3]
        parts = [1, 5, 15][order]
        rows = np.zeros((3, parts))
        rows[:, : jets(phi, min(order, 1), log=True).shape[1]] = jets(phi, min(order, 1), log=True)
        delay = np.zeros((1, parts))
        if order > 0:
            delay[0, 4] = 1.0
        if order > 1:
            for k in range(3):
                rows[k, 5 + k * (k + 3) // 2] = phi[k]
        events = in_order(
            [
                event(0.0, ev.OTHER),
                event(lag, ev.BOLUS, 0, 100.0, 0),
                event(5.0 + lag, ev.BOLUS, 0, 60.0, 0),
            ],
            observations(TIMES[2:]),
        )
        return solve(packed, rows, events, order, p=4, event_jets=delay, rtol=1e-12)

    here = np.array([np.log(1.3), np.log(0.2), np.log(9.0), 0.6])
    found = at(here, 2)
    first = differences(lambda x: at(x)[:, 0], here)
    second = differences(lambda x: at(x, 1)[:, 1:], here)
    rows, columns = np.tril_indices(4)
    np.testing.assert_allclose(found[:, 1:5], first, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(found[:, 5:], second[:, rows, columns], rtol=1e-7, atol=1e-7)


def dosing(x, order):
    """Events and jets of a lagged bolus and a lagged infusion of modelled length into one state.

    Directions: ka, vmax, km, v, then lag, duration T and bioavailability F. Both doses start
    at the same time; a third one comes, without lag, when the infusion ends at the given values.
    """
    lag, duration, f = x[4:]
    p, dose = 7, 60.0
    parts = [1, 1 + p, 1 + p + p * (p + 1) // 2][order]
    second = {(i, j): 1 + p + i * (i + 1) // 2 + j for i in range(p) for j in range(i + 1)}
    rows = np.zeros((5, parts))
    start, end, rate, minus, amount = rows
    value = f * dose / duration
    rate[0], amount[0] = value, f * dose
    if order > 0:
        start[5] = end[5] = end[6] = 1.0
        rate[6], rate[7], amount[7] = -value / duration, value / f, dose
    if order > 1:
        rate[second[5, 5]] = 2.0 * value / duration**2
        rate[second[6, 5]] = -value / f / duration
    minus[:] = -rate
    events = in_order(
        [event(0.0, ev.OTHER), event(0.0, ev.BOLUS, 1, 20.0)],
        [
            event(lag, ev.BOLUS, 1, amount[0], 0, 4),
            event(lag, ev.RATE, 1, value, 0, 2),
            event(lag + duration, ev.RATE, 1, -value, 1, 3),
            event(lag + duration, ev.BOLUS, 0, amount[0], 1, 4),
        ],
        observations(TIMES[3:]),
    )
    return events, rows


@METHODS
def test_derivatives_through_lag_duration_and_bioavailability(method):
    """A nonlinear system, first and second derivatives, against differences of order 6."""
    system = SATURABLE.pack()

    def at(x, order=0):
        events, rows = dosing(x, order)
        params = np.zeros((4, rows.shape[1]))
        params[:, 0] = x[:4]
        if order > 0:
            params[:, 1:5] = np.eye(4)
        return solve(system, params, events, order, p=7, event_jets=rows, rtol=1e-13, method=method)

    here = np.array([1.2, 8.0, 0.8, 20.0, 0.4, 1.1, 0.7])
    found = at(here, 2)
    first = differences(lambda x: at(x)[:, 0], here)
    second = differences(lambda x: at(x, 1)[:, 1:], here)
    rows, columns = np.tril_indices(7)
    for known, mine in ((first, found[:, 1:8]), (second[:, rows, columns], found[:, 8:])):
        size = np.abs(known).max(axis=0)
        np.testing.assert_allclose(mine / size, known / size, rtol=0, atol=1e-6)


def test_too_few_steps_is_a_status_with_the_time_reached():
    events = in_order([event(0.0, ev.BOLUS, 0, 100.0)], observations(TIMES))
    settings = (1e-10, 1e-13, 20, odes.EXPLICIT)
    status, _, work = attempt(ORAL.pack(), oral_jets(0), events, 0, P, ((),), None, settings)
    assert status == Status.STEP_LIMIT
    assert 0.0 < work[odes.REACHED] < 36.0
    assert work[odes.STEPS] == 20
    assert "step" in Status(status).message


def test_no_finite_slope_is_a_status():
    events = in_order([event(0.0, ev.BOLUS, 0, 100.0)], observations(TIMES))
    settings = (1e-6, 1e-8, 1000, odes.EXPLICIT)
    params = oral_jets(0)
    params[2] = 0.0
    status, _, _ = attempt(ORAL.pack(), params, events, 0, P, ((),), None, settings)
    assert status == Status.NOT_FINITE

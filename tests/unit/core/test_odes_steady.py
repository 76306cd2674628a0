"""Steady states of equations against closed forms and against many intervals one by one."""

import numpy as np
import pytest

from tests.systems import (
    DELAYED,
    ORAL,
    SATURABLE,
    TMDD,
    TURNOVER,
    System,
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
from workbench.core.jit import OutMat, OutVec, Vec, kernel
from workbench.core.status import Status

METHODS = pytest.mark.parametrize("method", [odes.EXPLICIT, odes.STIFF], ids=["explicit", "stiff"])
INTERVAL = 12.0
TIMES = np.array([0.25, 1.0, 3.0, 6.0, 11.9, 20.0])
P = 5  # ka, cl, v, the time of events, their size


def moving_jets():
    """Jets of an event's time, of an amount and of its opposite, in five directions."""
    rows = np.zeros((3, 1 + P + P * (P + 1) // 2))
    rows[0, 4] = 1.0
    for row, value in ((1, 100.0), (2, -100.0)):
        rows[row, [0, 5, -1]] = value
    return rows


def oral_jets():
    rows = np.zeros((3, 1 + P + P * (P + 1) // 2))
    rows[:, 0] = 1.2, 2.0, 20.0
    rows[:, 1:4] = np.eye(3)
    return rows


BOLUS = [event(0.7, ev.BOLUS, 0, 100.0, 0, 1)]
INFUSION = [event(2.0, ev.RATE, 1, 100.0, 0, 1), event(5.0, ev.RATE, 1, -100.0, 0, 2)]
ROUND_THE_END = [
    event(0.0, ev.RATE, 1, 100.0, -1, 1),
    event(1.5, ev.RATE, 1, -100.0, 0, 2),
    event(9.0, ev.RATE, 1, 100.0, 0, 1),
]


@METHODS
@pytest.mark.parametrize("doses", [BOLUS, INFUSION, BOLUS + INFUSION, ROUND_THE_END])
@pytest.mark.parametrize("code", [1, 2])
def test_linear_cycle_is_the_closed_form(doses, code, method):
    """Values and both derivatives; what comes after the cycle too. 1e-8 at rtol 1e-11."""
    events = np.array(
        [
            event(-2.0, ev.BOLUS, 1, 30.0),
            event(0.0, ev.CYCLE_START),
            *doses,
            event(INTERVAL, ev.CYCLE_END, value=code),
            *in_order([event(0.9, ev.BOLUS, 0, 50.0, 0)], observations(TIMES)),
        ]
    )
    known = closed_form(2, oral_jets(), events, moving_jets())
    found = solve(
        ORAL.pack(),
        oral_jets(),
        events,
        2,
        p=P,
        event_jets=moving_jets(),
        rtol=1e-11,
        method=method,
    )
    size = np.maximum(np.abs(known).max(axis=0), 1e-6 * np.abs(known).max())
    np.testing.assert_allclose(found / size, known / size, rtol=0, atol=1e-8)


def one_by_one(cycle, n):
    """The inputs of n intervals that end at 0, as ordinary events."""
    rows = [event(-n * INTERVAL, ev.OTHER)]
    for k in range(-n, 0):
        rows += [(k * INTERVAL + row[ev.TIME], *row[1:]) for row in cycle]
    return rows


NONLINEAR = {
    "saturable": (SATURABLE, (1.2, 14.0, 0.8, 20.0), [event(1.0, ev.BOLUS, 0, 100.0)]),
    "turnover": (TURNOVER, (1.0, 2.0, 20.0, 4.0, 0.2, 0.5), [event(0.0, ev.BOLUS, 0, 100.0)]),
    "tmdd": (
        TMDD,
        (0.2, 5.0, 1.0, 1.0, 0.1, 0.05, 3.0),
        [event(0.0, ev.RATE, 0, 20.0), event(2.0, ev.RATE, 0, -20.0)],
    ),
}


@pytest.mark.parametrize("case", NONLINEAR)
def test_nonlinear_cycle_is_the_limit_of_many(case):
    """100 intervals one by one, derivatives included."""
    system, phi, cycle = NONLINEAR[case]
    packed, params = system.pack(), jets(phi, 2, log=True)
    end = event(INTERVAL, ev.CYCLE_END, value=1)
    steady = np.array([event(0.0, ev.CYCLE_START), *cycle, end, *observations(TIMES)])
    long = np.array([*one_by_one(cycle, 100), *observations(TIMES)])
    found = solve(packed, params, steady, 2, rtol=1e-10)
    known = solve(packed, params, long, 2, rtol=1e-10, max_steps=1_000_000)
    size = np.maximum(np.abs(known).max(axis=0), 1e-3 * np.abs(known).max())
    np.testing.assert_allclose(found / size, known / size, rtol=0, atol=1e-6)


@METHODS
def test_cycle_derivatives_agree_with_differences(method):
    """Saturable elimination near its limit, where derivatives are large: a step of 1e-3."""
    packed = SATURABLE.pack()
    phi = np.log([1.2, 9.0, 0.8, 20.0])
    start, end = event(0.0, ev.CYCLE_START), event(INTERVAL, ev.CYCLE_END, value=1)
    events = np.array([start, event(1.0, ev.BOLUS, 0, 100.0), end, *observations(TIMES)])

    def at(x, order=0):
        rows = jets(np.exp(x), order, log=True)
        return solve(packed, rows, events, order, rtol=1e-12, method=method)

    found = at(phi, 2)
    first = differences(lambda x: at(x)[:, 0], phi, 1e-3)
    second = differences(lambda x: at(x, 1)[:, 1:], phi, 1e-3)
    rows, columns = np.tril_indices(4)
    np.testing.assert_allclose(found[:, 1:5], first, rtol=1e-6)
    np.testing.assert_allclose(found[:, 5:], second[:, rows, columns], rtol=1e-5)


def test_values_at_steady_state_are_the_same_bits_for_any_order():
    system, phi, cycle = NONLINEAR["saturable"]
    end = event(INTERVAL, ev.CYCLE_END, value=1)
    steady = np.array([event(0.0, ev.CYCLE_START), *cycle, end, *observations(TIMES)])
    found = [
        solve(system.pack(), jets(phi, order), steady, order, rtol=1e-6)[:, 0]
        for order in (0, 1, 2)
    ]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


@pytest.mark.parametrize("amount", [109.0, 200.0, 5000.0])
def test_more_than_can_be_eliminated_has_no_steady_state(amount):
    """Vmax times the interval is 108."""
    start, end = event(0.0, ev.CYCLE_START), event(INTERVAL, ev.CYCLE_END, value=1)
    events = np.array([start, event(0.0, ev.BOLUS, 0, amount), end, *observations(TIMES)])
    settings = (1e-6, 1e-8, 100_000, odes.AUTOMATIC)
    params = jets((1.2, 9.0, 0.8, 20.0), 1)
    packed = SATURABLE.pack()
    status, _, _ = attempt(packed, params, events, 1, None, ((),), None, settings)
    assert status == Status.NO_STEADY_STATE
    assert "steady" in Status(status).message


def test_last_doses_at_steady_state_are_those_of_the_interval_before():
    """Absorption that follows the last dose: a cycle against many intervals, then a new dose."""
    packed, params = DELAYED.pack([(0, 0, 1, 1)]), jets((0.8, 0.2, 9.0), 2, log=True)
    cycle = [event(3.0, ev.BOLUS, 0, 100.0)]
    end = event(INTERVAL, ev.CYCLE_END, value=1)
    after = in_order(observations(TIMES), [event(15.0, ev.BOLUS, 0, 50.0)])
    steady = np.array([event(0.0, ev.CYCLE_START), *cycle, end, *after])
    long = np.array([*one_by_one(cycle, 60), *after])
    np.testing.assert_allclose(
        solve(packed, params, steady, 2, rtol=1e-11),
        solve(packed, params, long, 2, rtol=1e-11),
        rtol=1e-8,
        atol=1e-8,
    )


@pytest.mark.parametrize("code", [1, 2])
def test_constant_inputs_come_to_rest_together(code):
    inputs = [
        event(0.0, ev.CONSTANT, 0, 7.0, endpoint=code),
        event(0.0, ev.CONSTANT, 1, 100.0, -1, 1, endpoint=code),
    ]
    before = [event(-1.0, ev.BOLUS, 1, 30.0)]
    events = np.array([*before, *inputs, *observations(TIMES)])
    found = solve(ORAL.pack(), oral_jets(), events, 2, p=P, event_jets=moving_jets(), rtol=1e-11)
    # The closed form takes them one by one: the second is added.
    events[2, ev.ENDPOINT] = 2
    known = closed_form(2, oral_jets(), events, moving_jets())
    np.testing.assert_allclose(found, known, rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("case", ["saturable", "turnover", "tmdd"])
def test_constant_input_is_the_limit_of_a_long_one(case):
    system, phi, _ = NONLINEAR[case]
    packed, params = system.pack(), jets(phi, 2, log=True)
    state, rate = (0, 3.0) if case == "tmdd" else (1, 8.0)
    rest = np.array([event(0.0, ev.CONSTANT, state, rate, endpoint=1), *observations(TIMES)])
    long = np.array(
        [
            event(-3000.0, ev.RATE, state, rate),
            event(0.0, ev.RATE, state, -rate),
            *observations(TIMES),
        ]
    )
    found = solve(packed, params, rest, 2, rtol=1e-10)
    known = solve(packed, params, long, 2, rtol=1e-10, method=odes.STIFF)
    size = np.maximum(np.abs(known).max(axis=0), 1e-3 * np.abs(known).max())
    np.testing.assert_allclose(found / size, known / size, rtol=0, atol=1e-6)


@pytest.mark.parametrize("rate", [9.001, 20.0])
def test_constant_input_above_the_greatest_elimination_has_no_rest(rate):
    events = np.array([event(0.0, ev.CONSTANT, 1, rate, endpoint=1), *observations(TIMES)])
    settings = (1e-6, 1e-8, 100_000, odes.AUTOMATIC)
    params, packed = jets((1.2, 9.0, 0.8, 20.0), 1), SATURABLE.pack()
    status, _, _ = attempt(packed, params, events, 1, None, ((),), None, settings)
    assert status == Status.NO_STEADY_STATE


def test_a_cycle_without_doses_rests_at_the_baseline():
    events = np.array(
        [
            event(0.0, ev.CYCLE_START),
            event(INTERVAL, ev.CYCLE_END, value=1),
            *observations(TIMES),
        ]
    )
    params = jets((1.0, 2.0, 20.0, 4.0, 0.2, 0.5), 2, log=True)
    found = solve(TURNOVER.pack(), params, events, 2, rtol=1e-8)
    expected = np.zeros(28)
    expected[0] = 20.0
    expected[[4, 5]] = 20.0, -20.0
    # log kin and log kout: the baseline is exp(difference)
    expected[[1 + 6 + 9, 1 + 6 + 13, 1 + 6 + 14]] = 20.0, -20.0, 20.0
    np.testing.assert_allclose(found, np.tile(expected, (len(TIMES), 1)), rtol=1e-7, atol=1e-7)


@kernel
def counted_rhs(
    order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec
) -> int:
    """A central compartment and the area under it."""
    value[0] = -z[2] * z[0]
    value[1] = z[0]
    if order > 0:
        jacobian[0, 0] = -z[2]
        jacobian[0, 2] = -z[0]
        jacobian[1, 0] = 1.0
    if order > 1:
        hessian[0] = -1.0
    return 0


@kernel
def counted_output(
    order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec
) -> int:
    """Both states."""
    value[0], value[1] = z[0], z[1]
    if order > 0:
        jacobian[0, 0] = jacobian[1, 1] = 1.0
    return 0


@kernel
def counted_initial(
    order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec
) -> int:
    """Both are empty."""
    value[0], value[1] = 0.0, 0.0
    return 0


COUNTED = System(2, 1, 0, 2, counted_rhs, counted_output, counted_initial, [(0, 2, 0)], [], [])


def area_from(steady, k, dose):
    """Area under the curve from the steady state on, without further doses."""
    start = dose / k
    if steady == "cycle":
        start = dose * np.exp(-k * INTERVAL) / -np.expm1(-k * INTERVAL)
    return start * -np.expm1(-k * TIMES) / k


@pytest.mark.parametrize("steady", ["cycle", "rest"])
def test_an_area_under_a_curve_counts_from_the_steady_state(steady):
    k, dose = 0.2, 50.0
    opening = [event(0.0, ev.CONSTANT, 0, dose, endpoint=1)]
    if steady == "cycle":
        opening = [
            event(0.0, ev.CYCLE_START),
            event(0.0, ev.BOLUS, 0, dose),
            event(INTERVAL, ev.CYCLE_END, value=1),
        ]
    events = np.array([*opening, *observations(TIMES, 1)])
    found = solve(COUNTED.pack(), jets((k,), 1), events, 1)
    slope = differences(lambda x: area_from(steady, x[0], dose), np.array([k]), 1e-3)
    np.testing.assert_allclose(found[:, 0], area_from(steady, k, dose), rtol=1e-8)
    np.testing.assert_allclose(found[:, 1], slope[:, 0], rtol=1e-7)

r"""Steady state of a dosing interval: the periodic solution at its ends.

With :math:`\Phi` the state after one interval as a function of the state before it and
:math:`M = \partial\Phi/\partial x`, which an interval run with the directions of the initial
state gives, Newton's iteration is

.. math:: x \leftarrow x + (1 - M)^{-1} (\Phi(x) - x)

damped where the residual does not fall, one interval forward where that does not help. A linear
system needs one step. At the fixed point the derivatives solve linear equations with the same
matrix: an interval run from :math:`x^*` with any derivatives y ends with :math:`\Phi_{,i}(y)`, and
:math:`x^*_{,i} = y + (1 - M)^{-1} (\Phi_{,i}(y) - y)`; the second ones likewise, from a run with
these first ones. A state on which nothing depends, not even itself (an area under a curve), keeps
its initial value.
"""

from math import sqrt

from workbench.core import events as ev
from workbench.core.abi import address_of, at, call_operation, floats_at, ints_at, view
from workbench.core.jets import n_parts
from workbench.core.jit import IntVec, OutIntVec, OutVec, kernel
from workbench.core.odes_doses import record_dose, value_of
from workbench.core.odes_explicit import note_scale, scale_floor
from workbench.core.odes_jets import set_inputs, start_state
from workbench.core.odes_layout import (
    ANY_LENGTH,
    AT,
    ATOL,
    DRIVEN,
    EVENTS,
    FIND_PERIODIC,
    FRESH,
    KEPT_RATE,
    KEPT_X,
    MONODROMY,
    N_DOSE_INPUTS,
    N_EVENTS,
    N_X,
    NEXT,
    NUMBERS,
    ORDER,
    ORIGIN,
    OWN,
    PARTS,
    PERIODIC,
    RATE,
    REACHED,
    RTOL,
    RUN_INTERVAL,
    SCALE,
    SMALL,
    WALK,
    WEIGHT,
    P,
    X,
)
from workbench.core.odes_linear import COUNTS, back, factor, leave_out_counters, note_counter
from workbench.core.odes_walk import advance, keep, settle

_CONVERGED = 0.01  # of the tolerance
_RUNS = 60  # intervals
_STAGNANT = 12  # intervals after which the tolerance itself is enough

# Rows of NUMBERS; the first one belongs to others.
_BASE = 1  # state at the start of the interval
_MAPPED = 2  # at its end
_MOVE = 3  # Newton's step
_UNIT = 4  # tolerance
_TRIAL = 5
_SCALE = 6  # largest magnitudes

_OK = 0
_NOT_FINITE = 3
_STEP_LIMIT = 6
_NO_STEADY_STATE = 7


@kernel
def set_directions(order: int, p: int, own: int, place: OutIntVec, work: OutVec) -> None:
    """Carry other derivatives from now on: those of the parameters, or of the initial state."""
    place[ORDER], place[P], place[OWN] = order, p if order > 0 else 0, own
    place[PARTS] = n_parts(order, p)
    set_inputs(place, work)


@kernel
def recall_doses(first: int, last: int, place: OutIntVec, work: OutVec) -> None:
    """Let the last doses be those of the interval before."""
    if place[N_DOSE_INPUTS] == 0:
        return
    events = view(floats_at(place[EVENTS]), (place[N_EVENTS], ev.N_COLUMNS))
    before = events[first, ev.TIME] - events[last, ev.TIME]
    for r in range(first + 1, last):
        if events[r, ev.KIND] == ev.BOLUS:
            value_of(events[r], place, work)
            record_dose(before + events[r, ev.TIME], events[r], place, work)
    set_inputs(place, work)


@kernel
def run_interval(
    _t: float, first: int, last: int, _c: int, _d: int, _e: int, ints: int, floats: int
) -> int:
    """Take the state through the interval between two events, with input rates of its own."""
    place = view(ints_at(ints), (ANY_LENGTH,))
    work = view(floats_at(floats), (ANY_LENGTH,))
    events = view(floats_at(place[EVENTS]), (place[N_EVENTS], ev.N_COLUMNS))
    start = events[first, ev.TIME]
    for k in range(place[N_X] * place[PARTS]):
        work[place[RATE] + k] = 0.0
    for i in range(place[N_X]):
        work[place[SCALE] + i] = 0.0
    place[DRIVEN], place[FRESH] = 0, 2
    work[REACHED] = work[ORIGIN] = start
    recall_doses(first, last, place, work)
    note_scale(place, work)
    status = call_operation(place[WALK], 0.0, first + 1, last, 0, 0, 0, ints, floats)
    if status == _OK:
        status = advance(start + events[last, ev.TIME], last, place, work)
    return status


@kernel
def map_trial(
    first: int,
    last: int,
    place: OutIntVec,
    work: OutVec,
) -> int:
    """Run the interval from the trial state; keep where it ends, and the monodromy matrix."""
    n = place[N_X]
    x = view(at(work, place[X]), (n, 1 + n))
    numbers = view(at(work, place[NUMBERS]), (10, n))
    monodromy = view(at(work, place[MONODROMY]), (n, n))
    for i in range(n):
        for k in range(n):
            x[i, 1 + k] = 1.0 if i == k else 0.0
        x[i, 0] = numbers[_TRIAL, i]
        size = abs(x[i, 0])
        work[place[WEIGHT] + 1 + i] = 1.0 / size if size > 0.0 else 0.0
    ints, floats = address_of(place), address_of(work)
    status = call_operation(place[RUN_INTERVAL], 0.0, first, last, 0, 0, 0, ints, floats)
    for i in range(n):
        coupled = x[i, 1 + i] != 1.0
        for k in range(n):
            monodromy[i, k] = x[i, 1 + k]
            coupled = coupled or (x[k, 1 + i] != 0.0 and k != i)
        counts = note_counter(i, coupled, place, work)
        numbers[_MAPPED, i] = numbers[_TRIAL, i] if counts else x[i, 0]
    return status


@kernel
def distance(a: int, b: int, place: IntVec, work: OutVec) -> float:
    """Root mean square of the difference of two rows of NUMBERS, in units of the tolerance."""
    n, total = place[N_X], 0.0
    numbers = view(at(work, place[NUMBERS]), (10, n))
    for i in range(n):
        total += ((numbers[a, i] - numbers[b, i]) / numbers[_UNIT, i]) ** 2
    return sqrt(total / n)


@kernel
def solve_fixed_point(low: int, high: int, b: int, place: OutIntVec, work: OutVec) -> bool:
    """Multiply columns of jets by the inverse of 1 - M; say whether there is one."""
    n = place[N_X]
    a = view(at(work, place[SMALL]), (n, n))
    monodromy = view(at(work, place[MONODROMY]), (n, n))
    for i in range(n):
        for k in range(n):
            a[i, k] = -monodromy[i, k]
        a[i, i] += 1.0
    leave_out_counters(low, high, b, place, work)
    if not factor(place[SMALL], n, place, work):
        return False
    back(place[SMALL], n, low, high, b, place, work)
    return True


@kernel
def accept_trial(place: OutIntVec, work: OutVec) -> float:
    """Go on from the trial state; return the length of Newton's step, in tolerances."""
    n = place[N_X]
    numbers = view(at(work, place[NUMBERS]), (10, n))
    move = view(at(work, place[NEXT]), (n, place[PARTS]))
    floor = scale_floor(place, work)
    for i in range(n):
        numbers[_BASE, i] = numbers[_TRIAL, i]
        move[i, 0] = numbers[_MAPPED, i] - numbers[_BASE, i]
        absolute = work[ATOL] * max(work[place[SCALE] + i], floor)
        unit = work[RTOL] * abs(numbers[_MAPPED, i]) + absolute
        numbers[_UNIT, i] = unit if unit > 0.0 else 1.0
    if not solve_fixed_point(0, 1, place[NEXT], place, work):
        return 1e300
    for i in range(n):
        numbers[_MOVE, i] = move[i, 0]
        numbers[_TRIAL, i] = numbers[_BASE, i] + move[i, 0]
    return distance(_TRIAL, _BASE, place, work)


@kernel
def take_part(share: float, place: IntVec, work: OutVec) -> bool:
    """Set the trial to a part of Newton's step; say whether no state loses its sign by it."""
    n = place[N_X]
    numbers = view(at(work, place[NUMBERS]), (10, n))
    keeps = True
    for i in range(n):
        numbers[_TRIAL, i] = numbers[_BASE, i] + share * numbers[_MOVE, i]
        if numbers[_TRIAL, i] < 0.0 <= min(numbers[_BASE, i], numbers[_MAPPED, i]):
            keeps = False
        if not abs(numbers[_TRIAL, i]) < 1e300:
            keeps = False
    return keeps


@kernel
def find_periodic(
    _t: float, first: int, last: int, _c: int, _d: int, _e: int, ints: int, floats: int
) -> int:
    """Leave the values of the periodic solution in the trial state, and M at it."""
    place = view(ints_at(ints), (ANY_LENGTH,))
    work = view(floats_at(floats), (ANY_LENGTH,))
    n, share, residual = place[N_X], 0.0, 0.0
    numbers = view(at(work, place[NUMBERS]), (10, n))
    for i in range(n):
        numbers[COUNTS, i] = 1.0
    kept = view(at(work, place[PERIODIC]), (n,))  # end of the interval from the base
    for run in range(_RUNS):
        status = map_trial(first, last, place, work)
        if status == _STEP_LIMIT or (status != _OK and share == 0.0):
            return status
        new = distance(_MAPPED, _TRIAL, place, work) if run > 0 else 0.0
        if share == 0.0 or (status == _OK and new < (1.0 - 0.1 * share) * residual):
            size = accept_trial(place, work)
            if size <= (_CONVERGED if run < _STAGNANT else 1.0):
                return _OK
            residual = distance(_MAPPED, _BASE, place, work)
            for i in range(n):
                kept[i] = numbers[_MAPPED, i]
            share = 1.0 if size < 1e300 else 0.0
        else:
            share *= 0.5
        for i in range(n):
            numbers[_MAPPED, i] = kept[i]
        while share > 0.1 and not take_part(share, place, work):
            share *= 0.5
        if share <= 0.1:
            share = 0.0
            for i in range(n):
                numbers[_TRIAL, i] = kept[i]
    return _NO_STEADY_STATE


@kernel
def differentiate_periodic(
    order: int,
    p: int,
    first: int,
    last: int,
    place: OutIntVec,
    work: OutVec,
) -> int:
    """Set PERIODIC to the periodic solution with its derivatives.

    They are found from those of the initial state: at rest, nothing has to be integrated.
    """
    n = place[N_X]
    set_directions(order, p, 1, place, work)
    parts = place[PARTS]
    status = start_state(work[REACHED], place, work)
    keep(n * parts, place[X], place[PERIODIC], work)
    periodic = view(at(work, place[PERIODIC]), (n, parts))
    numbers = view(at(work, place[NUMBERS]), (10, n))
    for i in range(n):
        periodic[i, 0] = numbers[_TRIAL, i]
        numbers[_SCALE, i] = work[place[SCALE] + i]
    for turn in range(1, order + 1):
        set_directions(turn, p, 1, place, work)
        low, high = 1 if turn == 1 else 1 + p, place[PARTS]
        x = view(at(work, place[X]), (n, high))
        for i in range(n):
            for c in range(high):
                x[i, c] = periodic[i, c]
        ints, floats = address_of(place), address_of(work)
        status += call_operation(place[RUN_INTERVAL], 0.0, first, last, 0, 0, 0, ints, floats)
        if status != _OK:
            return status
        for i in range(n):
            for c in range(low, high):
                x[i, c] -= periodic[i, c]
        if not solve_fixed_point(low, high, place[X], place, work):
            return _NO_STEADY_STATE
        for i in range(n):
            for c in range(low, high):
                periodic[i, c] += x[i, c]
    for i in range(n):
        work[place[SCALE] + i] = numbers[_SCALE, i]
    return status


@kernel
def hold_cycle(
    t: float, first: int, last: int, _c: int, _d: int, _e: int, ints: int, floats: int
) -> int:
    """Bring the dosing interval between two events, which opens at time t, to steady state."""
    place = view(ints_at(ints), (ANY_LENGTH,))
    work = view(floats_at(floats), (ANY_LENGTH,))
    events = view(floats_at(place[EVENTS]), (place[N_EVENTS], ev.N_COLUMNS))
    n, m, order, p = place[N_X], place[N_X] * place[PARTS], place[ORDER], place[P]
    driven = place[DRIVEN]
    keep(m, place[X], place[KEPT_X], work)
    keep(m, place[RATE], place[KEPT_RATE], work)
    status = start_state(t, place, work)
    for i in range(n):
        work[place[NUMBERS] + _TRIAL * n + i] = work[place[X] + i * place[PARTS]]
    if status == _OK and n > 0:
        set_directions(1, n, 0, place, work)
        status = call_operation(place[FIND_PERIODIC], t, first, last, 0, 0, 0, ints, floats)
    if status == _OK:
        status = differentiate_periodic(order, p, first, last, place, work)
    set_directions(order, p, 1, place, work)
    recall_doses(first, last, place, work)
    settle(events[last, ev.VALUE] == 2.0, place[PERIODIC], place, work)
    place[DRIVEN], place[AT] = driven, last + 1
    keep(m, place[KEPT_RATE], place[RATE], work)
    work[REACHED], work[ORIGIN] = t, 0.0
    return status

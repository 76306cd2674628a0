r"""Steady state of a constant infusion: the rest point of the equations.

It is found by pseudo-transient continuation, implicit Euler steps whose length grows as the slope
falls, which follows the solution from the initial state and ends with Newton's method
[Kelley & Keyes 1998, SIAM J. Numer. Anal. 35]. Its derivatives solve linear equations with the
Jacobian, :math:`-J x_{,i} = f_{,i}` at fixed x, and the second ones likewise.
"""

from workbench.core import events as ev
from workbench.core.abi import at, floats_at, ints_at, view
from workbench.core.jit import IntVec, OutIntVec, OutVec, kernel
from workbench.core.odes_doses import value_of
from workbench.core.odes_explicit import note_scale, scale_floor
from workbench.core.odes_jets import evaluate, slope, start_state
from workbench.core.odes_layout import (
    ANY_LENGTH,
    AT,
    ATOL,
    DRIVEN,
    EVENTS,
    JACOBIAN,
    JET,
    KEPT_RATE,
    KEPT_X,
    N_EVENTS,
    N_INPUTS,
    N_X,
    NEXT,
    NUMBERS,
    ORDER,
    PARTS,
    PERIODIC,
    RATE,
    RTOL,
    SCALE,
    SLOPES,
    SMALL,
    VALUE,
    P,
    X,
)
from workbench.core.odes_linear import COUNTS, back, factor, leave_out_counters, note_counter
from workbench.core.odes_walk import keep, settle

_CONVERGED = 0.01  # of the tolerance
_STEPS = 300
_MOVED = 3  # steps after which a state that nothing depends on is taken for a counter
_INITIAL = 1  # row of NUMBERS: initial state
_REFUSALS = 5  # steps refused because a state would change its sign, in a row

_OK = 0
_NO_STEADY_STATE = 7


@kernel
def solve_shifted(
    shift: float, leave_out: bool, low: int, high: int, b: int, place: OutIntVec, work: OutVec
) -> bool:
    """Multiply columns of jets by the inverse of shift - J; say whether there is one.

    With `leave_out`, states that only count keep their value.
    """
    n = place[N_X]
    a = view(at(work, place[SMALL]), (n, n))
    jac = view(at(work, place[JACOBIAN]), (n, n + place[N_INPUTS]))
    for i in range(n):
        for k in range(n):
            a[i, k] = -jac[i, k]
    if leave_out:
        leave_out_counters(low, high, b, place, work)
    for i in range(n):
        a[i, i] += shift
    if not factor(place[SMALL], n, place, work):
        return False
    back(place[SMALL], n, low, high, b, place, work)
    return True


@kernel
def propose(shift: float, leave_out: bool, place: OutIntVec, work: OutVec) -> float:
    """Set NEXT to an implicit Euler step of length 1 / shift; return its size in tolerances."""
    n, parts, size = place[N_X], place[PARTS], 0.0
    step = view(at(work, place[NEXT]), (n, parts))
    for i in range(n):
        step[i, 0] = work[place[VALUE] + i] + work[place[RATE] + i * parts]
    if not solve_shifted(shift, leave_out, 0, 1, place[NEXT], place, work):
        return 1e300
    floor = scale_floor(place, work)
    for i in range(n):
        unit = work[RTOL] * abs(work[place[X] + i * parts])
        unit += work[ATOL] * max(work[place[SCALE] + i], floor)
        move = abs(step[i, 0]) / unit if unit > 0.0 else abs(step[i, 0]) * 1e300
        size = max(size, move) if move < 1e300 or move == 0.0 else 1e300
    return size


@kernel
def move_by_step(place: IntVec, work: OutVec) -> None:
    """Add the proposed step to the state."""
    for i in range(place[N_X]):
        work[place[X] + i * place[PARTS]] += work[place[NEXT] + i * place[PARTS]]


@kernel
def crosses_zero(place: IntVec, work: OutVec) -> bool:
    """Whether the proposed step takes a state below zero."""
    crosses = False
    for i in range(place[N_X]):
        x = work[place[X] + i * place[PARTS]]
        crosses = crosses or x + work[place[NEXT] + i * place[PARTS]] < 0.0 < x
    return crosses


@kernel
def largest(n: int, first: int, stride: int, work: OutVec) -> float:
    """Largest magnitude among some numbers of the scratch."""
    size = 0.0
    for i in range(n):
        size = max(size, abs(work[first + i * stride]))
    return size


@kernel
def note_counters(turn: int, place: IntVec, work: OutVec) -> None:
    """Find the states on which no slope has ever depended."""
    n = place[N_X]
    jac = view(at(work, place[JACOBIAN]), (n, n + place[N_INPUTS]))
    for i in range(n):
        if turn == 0:
            work[place[NUMBERS] + COUNTS * n + i] = 1.0
            work[place[NUMBERS] + _INITIAL * n + i] = work[place[X] + i * place[PARTS]]
        coupled = False
        for k in range(n):
            coupled = coupled or jac[k, i] != 0.0
        note_counter(i, coupled, place, work)


@kernel
def restore_counters(place: IntVec, work: OutVec) -> None:
    """Set the states that only count to their initial value."""
    n = place[N_X]
    for i in range(n):
        if work[place[NUMBERS] + COUNTS * n + i] == 1.0:
            initial = work[place[NUMBERS] + _INITIAL * n + i]
            work[place[X] + i * place[PARTS]] = initial
            work[place[SCALE] + i] = abs(initial)


@kernel
def continue_to_rest(t: float, place: OutIntVec, work: OutVec) -> int:
    """Take the values of the state to the rest point."""
    n, parts = place[N_X], place[PARTS]
    shift, refused, before = 0.0, 0, 0.0
    for turn in range(_STEPS):
        status = evaluate(1, t, 0, place[X], place[JACOBIAN], place, work)
        if status != _OK:
            return status
        note_scale(place, work)
        note_counters(turn, place, work)
        if propose(0.0, turn >= _MOVED, place, work) <= _CONVERGED:
            move_by_step(place, work)
            restore_counters(place, work)
            return _OK
        if turn == 0:
            shift = 10.0 * largest(n * (n + place[N_INPUTS]), place[JACOBIAN], 1, work)
        size = propose(shift, turn >= _MOVED, place, work)
        if not size < 1e300 or (crosses_zero(place, work) and refused < _REFUSALS):
            refused += 1
            shift *= 4.0
            continue
        refused = 0
        move_by_step(place, work)
        slope_size = 0.0
        for i in range(n):
            f = work[place[VALUE] + i] + work[place[RATE] + i * parts]
            slope_size = max(slope_size, abs(f))
        shift /= min(10.0, max(1.5, before / slope_size)) if slope_size > 0.0 else 10.0
        before = slope_size
    return _NO_STEADY_STATE


@kernel
def differentiate_rest(t: float, place: OutIntVec, work: OutVec) -> int:
    """Compute the derivatives of the rest point."""
    n, p, parts = place[N_X], place[P], place[PARTS]
    x = view(at(work, place[X]), (n, parts))
    f = view(at(work, place[SLOPES]), (n, parts))
    for i in range(n):
        for c in range(1, parts):
            x[i, c] = 0.0
    for turn in range(place[ORDER]):
        low, high = 1 if turn == 0 else 1 + p, 1 + p if turn == 0 else parts
        status = slope(t, place[X], place[SLOPES], place[JACOBIAN], place, work)
        if status != _OK:
            return status
        if not solve_shifted(0.0, True, low, high, place[SLOPES], place, work):
            return _NO_STEADY_STATE
        for i in range(n):
            for c in range(low, high):
                x[i, c] = f[i, c]
    return _OK


@kernel
def hold_constant(
    t: float, first: int, last: int, _c: int, _d: int, _e: int, ints: int, floats: int
) -> int:
    """Bring the constant inputs of events first to last - 1, together, to steady state."""
    place = view(ints_at(ints), (ANY_LENGTH,))
    work = view(floats_at(floats), (ANY_LENGTH,))
    events = view(floats_at(place[EVENTS]), (place[N_EVENTS], ev.N_COLUMNS))
    m, parts = place[N_X] * place[PARTS], place[PARTS]
    driven = place[DRIVEN]
    keep(m, place[X], place[KEPT_X], work)
    keep(m, place[RATE], place[KEPT_RATE], work)
    status = start_state(t, place, work)
    for r in range(first, last):
        value_of(events[r], place, work)
        into = place[RATE] + int(events[r, ev.STATE]) * parts
        if events[r, ev.STATE] < place[N_X]:
            for k in range(parts):
                work[into + k] += work[place[JET] + k]
    place[DRIVEN] = 1
    if status == _OK and place[N_X] > 0:
        status = continue_to_rest(t, place, work)
    if status == _OK:
        status = differentiate_rest(t, place, work)
    keep(m, place[X], place[PERIODIC], work)
    settle(events[first, ev.ENDPOINT] == 2.0, place[PERIODIC], place, work)
    keep(m, place[KEPT_RATE], place[RATE], work)
    place[DRIVEN], place[AT] = driven, last
    return status

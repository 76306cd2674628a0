"""Through a stretch of events: advance from one to the next, observe, take inputs, reset."""

from workbench.core import events as ev
from workbench.core.abi import address_of, call_operation, floats_at, ints_at, view
from workbench.core.jit import Mat, OutIntVec, OutVec, kernel
from workbench.core.odes_doses import take_input
from workbench.core.odes_explicit import note_scale
from workbench.core.odes_jets import pass_by, set_inputs, start_state
from workbench.core.odes_layout import (
    ANY_LENGTH,
    AT,
    BLOCK,
    EVENTS,
    EXPLICIT,
    FRESH,
    INTEGRATE,
    KEPT_X,
    N_EVENTS,
    N_X,
    ORIGIN,
    PARTS,
    PRESENT,
    REACHED,
    STIFF,
    X,
)

_OK = 0
_IS_STIFF = -1
_TOO_LONG = -2


@kernel
def advance(end: float, last: int, place: OutIntVec, work: OutVec) -> int:
    """Advance to a time by the method in use, observing events before event `last`."""
    ints, floats = address_of(place), address_of(work)
    while place[N_X] > 0 and work[REACHED] < end:
        method = place[INTEGRATE + place[PRESENT] - EXPLICIT]
        status = call_operation(method, end, last, 0, 0, 0, 0, ints, floats)
        if status == _IS_STIFF:
            place[PRESENT] = STIFF
            place[FRESH] = max(place[FRESH], 1)
        elif status == _TOO_LONG:
            place[PRESENT], place[FRESH] = EXPLICIT, 2
        elif status != _OK:
            return status
    events = view(floats_at(place[EVENTS]), (place[N_EVENTS], ev.N_COLUMNS))
    while place[AT] < last:
        if place[N_X] == 0:
            work[REACHED] = events[place[AT], ev.TIME]
        status = pass_by(place[X], place, work)
        if status != _OK:
            return status
    work[REACHED] = max(work[REACHED], end)
    return _OK


@kernel
def enter_block(block: int, place: OutIntVec, work: OutVec) -> None:
    """Bring another block's parameters into force, if it is another one."""
    if block != place[BLOCK]:
        place[BLOCK] = block
        set_inputs(place, work)
        place[FRESH] = max(place[FRESH], 1)


@kernel
def end_of_group(r: int, last: int, events: Mat) -> int:
    """First event from r on that changes something, or belongs to another block."""
    while r < last and events[r, ev.BLOCK] == events[r - 1, ev.BLOCK]:
        if events[r, ev.KIND] != ev.OBSERVATION and events[r, ev.KIND] != ev.OTHER:
            return r
        r += 1
    return r


@kernel
def stops_here(r: int, block: int, events: Mat) -> bool:
    """Whether event r exists, ends an advance with these parameters, and is given in real time."""
    return (
        r < events.shape[0] and events[r, ev.BLOCK] == block and events[r, ev.KIND] != ev.CYCLE_END
    )


@kernel
def walk(
    _t: float, first: int, last: int, _c: int, _d: int, _e: int, ints: int, floats: int
) -> int:
    """Go through events first to last - 1."""
    place = view(ints_at(ints), (ANY_LENGTH,))
    work = view(floats_at(floats), (ANY_LENGTH,))
    events = view(floats_at(place[EVENTS]), (place[N_EVENTS], ev.N_COLUMNS))
    place[AT] = first
    while place[AT] < last:
        r = place[AT]
        event = events[r]
        time, kind = work[ORIGIN] + event[ev.TIME], event[ev.KIND]
        enter_block(int(event[ev.BLOCK]), place, work)
        if kind == ev.OBSERVATION or kind == ev.OTHER:
            group = end_of_group(r + 1, last, events)
            time = events[group - 1, ev.TIME]
            if stops_here(group, int(event[ev.BLOCK]), events):
                time = events[group, ev.TIME]
            status = advance(time, group, place, work)
        else:
            status = advance(time, r, place, work)
            if status == _OK and kind == ev.RESET:
                status = start_state(time, place, work)
                place[FRESH] = 2
            elif status == _OK:
                status = take_input(time, event, place, work)
            note_scale(place, work)
            place[AT] = r + 1
        if status != _OK:
            return status
    return _OK


@kernel
def keep(n: int, x: int, kept: int, work: OutVec) -> None:
    """Copy numbers of the scratch."""
    for k in range(n):
        work[kept + k] = work[x + k]


@kernel
def settle(add: bool, steady: int, place: OutIntVec, work: OutVec) -> None:
    """Set the state to a steady one, or add that to what was kept."""
    place[FRESH] = 2
    for k in range(place[N_X] * place[PARTS]):
        work[place[X] + k] = work[steady + k] + (work[place[KEPT_X] + k] if add else 0.0)
    note_scale(place, work)

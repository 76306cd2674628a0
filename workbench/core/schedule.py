r"""From records to events, at given parameters: what happens when.

The records say what was given; when it arrives, and for how long, may depend on the parameters.
A dose of amount D at time t into a compartment with lag L and bioavailability F arrives at
t + L. As NONMEM has it, F scales the amount: a bolus is F D; an infusion with a given rate R
keeps it and lasts F D / R; with a modelled rate the same; with a modelled duration T its rate is
F D / T.

Events that follow from a record (a lagged arrival, an additional dose, the end of an infusion)
wait in a queue; those due come before a record of the same time, in the order of their times. A
reset empties the queue. Each route leads the doses of one compartment to one state.

Steady state: the last dose before the record's time that has arrived is the k-th back, with
k II > L; one interval then runs from the record's time, and doses that are under way, and
infusions that go on, follow in real time.
"""

from math import ceil, floor, nan

import numpy as np
from numpy.typing import NDArray

from workbench.core import events as ev
from workbench.core import records as rec
from workbench.core.arrivals import (
    EVENTS,
    JETS,
    N_COUNTERS,
    QUEUED,
    emit,
    enqueue,
    release,
)
from workbench.core.jets import clear, compose, multiply, n_parts
from workbench.core.jit import IntMat, IntVec, Mat, OutIntVec, OutMat, Vec, kernel

# Columns of a route.
R_CMT = 0  # compartment of the dose record
R_STATE = 1  # state that takes the input
R_LAG = 2  # parameter, -1: none
R_F = 3  # parameter, -1: none
R_COMPLEMENT = 4  # 1: the bioavailability is one minus that parameter
R_RATE = 5  # parameter used where RATE is -1
R_DURATION = 6  # parameter used where RATE is -2
R_ALWAYS = 7  # 1: the modelled duration also holds where RATE is 0
N_ROUTE = 8

# Event jets of one dose and route.
START = 0
AMOUNT = 1
END = 2
MINUS = 3
ONGOING = 4
DURATION = 5  # its value only
JETS_PER_DOSE = 6

UNDER_WAY = 24  # doses before a steady-state record that may still be to come or to end, each way
_OK = 0
_NOT_FINITE = 3
_NO_ROOM = 5


@kernel
def available(
    order: int,
    p: int,
    route: IntVec,
    params: Mat,
    first: int,
    amount: float,
    out: int,
    jets: OutMat,
) -> None:
    """Jet of the amount that arrives by a route: amount, F times it, or (1 - F) times it."""
    clear(order, p, jets, out)
    row = first + route[R_F]
    if route[R_F] < 0:
        jets[out, 0] = amount
    else:
        sign = -1.0 if route[R_COMPLEMENT] == 1 else 1.0
        for k in range(n_parts(order, p)):
            jets[out, k] = sign * amount * params[row, k]
        if route[R_COMPLEMENT] == 1:
            jets[out, 0] += amount


@kernel
def quotient(order: int, p: int, jets: OutMat, a: int, b: int, spare: int, out: int) -> None:
    """Set a jet to a / b; `spare` may be `out` but not `a`."""
    f = 1.0 / jets[b, 0]
    compose(order, p, jets, f, -f * f, 2.0 * f * f * f, b, spare)
    multiply(order, p, jets, a, spare, out)


@kernel
def describe(
    order: int,
    p: int,
    route: IntVec,
    params: Mat,
    first: int,
    amount: float,
    rate: float,
    row: int,
    jets: OutMat,
) -> float:
    """Fill the jets of one dose by one route; return the duration, 0 for a bolus, NaN if invalid.

    Afterwards START holds the lag, AMOUNT the amount or the rate, END the lag plus the duration
    and MINUS the negative rate, all with their values.
    """
    start, value, end, minus = row + START, row + AMOUNT, row + END, row + MINUS
    clear(order, p, jets, start)
    if route[R_LAG] >= 0:
        for k in range(n_parts(order, p)):
            jets[start, k] = params[first + route[R_LAG], k]
    available(order, p, route, params, first, amount, value, jets)
    given = -1  # the parameter that is modelled
    if rate == -2.0 or (rate == 0.0 and route[R_ALWAYS] == 1):
        given = route[R_DURATION]
    elif rate == -1.0:
        given = route[R_RATE]
    if given < 0 and not rate > 0.0:
        return 0.0
    clear(order, p, jets, end)
    if given < 0:
        jets[end, 0] = rate
    else:
        for k in range(n_parts(order, p)):
            jets[end, k] = params[first + given, k]
    by_duration = given >= 0 and rate != -1.0
    if by_duration and jets[end, 0] == 0.0:
        return 0.0
    if not jets[end, 0] > 0.0:
        return nan
    quotient(order, p, jets, value, end, minus, minus)
    # The quotient is the rate where the duration is given, and the duration where the rate is.
    duration, speed = (end, minus) if by_duration else (minus, end)
    length_of_infusion = jets[duration, 0]
    for k in range(n_parts(order, p)):
        length, flow = jets[duration, k], jets[speed, k]
        jets[end, k] = length + jets[start, k]
        jets[value, k] = flow
        jets[minus, k] = -flow
    return length_of_infusion


@kernel
def is_constant(order: int, p: int, row: int, jets: OutMat) -> bool:
    """Whether a jet has no derivatives."""
    total = 0.0
    for k in range(1, n_parts(order, p)):
        total += abs(jets[row, k])
    return total == 0.0


@kernel
def varying(order: int, p: int, row: int, jets: OutMat) -> int:
    """Row of a jet, or -1 where it is constant."""
    return -1 if is_constant(order, p, row, jets) else row


@kernel
def ongoing_infusions(offset: float, duration: float, interval: float) -> int:
    """Infusions still running at the ends of a dosing interval at steady state."""
    if not duration > 0.0:
        return 0
    return ceil((offset + duration) / interval) - 1


@kernel
def cycle_by_route(
    order: int,
    p: int,
    state: int,
    duration: float,
    interval: float,
    row: int,
    block: int,
    jets: OutMat,
    events: OutMat,
    count: OutIntVec,
) -> None:
    """Emit one route's inputs over a dosing interval at steady state, as offsets."""
    lag, value = jets[row + START, 0], jets[row + AMOUNT, 0]
    offset = lag - floor(lag / interval) * interval
    moved = varying(order, p, row + START, jets)
    scaled = varying(order, p, row + AMOUNT, jets)
    if not duration > 0.0:
        emit(offset, ev.BOLUS, state, value, moved, scaled, block, events, count)
        return
    n = ongoing_infusions(offset, duration, interval)
    if n > 0:
        for k in range(n_parts(order, p)):
            jets[row + ONGOING, k] = n * jets[row + AMOUNT, k]
        jet = row + ONGOING if scaled >= 0 else -1
        emit(0.0, ev.RATE, state, n * value, -1, jet, block, events, count)
    emit(offset, ev.RATE, state, value, moved, scaled, block, events, count)
    end = offset + duration - n * interval
    moved = varying(order, p, row + END, jets)
    jet = row + MINUS if scaled >= 0 else -1
    emit(end, ev.RATE, state, -value, moved, jet, block, events, count)


@kernel
def sort_by_time(first: int, last: int, events: OutMat) -> None:
    """Sort some events by their time, keeping the order of equal ones."""
    for i in range(first + 1, last):
        j = i
        while j > first and events[j, ev.TIME] < events[j - 1, ev.TIME]:
            for c in range(ev.N_COLUMNS):
                keep = events[j, c]
                events[j, c] = events[j - 1, c]
                events[j - 1, c] = keep
            j -= 1


@kernel
def queue_dose(
    order: int,
    p: int,
    state: int,
    record: Vec,
    duration: float,
    row: int,
    jets: OutMat,
    events: OutMat,
    queue: OutMat,
    count: OutIntVec,
) -> None:
    """Queue the arrivals of one dose by one route, additional doses and ends included."""
    time, interval, block = record[rec.TIME], record[rec.II], int(record[rec.BLOCK])
    offset, value, left = jets[row + START, 0], jets[row + AMOUNT, 0], int(record[rec.ADDL])
    moved = varying(order, p, row + START, jets)
    scaled = varying(order, p, row + AMOUNT, jets)
    kind = ev.RATE if duration > 0.0 else ev.BOLUS
    moved_end, minus = -1, -1
    if duration > 0.0:
        moved_end = varying(order, p, row + END, jets)
        minus = row + MINUS if scaled >= 0 else -1
    if record[rec.SS] > 0.0:
        under_way = floor(offset / interval)
        offset -= under_way * interval
        left += under_way
        n = ongoing_infusions(offset, duration, interval)
        if n > 0:
            jet = row + ONGOING if scaled >= 0 else -1
            emit(time, kind, state, n * value, -1, jet, block, events, count)
            end = time + offset + duration - n * interval
            enqueue(
                end,
                kind,
                state,
                -value,
                moved_end,
                minus,
                n - 1,
                interval,
                0.0,
                -1,
                -1,
                queue,
                count,
            )
    enqueue(
        time + offset,
        kind,
        state,
        value,
        moved,
        scaled,
        left,
        interval,
        duration,
        moved_end,
        minus,
        queue,
        count,
    )


@kernel
def give_dose(
    order: int,
    p: int,
    routes: IntMat,
    params: Mat,
    first: int,
    record: Vec,
    jets: OutMat,
    events: OutMat,
    queue: OutMat,
    count: OutIntVec,
) -> int:
    """Emit and queue all that one dose record brings about."""
    time, block = record[rec.TIME], int(record[rec.BLOCK])
    steady, interval = int(record[rec.SS]), record[rec.II]
    cycle = steady > 0 and interval > 0.0
    if steady == 1:
        emit(time, ev.RESET, 0, 0.0, -1, -1, block, events, count)
        count[QUEUED] = 0
    if cycle:
        emit(time, ev.CYCLE_START, 0, 0.0, -1, -1, block, events, count)
    inside, row = count[EVENTS], count[JETS]
    for q in range(routes.shape[0]):
        if routes[q, R_CMT] != record[rec.CMT]:
            continue
        if count[JETS] + JETS_PER_DOSE > jets.shape[0]:
            return _NO_ROOM
        duration = describe(
            order, p, routes[q], params, first, record[rec.AMT], record[rec.RATE], count[JETS], jets
        )
        lag = jets[count[JETS] + START, 0]
        if not (lag >= 0.0 and abs(jets[count[JETS] + AMOUNT, 0]) < 1e300 and duration < 1e300):
            return _NOT_FINITE
        jets[count[JETS] + DURATION, 0] = duration
        state = routes[q, R_STATE]
        if cycle:
            cycle_by_route(
                order, p, state, duration, interval, count[JETS], block, jets, events, count
            )
        count[JETS] += JETS_PER_DOSE
    if cycle:
        sort_by_time(inside, min(count[EVENTS], events.shape[0]), events)
        emit(interval, ev.CYCLE_END, 0, float(steady), -1, -1, block, events, count)
    for q in range(routes.shape[0]):
        if routes[q, R_CMT] != record[rec.CMT]:
            continue
        if steady > 0 and not cycle:
            jet = varying(order, p, row + AMOUNT, jets)
            emit(
                time,
                ev.CONSTANT,
                routes[q, R_STATE],
                jets[row + AMOUNT, 0],
                -1,
                jet,
                block,
                events,
                count,
            )
            events[min(count[EVENTS], events.shape[0]) - 1, ev.ENDPOINT] = steady
        else:
            duration = jets[row + DURATION, 0]
            state = routes[q, R_STATE]
            queue_dose(order, p, state, record, duration, row, jets, events, queue, count)
        jets[row + START, 0] = 0.0
        jets[row + END, 0] = 0.0
        row += JETS_PER_DOSE
    release(time, block, events, queue, count)
    return _OK


@kernel
def build(
    order: int,
    p: int,
    n_rows: int,
    routes: IntMat,
    params: Mat,
    records: Mat,
    jets: OutMat,
    events: OutMat,
    queue: OutMat,
    count: OutIntVec,
) -> int:
    """Turn one subject's records into events.

    Parameters
    ----------
    order, p : derivatives wanted, number of their directions
    n_rows : rows of `params` for one block
    routes : (n_routes, N_ROUTE)
    params : (n_rows or n_blocks n_rows, parts)  jets of what the routes name
    records : (n, records.N_COLUMNS)
    jets, events, queue : overwritten; `capacity` tells how many rows they need
    count : (N_COUNTERS,)  overwritten; count[EVENTS] is the number of events

    Returns
    -------
    int
        0; 3 where a lag, an amount, a rate or a duration is negative or not finite; 5 where the
        events do not fit (a lag or an infusion of very many dosing intervals).
    """
    for c in range(N_COUNTERS):
        count[c] = 0
    for r in range(records.shape[0]):
        time, kind, block = records[r, rec.TIME], records[r, rec.KIND], int(records[r, rec.BLOCK])
        if count[QUEUED] > 0:
            release(time, block, events, queue, count)
        if kind == rec.OBSERVATION or kind == rec.OTHER:
            what = ev.OBSERVATION if kind == rec.OBSERVATION else ev.OTHER
            emit(time, what, 0, 0.0, -1, -1, block, events, count)
            if count[EVENTS] <= events.shape[0]:
                events[count[EVENTS] - 1, ev.ENDPOINT] = records[r, rec.ENDPOINT]
        else:
            if r == 0:  # the subject begins here, even where its first dose arrives later
                emit(time, ev.OTHER, 0, 0.0, -1, -1, block, events, count)
            if kind != rec.DOSE:
                emit(time, ev.RESET, 0, 0.0, -1, -1, block, events, count)
                count[QUEUED] = 0
            if kind != rec.RESET:
                first = block * n_rows if params.shape[0] > n_rows else 0
                status = give_dose(
                    order, p, routes, params, first, records[r], jets, events, queue, count
                )
                if status != _OK:
                    return status
        if count[EVENTS] > events.shape[0] or count[QUEUED] > queue.shape[0]:
            return _NO_ROOM
    return _OK


def capacity(records: NDArray[np.float64], routes: NDArray[np.int64]) -> tuple[int, int, int]:
    """Return how many events, event jets and queue rows a subject's records may need.

    Parameters
    ----------
    records : (n, records.N_COLUMNS)  of one subject
    routes : (n_routes, N_ROUTE)
    """
    doses = records[np.isin(records[:, rec.KIND], (rec.DOSE, rec.RESET_DOSE))]
    ways = int(np.count_nonzero(routes[:, R_CMT, None] == doses[:, rec.CMT], axis=0).max(initial=1))
    last = records[-1, rec.TIME] if len(records) else 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.floor((last - doses[:, rec.TIME]) / doses[:, rec.II]) + 1
    repeated = np.minimum(doses[:, rec.ADDL], np.where(doses[:, rec.II] > 0, room, 0))
    steady = int(np.count_nonzero(doses[:, rec.SS] > 0))
    given = len(doses) + int(repeated.sum())
    events = 1 + len(records) + len(doses) + ways * (2 * given + UNDER_WAY * steady) + 3 * steady
    return events, JETS_PER_DOSE * ways * len(doses), ways * (given + UNDER_WAY * (steady + 1))

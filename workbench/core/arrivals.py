"""The queue of events that are to come: additional doses, lagged arrivals, ends of infusions."""

from workbench.core import events as ev
from workbench.core.jit import OutIntVec, OutMat, kernel

# Columns of the queue.
_TIME = 0
_KIND = 1
_STATE = 2
_VALUE = 3
_TIME_JET = 4
_VALUE_JET = 5
_LEFT = 6  # repetitions after this one
_II = 7
_DURATION = 8  # of an infusion; its end is queued when it starts
_END_JET = 9
_NEGATIVE_JET = 10  # jet of minus the rate, for the end
_NUMBER = 11  # order of coming into the queue
N_QUEUE = 12

# Counters.
EVENTS = 0
QUEUED = 1
JETS = 2
NUMBER = 3
N_COUNTERS = 4

SAME_TIME = 1e-9  # an event that misses a record's time by rounding comes at that time


@kernel
def emit(
    time: float,
    kind: int,
    state: int,
    value: float,
    time_jet: int,
    value_jet: int,
    block: int,
    events: OutMat,
    count: OutIntVec,
) -> None:
    """Append an event; without room it is counted all the same, which `build` refuses."""
    n = count[EVENTS]
    if n < events.shape[0]:
        events[n, ev.TIME] = time
        events[n, ev.KIND] = kind
        events[n, ev.STATE] = state
        events[n, ev.VALUE] = value
        events[n, ev.TIME_JET] = time_jet
        events[n, ev.VALUE_JET] = value_jet
        events[n, ev.BLOCK] = block
        events[n, ev.ENDPOINT] = 0.0
    count[EVENTS] = n + 1


@kernel
def enqueue(
    time: float,
    kind: int,
    state: int,
    value: float,
    time_jet: int,
    value_jet: int,
    left: int,
    interval: float,
    duration: float,
    end_jet: int,
    negative_jet: int,
    queue: OutMat,
    count: OutIntVec,
) -> None:
    """Put an event that is to come, and its repetitions, into the queue."""
    n = count[QUEUED]
    if n < queue.shape[0]:
        queue[n, _TIME] = time
        queue[n, _KIND] = kind
        queue[n, _STATE] = state
        queue[n, _VALUE] = value
        queue[n, _TIME_JET] = time_jet
        queue[n, _VALUE_JET] = value_jet
        queue[n, _LEFT] = left
        queue[n, _II] = interval
        queue[n, _DURATION] = duration
        queue[n, _END_JET] = end_jet
        queue[n, _NEGATIVE_JET] = negative_jet
        queue[n, _NUMBER] = count[NUMBER]
    count[QUEUED] = n + 1
    count[NUMBER] += 1


@kernel
def first_due(until: float, queue: OutMat, count: OutIntVec) -> int:
    """Row of the first event in the queue that is due at `until`, -1 without one."""
    found = -1
    limit = until + SAME_TIME * max(abs(until), 1.0)
    for i in range(count[QUEUED]):
        if queue[i, _TIME] <= limit and (
            found < 0
            or queue[i, _TIME] < queue[found, _TIME]
            or (
                queue[i, _TIME] == queue[found, _TIME] and queue[i, _NUMBER] < queue[found, _NUMBER]
            )
        ):
            found = i
    return found


@kernel
def release(until: float, block: int, events: OutMat, queue: OutMat, count: OutIntVec) -> None:
    """Emit what is due at `until`, in order; repetitions and ends go back into the queue."""
    i = first_due(until, queue, count)
    while i >= 0:
        time, kind, state = queue[i, _TIME], int(queue[i, _KIND]), int(queue[i, _STATE])
        emit(
            min(time, until),
            kind,
            state,
            queue[i, _VALUE],
            int(queue[i, _TIME_JET]),
            int(queue[i, _VALUE_JET]),
            block,
            events,
            count,
        )
        if kind == ev.RATE and queue[i, _DURATION] > 0.0:
            enqueue(
                time + queue[i, _DURATION],
                ev.RATE,
                state,
                -queue[i, _VALUE],
                int(queue[i, _END_JET]),
                int(queue[i, _NEGATIVE_JET]),
                0,
                0.0,
                0.0,
                -1,
                -1,
                queue,
                count,
            )
        if queue[i, _LEFT] > 0.0:
            queue[i, _LEFT] -= 1.0
            queue[i, _TIME] = time + queue[i, _II]
            queue[i, _NUMBER] = count[NUMBER]
            count[NUMBER] += 1
        else:
            count[QUEUED] -= 1
            last = count[QUEUED]
            for c in range(N_QUEUE):
                queue[i, c] = queue[last, c]
        i = first_due(until, queue, count)

r"""Inputs into the states, at times that may depend on the parameters.

An event at :math:`\tau(\phi)` is handled at its value :math:`\tau_0`. With
:math:`\delta = \tau - \tau_0` (a jet without value), b what the event adds to the state, f- and f+
the right-hand sides before and after it, and J, :math:`\dot f` their derivatives by state and
time, going forward to :math:`\tau`, adding b and coming back gives

.. math::
    x^+ &= x^- + b + (f^- - f^+)\,\delta + \tfrac12 c\,\delta^2, \\
    c &= J^- f^- + \dot f^- + J^+ (f^+ - 2 f^-) - \dot f^+

with f- at :math:`x^-` and f+ at :math:`x^- + b`, as jets; third powers of :math:`\delta` have no
derivatives of the orders that are kept. Events of the same time are handled one after the other,
which is right where they move together; where they do not, the prediction has a kink.
"""

from workbench.core import events as ev
from workbench.core.abi import at, floats_at, view
from workbench.core.jit import IntVec, OutIntVec, OutVec, Vec, kernel
from workbench.core.odes_jets import set_inputs, slope
from workbench.core.odes_layout import (
    D_CONSUMED,
    D_STATE,
    DRIVEN,
    EVENT_JETS,
    FRESH,
    JACOBIAN,
    JET,
    JET_COLUMNS,
    N_DOSE_INPUT,
    N_DOSE_INPUTS,
    N_INPUTS,
    N_X,
    NUMBERS,
    ORDER,
    OWN,
    PARTS,
    RATE,
    SCALE,
    SLOPES,
    SLOT,
    STAGES,
    TABLE,
    P,
    X,
)

_OK = 0


@kernel
def value_of(event: Vec, place: IntVec, work: OutVec) -> None:
    """Set JET to the event's value."""
    parts = place[PARTS]
    jet = view(at(work, place[JET]), (parts,))
    row = int(event[ev.VALUE_JET])
    other = view(floats_at(place[EVENT_JETS]), (max(row, 0) + 1, place[JET_COLUMNS]))
    for k in range(1, parts):
        jet[k] = other[row, k] if row >= 0 and place[OWN] == 1 else 0.0
    jet[0] = event[ev.VALUE]


@kernel
def curve(is_before: bool, place: IntVec, work: OutVec) -> None:
    """Add one side of the event to the coefficient c of the squared delay, kept in NUMBERS."""
    n, parts = place[N_X], place[PARTS]
    n_z = n + place[N_INPUTS]
    jac = view(at(work, place[JACOBIAN]), (n, n_z))
    before = view(at(work, place[STAGES]), (n, parts))
    after = view(at(work, place[SLOPES]), (n, parts))
    c = view(at(work, place[NUMBERS]), (n,))
    for i in range(n):
        c[i] += jac[i, n_z - 1] if is_before else -jac[i, n_z - 1]
        for k in range(n):
            c[i] += jac[i, k] * (before[k, 0] if is_before else after[k, 0] - 2.0 * before[k, 0])


@kernel
def carry_back(row: int, place: IntVec, work: OutVec) -> None:
    """Add what the movement of the event's time does to the state."""
    n, p, parts = place[N_X], place[P], place[PARTS]
    x = view(at(work, place[X]), (n, parts))
    before = view(at(work, place[STAGES]), (n, parts))
    after = view(at(work, place[SLOPES]), (n, parts))
    delay = view(floats_at(place[EVENT_JETS]), (row + 1, place[JET_COLUMNS]))[row]
    for i in range(n):
        jump = before[i, 0] - after[i, 0]
        for k in range(1, parts):
            x[i, k] += jump * delay[k]
        if place[ORDER] < 2:
            continue
        c, k = work[place[NUMBERS] + i], 1 + p
        for d in range(1, 1 + p):
            slope_d, delay_d = before[i, d] - after[i, d], delay[d]
            for g in range(1, 1 + d):
                x[i, k] += slope_d * delay[g] + (before[i, g] - after[i, g]) * delay_d
                x[i, k] += c * delay_d * delay[g]
                k += 1


@kernel
def record_dose(t: float, event: Vec, place: IntVec, work: OutVec) -> int:
    """Keep time and amount of a bolus where the system asks for them.

    Returns
    -------
    int
        0: the system does not; 1: it does; 2: it does, and the state is to receive nothing.
    """
    parts, answer = place[PARTS], 0
    slots = view(at(work, place[SLOT]), (2 * place[N_DOSE_INPUTS], parts))
    row = int(event[ev.TIME_JET])
    jets = view(floats_at(place[EVENT_JETS]), (max(row, 0) + 1, place[JET_COLUMNS]))
    for k in range(place[N_DOSE_INPUTS]):
        entry = place[TABLE] + k * N_DOSE_INPUT
        if place[entry + D_STATE] != int(event[ev.STATE]):
            continue
        for c in range(parts):
            moves = row >= 0 and place[OWN] == 1 and c > 0
            slots[2 * k, c] = jets[row, c] if moves else 0.0
            slots[2 * k + 1, c] = work[place[JET] + c]
        slots[2 * k, 0] = t
        answer = max(answer, 1 + place[entry + D_CONSUMED])
    return answer


@kernel
def put(t: float, event: Vec, place: OutIntVec, work: OutVec) -> None:
    """Add a bolus to its state, or a change to its state's input rate."""
    n, parts, state = place[N_X], place[PARTS], int(event[ev.STATE])
    value_of(event, place, work)
    into = place[X] + state * parts
    if event[ev.KIND] == ev.RATE:
        place[DRIVEN] = 1
        into = place[RATE] + state * parts
    else:
        recorded = record_dose(t, event, place, work)
        if recorded > 0:
            set_inputs(place, work)
        if recorded == 2:
            # What the equations spread starts as a power of time, and the error of a step is the
            # same fraction of that however short the step: the tolerance needs another measure.
            size = place[SCALE] + state
            work[size] = max(work[size], abs(work[place[JET]]))
            return
    if state < n:
        for k in range(parts):
            work[into + k] += work[place[JET] + k]


@kernel
def take_input(t: float, event: Vec, place: OutIntVec, work: OutVec) -> int:
    """Apply a bolus or a change of an input rate at time t."""
    row = int(event[ev.TIME_JET])
    place[FRESH] = 2
    if place[ORDER] == 0 or row < 0 or place[OWN] == 0:
        put(t, event, place, work)
        return _OK
    for i in range(place[N_X]):
        work[place[NUMBERS] + i] = 0.0
    for side in range(2):
        target = place[SLOPES] if side == 1 else place[STAGES]
        status = slope(t, place[X], target, place[JACOBIAN], place, work)
        if status != _OK:
            return status
        curve(side == 0, place, work)
        if side == 0:
            put(t, event, place, work)
    carry_back(row, place, work)
    return _OK

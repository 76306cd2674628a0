r"""Linear systems with constant coefficients: the exponential's series, on jets.

Between inputs :math:`\dot x = A x + b`, and a step of length h is exact:

.. math:: x(t + h) = x + \sum_{k \ge 1} \frac{h^k}{k!} A^{k-1} (A x + b)

With x, A and b as jets the derivatives are exact too. Terms are added until they are below
rounding. Long steps are divided, so that terms that cancel are not much larger than their sum.
[Al-Mohy & Higham 2011, SIAM J. Sci. Comput. 33:488, without their choice of degree by norms of
powers]
"""

from math import ceil

from workbench.core import events as ev
from workbench.core.abi import address_of, at, call_operation, floats_at, ints_at, view
from workbench.core.jit import IntVec, OutIntVec, OutVec, Vec, kernel
from workbench.core.odes_explicit import note_scale
from workbench.core.odes_jets import evaluate, pass_by
from workbench.core.odes_layout import (
    ANY_LENGTH,
    AT,
    AUTOMATIC,
    DRIVEN,
    EVENTS,
    FLOW,
    FLOW_COLUMN,
    FLOW_KNOWN,
    FLOW_START,
    INFLOW,
    JACOBIAN,
    MAX_STEPS,
    METHOD,
    N_EVENTS,
    N_INPUTS,
    N_X,
    NEXT,
    ORDER,
    PARTS,
    RATE,
    REACHED,
    SIZE,
    STAGE,
    STEPS,
    THROUGH,
    P,
    X,
)

LONGEST = 6.0  # step times norm of A: terms cancel to exp(-6) of the largest at worst
_MOST = 200  # such steps in one stretch; beyond, the other methods are cheaper
_ROUNDING = 1e-17

_OK = 0
_NOT_FINITE = 3
_STEP_LIMIT = 6
_TOO_LONG = -2


@kernel
def slope_without_rates(t: float, target: int, place: OutIntVec, work: OutVec) -> int:
    """Set the jets at offset `target` to f at the jets in STAGE."""
    driven, place[DRIVEN] = place[DRIVEN], 0
    ints, floats = address_of(place), address_of(work)
    jac = place[JACOBIAN]
    status = call_operation(place[THROUGH], t, 0, -1, place[STAGE], target, jac, ints, floats)
    place[DRIVEN] = driven
    return status


@kernel
def list_flow(place: OutIntVec, work: OutVec) -> None:
    """List the elements of A that are not zero, and set SIZE to the smaller of two norms of A."""
    n, parts = place[N_X], place[PARTS]
    flow = view(at(work, place[FLOW]), (n, n, parts))
    by_row, by_column, count = 0.0, 0.0, 0
    place[place[FLOW_START]] = 0
    for i in range(n):
        row, column = 0.0, 0.0
        for k in range(n):
            row += abs(flow[i, k, 0])
            column += abs(flow[k, i, 0])
            present = False
            for c in range(parts):
                present = present or flow[i, k, c] != 0.0
            if present:
                place[place[FLOW_COLUMN] + count] = k
                count += 1
        place[place[FLOW_START] + i + 1] = count
        by_row, by_column = max(by_row, row), max(by_column, column)
    work[SIZE] = min(by_row, by_column)


@kernel
def find_flow(t: float, place: OutIntVec, work: OutVec) -> int:
    """Set FLOW and INFLOW to the jets of A and b.

    A's values are the Jacobian; its derivatives follow from those of f at multiples of the unit
    vectors, long enough not to be lost beside b.
    """
    n, parts = place[N_X], place[PARTS]
    stage = view(at(work, place[STAGE]), (n * parts,))
    flow = view(at(work, place[FLOW]), (n, n, parts))
    inflow = view(at(work, place[INFLOW]), (n, parts))
    slope = view(at(work, place[NEXT]), (n, parts))
    jac = view(at(work, place[JACOBIAN]), (n, n + place[N_INPUTS]))
    for c in range(n * parts):
        stage[c] = 0.0
    status = evaluate(1, t, 0, place[STAGE], place[JACOBIAN], place, work)
    for i in range(n):
        for k in range(n):
            flow[i, k, 0] = jac[i, k]
    status += slope_without_rates(t, place[INFLOW], place, work)
    for k in range(n if place[ORDER] > 0 else 0):
        length = 1.0
        for i in range(n):
            if flow[i, k, 0] != 0.0:
                length = max(length, abs(inflow[i, 0] / flow[i, k, 0]))
        stage[k * parts] = length
        status += slope_without_rates(t, place[NEXT], place, work)
        stage[k * parts] = 0.0
        for i in range(n):
            for c in range(1, parts):
                flow[i, k, c] = (slope[i, c] - inflow[i, c]) / length
    list_flow(place, work)
    place[FLOW_KNOWN] = 1
    return status


@kernel
def add_products(p: int, a: Vec, b: Vec, out: OutVec) -> None:
    """Add the products of first derivatives to the second ones; few of `a` are not zero."""
    first = 1 + p
    for d in range(p):
        slope = a[1 + d]
        if slope != 0.0:
            for g in range(d + 1):
                out[first + g] += slope * b[1 + g]
            pair = first + d
            for g in range(d, p):
                out[pair] += slope * b[1 + g]
                pair += g + 1
        first += d + 1


@kernel
def flow_through(x: int, y: int, place: IntVec, work: OutVec) -> None:
    """Set the jets at offset y to A times the jets at offset x."""
    n, p, parts = place[N_X], place[P], place[PARTS]
    flow = view(at(work, place[FLOW]), (n, n, parts))
    source = view(at(work, x), (n, parts))
    target = view(at(work, y), (n, parts))
    start = view(at(place, place[FLOW_START]), (n + 1,))
    column = view(at(place, place[FLOW_COLUMN]), (n * n,))
    for i in range(n):
        out = target[i]
        if start[i] == start[i + 1]:
            for c in range(parts):
                out[c] = 0.0
        for e in range(start[i], start[i + 1]):
            a, b = flow[i, column[e]], source[column[e]]
            a0, b0 = a[0], b[0]
            if e == start[i]:
                for c in range(parts):
                    out[c] = a0 * b[c] + a[c] * b0
                out[0] = a0 * b0
            else:
                value = out[0] + a0 * b0
                for c in range(parts):
                    out[c] += a0 * b[c] + a[c] * b0
                out[0] = value
            if place[ORDER] > 1:
                add_products(p, a, b, out)


@kernel
def n_terms(theta: float) -> int:
    """Terms of the series until they are below rounding, and two for the derivatives."""
    term, k = 1.0, 0
    while term > _ROUNDING:
        k += 1
        term *= theta / k
    return k + 2


@kernel
def step_of_series(h: float, terms: int, place: IntVec, work: OutVec) -> None:
    """Advance the present state by h."""
    m = place[N_X] * place[PARTS]
    x = view(at(work, place[X]), (m,))
    inflow = view(at(work, place[INFLOW]), (m,))
    rate = view(at(work, place[RATE]), (m,))
    source, target = place[X], place[STAGE]
    for k in range(1, terms + 1):
        flow_through(source, target, place, work)
        term = view(at(work, target), (m,))
        if k == 1:
            for c in range(m):
                term[c] += inflow[c] + rate[c]
        share = h / k
        for c in range(m):
            term[c] *= share
            x[c] += term[c]
        source, target = target, place[NEXT] if target == place[STAGE] else place[STAGE]


@kernel
def series(
    end: float, last: int, _b: int, _c: int, _d: int, _e: int, ints: int, floats: int
) -> int:
    """Advance to a time, and write the observations before event `last` on the way.

    Returns
    -------
    int
        0; -2 where another method should go on; 3, 6 or the status of a vector function
    """
    place = view(ints_at(ints), (ANY_LENGTH,))
    work = view(floats_at(floats), (ANY_LENGTH,))
    events = view(floats_at(place[EVENTS]), (place[N_EVENTS], ev.N_COLUMNS))
    while work[REACHED] < end:
        status = _OK
        if place[FLOW_KNOWN] == 0:
            status = find_flow(work[REACHED], place, work)
        goal = min(end, events[place[AT], ev.TIME]) if place[AT] < last else end
        length = goal - work[REACHED]
        theta = work[SIZE] * length
        if status != _OK or not theta < 1e300:
            return status if status != _OK else _NOT_FINITE
        if length > 0.0:
            pieces = max(1, ceil(min(theta, 1e9) / LONGEST))
            if pieces > _MOST and work[METHOD] == AUTOMATIC:
                return _TOO_LONG
            work[STEPS] += pieces
            if work[STEPS] > work[MAX_STEPS]:
                return _STEP_LIMIT
            terms = n_terms(theta / pieces)
            for _ in range(pieces):
                step_of_series(length / pieces, terms, place, work)
            note_scale(place, work)
            work[REACHED] = goal
        while place[AT] < last and events[place[AT], ev.TIME] <= work[REACHED]:
            status = pass_by(place[X], place, work)
            if status != _OK:
                return status
    return _OK

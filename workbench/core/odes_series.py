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
from workbench.core.jit import IntVec, OutIntVec, OutVec, kernel
from workbench.core.odes_explicit import note_scale
from workbench.core.odes_jets import evaluate, pass_by
from workbench.core.odes_layout import (
    ANY_LENGTH,
    AT,
    AUTOMATIC,
    CROSS,
    CROSS_PLACE,
    DRIVEN,
    ENTRY,
    ENTRY_PLACE,
    EVENTS,
    FLOW,
    FLOW_KNOWN,
    INFLOW,
    JACOBIAN,
    MAX_STEPS,
    METHOD,
    N_CROSS,
    N_ENTRY,
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
def places_at(piece: int, n: int, place: IntVec, work: OutVec) -> OutIntVec:
    """See a piece of the scratch as n pairs of integers: where to write, where to read."""
    return view(ints_at(address_of(work) + 8 * place[piece]), (2 * n,))


@kernel
def measure_flow(place: IntVec, work: OutVec) -> None:
    """Set SIZE to the smaller of two norms of A."""
    n, parts = place[N_X], place[PARTS]
    flow = view(at(work, place[FLOW]), (n, n, parts))
    by_row, by_column = 0.0, 0.0
    for i in range(n):
        row, column = 0.0, 0.0
        for k in range(n):
            row += abs(flow[i, k, 0])
            column += abs(flow[k, i, 0])
        by_row, by_column = max(by_row, row), max(by_column, column)
    work[SIZE] = min(by_row, by_column)


@kernel
def list_flow(place: OutIntVec, work: OutVec) -> None:
    """List what A times a matrix of jets consists of, without its many zeros.

    An element of A takes a whole jet times its value: an entry. A derivative of the element takes
    the value of that jet, and in the second derivatives its first ones: the crosses.
    """
    n, p, parts, order = place[N_X], place[P], place[PARTS], place[ORDER]
    flow = view(at(work, place[FLOW]), (n, n, parts))
    entry_place = places_at(ENTRY_PLACE, n * n, place, work)
    crosses = n * n * (parts - 1 + p * p)
    cross_place = places_at(CROSS_PLACE, crosses, place, work)
    entry, cross = place[ENTRY], place[CROSS]
    e, c = 0, 0
    for i in range(n):
        for k in range(n):
            jet, target, source = flow[i, k], i * parts, k * parts
            if jet[0] != 0.0:
                work[entry + e] = jet[0]
                entry_place[2 * e], entry_place[2 * e + 1] = target, source
                e += 1
            for d in range(1, parts):
                if jet[d] != 0.0:
                    work[cross + c] = jet[d]
                    cross_place[2 * c], cross_place[2 * c + 1] = target + d, source
                    c += 1
            for d in range(p if order > 1 else 0):
                if jet[1 + d] != 0.0:
                    for g in range(p):
                        high, low = max(d, g), min(d, g)
                        work[cross + c] = 2.0 * jet[1 + d] if g == d else jet[1 + d]
                        cross_place[2 * c] = target + 1 + p + high * (high + 1) // 2 + low
                        cross_place[2 * c + 1] = source + 1 + g
                        c += 1
    place[N_ENTRY], place[N_CROSS] = e, c


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
    measure_flow(place, work)
    list_flow(place, work)
    place[FLOW_KNOWN] = 1
    return status


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
    parts, m = place[PARTS], place[N_X] * place[PARTS]
    x = view(at(work, place[X]), (m,))
    inflow = view(at(work, place[INFLOW]), (m,))
    rate = view(at(work, place[RATE]), (m,))
    source = view(at(work, place[STAGE]), (m,))
    target = view(at(work, place[NEXT]), (m,))
    n_entries, n_crosses = place[N_ENTRY], place[N_CROSS]
    entry = view(at(work, place[ENTRY]), (n_entries,))
    cross = view(at(work, place[CROSS]), (n_crosses,))
    entry_place = places_at(ENTRY_PLACE, n_entries, place, work)
    cross_place = places_at(CROSS_PLACE, n_crosses, place, work)
    for c in range(m):
        source[c] = x[c]
    for k in range(1, terms + 1):
        for c in range(m):
            target[c] = inflow[c] + rate[c] if k == 1 else 0.0
        for e in range(n_entries):
            a, out, b = entry[e], entry_place[2 * e], entry_place[2 * e + 1]
            for c in range(parts):
                target[out + c] += a * source[b + c]
        for e in range(n_crosses):
            target[cross_place[2 * e]] += cross[e] * source[cross_place[2 * e + 1]]
        share = h / k
        for c in range(m):
            target[c] *= share
            x[c] += target[c]
        source, target = target, source


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

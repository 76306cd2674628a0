r"""Dormand-Prince 8(5, 3) with dense output of order 7, on jets.

Values alone choose the steps, so a prediction has the same bits whatever derivatives are asked
for, and the derivatives are exactly those of the numerical solution at these steps; their own
error is some eight times that of the value (it is the derivative of the value's), and more where
a state has decayed for long. Where it is more than `GUARD` times the tolerance, or `GUARD_5`
times that of the values, because these rest while their derivatives move, the step is rejected too.

The error of state i is measured in units of

.. math:: \mathrm{rtol}\,|x_i| + \mathrm{atol}\,\max(s_i, 10^{-3} \max_k s_k)

with :math:`s_i` the largest magnitude of the state so far: atol is relative, and a change of units
changes nothing. [Hairer, Norsett & Wanner 1993, Solving ODEs I, II.4-6 and II.10, DOP853 with its
coefficients; IV.2 of volume II]
"""

from math import sqrt

from workbench.core import events as ev
from workbench.core.abi import at, call_operation, floats_at, ints_at, view
from workbench.core.jit import IntVec, Mat, OutIntVec, OutVec, Vec, kernel
from workbench.core.odes_coefficients import (
    COLUMN,
    COUNT,
    END,
    ERROR_3,
    ERROR_5,
    ERROR_COLUMN,
    FACTOR,
    INSIDE,
    NODES,
)
from workbench.core.odes_jets import evaluate, pass_by, slope
from workbench.core.odes_layout import (
    ANY_LENGTH,
    AT,
    ATOL,
    AUTOMATIC,
    CALM_SIGNS,
    EVENTS,
    FIRST_STEP,
    FRESH,
    JACOBIAN,
    MAX_STEPS,
    MEMORY,
    METHOD,
    N_DOSE_INPUTS,
    N_EVENTS,
    N_X,
    NEXT,
    NUMBERS,
    PARTS,
    RATE,
    REACHED,
    REJECTED,
    RTOL,
    SCALE,
    SLOPES,
    STAGE,
    STEP,
    STEPS,
    STIFF_SIGNS,
    VALUE,
    WEIGHT,
    P,
    X,
)

GUARD = 300.0  # tolerances that the error of a first derivative may have
GUARD_5 = 1000.0  # times the values' error of order 5 that its own may be
_FLOOR = 1e-3  # of the largest state's magnitude, the least for any state
_STABLE = 6.1  # h times the largest eigenvalue, where the method ceases to be stable
_SIGNS = 10  # steps at that limit that call for the stiff method
_LEFT = 20.0  # ... if at least so many steps are left
_HALVINGS = 30  # of the time left, in the search for an input that is still to come
_SEEN = 100.0  # tolerances: what an input at the end of a step must bring so as not to be missed

_OK = 0
_NOT_FINITE = 3
_STEP_LIMIT = 6
_IS_STIFF = -1


@kernel
def note_scale(place: IntVec, work: OutVec) -> None:
    """Keep the largest magnitudes of the states."""
    parts = place[PARTS]
    for i in range(place[N_X]):
        size = abs(work[place[X] + i * parts])
        if size > work[place[SCALE] + i]:
            work[place[SCALE] + i] = size


@kernel
def scale_floor(place: IntVec, work: Vec) -> float:
    """Least magnitude of any state, for the absolute part of its tolerance."""
    largest = 0.0
    for i in range(place[N_X]):
        largest = max(largest, work[place[SCALE] + i])
    return _FLOOR * largest


@kernel
def first_scale(left: float, place: IntVec, work: OutVec) -> None:
    """Give the states of an empty system magnitudes: what enters in a thousandth of the time.

    Behind a constant input, the states of a chain start as powers of time, and the error of a
    step is then the same fraction of them however short the step.
    """
    if scale_floor(place, work) == 0.0:
        for i in range(place[N_X]):
            slope_i = abs(work[place[SLOPES] + i * place[PARTS]])
            work[place[SCALE] + i] = 1e-3 * left * slope_i


@kernel
def magnitude(first: int, place: IntVec, work: Vec) -> float:
    """Largest magnitude of the values of the jets at an offset."""
    largest = 0.0
    for i in range(place[N_X]):
        largest = max(largest, abs(work[first + i * place[PARTS]]))
    return largest


@kernel
def scale_ahead(t: float, left: float, place: IntVec, work: OutVec) -> None:
    """Give an empty system magnitudes where its inputs begin later, or as a power of time."""
    h = left
    for _ in range(_HALVINGS):
        if evaluate(0, t + h, 0, place[X], place[JACOBIAN], place, work) == _OK:
            for i in range(place[N_X]):
                slope_i = abs(work[place[VALUE] + i] + work[place[RATE] + i * place[PARTS]])
                size = 1e-3 * h * slope_i
                if work[place[SCALE] + i] < size < 1e300:
                    work[place[SCALE] + i] = size
        h *= 0.5


@kernel
def look_ahead(t: float, left: float, place: IntVec, work: OutVec) -> float:
    """Longest first step that does not pass over an input that comes with the time.

    An input such as a transit chain's starts from nothing and may be over long before the next
    event: a system at rest does not show it at t, nor any of a long step's stages. So its slopes
    are taken at `left`, a half, a quarter ... of it, and the first place where they change enough
    for the error of a step that ends there to show it is the longest step.
    """
    if magnitude(place[X], place, work) == 0.0:
        scale_ahead(t, left, place, work)
    floor = scale_floor(place, work)
    h, longest = left, left
    for _ in range(_HALVINGS):
        if evaluate(0, t + h, 0, place[X], place[JACOBIAN], place, work) == _OK:
            for i in range(place[N_X]):
                e = i * place[PARTS]
                change = work[place[VALUE] + i] + work[place[RATE] + e] - work[place[SLOPES] + e]
                unit = work[RTOL] * max(work[place[SCALE] + i], floor)
                if h * abs(change) > _SEEN * unit:
                    longest = h
        h *= 0.5
    return longest


@kernel
def first_step(
    t: float, _a: int, _b: int, _c: int, _d: int, _e: int, ints: int, floats: int
) -> int:
    """Set STEP from the first two derivatives [Hairer et al. 1993, II.4]; at most what it was."""
    place = view(ints_at(ints), (ANY_LENGTH,))
    work = view(floats_at(floats), (ANY_LENGTH,))
    if place[N_DOSE_INPUTS] > 0 or magnitude(place[SLOPES], place, work) == 0.0:
        work[STEP] = look_ahead(t, work[STEP], place, work)
    left = work[STEP]
    n, parts = place[N_X], place[PARTS]
    x = view(at(work, place[X]), (n, parts))
    k = view(at(work, place[SLOPES]), (1, n * parts))
    stage = view(at(work, place[STAGE]), (n, parts))
    floor = 10.0 * scale_floor(place, work)
    d0, d1 = 0.0, 0.0
    for i in range(n):
        unit = work[RTOL] * max(work[place[SCALE] + i], floor)
        if unit > 0.0:
            d0 += (x[i, 0] / unit) ** 2
            d1 += (k[0, i * parts] / unit) ** 2
    if not d1 > 0.0:
        return _OK
    d0, d1 = sqrt(d0), sqrt(d1)
    h = min(0.01 * d0 / d1 if d0 > 1e-5 else 1e-3 * left, left)
    for i in range(n):
        stage[i, 0] = x[i, 0] + h * k[0, i * parts]
    if evaluate(0, t + h, 0, place[STAGE], place[JACOBIAN], place, work) != _OK:
        work[STEP] = h
        return _OK
    d2 = 0.0
    for i in range(n):
        unit = work[RTOL] * max(work[place[SCALE] + i], floor)
        if unit > 0.0:
            rate = work[place[RATE] + i * parts]
            d2 += ((work[place[VALUE] + i] + rate - k[0, i * parts]) / (unit * h)) ** 2
    d2 = max(d1, sqrt(d2))
    longest = (0.01 / d2) ** 0.125 if d2 < 1e300 else 1e-3 * h
    work[STEP] = min(left, 100.0 * h, longest)
    return _OK


@kernel
def combine(row: int, h: float, source: int, target: int, place: IntVec, work: OutVec) -> None:
    """Set the jets at `target` to those at `source` plus h times a row of A times the slopes.

    Four slopes at a time: of more, a compiler would not know that none of them is the target.
    """
    m = place[N_X] * place[PARTS]
    x, y = view(at(work, source), (m,)), view(at(work, target), (m,))
    for g in range(0, COUNT[row], 4):
        k0 = view(at(work, place[SLOPES] + COLUMN[row, g] * m), (m,))
        k1 = view(at(work, place[SLOPES] + COLUMN[row, g + 1] * m), (m,))
        k2 = view(at(work, place[SLOPES] + COLUMN[row, g + 2] * m), (m,))
        k3 = view(at(work, place[SLOPES] + COLUMN[row, g + 3] * m), (m,))
        a, b, c, d = (
            h * FACTOR[row, g],
            h * FACTOR[row, g + 1],
            h * FACTOR[row, g + 2],
            h * FACTOR[row, g + 3],
        )
        if g == 0:
            for i in range(m):
                y[i] = x[i] + (a * k0[i] + b * k1[i] + c * k2[i] + d * k3[i])
        else:
            for i in range(m):
                y[i] += a * k0[i] + b * k1[i] + c * k2[i] + d * k3[i]


@kernel
def try_step(t: float, h: float, place: IntVec, work: OutVec) -> int:
    """Compute the slopes of a step and the state at its end, with the slope there."""
    m, status, jac = place[N_X] * place[PARTS], _OK, place[JACOBIAN]
    for s in range(1, END + 1):
        stage = place[STAGE] if s < END else place[NEXT]
        combine(s, h, place[X], stage, place, work)
        slopes = place[SLOPES] + s * m
        status = max(status, slope(t + NODES[s] * h, stage, slopes, jac, place, work))
    return status


@kernel
def differences(h: float, i: int, k: Mat) -> tuple[float, float]:
    """Errors of orders 5 and 3 of element i."""
    fifth, third = 0.0, 0.0
    for e in range(ERROR_COLUMN.shape[0]):
        slope_e = h * k[ERROR_COLUMN[e], i]
        fifth += ERROR_5[e] * slope_e
        third += ERROR_3[e] * slope_e
    return fifth, third


@kernel
def together(fifth: float, third: float, n: int) -> float:
    """Error of order 8 from the sums of n squares of those of orders 5 and 3 [II.10 (10.17)]."""
    both = (fifth + 0.01 * third) * n
    return fifth / sqrt(both) if both > 0.0 else both


@kernel
def error_of_step(h: float, place: IntVec, work: OutVec) -> float:
    """Error of a step in units of the tolerance; leaves h times the eigenvalue in NUMBERS."""
    n, p, parts = place[N_X], place[P], place[PARTS]
    x = view(at(work, place[X]), (n, parts))
    new = view(at(work, place[NEXT]), (n, parts))
    stage = view(at(work, place[STAGE]), (n, parts))
    k = view(at(work, place[SLOPES]), (END + 1, n * parts))
    floor = scale_floor(place, work)
    fifth, third, worst, worst_5, above, below = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        size = max(abs(x[i, 0]), abs(new[i, 0]))
        absolute = work[ATOL] * max(work[place[SCALE] + i], floor)
        unit = work[RTOL] * size + absolute
        if unit == 0.0:
            continue
        e = i * parts
        of_5, of_3 = differences(h, e, k)
        fifth += (of_5 / unit) ** 2
        third += (of_3 / unit) ** 2
        above += ((k[END, e] - k[END - 1, e]) / unit) ** 2
        below += ((new[i, 0] - stage[i, 0]) / unit) ** 2
        for d in range(1, 1 + p):
            weight = work[place[WEIGHT] + d]
            size_d = max(size * weight, abs(x[i, d]), abs(new[i, d]))
            unit_d = work[RTOL] * size_d + absolute * weight
            if weight > 0.0:
                of_5, of_3 = differences(h, e + d, k)
                worst = max(worst, together(of_5 * of_5, of_3 * of_3, 1) / unit_d)
                worst_5 = max(worst_5, abs(of_5) / unit_d)
    work[place[NUMBERS]] = h * sqrt(above / below) if below > 0.0 else 0.0
    error = together(fifth, third, n)
    worst = max(worst / GUARD, worst_5 / max(1.0, GUARD_5 * sqrt(fifth / n)))
    return max(error, worst) if worst > 1.0 else error


@kernel
def prepare_inside(t: float, h: float, place: IntVec, work: OutVec) -> int:
    """Compute the three slopes more that states within the step need."""
    m, status, jac = place[N_X] * place[PARTS], _OK, place[JACOBIAN]
    for s in range(END + 1, END + 4):
        combine(s, h, place[X], place[STAGE], place, work)
        slopes = place[SLOPES] + s * m
        status = max(status, slope(t + NODES[s] * h, place[STAGE], slopes, jac, place, work))
    return status


@kernel
def interpolate(t: float, h: float, at_time: float, place: IntVec, work: OutVec) -> None:
    """Set STAGE to the state at a time within the step from t to t + h, to order 7."""
    m = place[N_X] * place[PARTS]
    x = view(at(work, place[X]), (m,))
    k0 = view(at(work, place[SLOPES]), (m,))
    k_end = view(at(work, place[SLOPES] + END * m), (m,))
    new = view(at(work, place[NEXT]), (m,))
    y = view(at(work, place[STAGE]), (m,))
    s = (at_time - t) / h
    r = 1.0 - s
    # x + s (rise + r (b + s (c + r (D0 + s (D1 + r (D2 + s D3)))))), the outer terms first
    for i in range(m):
        rise = new[i] - x[i]
        b = h * k0[i] - rise
        y[i] = x[i] + s * (rise + r * (b + s * (rise - h * k_end[i] - b)))
    share = s * r * s
    for row in range(4):
        share *= r if row % 2 == 0 else s
        combine(INSIDE + row, h * share, place[STAGE], place[STAGE], place, work)


@kernel
def observe_inside(
    t: float, h: float, reached: float, last: int, place: OutIntVec, work: OutVec
) -> int:
    """Go past the events before event `last` whose time the step has reached."""
    events = view(floats_at(place[EVENTS]), (place[N_EVENTS], ev.N_COLUMNS))
    status, prepared = _OK, False
    while status == _OK and place[AT] < last and events[place[AT], ev.TIME] <= reached:
        now = events[place[AT], ev.TIME]
        if now < reached:
            if not prepared:
                status = prepare_inside(t, h, place, work)
                prepared = True
            interpolate(t, h, now, place, work)
        if status == _OK:
            status = pass_by(place[STAGE] if now < reached else place[NEXT], place, work)
    return status


@kernel
def accept_step(place: IntVec, work: OutVec) -> None:
    """Let the end of the step become the present state."""
    m = place[N_X] * place[PARTS]
    for i in range(m):
        work[place[X] + i] = work[place[NEXT] + i]
        work[place[SLOPES] + i] = work[place[SLOPES] + END * m + i]
    note_scale(place, work)


@kernel
def looks_stiff(steps_left: float, place: OutIntVec, work: OutVec) -> bool:
    """Count steps at the limit of stability; say when the stiff method is to take over."""
    if work[place[NUMBERS]] > _STABLE:
        place[CALM_SIGNS] = 0
        place[STIFF_SIGNS] += 1
        return place[STIFF_SIGNS] >= _SIGNS and steps_left > _LEFT
    place[CALM_SIGNS] += 1
    if place[CALM_SIGNS] == 6:
        place[STIFF_SIGNS] = 0
    return False


@kernel
def explicit(
    end: float, last: int, _b: int, _c: int, _d: int, _e: int, ints: int, floats: int
) -> int:
    """Advance to a time, and write the observations before event `last` on the way.

    Returns
    -------
    int
        0; -1 where the stiff method should go on; 3, 6 or the status of a vector function
    """
    place = view(ints_at(ints), (ANY_LENGTH,))
    work = view(floats_at(floats), (ANY_LENGTH,))
    while work[REACHED] < end:
        t = work[REACHED]
        if place[FRESH] > 0:
            status = slope(t, place[X], place[SLOPES], place[JACOBIAN], place, work)
            if status != _OK:
                return status
            if place[FRESH] == 2:
                first_scale(end - t, place, work)
                work[STEP] = end - t
                call_operation(place[FIRST_STEP], t, 0, 0, 0, 0, 0, ints, floats)
                work[MEMORY] = 1.0
            place[FRESH] = 0
        if work[STEPS] >= work[MAX_STEPS]:
            return _STEP_LIMIT
        work[STEPS] += 1.0
        planned = work[STEP]
        lands = 1.01 * planned >= end - t
        h = end - t if lands else planned
        status = try_step(t, h, place, work)
        error = error_of_step(h, place, work)
        if not error <= 1.0 or status != _OK:
            shrink = max(0.1, 0.9 * error**-0.125) if error < 1e30 and status == _OK else 0.1
            work[STEP] = h * shrink
            work[MEMORY] = -1.0
            work[REJECTED] += 1.0
            if work[STEP] <= 1e-15 * max(abs(t), abs(end)) or work[STEP] == 0.0:
                return status if status != _OK else _NOT_FINITE
            continue
        grow = 0.9 * max(error, 1e-10) ** -0.125
        grow = min(6.0 if work[MEMORY] > 0.0 else 1.0, max(0.2, grow))
        work[STEP] = max(h * grow, planned) if lands else h * grow
        work[MEMORY] = 1.0
        reached = end if lands else t + h
        status = observe_inside(t, h, reached, last, place, work)
        if status != _OK:
            return status
        accept_step(place, work)
        work[REACHED] = reached
        if work[METHOD] == AUTOMATIC and looks_stiff((end - reached) / h, place, work):
            return _IS_STIFF
    return _OK

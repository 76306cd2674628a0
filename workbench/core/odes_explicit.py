r"""Dormand-Prince 5(4) with dense output, on jets.

Values alone choose the steps, so a prediction has the same bits whatever derivatives are asked
for, and the derivatives are exactly those of the numerical solution at these steps; their own
error is some five times that of the value (it is the derivative of the value's). Where it is more
than `GUARD` times the tolerance after all, because the values rest while their derivatives move,
the step is rejected too.

The error of state i is measured in units of

.. math:: \mathrm{rtol}\,|x_i| + \mathrm{atol}\,\max(s_i, 10^{-3} \max_k s_k)

with :math:`s_i` the largest magnitude of the state so far: atol is relative, and a change of units
changes nothing. [Hairer, Norsett & Wanner 1993, Solving ODEs I, II.4-6 and IV.2 of volume II]
"""

from math import sqrt

import numpy as np

from workbench.core import events as ev
from workbench.core.abi import at, call_operation, floats_at, ints_at, view
from workbench.core.jit import IntVec, Mat, OutIntVec, OutVec, Vec, kernel
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

GUARD = 100.0  # tolerances that the error of a first derivative may have
_NODES = np.array([0.0, 0.2, 0.3, 0.8, 8 / 9, 1.0, 1.0])
_FLOOR = 1e-3  # of the largest state's magnitude, the least for any state
_STABLE = 3.25  # h times the largest eigenvalue, where the method ceases to be stable
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
    k = view(at(work, place[SLOPES]), (7, n * parts))
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
    longest = (0.01 / d2) ** 0.2 if d2 < 1e300 else 1e-3 * h
    work[STEP] = min(left, 100.0 * h, longest)
    return _OK


@kernel
def combine(s: int, h: float, m: int, place: IntVec, work: OutVec) -> None:
    """Set STAGE to the state at stage s, from the slopes of the stages before; or NEXT, s = 6."""
    x = view(at(work, place[X]), (m,))
    y = view(at(work, place[STAGE] if s < 6 else place[NEXT]), (m,))
    k = view(at(work, place[SLOPES]), (7, m))
    k0, k1, k2, k3, k4, k5 = k[0], k[1], k[2], k[3], k[4], k[5]
    if s == 1:
        for i in range(m):
            y[i] = x[i] + h * (0.2 * k0[i])
    elif s == 2:
        for i in range(m):
            y[i] = x[i] + h * (3 / 40 * k0[i] + 9 / 40 * k1[i])
    elif s == 3:
        for i in range(m):
            y[i] = x[i] + h * (44 / 45 * k0[i] - 56 / 15 * k1[i] + 32 / 9 * k2[i])
    elif s == 4:
        a, b, c, d = 19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729
        for i in range(m):
            y[i] = x[i] + h * (a * k0[i] + b * k1[i] + c * k2[i] + d * k3[i])
    elif s == 5:
        a, b, c, d = 9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176
        e = -5103 / 18656
        for i in range(m):
            y[i] = x[i] + h * (a * k0[i] + b * k1[i] + c * k2[i] + d * k3[i] + e * k4[i])
    else:
        a, b, c, d, e = 35 / 384, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84
        for i in range(m):
            y[i] = x[i] + h * (a * k0[i] + b * k2[i] + c * k3[i] + d * k4[i] + e * k5[i])


@kernel
def try_step(t: float, h: float, place: IntVec, work: OutVec) -> int:
    """Compute the six slopes of a step and the state at its end, with the slope there."""
    m, status = place[N_X] * place[PARTS], _OK
    for s in range(1, 7):
        combine(s, h, m, place, work)
        source, target = place[STAGE] if s < 6 else place[NEXT], place[SLOPES] + s * m
        jac = place[JACOBIAN]
        status = max(status, slope(t + _NODES[s] * h, source, target, jac, place, work))
    return status


@kernel
def difference(h: float, i: int, k: Mat) -> float:
    """Difference between the results of orders 5 and 4."""
    return h * (
        71 / 57600 * k[0, i]
        - 71 / 16695 * k[2, i]
        + 71 / 1920 * k[3, i]
        - 17253 / 339200 * k[4, i]
        + 22 / 525 * k[5, i]
        - 1 / 40 * k[6, i]
    )


@kernel
def error_of_step(h: float, place: IntVec, work: OutVec) -> float:
    """Error of a step in units of the tolerance; leaves h times the eigenvalue in NUMBERS."""
    n, p, parts = place[N_X], place[P], place[PARTS]
    x = view(at(work, place[X]), (n, parts))
    new = view(at(work, place[NEXT]), (n, parts))
    stage = view(at(work, place[STAGE]), (n, parts))
    k = view(at(work, place[SLOPES]), (7, n * parts))
    floor = scale_floor(place, work)
    total, worst, above, below = 0.0, 1.0, 0.0, 0.0
    for i in range(n):
        size = max(abs(x[i, 0]), abs(new[i, 0]))
        absolute = work[ATOL] * max(work[place[SCALE] + i], floor)
        unit = work[RTOL] * size + absolute
        if unit == 0.0:
            continue
        e = i * parts
        total += (difference(h, e, k) / unit) ** 2
        above += ((k[6, e] - k[5, e]) / unit) ** 2
        below += ((new[i, 0] - stage[i, 0]) / unit) ** 2
        for d in range(1, 1 + p):
            weight = work[place[WEIGHT] + d]
            size_d = max(size * weight, abs(x[i, d]), abs(new[i, d]))
            unit_d = GUARD * (work[RTOL] * size_d + absolute * weight)
            error_d = abs(difference(h, e + d, k))
            if error_d > worst * unit_d and weight > 0.0:
                worst = error_d / unit_d
    work[place[NUMBERS]] = h * sqrt(above / below) if below > 0.0 else 0.0
    error = sqrt(total / n)
    return max(error, worst) if worst > 1.0 else error


@kernel
def interpolate(t: float, h: float, at_time: float, place: IntVec, work: OutVec) -> None:
    """Set STAGE to the state at a time within the step from t to t + h."""
    m = place[N_X] * place[PARTS]
    x = view(at(work, place[X]), (m,))
    k = view(at(work, place[SLOPES]), (7, m))
    new = view(at(work, place[NEXT]), (m,))
    y = view(at(work, place[STAGE]), (m,))
    s = (at_time - t) / h
    r = 1.0 - s
    for i in range(m):
        rise = new[i] - x[i]
        b = h * k[0, i] - rise
        c = rise - h * k[6, i] - b
        d = h * (
            -12715105075 / 11282082432 * k[0, i]
            + 87487479700 / 32700410799 * k[2, i]
            - 10690763975 / 1880347072 * k[3, i]
            + 701980252875 / 199316789632 * k[4, i]
            - 1453857185 / 822651844 * k[5, i]
            + 69997945 / 29380423 * k[6, i]
        )
        y[i] = x[i] + s * (rise + r * (b + s * (c + r * d)))


@kernel
def accept_step(place: IntVec, work: OutVec) -> None:
    """Let the end of the step become the present state."""
    m = place[N_X] * place[PARTS]
    for i in range(m):
        work[place[X] + i] = work[place[NEXT] + i]
        work[place[SLOPES] + i] = work[place[SLOPES] + 6 * m + i]
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
    events = view(floats_at(place[EVENTS]), (place[N_EVENTS], ev.N_COLUMNS))
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
                work[MEMORY] = 1e-4
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
            shrink = max(0.1, 0.9 * error**-0.17) if error < 1e30 and status == _OK else 0.1
            work[STEP] = h * shrink
            work[MEMORY] = -1.0
            work[REJECTED] += 1.0
            if work[STEP] <= 1e-15 * max(abs(t), abs(end)) or work[STEP] == 0.0:
                return status if status != _OK else _NOT_FINITE
            continue
        grow = 0.9 * abs(work[MEMORY]) ** 0.04 / max(error, 1e-10) ** 0.17
        grow = min(5.0 if work[MEMORY] > 0.0 else 1.0, max(0.2, grow))
        work[STEP] = max(h * grow, planned) if lands else h * grow
        work[MEMORY] = max(error, 1e-4)
        reached = end if lands else t + h
        while place[AT] < last and events[place[AT], ev.TIME] <= reached:
            now = events[place[AT], ev.TIME]
            if now < reached:
                interpolate(t, h, now, place, work)
            source = place[STAGE] if now < reached else place[NEXT]
            status = pass_by(source, place, work)
            if status != _OK:
                return status
        accept_step(place, work)
        work[REACHED] = reached
        if work[METHOD] == AUTOMATIC and looks_stiff((end - reached) / h, place, work):
            return _IS_STIFF
    return _OK

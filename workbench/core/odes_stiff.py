r"""Radau IIA of order 5, for stiff systems, on jets.

The increments :math:`Z_s` of the three stages solve

.. math:: Z_s = h \sum_r a_{sr} f(t + c_r h, x + Z_r), \qquad x(t + h) = x + Z_3

by Newton's method with the Jacobian of each stage, until the correction is a hundredth of the
tolerance. What the converged equations determine is differentiated by the implicit function
theorem: first and second derivatives solve linear equations with the very matrix of the last
Newton step, and are exactly those of the numerical solution. Only J and H of f are needed.

The method is L-stable and its last stage is the new state, so the algebraic limit of a fast
reaction does not lower its order. Steps end at observations: its interpolant would be of order 3.
[Hairer & Wanner 1996, Solving ODEs II, IV.8]
"""

from math import sqrt

import numpy as np

from workbench.core import events as ev
from workbench.core.abi import address_of, at, call_operation, floats_at, ints_at, view
from workbench.core.jit import IntVec, OutIntVec, OutVec, kernel
from workbench.core.odes_explicit import note_scale, scale_floor
from workbench.core.odes_jets import curvature, evaluate, linear_parts, pass_by
from workbench.core.odes_layout import (
    ANY_LENGTH,
    AT,
    ATOL,
    BIG,
    BIG_RHS,
    CORRECT,
    DIFFERENTIATE,
    DRIVEN,
    ERROR,
    EVENTS,
    FIRST_STEP,
    FRESH,
    JACOBIAN,
    LAST_STEP,
    MAX_STEPS,
    MEMORY,
    N_EVENTS,
    N_INPUTS,
    N_X,
    NEXT,
    ORDER,
    PARTS,
    RATE,
    REACHED,
    REJECTED,
    RTOL,
    SCALE,
    SLOPES,
    SMALL,
    STAGES,
    STEP,
    STEPS,
    STIFF_ATOL,
    STIFF_RTOL,
    TRIED,
    TRY_STAGES,
    VALUE,
    WEIGHT,
    P,
    X,
)
from workbench.core.odes_linear import back, factor

_S6 = sqrt(6.0)
_C = np.array([(4.0 - _S6) / 10.0, (4.0 + _S6) / 10.0, 1.0])
_A = np.array(
    [
        [(88.0 - 7.0 * _S6) / 360.0, (296.0 - 169.0 * _S6) / 1800.0, (-2.0 + 3.0 * _S6) / 225.0],
        [(296.0 + 169.0 * _S6) / 1800.0, (88.0 + 7.0 * _S6) / 360.0, (-2.0 - 3.0 * _S6) / 225.0],
        [(16.0 - _S6) / 36.0, (16.0 + _S6) / 36.0, 1.0 / 9.0],
    ]
)
# The error estimate: a formula of order 3, through the real eigenvalue of the inverse of a.
_GAMMA = 30.0 / (6.0 + 81.0 ** (1.0 / 3.0) - 9.0 ** (1.0 / 3.0))
_E = (-(13.0 + 7.0 * _S6) / 3.0, (-13.0 + 7.0 * _S6) / 3.0, -1.0 / 3.0)

_LOOSENED = 0.02

_ITERATIONS = 10
_GUARD = 100.0  # tolerances that the error of a first derivative may have
_CONVERGED = 0.01  # of the tolerance
_TRUSTED = 3.0  # longest step, of the last one, that begins from the last one's polynomial

_OK = 0
_NOT_FINITE = 3
_STEP_LIMIT = 6


@kernel
def adapt_tolerance(work: OutVec) -> None:
    """Set the tolerances of the error estimate, which is of order 3 while the result is of 5."""
    work[STIFF_RTOL] = min(_LOOSENED * work[RTOL] ** (2.0 / 3.0), 1e-3)
    work[STIFF_ATOL] = work[ATOL] / work[RTOL] * work[STIFF_RTOL]


@kernel
def unit_of(i: int, floor: float, place: IntVec, work: OutVec) -> float:
    """Tolerance of state i at the present state; 1 where everything is zero."""
    size = abs(work[place[X] + i * place[PARTS]])
    unit = work[STIFF_RTOL] * size + work[STIFF_ATOL] * max(work[place[SCALE] + i], floor)
    return unit if unit > 0.0 else 1.0


@kernel
def guess(h: float, place: IntVec, work: OutVec) -> None:
    """Begin the stages from the last step's polynomial, or from zero."""
    n, last = place[N_X], work[LAST_STEP]
    z = view(at(work, place[STAGES]), (3, n, place[PARTS]))
    if not 0.0 < h <= _TRUSTED * last:
        for s in range(3):
            for i in range(n):
                z[s, i, 0] = 0.0
        return
    c0, c1 = _C[0], _C[1]
    for i in range(n):
        a, b, c = z[0, i, 0], z[1, i, 0], z[2, i, 0]
        for s in range(3):
            x = 1.0 + _C[s] * h / last
            z[s, i, 0] = (
                a * x * (x - c1) * (x - 1.0) / (c0 * (c0 - c1) * (c0 - 1.0))
                + b * x * (x - c0) * (x - 1.0) / (c1 * (c1 - c0) * (c1 - 1.0))
                + c * (x * (x - c0) * (x - c1) / ((1.0 - c0) * (1.0 - c1)) - 1.0)
            )


@kernel
def fill_matrix(h: float, place: IntVec, work: OutVec) -> None:
    """Set BIG to 1 - h a J, block by block, from the Jacobians of the stages."""
    n = place[N_X]
    big = view(at(work, place[BIG]), (3 * n, 3 * n))
    jac = view(at(work, place[JACOBIAN]), (4, n, n + place[N_INPUTS]))
    for row in range(3 * n):
        s, i = row // n, row % n
        for column in range(3 * n):
            r, k = column // n, column % n
            big[row, column] = -h * _A[s, r] * jac[1 + r, i, k]
        big[row, row] += 1.0


@kernel
def mix_slopes(low: int, high: int, h: float, place: IntVec, work: OutVec) -> None:
    """Set columns of BIG_RHS to h a F, with F the slopes of the stages."""
    n, parts = place[N_X], place[PARTS]
    f = view(at(work, place[SLOPES]), (7 * n, parts))
    b = view(at(work, place[BIG_RHS]), (3 * n, parts))
    for row in range(3 * n):
        s, i = row // n, row % n
        for c in range(low, high):
            b[row, c] = 0.0
        for r in range(3):
            a = h * _A[s, r]
            for c in range(low, high):
                b[row, c] += a * f[(4 + r) * n + i, c]


@kernel
def correct_stages(
    t: float, _a: int, _b: int, _c: int, _d: int, _e: int, ints: int, floats: int
) -> int:
    """Do one Newton step for the values of the stages; leaves the factors in BIG.

    Returns
    -------
    int
        0, 3 where the matrix is singular, or the status of the right-hand side.
    """
    place = view(ints_at(ints), (ANY_LENGTH,))
    work = view(floats_at(floats), (ANY_LENGTH,))
    h = work[TRIED]
    n, parts = place[N_X], place[PARTS]
    m, size = n * parts, n * (n + place[N_INPUTS])
    x = view(at(work, place[X]), (n, parts))
    z = view(at(work, place[STAGES]), (3, n, parts))
    k = view(at(work, place[SLOPES]), (7, n, parts))
    value = view(at(work, place[VALUE]), (n,))
    rate = view(at(work, place[RATE]), (n, parts))
    for s in range(3):
        for i in range(n):
            k[1 + s, i, 0] = x[i, 0] + z[s, i, 0]
        source, jac = place[SLOPES] + (1 + s) * m, place[JACOBIAN] + (1 + s) * size
        status = evaluate(1, t + _C[s] * h, 0, source, jac, place, work)
        if status != _OK:
            return status
        for i in range(n):
            k[4 + s, i, 0] = value[i] + rate[i, 0]
    fill_matrix(h, place, work)
    if not factor(place[BIG], 3 * n, place, work):
        return _NOT_FINITE
    mix_slopes(0, 1, h, place, work)
    b = view(at(work, place[BIG_RHS]), (3, n, parts))
    for s in range(3):
        for i in range(n):
            b[s, i, 0] -= z[s, i, 0]
    back(place[BIG], 3 * n, 0, 1, place[BIG_RHS], place, work)
    for s in range(3):
        for i in range(n):
            z[s, i, 0] += b[s, i, 0]
    return _OK


@kernel
def find_stages(t: float, place: IntVec, work: OutVec) -> int:
    """Solve for the values of the stages; return the number of Newton steps, 0 on failure."""
    n, parts = place[N_X], place[PARTS]
    x = view(at(work, place[X]), (n, parts))
    z = view(at(work, place[STAGES]), (3, n, parts))
    k = view(at(work, place[SLOPES]), (7, n, parts))
    b = view(at(work, place[BIG_RHS]), (3, n, parts))
    floor = scale_floor(place, work)
    ints, floats = address_of(place), address_of(work)
    enough = max(_CONVERGED, 2e-15 / work[STIFF_RTOL])
    before = 0.0
    for step in range(1, _ITERATIONS + 1):
        if call_operation(place[CORRECT], t, 0, 0, 0, 0, 0, ints, floats) != _OK:
            return 0
        total = 0.0
        for i in range(n):
            unit = unit_of(i, floor, place, work)
            for s in range(3):
                total += (b[s, i, 0] / unit) ** 2
        size = sqrt(total / (3.0 * n))
        if size <= enough:
            for s in range(3):
                for i in range(n):
                    k[1 + s, i, 0] = x[i, 0] + z[s, i, 0]
            return step
        if not size < 1e300 or (step > 2 and size > before):
            return 0
        before = size
    return 0


@kernel
def differentiate_stages(
    t: float, low: int, high: int, _c: int, _d: int, _e: int, ints: int, floats: int
) -> int:
    """Solve for columns of the stages' derivatives: all the first ones, or all the second ones."""
    place = view(ints_at(ints), (ANY_LENGTH,))
    work = view(floats_at(floats), (ANY_LENGTH,))
    h = work[TRIED]
    n, parts = place[N_X], place[PARTS]
    m, size = n * parts, n * (n + place[N_INPUTS])
    x = view(at(work, place[X]), (n, parts))
    k = view(at(work, place[SLOPES]), (7, n, parts))
    rate = view(at(work, place[RATE]), (n, parts))
    for s in range(3):
        jac, target = place[JACOBIAN] + (1 + s) * size, place[SLOPES] + (4 + s) * m
        source = place[SLOPES] + (1 + s) * m
        if low > 1:
            status = evaluate(2, t + _C[s] * h, 0, source, jac, place, work)
            if status != _OK:
                return status
        linear_parts(low, high - low, n, jac, place[X], target, place, work)
        if low > 1:
            curvature(0, -1, source, target, place, work)
        if place[DRIVEN] == 1:
            for i in range(n):
                for c in range(low, high):
                    k[4 + s, i, c] += rate[i, c]
    mix_slopes(low, high, h, place, work)
    back(place[BIG], 3 * n, low, high, place[BIG_RHS], place, work)
    b = view(at(work, place[BIG_RHS]), (3, n, parts))
    z = view(at(work, place[STAGES]), (3, n, parts))
    for s in range(3):
        for i in range(n):
            for c in range(low, high):
                z[s, i, c] = b[s, i, c]
                k[1 + s, i, c] = x[i, c] + b[s, i, c]
    return _OK


@kernel
def filtered_error(h: float, place: OutIntVec, work: OutVec) -> None:
    """Set NEXT to the error of values and first derivatives, with the factors in SMALL."""
    n, p, parts = place[N_X], place[P], place[PARTS]
    e = view(at(work, place[NEXT]), (n, parts))
    z = view(at(work, place[STAGES]), (3, n, parts))
    f = view(at(work, place[SLOPES]), (n, parts))
    for i in range(n):
        for c in range(1 + p):
            e[i, c] = f[i, c] + (_E[0] * z[0, i, c] + _E[1] * z[1, i, c] + _E[2] * z[2, i, c]) / h
    back(place[SMALL], n, 0, 1 + p, place[NEXT], place, work)


@kernel
def error_of_stages(t: float, h: float, again: bool, place: OutIntVec, work: OutVec) -> float:
    """Error of a step in units of the tolerance; `again` filters a large one a second time."""
    n, parts = place[N_X], place[PARTS]
    x = view(at(work, place[X]), (n, parts))
    e = view(at(work, place[NEXT]), (n, parts))
    jac = view(at(work, place[JACOBIAN]), (n, n + place[N_INPUTS]))
    small = view(at(work, place[SMALL]), (n, n))
    for i in range(n):
        for k in range(n):
            small[i, k] = -jac[i, k]
        small[i, i] += _GAMMA / h
    if not factor(place[SMALL], n, place, work):
        return 1e300
    floor = scale_floor(place, work)
    error = 0.0
    for turn in range(2):
        filtered_error(h, place, work)
        error = 0.0
        for i in range(n):
            error += (e[i, 0] / unit_of(i, floor, place, work)) ** 2
        error = sqrt(error / n)
        if turn == 1 or not again or not 1.0 < error < 1e300:
            break
        for i in range(n):
            e[i, 0] += x[i, 0]
        if evaluate(0, t, 0, place[NEXT], place[JACOBIAN], place, work) != _OK:
            break
        for i in range(n):
            rate = work[place[RATE] + i * parts]
            work[place[SLOPES] + i * parts] = work[place[VALUE] + i] + rate
    return error


@kernel
def guarded(error: float, place: IntVec, work: OutVec) -> float:
    """Return the error, or that of a first derivative where it is too large even for these."""
    n, parts = place[N_X], place[PARTS]
    x = view(at(work, place[X]), (n, parts))
    e = view(at(work, place[NEXT]), (n, parts))
    floor = scale_floor(place, work)
    for i in range(n):
        unit = unit_of(i, floor, place, work)
        for d in range(1, 1 + place[P]):
            weight = work[place[WEIGHT] + d]
            limit = _GUARD * max(unit * weight, work[STIFF_RTOL] * abs(x[i, d]))
            if weight > 0.0 and abs(e[i, d]) > max(1.0, error) * limit:
                error = abs(e[i, d]) / limit
    return error


@kernel
def try_stages(
    t: float, again: int, _b: int, _c: int, _d: int, _e: int, ints: int, floats: int
) -> int:
    """Try one step of length TRIED, and leave its error in ERROR: above 1e9 where it failed."""
    place = view(ints_at(ints), (ANY_LENGTH,))
    work = view(floats_at(floats), (ANY_LENGTH,))
    h, order, first, second = work[TRIED], place[ORDER], 1 + place[P], place[PARTS]
    work[ERROR] = 1e12
    if find_stages(t, place, work) == 0:
        return _NOT_FINITE
    columns = place[DIFFERENTIATE]
    if order > 0 and call_operation(columns, t, 1, first, 0, 0, 0, ints, floats) != _OK:
        return _NOT_FINITE
    error = guarded(error_of_stages(t, h, again == 1, place, work), place, work)
    status = _OK
    if error <= 1.0 and order > 1:
        status = call_operation(columns, t, first, second, 0, 0, 0, ints, floats)
    if status == _OK:
        work[ERROR] = error
    return status


@kernel
def slope_here(t: float, place: OutIntVec, work: OutVec) -> int:
    """Compute Jacobian, slope and its first derivatives at the present state."""
    n, parts = place[N_X], place[PARTS]
    status = evaluate(1, t, 0, place[X], place[JACOBIAN], place, work)
    f = view(at(work, place[SLOPES]), (n, parts))
    rate = view(at(work, place[RATE]), (n, parts))
    if place[P] > 0:
        linear_parts(1, place[P], n, place[JACOBIAN], place[X], place[SLOPES], place, work)
    for i in range(n):
        f[i, 0] = work[place[VALUE] + i]
        for c in range(1 + place[P]):
            f[i, c] += rate[i, c]
    return status


@kernel
def next_length(h: float, error: float, first: bool, work: OutVec) -> float:
    """Length of the next step after an accepted one [Hairer & Wanner 1996, IV.8 (8.25)]."""
    grow = min(8.0, max(0.2, 0.9 * max(error, 1e-10) ** -0.25))
    if not first:
        predicted = 0.9 * h / work[LAST_STEP] * (work[MEMORY] / max(error, 1e-10) ** 2) ** 0.25
        grow = min(grow, max(0.2, predicted))
    work[MEMORY] = max(1e-2, error)
    work[LAST_STEP] = h
    return h * grow


@kernel
def shrink(error: float) -> float:
    """Factor of the next step's length after a rejected one."""
    return max(0.1, 0.9 * error**-0.25) if error < 1e9 else 0.25


@kernel
def observe_due(last: int, place: OutIntVec, work: OutVec) -> int:
    """Go past the events before event `last` whose time has come."""
    status = _OK
    events = view(floats_at(place[EVENTS]), (place[N_EVENTS], ev.N_COLUMNS))
    while status == _OK and place[AT] < last and events[place[AT], ev.TIME] <= work[REACHED]:
        status = pass_by(place[X], place, work)
    return status


@kernel
def stiff(end: float, last: int, _b: int, _c: int, _d: int, _e: int, ints: int, floats: int) -> int:
    """Advance to a time, and write the observations before event `last` on the way.

    Returns
    -------
    int
        0, 3, 6 or the status of a vector function
    """
    place = view(ints_at(ints), (ANY_LENGTH,))
    work = view(floats_at(floats), (ANY_LENGTH,))
    events = view(floats_at(place[EVENTS]), (place[N_EVENTS], ev.N_COLUMNS))
    m = place[N_X] * place[PARTS]
    rejected = False
    while work[REACHED] < end:
        t = work[REACHED]
        status = observe_due(last, place, work)
        if status == _OK:
            status = slope_here(t, place, work)
        if status != _OK:
            return status
        goal = min(end, events[place[AT], ev.TIME]) if place[AT] < last else end
        if place[FRESH] == 2:
            work[STEP] = end - t
            call_operation(place[FIRST_STEP], t, 0, 0, 0, 0, 0, ints, floats)
        if place[FRESH] > 0:
            work[LAST_STEP] = 0.0
            place[FRESH] = 0
        if work[STEPS] >= work[MAX_STEPS]:
            return _STEP_LIMIT
        work[STEPS] += 1.0
        planned = work[STEP]
        lands = 1.01 * planned >= goal - t
        h = goal - t if lands else min(planned, 0.5 * (goal - t))
        first = work[LAST_STEP] == 0.0
        guess(h, place, work)
        work[TRIED] = h
        again = 1 if first or rejected else 0
        call_operation(place[TRY_STAGES], t, again, 0, 0, 0, 0, ints, floats)
        error = work[ERROR]
        if not error <= 1.0:
            rejected = True
            work[REJECTED] += 1.0
            work[LAST_STEP] = 0.0
            work[STEP] = h * shrink(error)
            if work[STEP] <= 1e-15 * max(abs(t), abs(end)) or work[STEP] == 0.0:
                return _NOT_FINITE
            continue
        length = next_length(h, error, first, work)
        if rejected:
            length = min(length, h)
        work[STEP] = max(length, planned) if h < planned else length
        rejected = False
        for k in range(m):
            work[place[X] + k] = work[place[SLOPES] + 3 * m + k]
        note_scale(place, work)
        work[REACHED] = goal if lands else t + h
    return _OK

r"""Linear compartment models in closed form, by advancing scalar exponential modes over events.

The central concentration of any linear compartment model is a sum of modes,

.. math::
    c(t) = \sum_i m_i(t), \qquad m_i' = -\lambda_i m_i + \sum_s C_{si} R_s + k_a C_i d,
    \qquad d' = -k_a d + R_d

with d the amount in an absorption depot, :math:`R_s` the input rates into the compartments,
:math:`\lambda_i` the disposition rates and :math:`C_{si}` the coefficients of the response to a
unit bolus into compartment s (Gibaldi & Perrier 1982, Pharmacokinetics, ch. 1-2); those of the
central one are written :math:`C_i`. Over an interval without events everything has a closed form,
so the cost is linear in the number of events. With the jets of `core.jets` in place of numbers,
the derivatives are exact too; times that depend on the parameters enter as in `core.inputs`.

Where the parameters change, at the border of two blocks, the amounts stay and the modes become
those of the new parameters (`core.borders`).
"""

from math import exp, expm1, factorial, nan

from workbench.core import events as ev
from workbench.core import frame, mammillary
from workbench.core.abi import at, view
from workbench.core.borders import fill_peripheral, to_amounts, to_modes
from workbench.core.inputs import add_bolus, add_constant, add_rate, refresh_inputs
from workbench.core.jets import add_scaled, clear, compose, compose2, copy, multiply, n_parts
from workbench.core.jit import IntVec, Mat, OutMat, OutVec, Vec, kernel
from workbench.core.modes import (
    DEPOT,
    DEPOT_REST,
    INPUT,
    INPUT_RATE,
    KA,
    KEPT,
    KEPT_DEPOT,
    KEPT_RATE,
    N_STATES,
    RATE,
    SPARE,
    UPTAKE,
    VALUE,
    mode_row,
    n_rows,
)

_OK = 0

# Taylor coefficients of the third moment, (-1)^k / (k! (k + 3)); 16 terms leave less than 1e-17
# below the switch.
_SWITCH = 0.7
_C = tuple((-1.0) ** k / (factorial(k) * (k + 3)) for k in range(16))


@kernel
def third_moment_series(x: float) -> float:
    """Sum the series of the third moment in pairs of pairs, so that the terms do not wait."""
    x2 = x * x
    x4 = x2 * x2
    low = (_C[0] + _C[1] * x) + x2 * (_C[2] + _C[3] * x)
    low += x4 * ((_C[4] + _C[5] * x) + x2 * (_C[6] + _C[7] * x))
    high = (_C[8] + _C[9] * x) + x2 * (_C[10] + _C[11] * x)
    high += x4 * ((_C[12] + _C[13] * x) + x2 * (_C[14] + _C[15] * x))
    return low + x4 * x4 * high


@kernel
def moments(x: float, e: float) -> tuple[float, float, float]:
    r"""Integrals :math:`\int_0^1 s^n e^{-x s} ds` for n = 0, 1, 2, with x >= 0 and e = exp(-x).

    Integration by parts links them, :math:`x a_{n+1} = (n+1) a_n - e^{-x}`. Upwards this loses
    digits as x goes to 0, downwards it is stable: below 0.7 the last one is a power series.
    """
    if x > _SWITCH:
        a0 = (1.0 - e) / x
        a1 = (a0 - e) / x
        return a0, a1, (2.0 * a1 - e) / x
    a2 = third_moment_series(x)
    a1 = 0.5 * (x * a2 + e)
    return x * a1 + e, a1, a2


@kernel
def decay(order: int, p: int, jets: OutMat, rate: int, dt: float, e: float, out: int) -> None:
    r"""Jet of :math:`e = e^{-\lambda \Delta t}`."""
    compose(order, p, jets, e, -dt * e, dt * dt * e, rate, out)


@kernel
def infused(order: int, p: int, jets: OutMat, rate: int, dt: float, e: float, out: int) -> None:
    r"""Jet of :math:`(1 - e) / \lambda`, the response to a unit input rate."""
    a0, a1, a2 = moments(jets[rate, 0] * dt, e)
    compose(order, p, jets, dt * a0, -dt * dt * a1, dt * dt * dt * a2, rate, out)


@kernel
def absorbed(
    order: int, p: int, jets: OutMat, rate: int, dt: float, e: float, e_depot: float, out: int
) -> None:
    r"""Jet of the divided difference :math:`(e^{-\lambda t} - e^{-k_a t}) / (k_a - \lambda)`.

    Written as :math:`t e^{-r t} \int_0^1 e^{-x s} ds` with r the slower of the two rates and
    :math:`x = |k_a - \lambda| t`, it has no singularity at :math:`k_a = \lambda`.
    """
    slow, fast, e_slow, e_fast = rate, KA, e, e_depot
    if jets[KA, 0] < jets[rate, 0]:
        slow, fast, e_slow, e_fast = KA, rate, e_depot, e
    x = (jets[fast, 0] - jets[slow, 0]) * dt
    # The ratio saves an exponential where neither underflows.
    a0, a1, a2 = moments(x, e_fast / e_slow if e_fast > 1e-290 else exp(-x))
    q = dt * e_slow
    q1, q2 = -dt * q, dt * dt * q
    compose2(
        order,
        p,
        jets,
        q * a0,
        q1 * (a0 - a1),
        q1 * a1,
        q2 * (a0 - 2.0 * a1 + a2),
        q2 * (a1 - a2),
        q2 * a2,
        slow,
        fast,
        out,
    )


@kernel
def advance_mode(
    order: int,
    p: int,
    jets: OutMat,
    i: int,
    n: int,
    dt: float,
    driven: bool,
    depot: bool,
    e_depot: float,
) -> None:
    """Advance mode i over an interval `dt`, driven by constant inputs and fed by the depot."""
    value, rate = mode_row(n, VALUE, i), mode_row(n, RATE, i)
    e = exp(-jets[rate, 0] * dt)
    decay(order, p, jets, rate, dt, e, SPARE)
    multiply(order, p, jets, value, SPARE, value)
    if driven:
        infused(order, p, jets, rate, dt, e, SPARE)
        multiply(order, p, jets, SPARE, mode_row(n, INPUT, i), SPARE)
        add_scaled(order, p, jets, SPARE, 1.0, value)
    if depot:
        absorbed(order, p, jets, rate, dt, e, e_depot, SPARE)
        multiply(order, p, jets, SPARE, mode_row(n, UPTAKE, i), SPARE)
        multiply(order, p, jets, SPARE, DEPOT, SPARE)
        add_scaled(order, p, jets, SPARE, 1.0, value)


@kernel
def absorbed_value(rate: float, ka: float, dt: float, e: float, e_depot: float) -> float:
    """Return the value of `absorbed`."""
    slow, fast, e_slow, e_fast = rate, ka, e, e_depot
    if ka < rate:
        slow, fast, e_slow, e_fast = ka, rate, e_depot, e
    a0, _, _ = moments(
        (fast - slow) * dt, e_fast / e_slow if e_fast > 1e-290 else exp((slow - fast) * dt)
    )
    return dt * e_slow * a0


@kernel
def advance_values(jets: OutMat, n: int, dt: float, driven: bool, depot: bool) -> None:
    """Do what `advance` does where no derivatives are wanted, to the same bits."""
    e_depot = exp(-jets[KA, 0] * dt) if depot else 0.0
    if depot and driven:
        jets[DEPOT, 0] -= jets[DEPOT_REST, 0]
    for i in range(n):
        rate = jets[mode_row(n, RATE, i), 0]
        e = exp(-rate * dt)
        value = jets[mode_row(n, VALUE, i), 0] * e
        if driven:
            a0, _, _ = moments(rate * dt, e)
            value += dt * a0 * jets[mode_row(n, INPUT, i), 0]
        if depot:
            fed = absorbed_value(rate, jets[KA, 0], dt, e, e_depot)
            value += fed * jets[mode_row(n, UPTAKE, i), 0] * jets[DEPOT, 0]
        jets[mode_row(n, VALUE, i), 0] = value
    if depot:
        jets[DEPOT, 0] *= e_depot
        if driven:
            jets[DEPOT, 0] += jets[DEPOT_REST, 0]


@kernel
def advance(order: int, p: int, jets: OutMat, n: int, dt: float, driven: bool, depot: bool) -> None:
    r"""Advance depot and modes over an interval without events.

    With an infusion into the depot, :math:`d - R_d/k_a` decays like a depot without one, and
    the central compartment sees that input too (it is part of the modes' inputs).
    """
    if order == 0:
        advance_values(jets, n, dt, driven, depot)
        return
    e_depot = exp(-jets[KA, 0] * dt) if depot else 0.0
    if depot and driven:
        add_scaled(order, p, jets, DEPOT_REST, -1.0, DEPOT)
    for i in range(n):
        advance_mode(order, p, jets, i, n, dt, driven, depot, e_depot)
    if depot:
        decay(order, p, jets, KA, dt, e_depot, SPARE)
        multiply(order, p, jets, DEPOT, SPARE, DEPOT)
        if driven:
            add_scaled(order, p, jets, DEPOT_REST, 1.0, DEPOT)


@kernel
def accumulate(order: int, p: int, jets: OutMat, rate: int, interval: float, row: int) -> None:
    r"""Multiply a jet by :math:`1/(1 - e^{-\lambda T})`, the sum over all earlier intervals."""
    e = exp(-jets[rate, 0] * interval)
    f = -1.0 / expm1(-jets[rate, 0] * interval)
    first = -interval * e * f * f
    second = interval * interval * e * (1.0 + e) * f * f * f
    compose(order, p, jets, f, first, second, rate, SPARE)
    multiply(order, p, jets, row, SPARE, row)


@kernel
def close_cycle(order: int, p: int, jets: OutMat, n: int, interval: float, depot: bool) -> None:
    """Turn what one interval leaves behind when it starts from zero into the periodic solution."""
    if depot:
        accumulate(order, p, jets, KA, interval, DEPOT)
    for i in range(n):
        value, rate = mode_row(n, VALUE, i), mode_row(n, RATE, i)
        if depot:
            e = exp(-jets[rate, 0] * interval)
            absorbed(order, p, jets, rate, interval, e, exp(-jets[KA, 0] * interval), SPARE)
            multiply(order, p, jets, SPARE, mode_row(n, UPTAKE, i), SPARE)
            multiply(order, p, jets, SPARE, DEPOT, SPARE)
            add_scaled(order, p, jets, SPARE, 1.0, value)
        accumulate(order, p, jets, rate, interval, value)


@kernel
def set_aside(order: int, p: int, jets: OutMat, n: int) -> None:
    """Keep state and rates, and set them to zero: a dosing interval at steady state begins."""
    copy(order, p, jets, DEPOT, KEPT_DEPOT)
    clear(order, p, jets, DEPOT)
    for i in range(n):
        copy(order, p, jets, mode_row(n, VALUE, i), mode_row(n, KEPT, i))
        clear(order, p, jets, mode_row(n, VALUE, i))
    for s in range(N_STATES):
        copy(order, p, jets, INPUT_RATE + s, KEPT_RATE + s)
        clear(order, p, jets, INPUT_RATE + s)


@kernel
def take_back(order: int, p: int, jets: OutMat, n: int, add: bool) -> None:
    """Restore the rates; with `add`, add the kept state to the present one."""
    for s in range(N_STATES):
        copy(order, p, jets, KEPT_RATE + s, INPUT_RATE + s)
    if add:
        add_scaled(order, p, jets, KEPT_DEPOT, 1.0, DEPOT)
        for i in range(n):
            add_scaled(order, p, jets, mode_row(n, KEPT, i), 1.0, mode_row(n, VALUE, i))


@kernel
def empty(order: int, p: int, jets: OutMat, n: int) -> None:
    """Set depot, modes and input rates to zero."""
    clear(order, p, jets, DEPOT)
    clear(order, p, jets, DEPOT_REST)
    for i in range(n):
        clear(order, p, jets, mode_row(n, VALUE, i))
    for s in range(N_STATES):
        clear(order, p, jets, INPUT_RATE + s)


@kernel
def observe(order: int, p: int, jets: OutMat, n: int, j: int, out: OutMat) -> None:
    """Write the central concentration, the sum of the modes."""
    for k in range(n_parts(order, p)):
        total = 0.0
        for i in range(n):
            total += jets[mode_row(n, VALUE, i), k]
        out[j, k] = total


@kernel
def prepare(
    order: int,
    p: int,
    block: int,
    n_phi: int,
    context: IntVec,
    own: int,
    params: Mat,
    jets: OutMat,
) -> None:
    """Fill rates and coefficients from the parameters of one block."""
    first = block * n_phi if params.shape[0] > n_phi else 0
    rows = view(at(params, first * params.shape[1]), (n_phi, params.shape[1]))
    mammillary.disposition(order, p, context, own, rows, jets)


@kernel
def follow_block(
    order: int,
    p: int,
    n: int,
    block: int,
    event: Vec,
    n_phi: int,
    context: IntVec,
    own: int,
    params: Mat,
    depot: bool,
    jets: OutMat,
) -> int:
    """Bring the parameters of an event's block into force, and return its number.

    Parameters
    ----------
    block : the one in force, -1 at the first event, for which all is prepared
    """
    other = int(event[ev.BLOCK])
    if params.shape[0] == n_phi or other == block:
        return other
    if block >= 0:
        to_amounts(order, p, n, jets)
        prepare(order, p, other, n_phi, context, own, params, jets)
    fill_peripheral(order, p, n, jets)
    if block >= 0:
        to_modes(order, p, n, jets)
        refresh_inputs(order, p, jets, n, depot)
    return other


@kernel
def run(
    order: int,
    p: int,
    n: int,
    n_phi: int,
    context: IntVec,
    own: int,
    params: Mat,
    events: Mat,
    n_events: int,
    event_jets: Mat,
    out: OutMat,
    jets: OutMat,
) -> int:
    """Walk through one subject's events and write the concentration at each observation.

    Parameters
    ----------
    n : number of modes
    n_phi, context, own, params : as `follow_block` takes them
    events : (at least n_events, events.N_COLUMNS)
    event_jets : (…, parts)  derivatives of times and values
    out : (n_obs, parts)  overwritten
    jets : (rows, parts)  rates, coefficients (and ka) of the first event's block filled in; the
        rest is overwritten

    Returns
    -------
    int
        0; bad values show as infinite or NaN predictions.
    """
    empty(order, p, jets, n)
    refresh_inputs(order, p, jets, n, False)
    driven, driven_outside, depot, j = False, False, False, 0
    now = events[0, ev.TIME] if n_events > 0 else 0.0
    outside, block = now, -1
    for r in range(n_events):
        event = events[r]
        kind, state = event[ev.KIND], int(event[ev.STATE])
        block = follow_block(order, p, n, block, event, n_phi, context, own, params, depot, jets)
        if event[ev.TIME] > now:
            advance(order, p, jets, n, event[ev.TIME] - now, driven, depot)
            now = event[ev.TIME]
        if kind == ev.OBSERVATION:
            observe(order, p, jets, n, j, out)
            j += 1
        elif kind == ev.BOLUS:
            depot = depot or state == 0
            add_bolus(order, p, n, event, event_jets, jets)
        elif kind == ev.RATE:
            depot = depot or state == 0
            driven = True
            add_rate(order, p, n, event, event_jets, jets)
            refresh_inputs(order, p, jets, n, depot)
        elif kind == ev.CONSTANT:
            depot = depot or state == 0
            first = r == 0 or events[r - 1, ev.KIND] != ev.CONSTANT  # of those at one time
            if first and event[ev.ENDPOINT] == 1.0:
                empty(order, p, jets, n)
                driven = False
            add_constant(order, p, n, event, event_jets, jets)
        elif kind == ev.RESET:
            empty(order, p, jets, n)
            driven = False
        elif kind == ev.CYCLE_START:
            set_aside(order, p, jets, n)
            outside, driven_outside = now, driven
            now, driven = 0.0, False
        elif kind == ev.CYCLE_END:
            close_cycle(order, p, jets, n, event[ev.TIME], depot)
            take_back(order, p, jets, n, event[ev.VALUE] == 2.0)
            now, driven = outside, driven_outside
            refresh_inputs(order, p, jets, n, depot)
    return _OK


@kernel
def predict(
    order: int,
    p: int,
    context: IntVec,
    settings: Vec,  # noqa: ARG001 - every family is called with the same arguments
    params: Mat,
    covariates: Mat,  # noqa: ARG001
    records: Mat,
    out: OutMat,
    work: OutVec,
) -> int:
    """Predict one subject's concentrations; `core.frame` has the arguments.

    The family's part of the context is that of `mammillary.disposition`.
    """
    n_phi = context[frame.N_PHI]
    status, n_events = frame.make_events(order, p, n_phi, context, params, records, work)
    if status != _OK:
        for j in range(out.shape[0]):
            out[j, 0] = nan
        work[0] = nan
        return status
    parts = params.shape[1]
    own = frame.family_context(context)
    n = context[own + mammillary.N_MODES]
    first_jet, first = frame.jets_offset(context), frame.family_offset(context, parts)
    jets = view(at(work, first), (n_rows(n) + mammillary.SCRATCH, parts))
    events = view(at(work, 0), (context[frame.MAX_EVENTS], ev.N_COLUMNS))
    block = int(events[0, ev.BLOCK]) if n_events > 0 else 0
    prepare(order, p, block, n_phi, context, own, params, jets)
    return run(
        order,
        p,
        n,
        n_phi,
        context,
        own,
        params,
        events,
        n_events,
        view(at(work, first_jet), (context[frame.MAX_JETS], parts)),
        out,
        jets,
    )


def work_size(n_modes: int, parts: int) -> int:
    """Return how many numbers of scratch the family needs besides the events."""
    return (n_rows(n_modes) + mammillary.SCRATCH) * parts

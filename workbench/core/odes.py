r"""Models made of differential equations: the solver's entry.

.. math:: \dot x = f(x, \phi, c, t) + R, \qquad y = g(x, \phi, c, t), \qquad x(t_0) = x_0(\phi, c)

with x the states, :math:`\phi` the individual parameters, c covariates and R input rates. States
are carried as jets (`core.jets`), so first and second derivatives with respect to any directions
come with the values.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.core import events as ev
from workbench.core.abi import address_of, call_operation, export_operation
from workbench.core.jets import n_parts
from workbench.core.jit import IntVec, Mat, OutIntVec, OutMat, OutVec, Vec, kernel
from workbench.core.odes_explicit import explicit, first_step, note_scale
from workbench.core.odes_jets import set_inputs, set_inputs_operation, start_state, through
from workbench.core.odes_layout import (
    AUTOMATIC,
    BIG,
    BLOCK,
    COV_COLUMNS,
    COV_ROWS,
    COVS,
    EVENT_JETS,
    EVENTS,
    EXPLICIT,
    FRESH,
    HOLD_CONSTANT,
    HOLD_CYCLE,
    IS_LINEAR,
    JET_COLUMNS,
    LINEAR,
    METHOD,
    N_EVENTS,
    N_PHI,
    N_SETTINGS,
    ORDER,
    OUT,
    OUT_COLUMNS,
    OWN,
    PARAM_COLUMNS,
    PARAM_ROWS,
    PARAMS,
    PARTS,
    PRESENT,
    REACHED,
    REJECTED,
    SETTINGS,
    STEPS,
    STIFF,
    WALK,
    P,
    lay_out,
    n_places,
)
from workbench.core.odes_linear import back_operation, factor_operation
from workbench.core.odes_rest import hold_constant
from workbench.core.odes_series import series
from workbench.core.odes_steady import find_periodic, hold_cycle, run_interval
from workbench.core.odes_stiff import (
    adapt_tolerance,
    correct_stages,
    differentiate_stages,
    stiff,
    try_stages,
)
from workbench.core.odes_walk import advance, enter_block, walk

_OK = 0


# In the order of their places in `odes_layout`.
_OPERATIONS = (
    set_inputs_operation,
    through,
    factor_operation,
    back_operation,
    first_step,
    explicit,
    stiff,
    series,
    correct_stages,
    differentiate_stages,
    try_stages,
    walk,
    run_interval,
    find_periodic,
    hold_cycle,
    hold_constant,
)


@kernel
def refer(
    params: Mat,
    covs: Mat,
    events: Mat,
    n_events: int,
    event_jets: Mat,
    place: OutIntVec,
    out: OutMat,
) -> None:
    """Tell the operations where the caller's arrays are."""
    place[EVENTS], place[N_EVENTS] = address_of(events), n_events
    place[EVENT_JETS], place[JET_COLUMNS] = address_of(event_jets), event_jets.shape[1]
    place[PARAMS], place[PARAM_ROWS] = address_of(params), params.shape[0]
    place[PARAM_COLUMNS] = params.shape[1]
    place[COVS], place[COV_ROWS], place[COV_COLUMNS] = (
        address_of(covs),
        covs.shape[0],
        covs.shape[1],
    )
    place[OUT], place[OUT_COLUMNS] = address_of(out), out.shape[1]


@kernel
def begin(
    order: int, p: int, settings: Vec, t: float, block: int, place: OutIntVec, work: OutVec
) -> int:
    """Set everything to the state before the first event."""
    # Vector functions may write nonzero elements of a Jacobian only.
    for k in range(place[BIG]):
        work[k] = 0.0
    for k in range(N_SETTINGS):
        work[SETTINGS + k] = settings[k]
    adapt_tolerance(work)
    place[ORDER] = order
    place[P] = p if order > 0 else 0
    place[PARTS] = n_parts(order, p)
    place[OWN] = 1
    place[PRESENT] = STIFF if work[METHOD] == STIFF else EXPLICIT
    if place[IS_LINEAR] == 1 and (work[METHOD] == AUTOMATIC or work[METHOD] == LINEAR):
        place[PRESENT] = LINEAR
    place[FRESH] = 2
    place[BLOCK] = block
    work[REACHED] = t
    set_inputs(place, work)
    status = start_state(t, place, work)
    note_scale(place, work)
    return status


@kernel
def next_steady(r: int, n_events: int, events: Mat) -> int:
    """Find the next event, from r on, that opens a steady state."""
    while r < n_events:
        if events[r, ev.KIND] == ev.CYCLE_START or events[r, ev.KIND] == ev.CONSTANT:
            return r
        r += 1
    return r


@kernel
def end_of_steady(r: int, n_events: int, events: Mat) -> int:
    """Find the event after a dosing interval, or after constant inputs that belong together."""
    kind, time = events[r, ev.KIND], events[r, ev.TIME]
    r += 1
    if kind == ev.CYCLE_START:
        while r < n_events - 1 and events[r, ev.KIND] != ev.CYCLE_END:
            r += 1
        return r + 1
    while r < n_events and events[r, ev.KIND] == kind and events[r, ev.TIME] == time:
        r += 1
    return r


@kernel
def solve(
    order: int,
    p: int,
    system: IntVec,
    settings: Vec,
    params: Mat,
    covs: Mat,
    events: Mat,
    n_events: int,
    event_jets: Mat,
    out: OutMat,
    work: OutVec,
) -> int:
    """Solve one subject's equations and write the jet of the output at each observation.

    Parameters
    ----------
    order : 0, 1 or 2  derivatives wanted
    p : number of directions
    system : what `pack_system` returns
    settings : (N_SETTINGS,)  rtol, atol, greatest number of steps, method
    params : (n_phi or n_blocks n_phi, parts)  jets of the parameters
    covs : (1 or n_blocks, n_cov)  covariates
    events : (at least n_events, events.N_COLUMNS)  in time order; the first one is the start
    event_jets : (any, parts)  derivatives of times and values
    out : (n_obs, at least parts)  overwritten
    work : (work_size(system, order, p),)  overwritten; begins with REACHED, STEPS, REJECTED

    Returns
    -------
    int
        A `Status`, or what a vector function returned.
    """
    if n_events == 0:
        return _OK
    place = np.zeros(n_places(system, order, p), np.int64)
    lay_out(system, order, p, place)
    refer(params, covs, events, n_events, event_jets, place, out)
    status = begin(order, p, settings, events[0, ev.TIME], int(events[0, ev.BLOCK]), place, work)
    ints, floats = address_of(place), address_of(work)
    r = 0
    while r < n_events and status == _OK:
        s = next_steady(r, n_events, events)
        status = call_operation(place[WALK], 0.0, r, s, 0, 0, 0, ints, floats)
        if status != _OK or s == n_events:
            return status
        t, constant = events[s, ev.TIME], events[s, ev.KIND] == ev.CONSTANT
        enter_block(int(events[s, ev.BLOCK]), place, work)
        status = advance(t, s, place, work)
        r = end_of_steady(s, n_events, events)
        if status == _OK and constant:
            status = call_operation(place[HOLD_CONSTANT], t, s, r, 0, 0, 0, ints, floats)
        elif status == _OK:
            status = call_operation(place[HOLD_CYCLE], t, s, r - 1, 0, 0, 0, ints, floats)
    return status


def pack_system(
    *,
    n_states: int,
    n_phi: int,
    n_covariates: int,
    n_outputs: int,
    rhs: int = 0,
    output: int,
    initial: int = 0,
    rhs_hessian: Sequence[tuple[int, int, int]] = (),
    output_hessian: Sequence[tuple[int, int, int]] = (),
    initial_hessian: Sequence[tuple[int, int, int]] = (),
    dose_inputs: Sequence[tuple[int, int, int, int]] = (),
    is_linear: bool = False,
) -> NDArray[np.int64]:
    """Turn a system into the integers that `odes.solve` reads.

    Parameters
    ----------
    n_states, n_phi, n_covariates, n_outputs : sizes; z has one entry more, the time
    rhs, output, initial : addresses of vector functions (`core.abi.export_vector`)
    rhs_hessian, output_hessian, initial_hessian
        (component, a, b) of each nonzero second derivative, a >= b, in the order in which the
        function writes them; a and b are places in z
    dose_inputs
        (state, covariate that receives the time of the last bolus into it, covariate that
        receives its amount, 1 if the state itself is to receive nothing); both are 0 before the
        first one
    is_linear : the states' derivatives by themselves depend on parameters and covariates only
    """
    n_inputs = n_phi + n_covariates + 1
    numbers = [n_states, n_phi, n_covariates, n_inputs, n_outputs, rhs, output, initial]
    tables = [rhs_hessian, output_hessian, initial_hessian]
    numbers += [len(table) for table in tables]
    numbers += [len(dose_inputs), int(is_linear)]
    numbers += [export_operation(operation) for operation in _OPERATIONS]
    for table in (*tables, dose_inputs):
        for row in table:
            numbers += row
    return np.array(numbers, np.int64)


def work_size(system: NDArray[np.int64], order: int, p: int) -> int:
    """Return how many numbers of scratch `odes.solve` needs."""
    return int(lay_out(system, order, p, np.zeros(n_places(system, order, p), np.int64)))


__all__ = [
    "AUTOMATIC",
    "EXPLICIT",
    "LINEAR",
    "N_PHI",
    "N_SETTINGS",
    "REACHED",
    "REJECTED",
    "STEPS",
    "STIFF",
    "pack_system",
    "solve",
    "work_size",
]

"""Small systems of equations as vector functions, and how tests call the solver with them.

Derivatives were written by sympy from the equations in the docstrings; z = [states, parameters,
covariates, t_].
"""

from math import exp
from typing import NamedTuple

import numpy as np

from workbench.core import events as ev
from workbench.core import linear, mammillary, odes, odes_layout
from workbench.core.abi import export_vector
from workbench.core.jit import OutMat, OutVec, Vec, kernel


class System(NamedTuple):
    n_states: int
    n_phi: int
    n_cov: int
    n_out: int
    rhs: object
    output: object
    initial: object
    rhs_hessian: list
    output_hessian: list
    initial_hessian: list

    def pack(self, dose_inputs=()):
        return odes.pack_system(
            n_states=self.n_states,
            n_phi=self.n_phi,
            n_covariates=self.n_cov,
            n_outputs=self.n_out,
            rhs=export_vector(self.rhs),
            output=export_vector(self.output),
            initial=export_vector(self.initial),
            rhs_hessian=self.rhs_hessian,
            output_hessian=self.output_hessian,
            initial_hessian=self.initial_hessian,
            dose_inputs=dose_inputs,
        )


def n_parts(order, p):
    return [1, 1 + p, 1 + p + p * (p + 1) // 2][order]


def jets(values, order, *, log=False):
    """Parameters as jets of themselves, or of their logarithms."""
    p = len(values)
    rows = np.zeros((p, n_parts(order, p)))
    rows[:, 0] = values
    for k, value in enumerate(values):
        if order > 0:
            rows[k, 1 + k] = value if log else 1.0
        if order > 1 and log:
            rows[k, 1 + p + k * (k + 3) // 2] = value
    return rows


def event(time, kind, state=0, value=0.0, time_jet=-1, value_jet=-1, block=0, endpoint=0):
    return (time, kind, state, value, time_jet, value_jet, block, endpoint)


def observations(times, endpoint=0, block=0):
    return [event(t, ev.OBSERVATION, block=block, endpoint=endpoint) for t in times]


def in_order(*lists):
    """All rows by time, rows of equal time in the order given."""
    rows = [row for rows in lists for row in rows]
    return np.array(sorted(rows, key=lambda row: row[0]))


def solve(
    ints,
    params,
    events,
    order=0,
    *,
    p=None,
    covs=((),),
    event_jets=None,
    rtol=1e-10,
    atol=1e-13,
    max_steps=100_000,
    method=odes.AUTOMATIC,
):
    """Return the predictions' jets; fails the test unless the solver succeeds."""
    status, out, _ = attempt(
        ints, params, events, order, p, covs, event_jets, (rtol, atol, max_steps, method)
    )
    assert status == 0
    return out


def attempt(ints, params, events, order, p, covs, event_jets, settings):
    """Return status, predictions and what the solver reports."""
    params = np.ascontiguousarray(params, float)
    p = len(params) if p is None else p
    parts = n_parts(order, p)
    n_obs = int(np.count_nonzero(events[:, ev.KIND] == ev.OBSERVATION))
    out = np.full((n_obs, parts), np.nan)
    work = np.full(odes.work_size(ints, order, p), np.nan)
    if event_jets is None:
        event_jets = np.zeros((0, parts))
    covs = np.array(covs, float)
    settings = np.array(settings, float)
    status = odes.solve(
        order,
        p,
        ints,
        settings,
        params,
        covs,
        np.ascontiguousarray(events, float),
        len(events),
        np.ascontiguousarray(event_jets, float),
        out,
        work,
    )
    return status, out, work


def closed_form(order, params, events, event_jets):
    """Concentrations of one compartment with absorption, by the closed form of `core.linear`."""
    p = {1: 0, 1 + 5: 5, 1 + 5 + 15: 5}[params.shape[1]]
    context = np.array([1, 0, 0, 0, 1, 2, 0, 0, 0, 0])
    rows = np.zeros((linear.n_rows(1) + mammillary.SCRATCH, params.shape[1]))
    mammillary.disposition(order, p, context, 0, params, rows)
    n_obs = int(np.count_nonzero(events[:, ev.KIND] == ev.OBSERVATION))
    out = np.zeros((n_obs, params.shape[1]))
    n_phi = len(params)
    linear.run(order, p, 1, n_phi, context, 0, params, events, len(events), event_jets, out, rows)
    return out


def differences(function, x, step=3e-3):
    """Derivatives of an array along each coordinate (last axis), by differences of order 6."""
    columns = []
    for k in range(len(x)):
        total = 0.0
        for distance, weight in ((1, 3 / 4), (2, -3 / 20), (3, 1 / 60)):
            move = np.zeros(len(x))
            move[k] = distance * step
            total = total + weight * (function(x + move) - function(x - move))
        columns.append(total / step)
    return np.stack(columns, axis=-1)


def refer(system, params, events, order):
    """The shared vectors of the solver's kernels, as before the first event."""
    p = len(params)
    place = np.zeros(odes_layout.n_places(system, order, p), np.int64)
    work = np.full(odes_layout.lay_out(system, order, p, place), np.nan)
    empty = np.zeros((1, 0))
    _alive.extend([params, events, empty])
    odes.refer(params, empty, events, len(events), empty, place, empty)
    settings = np.array([1e-13, 1e-15, 1e6, odes.EXPLICIT])
    assert odes.begin(order, p, settings, 0.0, 0, place, work) == 0
    return place, work


_alive = []  # what the vectors refer to


@kernel
def oral_rhs(order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec) -> int:
    """rhs of oral"""
    depot = z[0]
    central = z[1]
    ka = z[2]
    cl = z[3]
    v = z[4]
    value[0] = -depot * ka
    value[1] = -central * cl / v + depot * ka
    if order > 0:
        jacobian[0, 0] = -ka
        jacobian[0, 2] = -depot
        jacobian[1, 0] = ka
        jacobian[1, 1] = -cl / v
        jacobian[1, 2] = depot
        jacobian[1, 3] = -central / v
        jacobian[1, 4] = central * cl / v**2
    if order > 1:
        hessian[0] = -1
        hessian[1] = 1
        hessian[2] = -1 / v
        hessian[3] = cl / v**2
        hessian[4] = central / v**2
        hessian[5] = -2 * central * cl / v**3
    return 0


@kernel
def oral_output(
    order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec
) -> int:
    """output of oral"""
    depot = z[0]
    central = z[1]
    v = z[4]
    value[0] = central / v
    value[1] = depot
    if order > 0:
        jacobian[0, 1] = 1 / v
        jacobian[0, 4] = -central / v**2
        jacobian[1, 0] = 1
    if order > 1:
        hessian[0] = -1 / v**2
        hessian[1] = 2 * central / v**3
    return 0


@kernel
def oral_initial(
    order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec
) -> int:
    """initial of oral"""
    value[0] = 0
    value[1] = 0
    return 0


ORAL = System(
    2,
    3,
    0,
    2,
    oral_rhs,
    oral_output,
    oral_initial,
    [(0, 2, 0), (1, 2, 0), (1, 3, 1), (1, 4, 1), (1, 4, 3), (1, 4, 4)],
    [(0, 4, 1), (0, 4, 4)],
    [],
)


@kernel
def saturable_rhs(
    order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec
) -> int:
    """rhs of saturable"""
    depot = z[0]
    central = z[1]
    ka = z[2]
    vmax = z[3]
    km = z[4]
    v = z[5]
    value[0] = -depot * ka
    value[1] = -central * vmax / (v * (central / v + km)) + depot * ka
    if order > 0:
        jacobian[0, 0] = -ka
        jacobian[0, 2] = -depot
        jacobian[1, 0] = ka
        jacobian[1, 1] = -km * v * vmax / (central + km * v) ** 2
        jacobian[1, 2] = depot
        jacobian[1, 3] = -central / (central + km * v)
        jacobian[1, 4] = central * v * vmax / (central + km * v) ** 2
        jacobian[1, 5] = central * km * vmax / (central + km * v) ** 2
    if order > 1:
        hessian[0] = -1
        hessian[1] = 2 * km * v * vmax / (central + km * v) ** 3
        hessian[2] = 1
        hessian[3] = -km * v / (central + km * v) ** 2
        hessian[4] = -v * vmax * (central - km * v) / (central + km * v) ** 3
        hessian[5] = central * v / (central + km * v) ** 2
        hessian[6] = -2 * central * v**2 * vmax / (central + km * v) ** 3
        hessian[7] = (
            vmax
            * (2 * central**2 - 3 * central * (central + km * v) + (central + km * v) ** 2)
            / (v * (central + km * v) ** 3)
        )
        hessian[8] = central * km / (central + km * v) ** 2
        hessian[9] = central * vmax * (central - km * v) / (central + km * v) ** 3
        hessian[10] = (
            -2
            * central
            * vmax
            * (central**2 - 2 * central * (central + km * v) + (central + km * v) ** 2)
            / (v**2 * (central + km * v) ** 3)
        )
    return 0


@kernel
def saturable_output(
    order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec
) -> int:
    """output of saturable"""
    central = z[1]
    v = z[5]
    value[0] = central / v
    if order > 0:
        jacobian[0, 1] = 1 / v
        jacobian[0, 5] = -central / v**2
    if order > 1:
        hessian[0] = -1 / v**2
        hessian[1] = 2 * central / v**3
    return 0


@kernel
def saturable_initial(
    order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec
) -> int:
    """initial of saturable"""
    value[0] = 0
    value[1] = 0
    return 0


SATURABLE = System(
    2,
    4,
    0,
    1,
    saturable_rhs,
    saturable_output,
    saturable_initial,
    [
        (0, 2, 0),
        (1, 1, 1),
        (1, 2, 0),
        (1, 3, 1),
        (1, 4, 1),
        (1, 4, 3),
        (1, 4, 4),
        (1, 5, 1),
        (1, 5, 3),
        (1, 5, 4),
        (1, 5, 5),
    ],
    [(0, 5, 1), (0, 5, 5)],
    [],
)


@kernel
def pol_rhs(order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec) -> int:
    """rhs of pol"""
    x = z[0]
    y = z[1]
    mu = z[2]
    value[0] = y
    value[1] = mu * y * (1 - x**2) - x
    if order > 0:
        jacobian[0, 1] = 1
        jacobian[1, 0] = -2 * mu * x * y - 1
        jacobian[1, 1] = mu * (1 - x**2)
        jacobian[1, 2] = y * (1 - x**2)
    if order > 1:
        hessian[0] = -2 * mu * y
        hessian[1] = -2 * mu * x
        hessian[2] = -2 * x * y
        hessian[3] = 1 - x**2
    return 0


@kernel
def pol_output(
    order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec
) -> int:
    """output of pol"""
    x = z[0]
    y = z[1]
    value[0] = x
    value[1] = y
    if order > 0:
        jacobian[0, 0] = 1
        jacobian[1, 1] = 1
    return 0


@kernel
def pol_initial(
    order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec
) -> int:
    """initial of pol"""
    x0 = z[3]
    y0 = z[4]
    value[0] = x0
    value[1] = y0
    if order > 0:
        jacobian[0, 3] = 1
        jacobian[1, 4] = 1
    return 0


POL = System(
    2,
    3,
    0,
    2,
    pol_rhs,
    pol_output,
    pol_initial,
    [(1, 0, 0), (1, 1, 0), (1, 2, 0), (1, 2, 1)],
    [],
    [],
)


@kernel
def tmdd_rhs(order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec) -> int:
    """rhs of tmdd"""
    ligand = z[0]
    target = z[1]
    complex_ = z[2]
    kel = z[3]
    kon = z[4]
    koff = z[5]
    ksyn = z[6]
    kdeg = z[7]
    kint = z[8]
    v = z[9]
    value[0] = -kel * ligand - v * (-complex_ * koff + kon * ligand * target / v)
    value[1] = complex_ * koff - kdeg * target - kon * ligand * target / v + ksyn
    value[2] = -complex_ * kint - complex_ * koff + kon * ligand * target / v
    if order > 0:
        jacobian[0, 0] = -kel - kon * target
        jacobian[0, 1] = -kon * ligand
        jacobian[0, 2] = koff * v
        jacobian[0, 3] = -ligand
        jacobian[0, 4] = -ligand * target
        jacobian[0, 5] = complex_ * v
        jacobian[0, 9] = complex_ * koff
        jacobian[1, 0] = -kon * target / v
        jacobian[1, 1] = -kdeg - kon * ligand / v
        jacobian[1, 2] = koff
        jacobian[1, 4] = -ligand * target / v
        jacobian[1, 5] = complex_
        jacobian[1, 6] = 1
        jacobian[1, 7] = -target
        jacobian[1, 9] = kon * ligand * target / v**2
        jacobian[2, 0] = kon * target / v
        jacobian[2, 1] = kon * ligand / v
        jacobian[2, 2] = -kint - koff
        jacobian[2, 4] = ligand * target / v
        jacobian[2, 5] = -complex_
        jacobian[2, 8] = -complex_
        jacobian[2, 9] = -kon * ligand * target / v**2
    if order > 1:
        hessian[0] = -kon
        hessian[1] = -1
        hessian[2] = -target
        hessian[3] = -ligand
        hessian[4] = v
        hessian[5] = koff
        hessian[6] = complex_
        hessian[7] = -kon / v
        hessian[8] = -target / v
        hessian[9] = -ligand / v
        hessian[10] = 1
        hessian[11] = -1
        hessian[12] = kon * target / v**2
        hessian[13] = kon * ligand / v**2
        hessian[14] = ligand * target / v**2
        hessian[15] = -2 * kon * ligand * target / v**3
        hessian[16] = kon / v
        hessian[17] = target / v
        hessian[18] = ligand / v
        hessian[19] = -1
        hessian[20] = -1
        hessian[21] = -kon * target / v**2
        hessian[22] = -kon * ligand / v**2
        hessian[23] = -ligand * target / v**2
        hessian[24] = 2 * kon * ligand * target / v**3
    return 0


@kernel
def tmdd_output(
    order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec
) -> int:
    """output of tmdd"""
    ligand = z[0]
    target = z[1]
    v = z[9]
    value[0] = ligand / v
    value[1] = target
    if order > 0:
        jacobian[0, 0] = 1 / v
        jacobian[0, 9] = -ligand / v**2
        jacobian[1, 1] = 1
    if order > 1:
        hessian[0] = -1 / v**2
        hessian[1] = 2 * ligand / v**3
    return 0


@kernel
def tmdd_initial(
    order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec
) -> int:
    """initial of tmdd"""
    ksyn = z[6]
    kdeg = z[7]
    value[0] = 0
    value[1] = ksyn / kdeg
    value[2] = 0
    if order > 0:
        jacobian[1, 6] = 1 / kdeg
        jacobian[1, 7] = -ksyn / kdeg**2
    if order > 1:
        hessian[0] = -1 / kdeg**2
        hessian[1] = 2 * ksyn / kdeg**3
    return 0


TMDD = System(
    3,
    7,
    0,
    2,
    tmdd_rhs,
    tmdd_output,
    tmdd_initial,
    [
        (0, 1, 0),
        (0, 3, 0),
        (0, 4, 0),
        (0, 4, 1),
        (0, 5, 2),
        (0, 9, 2),
        (0, 9, 5),
        (1, 1, 0),
        (1, 4, 0),
        (1, 4, 1),
        (1, 5, 2),
        (1, 7, 1),
        (1, 9, 0),
        (1, 9, 1),
        (1, 9, 4),
        (1, 9, 9),
        (2, 1, 0),
        (2, 4, 0),
        (2, 4, 1),
        (2, 5, 2),
        (2, 8, 2),
        (2, 9, 0),
        (2, 9, 1),
        (2, 9, 4),
        (2, 9, 9),
    ],
    [(0, 9, 0), (0, 9, 9)],
    [(1, 7, 6), (1, 7, 7)],
)


@kernel
def turnover_rhs(
    order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec
) -> int:
    """rhs of turnover"""
    depot = z[0]
    central = z[1]
    response = z[2]
    ka = z[3]
    cl = z[4]
    v = z[5]
    kin = z[6]
    kout = z[7]
    ic50 = z[8]
    value[0] = -depot * ka
    value[1] = -central * cl / v + depot * ka
    value[2] = kin * (-central / (v * (central / v + ic50)) + 1) - kout * response
    if order > 0:
        jacobian[0, 0] = -ka
        jacobian[0, 3] = -depot
        jacobian[1, 0] = ka
        jacobian[1, 1] = -cl / v
        jacobian[1, 3] = depot
        jacobian[1, 4] = -central / v
        jacobian[1, 5] = central * cl / v**2
        jacobian[2, 1] = -ic50 * kin * v / (central + ic50 * v) ** 2
        jacobian[2, 2] = -kout
        jacobian[2, 5] = central * ic50 * kin / (central + ic50 * v) ** 2
        jacobian[2, 6] = ic50 * v / (central + ic50 * v)
        jacobian[2, 7] = -response
        jacobian[2, 8] = central * kin * v / (central + ic50 * v) ** 2
    if order > 1:
        hessian[0] = -1
        hessian[1] = 1
        hessian[2] = -1 / v
        hessian[3] = cl / v**2
        hessian[4] = central / v**2
        hessian[5] = -2 * central * cl / v**3
        hessian[6] = 2 * ic50 * kin * v / (central + ic50 * v) ** 3
        hessian[7] = (
            kin
            * (2 * central**2 - 3 * central * (central + ic50 * v) + (central + ic50 * v) ** 2)
            / (v * (central + ic50 * v) ** 3)
        )
        hessian[8] = (
            -2
            * central
            * kin
            * (central**2 - 2 * central * (central + ic50 * v) + (central + ic50 * v) ** 2)
            / (v**2 * (central + ic50 * v) ** 3)
        )
        hessian[9] = -ic50 * v / (central + ic50 * v) ** 2
        hessian[10] = central * ic50 / (central + ic50 * v) ** 2
        hessian[11] = -1
        hessian[12] = -kin * v * (central - ic50 * v) / (central + ic50 * v) ** 3
        hessian[13] = central * kin * (central - ic50 * v) / (central + ic50 * v) ** 3
        hessian[14] = central * v / (central + ic50 * v) ** 2
        hessian[15] = -2 * central * kin * v**2 / (central + ic50 * v) ** 3
    return 0


@kernel
def turnover_output(
    order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec
) -> int:
    """output of turnover"""
    central = z[1]
    response = z[2]
    v = z[5]
    value[0] = response
    value[1] = central / v
    if order > 0:
        jacobian[0, 2] = 1
        jacobian[1, 1] = 1 / v
        jacobian[1, 5] = -central / v**2
    if order > 1:
        hessian[0] = -1 / v**2
        hessian[1] = 2 * central / v**3
    return 0


@kernel
def turnover_initial(
    order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec
) -> int:
    """initial of turnover"""
    kin = z[6]
    kout = z[7]
    value[0] = 0
    value[1] = 0
    value[2] = kin / kout
    if order > 0:
        jacobian[2, 6] = 1 / kout
        jacobian[2, 7] = -kin / kout**2
    if order > 1:
        hessian[0] = -1 / kout**2
        hessian[1] = 2 * kin / kout**3
    return 0


TURNOVER = System(
    3,
    6,
    0,
    2,
    turnover_rhs,
    turnover_output,
    turnover_initial,
    [
        (0, 3, 0),
        (1, 3, 0),
        (1, 4, 1),
        (1, 5, 1),
        (1, 5, 4),
        (1, 5, 5),
        (2, 1, 1),
        (2, 5, 1),
        (2, 5, 5),
        (2, 6, 1),
        (2, 6, 5),
        (2, 7, 2),
        (2, 8, 1),
        (2, 8, 5),
        (2, 8, 6),
        (2, 8, 8),
    ],
    [(1, 5, 1), (1, 5, 5)],
    [(2, 7, 6), (2, 7, 7)],
)


@kernel
def driven_rhs(
    order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec
) -> int:
    """rhs of driven"""
    x = z[0]
    k = z[1]
    a = z[2]
    w = z[3]
    c = z[4]
    t_ = z[5]
    value[0] = a * c * (1 + exp(-t_ * w)) - k * x
    if order > 0:
        jacobian[0, 0] = -k
        jacobian[0, 1] = -x
        jacobian[0, 2] = c + c * exp(-t_ * w)
        jacobian[0, 3] = -a * c * t_ * exp(-t_ * w)
        jacobian[0, 4] = a + a * exp(-t_ * w)
        jacobian[0, 5] = -a * c * w * exp(-t_ * w)
    if order > 1:
        hessian[0] = -1
        hessian[1] = -c * t_ * exp(-t_ * w)
        hessian[2] = a * c * t_**2 * exp(-t_ * w)
        hessian[3] = 1 + exp(-t_ * w)
        hessian[4] = -a * t_ * exp(-t_ * w)
        hessian[5] = -c * w * exp(-t_ * w)
        hessian[6] = a * c * (t_ * w - 1) * exp(-t_ * w)
        hessian[7] = -a * w * exp(-t_ * w)
        hessian[8] = a * c * w**2 * exp(-t_ * w)
    return 0


@kernel
def driven_output(
    order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec
) -> int:
    """output of driven"""
    x = z[0]
    a = z[2]
    c = z[4]
    t_ = z[5]
    value[0] = a * t_ + c * x
    if order > 0:
        jacobian[0, 0] = c
        jacobian[0, 2] = t_
        jacobian[0, 4] = x
        jacobian[0, 5] = a
    if order > 1:
        hessian[0] = 1
        hessian[1] = 1
    return 0


@kernel
def driven_initial(
    order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec
) -> int:
    """initial of driven"""
    k = z[1]
    a = z[2]
    t_ = z[5]
    value[0] = a * t_ + 1 / k
    if order > 0:
        jacobian[0, 1] = -1 / k**2
        jacobian[0, 2] = t_
        jacobian[0, 5] = a
    if order > 1:
        hessian[0] = 2 / k**3
        hessian[1] = 1
    return 0


DRIVEN = System(
    1,
    3,
    1,
    1,
    driven_rhs,
    driven_output,
    driven_initial,
    [
        (0, 1, 0),
        (0, 3, 2),
        (0, 3, 3),
        (0, 4, 2),
        (0, 4, 3),
        (0, 5, 2),
        (0, 5, 3),
        (0, 5, 4),
        (0, 5, 5),
    ],
    [(0, 4, 0), (0, 5, 2)],
    [(0, 1, 1), (0, 5, 2)],
)


@kernel
def delayed_rhs(
    order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec
) -> int:
    """rhs of delayed"""
    central = z[0]
    ktr = z[1]
    k = z[2]
    last = z[4]
    amount = z[5]
    t_ = z[6]
    value[0] = amount * ktr**2 * (-last + t_) * exp(-ktr * (-last + t_)) - central * k
    if order > 0:
        jacobian[0, 0] = -k
        jacobian[0, 1] = (
            amount * ktr * (last - t_) * (-ktr * (last - t_) - 2) * exp(ktr * (last - t_))
        )
        jacobian[0, 2] = -central
        jacobian[0, 4] = amount * ktr**2 * (-ktr * (last - t_) - 1) * exp(ktr * (last - t_))
        jacobian[0, 5] = ktr**2 * (-last + t_) * exp(ktr * (last - t_))
        jacobian[0, 6] = amount * ktr**2 * (ktr * (last - t_) + 1) * exp(ktr * (last - t_))
    if order > 1:
        hessian[0] = (
            -amount
            * (last - t_)
            * (ktr**2 * (last - t_) ** 2 + 4 * ktr * (last - t_) + 2)
            * exp(ktr * (last - t_))
        )
        hessian[1] = -1
        hessian[2] = (
            -amount
            * ktr
            * (ktr**2 * (last - t_) ** 2 + 4 * ktr * (last - t_) + 2)
            * exp(ktr * (last - t_))
        )
        hessian[3] = -amount * ktr**3 * (ktr * (last - t_) + 2) * exp(ktr * (last - t_))
        hessian[4] = -ktr * (last - t_) * (ktr * (last - t_) + 2) * exp(ktr * (last - t_))
        hessian[5] = ktr**2 * (-ktr * (last - t_) - 1) * exp(ktr * (last - t_))
        hessian[6] = (
            amount
            * ktr
            * (ktr**2 * (last - t_) ** 2 + 4 * ktr * (last - t_) + 2)
            * exp(ktr * (last - t_))
        )
        hessian[7] = amount * ktr**3 * (ktr * (last - t_) + 2) * exp(ktr * (last - t_))
        hessian[8] = ktr**2 * (ktr * (last - t_) + 1) * exp(ktr * (last - t_))
        hessian[9] = -amount * ktr**3 * (ktr * (last - t_) + 2) * exp(ktr * (last - t_))
    return 0


@kernel
def delayed_output(
    order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec
) -> int:
    """output of delayed"""
    central = z[0]
    v = z[3]
    value[0] = central / v
    if order > 0:
        jacobian[0, 0] = 1 / v
        jacobian[0, 3] = -central / v**2
    if order > 1:
        hessian[0] = -1 / v**2
        hessian[1] = 2 * central / v**3
    return 0


@kernel
def delayed_initial(
    order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec
) -> int:
    """initial of delayed"""
    value[0] = 0
    return 0


DELAYED = System(
    1,
    3,
    2,
    1,
    delayed_rhs,
    delayed_output,
    delayed_initial,
    [
        (0, 1, 1),
        (0, 2, 0),
        (0, 4, 1),
        (0, 4, 4),
        (0, 5, 1),
        (0, 5, 4),
        (0, 6, 1),
        (0, 6, 4),
        (0, 6, 5),
        (0, 6, 6),
    ],
    [(0, 3, 0), (0, 3, 3)],
    [],
)

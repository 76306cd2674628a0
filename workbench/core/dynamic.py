r"""The family of models made of equations: events from records, then the solver.

Lags, bioavailabilities, rates and durations may be expressions of parameters and covariates:
the vector function `dosing` gives them, and their jets follow by the chain rule. They stand
behind the parameters' own jets, block by block, for the routes to name.
"""

from math import nan

import numpy as np
from numpy.typing import NDArray

from workbench.core import events as ev
from workbench.core import frame
from workbench.core.abi import at, call_vector, view
from workbench.core.jets import n_parts
from workbench.core.jit import IntVec, Mat, OutMat, OutVec, Vec, kernel
from workbench.core.odes import solve
from workbench.core.odes_layout import N_COV, N_X, REACHED, SYSTEM

# The family's part of the context; the system of `odes_layout` follows the triplets.
N_DOSING = 0  # number of dosing quantities
DOSING = 1  # address of the vector function
NNZ = 2  # its nonzero second derivatives
MAX_BLOCKS = 3
TRIPLETS = 4

_OK = 0


@kernel
def first_pair(p: int, i: int, j: int) -> int:
    """Place of a second derivative in a jet, i >= j."""
    return 1 + p + i * (i + 1) // 2 + j


@kernel
def through(
    order: int,
    p: int,
    n_x: int,
    n_phi: int,
    first: int,
    triplets: IntVec,
    params: Mat,
    value: Vec,
    jacobian: Mat,
    hessian: Vec,
    to: int,
    out: OutMat,
) -> None:
    """Write the jets of a vector function of the parameters to rows `to` and following."""
    for k in range(value.shape[0]):
        for c in range(n_parts(order, p)):
            total = 0.0
            for q in range(n_phi if c > 0 else 0):
                total += jacobian[k, n_x + q] * params[first + q, c]
            out[to + k, c] = total
        out[to + k, 0] = value[k]
    if order < 2:
        return
    for h in range(hessian.shape[0]):
        k, a, b = triplets[3 * h], triplets[3 * h + 1] - n_x, triplets[3 * h + 2] - n_x
        if a >= n_phi or b >= n_phi:
            continue  # covariates and time have no derivatives
        for i in range(p):
            for j in range(i + 1):
                term = params[first + a, 1 + i] * params[first + b, 1 + j]
                if a != b:
                    term += params[first + a, 1 + j] * params[first + b, 1 + i]
                out[to + k, first_pair(p, i, j)] += hessian[h] * term


@kernel
def dosing_rows(
    order: int,
    p: int,
    context: IntVec,
    own: int,
    params: Mat,
    covariates: Mat,
    out: OutMat,
) -> None:
    """Fill `out` block by block: the parameters' jets, then those of the dosing quantities."""
    n_phi, n_dosing, nnz = context[frame.N_PHI], context[own + N_DOSING], context[own + NNZ]
    system = own + TRIPLETS + 3 * nnz
    n_x, n_cov = context[system + N_X - SYSTEM], context[system + N_COV - SYSTEM]
    z = np.zeros(n_x + n_phi + n_cov + 1)
    value, jacobian, hessian = np.zeros(n_dosing), np.zeros((n_dosing, z.shape[0])), np.zeros(nnz)
    rows = n_phi + n_dosing
    for block in range(out.shape[0] // rows):
        first = block * n_phi if params.shape[0] > n_phi else 0
        for k in range(n_phi):
            z[n_x + k] = params[first + k, 0]
            for c in range(n_parts(order, p)):
                out[block * rows + k, c] = params[first + k, c]
        for k in range(min(n_cov, covariates.shape[1])):
            z[n_x + n_phi + k] = covariates[block, k]
        call_vector(
            context[own + DOSING],
            order,
            0.0,
            at(z, 0),
            z.shape[0],
            at(value, 0),
            n_dosing,
            at(jacobian, 0),
            at(hessian, 0),
            nnz,
        )
        triplets = context[own + TRIPLETS : system]
        to = block * rows + n_phi
        through(order, p, n_x, n_phi, first, triplets, params, value, jacobian, hessian, to, out)


@kernel
def predict(
    order: int,
    p: int,
    context: IntVec,
    settings: Vec,
    params: Mat,
    covariates: Mat,
    records: Mat,
    out: OutMat,
    work: OutVec,
) -> int:
    """Predict one subject's observations; `core.frame` has the arguments."""
    parts = params.shape[1]
    own = frame.family_context(context)
    n_dosing = context[own + N_DOSING]
    rows = context[frame.N_PHI] + n_dosing
    scratch = frame.family_offset(context, parts)
    if n_dosing > 0:
        n_blocks = max(covariates.shape[0], 1)
        extended = view(at(work, scratch), (n_blocks * rows, parts))
        dosing_rows(order, p, context, own, params, covariates, extended)
        scratch += n_blocks * rows * parts
        status, n_events = frame.make_events(order, p, rows, context, extended, records, work)
    else:
        status, n_events = frame.make_events(order, p, rows, context, params, records, work)
    reached = nan
    if status == _OK:
        system = own + TRIPLETS + 3 * context[own + NNZ]
        status = solve(
            order,
            p,
            context[system:],
            settings,
            params,
            covariates,
            view(at(work, 0), (context[frame.MAX_EVENTS], ev.N_COLUMNS)),
            n_events,
            view(at(work, frame.jets_offset(context)), (context[frame.MAX_JETS], parts)),
            out,
            work[scratch:],
        )
        reached = work[scratch + REACHED]
    if status != _OK:
        work[0] = reached
        for j in range(out.shape[0]):
            out[j, 0] = nan
    return status


def extra_work(context: NDArray[np.int64], n_phi: int, parts: int) -> int:
    """Return the numbers of scratch for the dosing quantities, from the family's own context."""
    if context[N_DOSING] == 0:
        return 0
    return int(context[MAX_BLOCKS] * (n_phi + context[N_DOSING]) * parts)

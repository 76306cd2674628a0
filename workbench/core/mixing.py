r"""From directions to individual parameters: psi of every block, and its jets.

Kernels differentiate predictions in p *directions* u. The first n_phi are those of the individual
parameters, :math:`u_k = D_k \theta + \eta_k`; the others serve parameters that change within a
subject: a :math:`\kappa` of an occasion, or the coefficient of a covariate that changes with time.
In block b of a subject (a stretch of constant covariates and occasion)

.. math:: \psi_{bk} = u_k + \sum_d M_{bkd}\, u_d, \qquad \phi_{bk} = h_k(\psi_{bk})

with M given by a few terms (parameter, direction, weight) for each block. Where there are none,
:math:`\psi = u` in all blocks, and one set of parameters serves them all.

Terms of other kinds add what is not linear: :math:`\log(1 + w\,u_d)`, of a covariate's linear
effect on a log-normal parameter, and :math:`T(u_d, u_s)` of `core.shapes`, of a random effect in a
direction of its own with its shape in another.
"""

from workbench.core.jets import clear, compose
from workbench.core.jit import IntVec, Mat, OutMat, OutVec, Vec, kernel
from workbench.core.shapes import shaped
from workbench.core.special import log
from workbench.core.transforms import transform

# Columns of the terms.
PARAMETER = 0
DIRECTION = 1
WEIGHT = 2
KIND = 3
SHAPE = 4  # direction of the shape, of the kinds of `core.shapes`
N_TERM = 5

# Kinds besides those of `core.shapes`.
LINEAR = 0
FACTOR = -1  # log(1 + w u)


@kernel
def seed_plain(codes: IntVec, phi: Vec, first: Vec, second: Vec, p: int, params: OutMat) -> None:
    """Write parameters that depend on their own direction alone as jets.

    The other places are zero and stay so.
    """
    for k in range(codes.shape[0]):
        params[k, 0] = phi[k]
        params[k, 1 + k] = first[k]
        params[k, p + (k + 1) * (k + 2) // 2] = second[k]


@kernel
def add_term(order: int, term: Vec, u: Vec, own: int, params: OutMat) -> None:
    """Add a term that is not linear to the jet of psi in row `own`."""
    p, d = u.shape[0], int(term[DIRECTION])
    if term[KIND] == FACTOR:
        factor = 1.0 + term[WEIGHT] * u[d]
        params[own, 0] += log(factor)
        if order > 0:
            slope = term[WEIGHT] / factor
            params[own, 1 + d] += slope
            if order > 1:
                params[own, p + (d + 1) * (d + 2) // 2] -= slope * slope
        return
    s = int(term[SHAPE])
    value, by_d, by_s, by_dd, by_ds, by_ss = shaped(int(term[KIND]), u[d], u[s])
    params[own, 0] += value
    if order > 0:
        params[own, 1 + d] += by_d
        params[own, 1 + s] += by_s
    if order > 1:
        high, low = max(d, s), min(d, s)
        params[own, p + (d + 1) * (d + 2) // 2] += by_dd
        params[own, p + (s + 1) * (s + 2) // 2] += by_ss
        params[own, 1 + p + high * (high + 1) // 2 + low] += by_ds


@kernel
def term_value(term: Vec, u: Vec) -> float:
    """Return what a term adds to psi."""
    d = int(term[DIRECTION])
    if term[KIND] == LINEAR:
        return term[WEIGHT] * u[d]
    if term[KIND] == FACTOR:
        return log(1.0 + term[WEIGHT] * u[d])
    value, _, _, _, _, _ = shaped(int(term[KIND]), u[d], u[int(term[SHAPE])])
    return value


@kernel
def seed_block(
    order: int,
    codes: IntVec,
    ranges: Mat,
    terms: Mat,
    first: int,
    last: int,
    u: Vec,
    row: int,
    phi: OutVec,
    slope: OutVec,
    bend: OutVec,
    params: OutMat,
) -> None:
    """Write the parameters of one block as jets to `row` and the following rows.

    Parameters
    ----------
    order : derivatives wanted
    codes, ranges : (n_phi,), (n_phi, 2)  transformations, see `core.transforms`
    terms : (n_terms, N_TERM)  those of this block are first..last-1
    u : (p,)  the directions' values
    phi, slope, bend : (at least n_phi,)  scratch
    params : (at least row + n_phi, parts)  overwritten
    """
    p = u.shape[0]
    for k in range(codes.shape[0]):
        clear(order, p, params, row + k)
        params[row + k, 0] = u[k]
        if order > 0:
            params[row + k, 1 + k] = 1.0
    for t in range(first, last):
        own, direction = row + int(terms[t, PARAMETER]), int(terms[t, DIRECTION])
        if terms[t, KIND] != LINEAR:
            add_term(order, terms[t], u, own, params)
            continue
        params[own, 0] += terms[t, WEIGHT] * u[direction]
        if order > 0:
            params[own, 1 + direction] += terms[t, WEIGHT]
    for k in range(codes.shape[0]):
        phi[k] = params[row + k, 0]
    transform(codes, ranges, phi, phi, slope, bend)
    for k in range(codes.shape[0]):
        compose(order, p, params, phi[k], slope[k], bend[k], row + k, row + k)


@kernel
def block_parameters(
    codes: IntVec,
    ranges: Mat,
    terms: Mat,
    first: int,
    last: int,
    u: Vec,
    phi: OutVec,
    slope: OutVec,
    bend: OutVec,
) -> None:
    """Write the values of one block's parameters to `phi`; slope and bend are scratch."""
    for k in range(codes.shape[0]):
        phi[k] = u[k]
    for t in range(first, last):
        phi[int(terms[t, PARAMETER])] += term_value(terms[t], u)
    transform(codes, ranges, phi, phi, slope, bend)

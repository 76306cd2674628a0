r"""From directions to individual parameters: psi of every block, and its jets.

Kernels differentiate predictions in p *directions* u. The first n_phi are those of the individual
parameters, :math:`u_k = D_k \theta + \eta_k`; the others serve parameters that change within a
subject: a :math:`\kappa` of an occasion, or the coefficient of a covariate that changes with time.
In block b of a subject (a stretch of constant covariates and occasion)

.. math:: \psi_{bk} = u_k + \sum_d M_{bkd}\, u_d, \qquad \phi_{bk} = h_k(\psi_{bk})

with M given by a few terms (parameter, direction, weight) for each block. Where there are none,
:math:`\psi = u` in all blocks, and one set of parameters serves them all.
"""

from workbench.core.jets import clear, compose
from workbench.core.jit import IntVec, Mat, OutMat, OutVec, Vec, kernel
from workbench.core.transforms import transform

# Columns of the terms.
PARAMETER = 0
DIRECTION = 1
WEIGHT = 2
N_TERM = 3


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
        params[own, 0] += terms[t, WEIGHT] * u[direction]
        if order > 0:
            params[own, 1 + direction] += terms[t, WEIGHT]
    # The rows hold the jets of psi: what is not linear in u would be added to them here.
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
        phi[int(terms[t, PARAMETER])] += terms[t, WEIGHT] * u[int(terms[t, DIRECTION])]
    transform(codes, ranges, phi, phi, slope, bend)

r"""A random effect on the size of the residual error.

.. math:: \mathrm{SD}_{ij} = \mathrm{SD}(f_{ij}, \sigma)\, e^{u}, \qquad u = \eta_i

(Karlsson, Jonsson, Wiltse & Wade 1998, J Pharmacokinet Biopharm 26:207; NONMEM's
``Y = F + F*EPS(1)*EXP(ETA(n))``). u is a direction of `core.mixing` in which no prediction moves,
and the variance of the table is multiplied by :math:`e^{2u}`, so :math:`v_u = 2v`. What the
estimators know of f alone is completed here by the derivatives in u: with l the contribution of
an observation, the slope :math:`\ell_u` and the curvatures :math:`\ell_{fu}, \ell_{uu}`
(`observation`), and in the expected information

.. math:: H = \sum_j w\, f_\psi f_\psi^\top + w_{fu} (f_\psi e_u^\top + e_u f_\psi^\top)
              + w_{uu}\, e_u e_u^\top

which for a plain observation is :math:`w_{fu} = v_f / v` and :math:`w_{uu} = 2`. The derivatives
of the information (`add_scale_to_trace`, `add_scale_to_sigma`) are those of plain observations.

Rows without such an effect have 0 in the column SCALED, and add nothing.
"""

from math import exp

from workbench.core.jit import IntVec, Mat, OutMat, OutVec, Vec, kernel
from workbench.core.observation import informed, scale_curvature, scale_sigma, scale_terms
from workbench.core.residuals import (
    FIRST_SIGMA,
    R_F,
    SCALED,
    SIGMA_WIDTH,
    V_F,
    V_FF,
    V_FS,
    V_S,
    V,
)


@kernel
def scale_rows(
    scaled: IntVec, endpoint: IntVec, start: int, n_obs: int, psi: Vec, table: OutMat
) -> None:
    """Multiply the variances of a subject's table, with their derivatives, by exp(2 u).

    Parameters
    ----------
    scaled : (n_outputs,)  direction u of each output, -1 without one
    endpoint : (n_obs of all subjects,)  number of the output; the first row's is at `start`
    psi : (p,)  values of the directions
    """
    for j in range(n_obs):
        row, direction = table[j], scaled[endpoint[start + j]]
        row[SCALED] = direction + 1.0
        if direction < 0:
            continue
        factor = exp(2.0 * psi[direction])
        row[V] *= factor
        row[V_F] *= factor
        row[V_FF] *= factor
        for c in range(FIRST_SIGMA, row.shape[0], SIGMA_WIDTH):
            row[c + V_S] *= factor
            row[c + V_FS] *= factor


@kernel
def add_scale_slope(n_obs: int, table: Mat, out: OutVec) -> None:
    r"""Add :math:`\ell_u` of every observation to `out`, (p,)."""
    for j in range(n_obs):
        if table[j, SCALED] > 0.0:
            l_u, _, _ = scale_terms(table[j])
            out[int(table[j, SCALED]) - 1] += l_u


@kernel
def add_scale_to_joint(
    n_obs: int, table: Mat, f: Mat, gradient: OutVec, weights: OutMat, hessian: OutMat
) -> None:
    """Add the derivatives in u to those of `likelihood.joint_derivatives`, below the diagonal.

    Parameters
    ----------
    f : (n_obs, parts)  predictions with their derivatives in the directions
    gradient, weights, hessian : (p,), (p, p), (p, p)
    """
    for j in range(n_obs):
        row = table[j]
        if row[SCALED] == 0.0:
            continue
        u = int(row[SCALED]) - 1
        l_u, l_fu, _ = scale_terms(row)
        r_i, v_i, _ = informed(row, 0.0, 2.0 * row[V], 0.0)
        w_fu = r_i * row[R_F] + v_i * row[V_F]
        gradient[u] += l_u
        hessian[u, u] += scale_curvature(row)
        weights[u, u] += 2.0 * v_i * row[V]
        for k in range(gradient.shape[0]):
            high, low = max(k, u), min(k, u)
            hessian[high, low] += l_fu * f[j, 1 + k]
            weights[high, low] += w_fu * f[j, 1 + k]


@kernel
def turned(u: int, matrix: Mat, f: Vec) -> float:
    r"""Return :math:`e_u^\top M f_\psi` of one observation."""
    total = 0.0
    for k in range(matrix.shape[0]):
        total += matrix[u, k] * f[1 + k]
    return total


@kernel
def add_scale_to_trace(n_obs: int, table: Mat, f: Mat, matrix: Mat, trace: OutVec) -> None:
    """Add to `trace` the contraction of `matrix` with dH/dpsi that concerns u.

    Parameters
    ----------
    matrix : (p, p)  symmetric; H^-1 spread out to psi for d log|H|
    """
    p = trace.shape[0]
    for j in range(n_obs):
        row = table[j]
        if row[SCALED] == 0.0:
            continue
        u, v = int(row[SCALED]) - 1, row[V]
        w_fu, across = row[V_F] / v, turned(u, matrix, f[j])
        bend = 2.0 * (row[V_FF] / v - w_fu * w_fu) * across
        quadratic, at_pair = 0.0, 1 + p
        for k in range(p):
            trace[k] += bend * f[j, 1 + k]
            quadratic += f[j, 1 + k] * turned(k, matrix, f[j])
            for q in range(k + 1):
                trace[k] += 2.0 * w_fu * matrix[u, q] * f[j, at_pair]
                if q != k:
                    trace[q] += 2.0 * w_fu * matrix[u, k] * f[j, at_pair]
                at_pair += 1
        trace[u] += scale_terms(row)[2] * quadratic


@kernel
def add_scale_to_sigma(n_obs: int, table: Mat, f: Mat, matrix: Mat, by_sigma: OutVec) -> None:
    """Add to `by_sigma` the contraction of `matrix` with dH/dsigma that concerns u.

    Parameters
    ----------
    matrix : (p, p)  symmetric
    """
    for j in range(n_obs):
        row = table[j]
        if row[SCALED] == 0.0:
            continue
        v, across = row[V], turned(int(row[SCALED]) - 1, matrix, f[j])
        for s in range(by_sigma.shape[0]):
            c = FIRST_SIGMA + SIGMA_WIDTH * s
            slope = (row[c + V_FS] - row[V_F] * row[c + V_S] / v) / v
            by_sigma[s] += 2.0 * slope * across


@kernel
def add_scale_movement(
    n_obs: int, table: Mat, eta_index: IntVec, step: Vec, by_sigma: OutVec
) -> None:
    r"""Add what sigma does through the movement of u at the mode, :math:`\ell_{us}` times it.

    Parameters
    ----------
    eta_index : (p,)  number of the random effect of each direction
    step : (n_eta,)  the adjoint of the mode
    """
    for j in range(n_obs):
        row = table[j]
        if row[SCALED] == 0.0:
            continue
        moved = step[eta_index[int(row[SCALED]) - 1]]
        for s in range(by_sigma.shape[0]):
            by_sigma[s] += scale_sigma(row, s) * moved


@kernel
def scale_contraction(n_obs: int, table: Mat, f: Mat, matrix: Mat) -> float:
    """Return the contraction of `matrix` with the parts of the exact Hessian that concern u.

    Parameters
    ----------
    matrix : (p, p)  symmetric
    """
    total = 0.0
    for j in range(n_obs):
        row = table[j]
        if row[SCALED] > 0.0:
            u = int(row[SCALED]) - 1
            l_fu = scale_terms(row)[1]
            total += 2.0 * l_fu * turned(u, matrix, f[j]) + scale_curvature(row) * matrix[u, u]
    return total

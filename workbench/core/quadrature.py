r"""Laplace's approximation and adaptive Gauss-Hermite quadrature of the marginal likelihood.

With the conditional mode :math:`\hat\eta`, a Hessian H there, M the lower Cholesky factor of its
inverse, and the nodes z_k and weights w_k of the standard normal distribution (a tensor product),

.. math::
    OFV_i = \log|\Omega| + \log|H|
            - 2 \log \sum_k w_k \exp\big(-J(\hat\eta + M z_k) + \tfrac12 z_k^\top z_k\big)

(Pinheiro & Bates 1995, J Comput Graph Stat 4:12, eq. 2.9; Liu & Pierce 1994, Biometrika 81:624).
H is either the exact second derivative of J ("exact"), or FOCEI's, with the expected information
of the observations. One node with the exact Hessian is Laplace's approximation, NONMEM's LAPLACE;
one node with the expected one is FOCEI. With more nodes H only says where they lie. Sums of
exponentials are taken in the logarithmic domain.

The gradient is that of this very expression: explicit terms at the nodes, the movement of the
mode (adjoint solve), and the change of log|H| and of M with H, which is the contraction of dH
with a symmetric matrix W. For the exact Hessian, dH holds third derivatives of the predictions.
They are taken as fourth-order central differences of the exact second derivatives along the
columns of M, whose length is one conditional standard deviation; that leaves about 1e-11 of the
curvature.
"""

from workbench.core.conditional import Objective, add_design, trace_terms
from workbench.core.ebe import find_mode, variance_at_zero
from workbench.core.jit import OutIntVec, OutVec, Vec, kernel, load
from workbench.core.likelihood import joint_derivatives, with_prior
from workbench.core.linalg import cholesky, cholesky_inverse, cholesky_solve, log_determinant
from workbench.core.observation import curvature, residual_terms, sigma_terms, variance_terms
from workbench.core.packed import (
    Scratch,
    Structure,
    Subjects,
    Values,
    make_scratch,
    most_of,
)
from workbench.core.quadrature_nodes import (
    Nodes,
    Room,
    average_nodes,
    joint_at,
    make_room,
    sum_over_nodes,
)
from workbench.core.residuals import (
    FIRST_SIGMA,
    KIND,
    OBSERVED,
    OTHER_S,
    R_F,
    R_FF,
    R_FS,
    R_S,
    SIGMA_WIDTH,
    V_F,
    V_S,
    R,
    V,
)
from workbench.core.scale_effects import (
    add_scale_movement,
    add_scale_to_sigma,
    scale_contraction,
)
from workbench.core.table import freeze_variance, residual_table

STEP = 3e-3  # of the differences, in conditional SDs, or relative to sigma

_NOT_POSITIVE_DEFINITE = 2
_NOT_FINITE = 3
_CANCELLED = 4


@kernel
def weigh_curvature(structure: Structure, room: Room) -> None:
    r"""Fill W, so that :math:`\mathrm{tr}(W\,dH)` is the change of the OFV with H.

    In the coordinates of M, S = M' dH M. Then d log|H| = tr S, and dM = -M Phi(S) with Phi the
    lower triangle and half the diagonal; with A the mean of 2 (M' dJ/deta) z' the OFV changes by
    the sum of -A_ij Phi(S)_ij.
    """
    n_eta, root = room.eta.shape[0], room.root
    for a in range(n_eta):
        room.weight_root[a, a] = 1.0 - room.slope_node[a, a]
        for b in range(a):
            room.weight_root[a, b] = -room.slope_node[a, b]
            room.weight_root[b, a] = room.weight_root[a, b]
    for a in range(n_eta):
        for b in range(n_eta):
            s = 0.0
            for c in range(a + 1):
                for d in range(b + 1):
                    s += root[a, c] * room.weight_root[c, d] * root[b, d]
            room.weight[a, b] = s
    for k in range(structure.eta_index.shape[0]):
        for q in range(structure.eta_index.shape[0]):
            a, b = structure.eta_index[k], structure.eta_index[q]
            room.in_psi[k, q] = room.weight[a, b] if a >= 0 and b >= 0 else 0.0


@kernel
def contract_hessian(
    interaction: bool,
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    mode: Vec,
    scratch: Scratch,
    room: Room,
) -> None:
    """Fill room.trace with W contracted with dH/dpsi, by differences along the columns of M.

    tr(W T_k), with T_k = dH/dpsi_k, is the sum over the columns m of M of (D_m H)_k. v, where v is
    the column of M (weight_root) that belongs to m: third derivatives commute.
    """
    n_eta, p = room.eta.shape[0], room.trace.shape[0]
    n_obs = subjects.obs_start[i + 1] - subjects.obs_start[i]
    for k in range(p):
        room.trace[k] = 0.0
    for c in range(n_eta):
        for a in range(n_eta):
            room.direction[a] = 0.0
            for d in range(a + 1):
                room.direction[a] += room.root[a, d] * room.weight_root[d, c]
        for place in range(4):
            far = -2.0 if place == 0 else (-1.0 if place == 1 else (1.0 if place == 2 else 2.0))
            share = (8.0 / 12.0 if place in (1, 2) else -1.0 / 12.0) / STEP
            share *= -1.0 if far < 0 else 1.0
            for a in range(n_eta):
                room.eta[a] = mode[a] + far * STEP * room.root[a, c]
            joint_at(2, interaction, structure, subjects, i, values, room.eta, scratch)
            joint_derivatives(n_obs, scratch)
            for k in range(p):
                for q in range(p):
                    if structure.eta_index[q] >= 0:
                        turn = room.direction[structure.eta_index[q]]
                        room.trace[k] += share * scratch.hessian[k, q] * turn


@kernel
def contract_observations(n_obs: int, scratch: Scratch, room: Room) -> None:
    """Fill f' W f and W contracted with the second derivatives of f, of each observation."""
    p, f = room.trace.shape[0], scratch.f
    for j in range(n_obs):
        quadratic, second = 0.0, 0.0
        at_pair = 1 + p
        for k in range(p):
            for q in range(k + 1):
                w = room.in_psi[k, q] if q == k else 2.0 * room.in_psi[k, q]
                quadratic += w * f[j, 1 + k] * f[j, 1 + q]
                second += w * f[j, at_pair]
                at_pair += 1
        room.quadratic[j] = quadratic
        room.second[j] = second


@kernel
def contract_information(n_obs: int, scratch: Scratch, room: Room) -> None:
    """Fill room.trace with W contracted with dH/dpsi where H is the expected information."""
    p = room.trace.shape[0]
    for k in range(p):
        for q in range(p):
            scratch.spread[k, q] = room.in_psi[k, q]
    trace_terms(n_obs, scratch)
    for k in range(p):
        room.trace[k] = scratch.trace[k]


@kernel
def moves_residual(n_obs: int, s: int, scratch: Scratch) -> bool:
    """Say whether sigma number s moves r of some observation, or its law, not v alone."""
    column = FIRST_SIGMA + SIGMA_WIDTH * s
    for j in range(n_obs):
        row = scratch.table[j]
        if row[column + R_S] != 0.0 or row[column + R_FS] != 0.0 or row[column + OTHER_S] != 0.0:
            return True
    return False


@kernel
def curvature_by_sigma(
    interaction: bool,
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    scratch: Scratch,
    room: Room,
) -> None:
    """Fill room.changes with d curvature / d sigma of each observation, by differences.

    Only the residual-error model is evaluated. Without interaction a frozen variance stays, so
    that only the sigmas that move r change anything.
    """
    n_obs = subjects.obs_start[i + 1] - subjects.obs_start[i]
    n_sigma, table = room.sigma.shape[0], scratch.table_moved
    for s in range(n_sigma):
        room.sigma[s] = values.sigma[s]
    for s in range(n_sigma):
        step = STEP * max(abs(values.sigma[s]), 1e-3)
        room.scale_changes[s] = 0.0
        for j in range(n_obs):
            room.changes[j, s] = 0.0
        if not interaction and not moves_residual(n_obs, s, scratch):
            continue
        for place in range(4):
            far = -2.0 if place == 0 else (-1.0 if place == 1 else (1.0 if place == 2 else 2.0))
            share = (8.0 / 12.0 if place in (1, 2) else -1.0 / 12.0) / step
            share *= -1.0 if far < 0 else 1.0
            room.sigma[s] = values.sigma[s] + far * step
            residual_table(structure, subjects, i, room.sigma, scratch.f, scratch, table)
            if not interaction:
                freeze_variance(n_obs, scratch.table_zero, table)
            for j in range(n_obs):
                room.changes[j, s] += share * curvature(table[j])
            if scratch.is_scaled != 0:
                room.scale_changes[s] += share * scale_contraction(
                    n_obs, table, scratch.f, room.in_psi
                )
        room.sigma[s] = values.sigma[s]


@kernel
def curvature_by_variance(row: OutVec) -> float:
    """Return d curvature / dv of an observation whose variance does not move with f."""
    v = row[V]
    if row[KIND] == OBSERVED:
        return -(row[R_F] * row[R_F] + row[R] * row[R_FF]) / (v * v)
    total, step = 0.0, STEP * v
    for place in range(4):
        far = -2.0 if place == 0 else (-1.0 if place == 1 else (1.0 if place == 2 else 2.0))
        share = (8.0 / 12.0 if place in (1, 2) else -1.0 / 12.0) / step
        row[V] = v + far * step
        total += (share if far > 0.0 else -share) * curvature(row)
    row[V] = v
    return total


@kernel
def solve_movement(structure: Structure, values: Values, scratch: Scratch, room: Room) -> None:
    """Fill scratch.step with a = -J''^-1 dOFV/d mode."""
    n_eta = room.eta.shape[0]
    with_prior(scratch.hessian, structure.eta_index, values.precision, scratch.matrix)
    if cholesky(scratch.matrix, n_eta, scratch.low) != 0:
        with_prior(scratch.weights, structure.eta_index, values.precision, scratch.matrix)
        cholesky(scratch.matrix, n_eta, scratch.low)
    for a in range(n_eta):
        scratch.step[a] = -2.0 * room.slope_mean[a]
    for k in range(structure.eta_index.shape[0]):
        if structure.eta_index[k] >= 0:
            scratch.step[structure.eta_index[k]] -= room.trace[k]
    cholesky_solve(scratch.low, n_eta, scratch.step, scratch.step)


@kernel
def by_frozen_variance(exact: bool, j: int, moved: float, scratch: Scratch, room: Room) -> float:
    """Derivative of the OFV in the variance of observation j, which is frozen at eta = 0."""
    row = scratch.table[j]
    _, l_fv, w_v = variance_terms(row, 1.0)
    total = 2.0 * room.by_variance[j] + l_fv * moved
    if not exact:
        return total + w_v * room.quadratic[j]
    return total + curvature_by_variance(row) * room.quadratic[j] + l_fv * room.second[j]


@kernel
def add_scale_of_sigma(
    exact: bool,
    structure: Structure,
    n_obs: int,
    scratch: Scratch,
    room: Room,
    by_sigma: OutVec,
) -> None:
    """Gradient in sigma through the directions that scale an SD."""
    add_scale_movement(n_obs, scratch.table, structure.eta_index, scratch.step, by_sigma)
    if not exact:
        add_scale_to_sigma(n_obs, scratch.table, scratch.f, room.in_psi, by_sigma)
        return
    for s in range(by_sigma.shape[0]):
        by_sigma[s] += room.scale_changes[s]


@kernel
def add_sigma(
    interaction: bool,
    exact: bool,
    structure: Structure,
    n_obs: int,
    scratch: Scratch,
    room: Room,
    by_psi_zero: OutVec,
    by_sigma: OutVec,
) -> None:
    """Gradient in sigma and, without interaction, in psi through the variance at eta = 0."""
    p = room.trace.shape[0]
    for k in range(p):
        by_psi_zero[k] = 0.0
    for s in range(by_sigma.shape[0]):
        by_sigma[s] = 2.0 * room.sigma_mean[s]
    for j in range(n_obs):
        row = scratch.table[j]
        moved = 0.0
        for k in range(p):
            if structure.eta_index[k] >= 0:
                moved += scratch.step[structure.eta_index[k]] * scratch.f[j, 1 + k]
        for s in range(by_sigma.shape[0]):
            _, l_fs, w_s = sigma_terms(row, s) if interaction else residual_terms(row, s)
            bend = room.changes[j, s] if exact else w_s
            by_sigma[s] += bend * room.quadratic[j] + l_fs * moved
            by_sigma[s] += l_fs * room.second[j] if exact else 0.0
        if not interaction:
            by_v = by_frozen_variance(exact, j, moved, scratch, room)
            for s in range(by_sigma.shape[0]):
                by_sigma[s] += by_v * row[FIRST_SIGMA + SIGMA_WIDTH * s + V_S]
            for k in range(p):
                by_psi_zero[k] += by_v * scratch.table_zero[j, V_F] * scratch.f_zero[j, 1 + k]
    if scratch.is_scaled != 0:
        add_scale_of_sigma(exact, structure, n_obs, scratch, room, by_sigma)


@kernel
def quadrature_gradient(
    interaction: bool,
    exact: bool,
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    nodes: Nodes,
    scratch: Scratch,
    room: Room,
    out: Objective,
) -> None:
    """Gradient of subject i, after its value: mode, M and the shares of the nodes are known."""
    p, n_eta = room.trace.shape[0], room.eta.shape[0]
    n_obs = subjects.obs_start[i + 1] - subjects.obs_start[i]
    mode = out.eta[i]
    average_nodes(interaction, structure, subjects, i, values, nodes, mode, scratch, room)
    weigh_curvature(structure, room)
    if exact:
        contract_hessian(interaction, structure, subjects, i, values, mode, scratch, room)
    joint_at(2, interaction, structure, subjects, i, values, mode, scratch)
    joint_derivatives(n_obs, scratch)
    contract_observations(n_obs, scratch, room)
    if not exact:
        contract_information(n_obs, scratch, room)
    else:
        curvature_by_sigma(interaction, structure, subjects, i, values, scratch, room)
    solve_movement(structure, values, scratch, room)
    by_psi, by_theta = scratch.second, out.by_theta[i]
    for k in range(p):
        by_psi[k] = 2.0 * room.psi_mean[k] + room.trace[k]
        for q in range(p):
            if structure.eta_index[q] >= 0:
                by_psi[k] += scratch.hessian[k, q] * scratch.step[structure.eta_index[q]]
    for t in range(by_theta.shape[0]):
        by_theta[t] = 0.0
    add_design(subjects, i, by_psi, by_theta)
    add_sigma(interaction, exact, structure, n_obs, scratch, room, by_psi, out.by_sigma[i])
    if not interaction:
        add_design(subjects, i, by_psi, by_theta)
    for a in range(n_eta):
        for b in range(n_eta):
            out.by_precision[i, a, b] = (
                room.moment[a, b]
                + room.weight[a, b]
                + 0.5 * (scratch.step[a] * mode[b] + scratch.step[b] * mode[a])
            )


@kernel
def quadrature_subject(
    interaction: bool,
    exact: bool,
    want_gradient: bool,
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    nodes: Nodes,
    scratch: Scratch,
    room: Room,
    out: Objective,
) -> int:
    """Objective (and gradient) of subject i."""
    n_eta = room.eta.shape[0]
    if not interaction:
        variance_at_zero(
            structure, subjects, i, values, scratch, scratch.f_zero, scratch.table_zero
        )
    mode = out.eta[i]
    status, _ = find_mode(interaction, structure, subjects, i, values, scratch, mode)
    if status == _NOT_FINITE:
        return status
    curved = scratch.hessian if exact else scratch.weights
    with_prior(curved, structure.eta_index, values.precision, scratch.matrix)
    if cholesky(scratch.matrix, n_eta, scratch.low) != 0:
        return _NOT_POSITIVE_DEFINITE
    log_det = log_determinant(scratch.low, n_eta)
    cholesky_inverse(scratch.low, n_eta, scratch.trial, scratch.inverse)
    if cholesky(scratch.inverse, n_eta, room.root) != 0:
        return _NOT_POSITIVE_DEFINITE
    log_sum = sum_over_nodes(
        interaction, structure, subjects, i, values, nodes, mode, scratch, room
    )
    if not abs(log_sum) < 1e300:
        return _NOT_FINITE
    out.ofv[i] = values.log_det_omega + log_det - 2.0 * log_sum
    if want_gradient:
        quadrature_gradient(
            interaction, exact, structure, subjects, i, values, nodes, scratch, room, out
        )
    return status


@kernel
def quadrature_range(
    first: int,
    last: int,
    interaction: bool,
    exact: bool,
    want_gradient: bool,
    structure: Structure,
    subjects: Subjects,
    values: Values,
    nodes: Nodes,
    cancel: OutIntVec,
    out: Objective,
) -> int:
    """Objective of subjects first..last-1; stops early when cancel[0] becomes non-zero."""
    p, n_eta = structure.eta_index.shape[0], values.precision.shape[0]
    n_sigma = values.sigma.shape[0]
    most = most_of(subjects.obs_start, first, last)
    scratch = make_scratch(structure, subjects, first, last, n_eta, n_sigma)
    room = make_room(nodes.z.shape[0], most, p, n_eta, n_sigma)
    for i in range(first, last):
        if load(cancel, 0) != 0:
            return _CANCELLED
        out.status[i] = quadrature_subject(
            interaction,
            exact,
            want_gradient,
            structure,
            subjects,
            i,
            values,
            nodes,
            scratch,
            room,
            out,
        )
    return 0

"""Nodes of adaptive quadrature: where they lie, the sum over them, and means of derivatives.

The equations are in `core.quadrature`.
"""

from math import exp, inf, log
from typing import NamedTuple

import numpy as np

from workbench.core.jit import Mat, OutMat, OutVec, Vec, kernel
from workbench.core.likelihood import joint, predict_subject
from workbench.core.observation import residual_terms, sigma_terms, slope, variance_terms
from workbench.core.packed import (
    Scratch,
    Structure,
    Subjects,
    Values,
)
from workbench.core.scale_effects import add_scale_slope
from workbench.core.table import freeze_variance, residual_table


class Nodes(NamedTuple):
    """Nodes and weights of a tensor product for the standard normal distribution."""

    z: Mat  # (n_nodes, n_eta)
    log_weight: Vec  # (n_nodes,)  logarithms; the weights sum to one


class Room(NamedTuple):
    """Working memory of the quadrature, beside `packed.Scratch`."""

    root: OutMat  # M, (n_eta, n_eta), lower triangular
    eta: OutVec  # a node
    share: OutVec  # (n_nodes,) log of the terms of the sum, then their shares
    slope_mean: OutVec  # (n_eta,) mean of dJ/deta over the nodes
    slope_node: OutMat  # (n_eta, n_eta) mean of (M' dJ/deta) z'
    moment: OutMat  # (n_eta, n_eta) mean of eta eta'
    psi_mean: OutVec  # (p,) mean of dJ/dpsi without the prior
    sigma_mean: OutVec  # (n_sigma,) mean of dJ/dsigma; but for a variance frozen at eta = 0
    by_variance: OutVec  # (max_obs,) mean of dJ/dv, for a variance frozen at eta = 0
    weight_root: OutMat  # W in the coordinates of M
    weight: OutMat  # (n_eta, n_eta) W
    in_psi: OutMat  # (p, p) W spread out to psi
    direction: OutVec  # (n_eta,)
    trace: OutVec  # (p,) W contracted with dH/dpsi
    sigma: OutVec  # (n_sigma,) a displaced sigma
    quadratic: OutVec  # (max_obs,) f' W f
    second: OutVec  # (max_obs,) W contracted with the second derivatives of f
    changes: OutMat  # (max_obs, n_sigma) change of the curvature with sigma
    by_scale: OutVec  # (p,) slopes in the directions that scale an SD
    scale_changes: OutVec  # (n_sigma,) what `changes` is, of the parts that concern these


@kernel
def make_room(n_nodes: int, max_obs: int, p: int, n_eta: int, n_sigma: int) -> Room:
    """Allocate the working memory of one thread."""
    return Room(
        np.zeros((n_eta, n_eta)),
        np.zeros(n_eta),
        np.zeros(n_nodes),
        np.zeros(n_eta),
        np.zeros((n_eta, n_eta)),
        np.zeros((n_eta, n_eta)),
        np.zeros(p),
        np.zeros(n_sigma),
        np.zeros(max_obs),
        np.zeros((n_eta, n_eta)),
        np.zeros((n_eta, n_eta)),
        np.zeros((p, p)),
        np.zeros(n_eta),
        np.zeros(p),
        np.zeros(n_sigma),
        np.zeros(max_obs),
        np.zeros(max_obs),
        np.zeros((max_obs, n_sigma)),
        np.zeros(p),
        np.zeros(n_sigma),
    )


@kernel(inline=False)
def joint_at(
    order: int,
    interaction: bool,
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    eta: Vec,
    scratch: Scratch,
) -> float:
    """Return J(eta) of subject i; predictions with derivatives up to `order` stay in `scratch`."""
    predict_subject(order, structure, subjects, i, values.theta, eta, scratch, scratch.f)
    residual_table(structure, subjects, i, values.sigma, scratch.f, scratch, scratch.table)
    n_obs = subjects.obs_start[i + 1] - subjects.obs_start[i]
    if not interaction:
        freeze_variance(n_obs, scratch.table_zero, scratch.table)
    return joint(n_obs, scratch.table, values.precision, eta)


@kernel
def place_node(mode: Vec, root: Mat, z: Vec, eta: OutVec) -> None:
    """Write eta = mode + M z."""
    n = mode.shape[0]
    for a in range(n):
        s = mode[a]
        for b in range(a + 1):
            s += root[a, b] * z[b]
        eta[a] = s


@kernel
def sum_over_nodes(
    interaction: bool,
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    nodes: Nodes,
    mode: Vec,
    scratch: Scratch,
    room: Room,
) -> float:
    """Return the logarithm of the sum; room.share holds the share of each node in it.

    A node at which J does not exist has no share.
    """
    largest = -inf
    for k in range(nodes.z.shape[0]):
        place_node(mode, room.root, nodes.z[k], room.eta)
        value = joint_at(0, interaction, structure, subjects, i, values, room.eta, scratch)
        term = -inf
        if abs(value) < 1e300:
            term = nodes.log_weight[k] - value
            for a in range(mode.shape[0]):
                term += 0.5 * nodes.z[k, a] * nodes.z[k, a]
        room.share[k] = term
        largest = max(largest, term)
    if largest == -inf:
        return np.nan
    total = 0.0
    for k in range(nodes.z.shape[0]):
        room.share[k] = exp(room.share[k] - largest)
        total += room.share[k]
    for k in range(nodes.z.shape[0]):
        room.share[k] /= total
    return largest + log(total)


@kernel
def clear_means(room: Room) -> None:
    """Set the sums over nodes to zero."""
    n_eta = room.eta.shape[0]
    for a in range(n_eta):
        room.slope_mean[a] = 0.0
        for b in range(n_eta):
            room.slope_node[a, b] = 0.0
            room.moment[a, b] = 0.0
    for k in range(room.psi_mean.shape[0]):
        room.psi_mean[k] = 0.0
    for s in range(room.sigma_mean.shape[0]):
        room.sigma_mean[s] = 0.0
    for j in range(room.by_variance.shape[0]):
        room.by_variance[j] = 0.0


@kernel
def add_scale(structure: Structure, n_obs: int, share: float, scratch: Scratch, room: Room) -> None:
    """Add the slopes in the directions that scale an SD, which no prediction has."""
    for k in range(room.by_scale.shape[0]):
        room.by_scale[k] = 0.0
    add_scale_slope(n_obs, scratch.table, room.by_scale)
    for k in range(room.by_scale.shape[0]):
        room.psi_mean[k] += share * room.by_scale[k]
        if structure.eta_index[k] >= 0:
            room.direction[structure.eta_index[k]] += room.by_scale[k]


@kernel
def add_node(
    interaction: bool,
    structure: Structure,
    n_obs: int,
    values: Values,
    share: float,
    z: Vec,
    scratch: Scratch,
    room: Room,
) -> None:
    """Add the derivatives of J at room.eta, whose first-order predictions `scratch` holds."""
    n_eta, f, eta = room.eta.shape[0], scratch.f, room.eta
    for a in range(n_eta):
        room.direction[a] = 0.0
        for b in range(n_eta):
            room.direction[a] += values.precision[a, b] * eta[b]
            room.moment[a, b] += share * eta[a] * eta[b]
    for j in range(n_obs):
        row = scratch.table[j]
        lf = slope(row)
        for k in range(room.psi_mean.shape[0]):
            by_psi = lf * f[j, 1 + k]
            room.psi_mean[k] += share * by_psi
            if structure.eta_index[k] >= 0:
                room.direction[structure.eta_index[k]] += by_psi
        for s in range(room.sigma_mean.shape[0]):
            l_s, _, _ = sigma_terms(row, s) if interaction else residual_terms(row, s)
            room.sigma_mean[s] += share * l_s
        if not interaction:
            room.by_variance[j] += share * variance_terms(row, 1.0)[0]
    if scratch.is_scaled != 0:
        add_scale(structure, n_obs, share, scratch, room)
    for a in range(n_eta):
        room.slope_mean[a] += share * room.direction[a]
        turned = 0.0  # (M' dJ/deta)_a
        for b in range(a, n_eta):
            turned += room.root[b, a] * room.direction[b]
        for b in range(n_eta):
            room.slope_node[a, b] += share * turned * z[b]


@kernel
def average_nodes(
    interaction: bool,
    structure: Structure,
    subjects: Subjects,
    i: int,
    values: Values,
    nodes: Nodes,
    mode: Vec,
    scratch: Scratch,
    room: Room,
) -> None:
    """Fill the means over the nodes of the derivatives of J."""
    n_obs = subjects.obs_start[i + 1] - subjects.obs_start[i]
    clear_means(room)
    for k in range(nodes.z.shape[0]):
        share = room.share[k]
        if share > 0.0:
            place_node(mode, room.root, nodes.z[k], room.eta)
            joint_at(1, interaction, structure, subjects, i, values, room.eta, scratch)
            add_node(interaction, structure, n_obs, values, share, nodes.z[k], scratch, room)

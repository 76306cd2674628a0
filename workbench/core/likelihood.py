r"""One subject's conditional likelihood, with exact derivatives in the random effects.

Everything the linearising estimators share: predictions and their derivatives in the directions of
`core.mixing` (psi, for short, for without mixing they are psi's), the residual-error
table, and half of minus twice the log joint density,

.. math::
    J(\eta) = \sum_j \ell_j + \tfrac12 \eta^\top \Omega^{-1} \eta

with :math:`\ell_j = \tfrac12 (r_j^2/v_j + \log v_j)` for a plain observation and what
`core.observation` says for the other kinds; r and v are as in `core.residuals`. Constants
(n log 2 pi, log |Omega|) are left out here. With `interaction`, v follows the prediction at eta;
without, it is frozen at eta = 0, in J and in everything derived from it (Wang 2007, J
Pharmacokinet Pharmacodyn 34:575).
"""

from workbench.core.abi import at, call_predict
from workbench.core.jit import IntVec, Mat, OutMat, Vec, kernel
from workbench.core.mixing import seed_block, seed_plain
from workbench.core.observation import curvature, slope, value, weight
from workbench.core.packed import Scratch, Structure, Subjects
from workbench.core.records import N_COLUMNS
from workbench.core.scale_effects import add_scale_to_joint
from workbench.core.transforms import transform


@kernel
def directions(
    structure: Structure, subjects: Subjects, i: int, theta: Vec, eta: Vec, scratch: Scratch
) -> None:
    """Fill scratch.psi with the values of subject i's directions."""
    who = i if subjects.design.shape[0] > 1 else 0
    for k in range(structure.eta_index.shape[0]):
        s = 0.0
        for t in range(theta.shape[0]):
            s += subjects.design[who, k, t] * theta[t]
        if structure.eta_index[k] >= 0:
            s += eta[structure.eta_index[k]]
        scratch.psi[k] = s


@kernel
def seed_parameters(
    order: int, structure: Structure, subjects: Subjects, i: int, scratch: Scratch
) -> int:
    """Write the individual parameters of subject i as jets to scratch.params.

    Returns the number of rows: n_phi, or that for each block where the parameters are mixed.
    """
    codes, n_phi = structure.codes, structure.codes.shape[0]
    if subjects.mix_start.shape[0] == 0:
        transform(codes, structure.ranges, scratch.psi, scratch.phi, scratch.first, scratch.second)
        p = scratch.psi.shape[0]
        seed_plain(codes, scratch.phi, scratch.first, scratch.second, p, scratch.params)
        return n_phi
    first, last = subjects.block_start[i], subjects.block_start[i + 1]
    for b in range(first, last):
        seed_block(
            order,
            codes,
            structure.ranges,
            subjects.mix,
            subjects.mix_start[b],
            subjects.mix_start[b + 1],
            scratch.psi,
            (b - first) * n_phi,
            scratch.phi,
            scratch.first,
            scratch.second,
            scratch.params,
        )
    return n_phi * (last - first)


@kernel
def predict_subject(
    order: int,
    structure: Structure,
    subjects: Subjects,
    i: int,
    theta: Vec,
    eta: Vec,
    scratch: Scratch,
    f: OutMat,
) -> int:
    """Write the predictions of subject i, with derivatives in the directions to `order`, to `f`.

    Returns the structural kernel's status.
    """
    directions(structure, subjects, i, theta, eta, scratch)
    rows = seed_parameters(order, structure, subjects, i, scratch)
    row, block = subjects.record_start[i], subjects.block_start[i]
    p, n_covariates = scratch.psi.shape[0], subjects.covariates.shape[1]
    return int(
        call_predict(
            structure.predict,
            order,
            p,
            at(structure.context, 0),
            structure.context.shape[0],
            at(structure.settings, 0),
            structure.settings.shape[0],
            at(scratch.params, 0),
            rows,
            at(subjects.covariates, block * n_covariates),
            subjects.block_start[i + 1] - block,
            n_covariates,
            at(subjects.records, row * N_COLUMNS),
            subjects.record_start[i + 1] - row,
            N_COLUMNS,
            at(f, 0),
            subjects.obs_start[i + 1] - subjects.obs_start[i],
            f.shape[1],
            at(scratch.work, 0),
            scratch.work.shape[0],
        )
    )


@kernel
def prior_term(precision: Mat, eta: Vec) -> float:
    r"""Return :math:`\tfrac12 \eta^\top \Omega^{-1} \eta`."""
    total = 0.0
    for k in range(eta.shape[0]):
        for q in range(eta.shape[0]):
            total += 0.5 * eta[k] * precision[k, q] * eta[q]
    return total


@kernel
def joint(n_obs: int, table: Mat, precision: Mat, eta: Vec) -> float:
    """Return J(eta), NaN where a variance is not positive."""
    total = prior_term(precision, eta)
    for j in range(n_obs):
        total += value(table[j])
    return total


@kernel
def joint_derivatives(n_obs: int, scratch: Scratch) -> None:
    """Fill gradient, weights (expected) and hessian (observed) in psi, without the prior."""
    p = scratch.psi.shape[0]
    for k in range(p):
        scratch.gradient[k] = 0.0
        for q in range(p):
            scratch.weights[k, q] = 0.0
            scratch.hessian[k, q] = 0.0
    f = scratch.f
    for j in range(n_obs):
        row = scratch.table[j]
        lf, lff, w = slope(row), curvature(row), weight(row)
        at_pair = 1 + p
        for k in range(p):
            fk = f[j, 1 + k]
            scratch.gradient[k] += lf * fk
            for q in range(k + 1):
                fkq = fk * f[j, 1 + q]
                scratch.weights[k, q] += w * fkq
                scratch.hessian[k, q] += lff * fkq + lf * f[j, at_pair]
                at_pair += 1
    if scratch.is_scaled != 0:
        add_scale_to_joint(
            n_obs, scratch.table, f, scratch.gradient, scratch.weights, scratch.hessian
        )
    for k in range(p):
        for q in range(k):
            scratch.weights[q, k] = scratch.weights[k, q]
            scratch.hessian[q, k] = scratch.hessian[k, q]


@kernel
def gradient_in_eta(structure: Structure, precision: Mat, eta: Vec, scratch: Scratch) -> None:
    """Fill scratch.eta_gradient: the gradient in psi gathered into eta, with the prior's."""
    gradient = scratch.eta_gradient
    for a in range(eta.shape[0]):
        gradient[a] = 0.0
        for b in range(eta.shape[0]):
            gradient[a] += precision[a, b] * eta[b]
    for k in range(structure.eta_index.shape[0]):
        if structure.eta_index[k] >= 0:
            gradient[structure.eta_index[k]] += scratch.gradient[k]


@kernel
def with_prior(in_psi: Mat, eta_index: IntVec, precision: Mat, out: OutMat) -> None:
    """Gather a psi matrix into eta and add the precision of the prior."""
    n_eta = precision.shape[0]
    for a in range(n_eta):
        for b in range(n_eta):
            out[a, b] = precision[a, b]
    for k in range(eta_index.shape[0]):
        a = eta_index[k]
        if a >= 0:
            for q in range(eta_index.shape[0]):
                b = eta_index[q]
                if b >= 0:
                    out[a, b] += in_psi[k, q]

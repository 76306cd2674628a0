"""Predictions of all subjects at given random effects, with their derivatives in eta."""

from workbench.core.jit import Mat, OutMat, Vec, kernel
from workbench.core.likelihood import directions, predict_subject
from workbench.core.mixing import block_parameters
from workbench.core.packed import Structure, Subjects, make_scratch


@kernel
def predict_range(
    order: int,
    first: int,
    last: int,
    structure: Structure,
    subjects: Subjects,
    theta: Vec,
    eta: Mat,
    out: OutMat,
) -> int:
    """Write prediction and, with order 1, d prediction / d eta of every observation.

    Parameters
    ----------
    eta : (n_sub, n_eta)
    out : (n_obs, 1 + n_eta)  overwritten; (n_obs, 1) with order 0
    """
    n_eta = eta.shape[1]
    scratch = make_scratch(structure, subjects, first, last, n_eta, 0)
    for i in range(first, last):
        predict_subject(order, structure, subjects, i, theta, eta[i], scratch, scratch.f)
        start = subjects.obs_start[i]
        for j in range(subjects.obs_start[i + 1] - start):
            out[start + j, 0] = scratch.f[j, 0]
            for k in range(structure.eta_index.shape[0] if order > 0 else 0):
                if structure.eta_index[k] >= 0:
                    out[start + j, 1 + structure.eta_index[k]] = scratch.f[j, 1 + k]
    return 0


@kernel
def parameters_of_blocks(
    structure: Structure, subjects: Subjects, theta: Vec, eta: Mat, out: OutMat
) -> int:
    """Write the individual parameters phi of every subject's blocks, (n_blocks, n_phi)."""
    scratch = make_scratch(structure, subjects, 0, 0, eta.shape[1], 0)
    for i in range(eta.shape[0]):
        directions(structure, subjects, i, theta, eta[i], scratch)
        for b in range(subjects.block_start[i], subjects.block_start[i + 1]):
            first, last = 0, 0
            if subjects.mix_start.shape[0] > 0:
                first, last = subjects.mix_start[b], subjects.mix_start[b + 1]
            block_parameters(
                structure.codes,
                structure.ranges,
                subjects.mix,
                first,
                last,
                scratch.psi,
                out[b],
                scratch.first,
                scratch.second,
            )
    return 0

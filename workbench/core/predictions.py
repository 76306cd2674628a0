"""Predictions of all subjects at given random effects, with their derivatives in eta."""

from workbench.core.jit import Mat, OutMat, Vec, kernel
from workbench.core.likelihood import (
    Structure,
    Subjects,
    individual_parameters,
    make_scratch,
    most_observations,
    predict_subject,
)


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
    most = most_observations(subjects.obs_start, first, last)
    scratch = make_scratch(structure, most, structure.codes.shape[0], n_eta, 0)
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
def individual_range(
    structure: Structure, subjects: Subjects, theta: Vec, eta: Mat, out: OutMat
) -> int:
    """Write the individual parameters phi (n_sub, n_phi) at the given random effects."""
    from_scratch = make_scratch(structure, 0, structure.codes.shape[0], eta.shape[1], 0)
    for i in range(out.shape[0]):
        individual_parameters(structure, subjects, i, theta, eta[i], from_scratch)
        for k in range(out.shape[1]):
            out[i, k] = from_scratch.phi[k]
    return 0

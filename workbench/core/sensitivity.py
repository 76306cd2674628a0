"""Predictions of all observations with their derivatives in theta and in eta."""

from workbench.core.jit import Mat, OutMat, Vec, kernel
from workbench.core.likelihood import predict_subject
from workbench.core.packed import Structure, Subjects, make_scratch


@kernel
def sensitivity_range(
    first: int,
    last: int,
    structure: Structure,
    subjects: Subjects,
    theta: Vec,
    eta: Mat,
    out: OutMat,
) -> int:
    """Write predictions and their derivatives in theta (at fixed eta) and in eta.

    Parameters
    ----------
    eta : (n_sub, n_eta)
    out : (n_obs, 1 + n_theta + n_eta)  overwritten in the rows of subjects first..last-1
    """
    n_theta, n_eta, p = theta.shape[0], eta.shape[1], structure.eta_index.shape[0]
    scratch = make_scratch(structure, subjects, first, last, n_eta, 0)
    for i in range(first, last):
        predict_subject(1, structure, subjects, i, theta, eta[i], scratch, scratch.f)
        start = subjects.obs_start[i]
        who = i if subjects.design.shape[0] > 1 else 0
        for j in range(subjects.obs_start[i + 1] - start):
            row = out[start + j]
            row[0] = scratch.f[j, 0]
            for c in range(1, row.shape[0]):
                row[c] = 0.0
            for k in range(p):
                f_k = scratch.f[j, 1 + k]
                for t in range(n_theta):
                    row[1 + t] += subjects.design[who, k, t] * f_k
                if structure.eta_index[k] >= 0:
                    row[1 + n_theta + structure.eta_index[k]] += f_k
    return 0

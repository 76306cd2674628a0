"""Predictions of all subjects at many random effects of each: what simulation repeats most."""

from workbench.core.jit import Cube, OutMat, Vec, kernel
from workbench.core.likelihood import predict_subject
from workbench.core.packed import Structure, Subjects, make_scratch


@kernel
def simulate_range(
    first: int,
    last: int,
    structure: Structure,
    subjects: Subjects,
    theta: Vec,
    eta: Cube,
    out: OutMat,
) -> int:
    """Write the predictions of every observation in the replicates first..last-1.

    Parameters
    ----------
    eta : (n_replicates, n_sub, n_eta)
    out : (n_replicates, n_obs)  rows first..last-1 overwritten
    """
    n_sub = eta.shape[1]
    scratch = make_scratch(structure, subjects, 0, n_sub, eta.shape[2], 0)
    # Subject by subject: its records are then read once into the nearest memory.
    for i in range(n_sub):
        start = subjects.obs_start[i]
        n_obs = subjects.obs_start[i + 1] - start
        for r in range(first, last):
            predict_subject(0, structure, subjects, i, theta, eta[r, i], scratch, scratch.f)
            for j in range(n_obs):
                out[r, start + j] = scratch.f[j, 0]
    return 0

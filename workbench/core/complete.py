r"""The complete-data likelihood at drawn random effects: value, score and expected information.

With eta known, the observations of subject i contribute
:math:`\ell_i = \tfrac12 \sum_j [r_j^2/v_j + \log v_j]` (minus the log density, without
constants; `core.observation` has the other kinds). Its derivatives in theta (eta held) and sigma
are exact; the expected information of plain observations is

.. math::
    I_{ab} = \sum_j \frac{\partial_a r_j\, \partial_b r_j}{v_j}
             + \frac{\partial_a v_j\, \partial_b v_j}{2 v_j^2}.
"""

from typing import NamedTuple

import numpy as np

from workbench.core.conditional import add_design
from workbench.core.jit import OutCube, OutMat, kernel
from workbench.core.mcmc import Chains, misfit_at
from workbench.core.observation import informed, sigma_terms, slope
from workbench.core.packed import (
    Scratch,
    Structure,
    Subjects,
    Values,
    make_scratch,
)
from workbench.core.residuals import FIRST_SIGMA, OTHER_S, R_F, R_S, SIGMA_WIDTH, V_F, V_S


class Complete(NamedTuple):
    """Complete-data quantities of every subject; every array is overwritten."""

    misfit: OutMat  # (n_sub, n_chains)
    by_theta: OutCube  # (n_sub, n_chains, n_theta) d misfit / d theta; 0 with order 0
    by_sigma: OutCube  # (n_sub, n_chains, n_sigma) d misfit / d sigma
    # (n_sub, n_theta + n_sigma, the same) sum over the chains; theta's part 0 with order 0
    information: OutCube


@kernel
def score_sigma(n_obs: int, scratch: Scratch, by_sigma: OutMat, chain: int) -> None:
    """Write the derivatives of the misfit in sigma to row `chain`."""
    for s in range(by_sigma.shape[1]):
        total = 0.0
        for j in range(n_obs):
            total += sigma_terms(scratch.table[j], s)[0]
        by_sigma[chain, s] = total


@kernel
def score_theta(
    subjects: Subjects, i: int, n_obs: int, scratch: Scratch, by_theta: OutMat, chain: int
) -> None:
    """Write the derivatives of the misfit in theta, at fixed eta, to row `chain`."""
    for k in range(scratch.psi.shape[0]):
        scratch.gradient[k] = 0.0
    for j in range(n_obs):
        lf = slope(scratch.table[j])
        for k in range(scratch.psi.shape[0]):
            scratch.gradient[k] += lf * scratch.f[j, 1 + k]
    add_design(subjects, i, scratch.gradient, by_theta[chain])


@kernel
def observation_directions(
    order: int, subjects: Subjects, i: int, j: int, n_theta: int, scratch: Scratch, out: OutMat
) -> None:
    """Write the derivatives of r, v and OTHER of observation j, in theta and sigma, to `out`."""
    who = i if subjects.design.shape[0] > 1 else 0
    row = scratch.table[j]
    for t in range(n_theta):
        f_t = 0.0
        if order > 0:
            for k in range(scratch.psi.shape[0]):
                f_t += subjects.design[who, k, t] * scratch.f[j, 1 + k]
        out[0, t] = row[R_F] * f_t
        out[1, t] = row[V_F] * f_t
        out[2, t] = 0.0
    for s in range(out.shape[1] - n_theta):
        out[0, n_theta + s] = row[FIRST_SIGMA + SIGMA_WIDTH * s + R_S]
        out[1, n_theta + s] = row[FIRST_SIGMA + SIGMA_WIDTH * s + V_S]
        out[2, n_theta + s] = row[FIRST_SIGMA + SIGMA_WIDTH * s + OTHER_S]


@kernel
def add_information(
    order: int,
    subjects: Subjects,
    i: int,
    n_theta: int,
    scratch: Scratch,
    directions: OutMat,
    information: OutMat,
) -> None:
    """Add the expected information of the observations of subject i."""
    for j in range(subjects.obs_start[i + 1] - subjects.obs_start[i]):
        observation_directions(order, subjects, i, j, n_theta, scratch, directions)
        for a in range(directions.shape[1]):
            r_a, v_a, n_a = informed(
                scratch.table[j], directions[0, a], directions[1, a], directions[2, a]
            )
            for b in range(a + 1):
                information[a, b] += r_a * directions[0, b] + v_a * directions[1, b]
                information[a, b] += n_a * directions[2, b]


@kernel
def complete_range(
    first: int,
    last: int,
    order: int,
    want_information: bool,
    structure: Structure,
    subjects: Subjects,
    values: Values,
    chains: Chains,
    directions: OutMat,
    out: Complete,
) -> int:
    """Evaluate the complete-data likelihood of subjects first..last-1 at chains.eta.

    Parameters
    ----------
    order : 1 for derivatives in theta, 0 without
        (all derivatives are 0 at an eta where the misfit is not finite)
    want_information : False leaves it 0
    chains : only eta is read
    directions : (3, n_theta + n_sigma)  scratch of this range
    """
    n_theta = values.theta.shape[0]
    scratch = make_scratch(
        structure,
        subjects,
        first,
        last,
        values.precision.shape[0],
        values.sigma.shape[0],
    )
    for i in range(first, last):
        n_obs = subjects.obs_start[i + 1] - subjects.obs_start[i]
        information = out.information[i]
        for a in range(directions.shape[1]):
            for b in range(directions.shape[1]):
                information[a, b] = 0.0
        for chain in range(chains.eta.shape[1]):
            out.misfit[i, chain] = misfit_at(
                order, structure, subjects, i, values, chains.eta[i, chain], scratch
            )
            for t in range(n_theta):
                out.by_theta[i, chain, t] = 0.0
            for s in range(values.sigma.shape[0]):
                out.by_sigma[i, chain, s] = 0.0
            if not out.misfit[i, chain] < np.inf:
                continue
            if order > 0:
                score_theta(subjects, i, n_obs, scratch, out.by_theta[i], chain)
            score_sigma(n_obs, scratch, out.by_sigma[i], chain)
            if want_information:
                add_information(order, subjects, i, n_theta, scratch, directions, information)
        for a in range(directions.shape[1]):
            for b in range(a):
                information[b, a] = information[a, b]
    return 0

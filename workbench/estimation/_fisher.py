r"""Expected Fisher information of the model linearised at the conditional modes.

With :math:`Z_i = \partial f_i/\partial\eta`, :math:`X_i = \partial f_i/\partial\theta` (of the
prediction on the modelled scale) at the mode and :math:`C_i = Z_i\Omega Z_i^\top +
\mathrm{diag}(v_i)`, the linearised model is Gaussian and, in its block form,

.. math::
    I_{\theta\theta} = \sum_i X_i^\top C_i^{-1} X_i, \qquad
    I_{ab} = \tfrac12 \sum_i \mathrm{tr}\big(C_i^{-1}\,\partial_a C_i\;
             C_i^{-1}\,\partial_b C_i\big)

for elements a, b of omega and sigma (Retout & Mentré 2003, J Biopharm Stat 13:209; the standard
errors "by linearisation" of Monolix and saemix). How C changes with theta is left out. A censored
or truncated observation enters as a plain one of as much information (`core.observation`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.core.observation import informed
from workbench.core.packed import Values
from workbench.core.residuals import FIRST_SIGMA, KIND, R_F, SIGMA_WIDTH, V_S, V
from workbench.core.sensitivity import sensitivity_range
from workbench.problem import Problem
from workbench.problem.space import frozen

Floats = NDArray[np.float64]

DIFFERENCE = 1e-5  # in x; omega is a product of exponentials, so this leaves about 1e-10
ROOM = 4_000_000  # numbers of a batch of subjects


def linearised_information(problem: Problem, x: Floats, values: Values, eta: Floats) -> Floats:
    """Return the information about x, (n_free, n_free).

    Parameters
    ----------
    x, values : the estimates
    eta : (n_sub, n_eta)  conditional modes
    """
    space = problem.space
    n_theta, n_eta, n_sigma = space.n_theta, space.n_eta, len(values.sigma)
    f = np.zeros((problem.n_obs, 1 + n_theta + n_eta))
    sensitivity_range(
        0, problem.n_sub, problem.structure, problem.subjects, values.theta, frozen(eta), f
    )
    table = problem.residual_table(f[:, 0], values.sigma)
    slopes = -table[:, R_F, None] * f[:, 1:]
    by_sigma, variance = table[:, FIRST_SIGMA + V_S :: SIGMA_WIDTH], table[:, V]
    if table[:, KIND].any():
        by_sigma, variance = _working(table)
    by_theta = slopes[:, :n_theta] * space.theta_slope(values.theta)
    by_sigma = by_sigma * space.sigma_slope(values.sigma)
    omega, by_omega = space.omega(x), omega_derivatives(problem, x)
    n_variance = len(by_omega) + n_sigma
    total = np.zeros((n_theta + n_variance, n_theta + n_variance))
    start = problem.data.population.obs_start
    sizes = np.diff(start)
    for size in np.unique(sizes[sizes > 0]):
        who = np.flatnonzero(sizes == size)
        step = max(1, ROOM // (int(size) ** 2 * (n_variance + 2)))
        for first in range(0, len(who), step):
            rows = start[who[first : first + step]][:, None] + np.arange(size)
            z = slopes[rows][:, :, n_theta:]
            _add_batch(total, by_theta[rows], z, variance[rows], by_sigma[rows], omega, by_omega)
    return total[np.ix_(space.free, space.free)]


def _working(table: Floats) -> tuple[Floats, Floats]:
    """Return dv/dsigma and v of plain observations that tell as much as those of the table do.

    That is, with as much information about their mean, and about sigma, as `observation.informed`
    gives.
    """
    by_sigma = table[:, FIRST_SIGMA + V_S :: SIGMA_WIDTH].copy()
    variance = table[:, V].copy()
    for j in np.flatnonzero(table[:, KIND]):
        about_mean = max(informed(table[j], 1.0, 0.0, 0.0)[0], 1e-12 / max(table[j, V], 1e-300))
        about_variance = max(informed(table[j], 0.0, 1.0, 0.0)[1], 0.0)
        variance[j] = 1.0 / about_mean
        by_sigma[j] *= variance[j] * np.sqrt(2.0 * about_variance)
    return by_sigma, variance


def _add_batch(
    total: Floats,
    x: Floats,
    z: Floats,
    variance: Floats,
    by_sigma: Floats,
    omega: Floats,
    by_omega: Floats,
) -> None:
    """Add the information of subjects with equally many observations."""
    n_theta, size = x.shape[2], x.shape[1]
    diagonal = np.arange(size)
    c = z @ omega @ z.transpose(0, 2, 1)
    c[:, diagonal, diagonal] += variance
    inverse = np.linalg.inv(c)
    total[:n_theta, :n_theta] += np.einsum("nit,nij,nju->tu", x, inverse, x, optimize=True)
    moved = [inverse @ (z @ d @ z.transpose(0, 2, 1)) for d in by_omega]
    moved += [inverse * by_sigma[:, None, :, s] for s in range(by_sigma.shape[2])]
    for a, one in enumerate(moved):
        for b, other in enumerate(moved[: a + 1]):
            trace = 0.5 * float(np.einsum("nij,nji->", one, other))
            total[n_theta + a, n_theta + b] += trace
            if a != b:
                total[n_theta + b, n_theta + a] += trace


def omega_derivatives(problem: Problem, x: Floats) -> Floats:
    """Return d omega / dx for the elements of x that belong to omega, (n, n_eta, n_eta)."""
    space = problem.space
    full = space.full(x)
    first = space.n_theta
    last = len(full) - len(problem.model.sigma_names)

    def omega(k: int, step: float) -> Floats:
        moved = full.copy()
        moved[k] += step
        low = space.low(moved)
        return np.asarray(low @ low.T)

    found = [
        (omega(k, DIFFERENCE) - omega(k, -DIFFERENCE)) / (2.0 * DIFFERENCE)
        for k in range(first, last)
    ]
    return np.array(found).reshape(last - first, space.n_eta, space.n_eta)

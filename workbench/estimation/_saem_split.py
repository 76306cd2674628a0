"""Which parameters SAEM updates in closed form, and which by scoring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.core.residuals import FIRST_SIGMA, V
from workbench.problem import Problem

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Split:
    r"""The estimated parameters by the kind of their M-step.

    Attributes
    ----------
    closed : free elements of theta that act only through parameters with a random effect: the
        mean of a Gaussian, in closed form
    design : (1 or n_sub, n_eta, n_closed)  their part of the design
    numeric : elements of theta and sigma, one vector after the other, updated by scoring
    scaled : elements of sigma that scale the variance of their endpoint, :math:`v = \sigma^2 g`,
        in closed form
    n_scaled : number of observations of each of those endpoints
    free_omega : (n_eta, n_eta)  elements of omega that are estimated
    """

    closed: Ints
    design: Floats
    numeric: Ints
    scaled: Ints
    n_scaled: Ints
    free_omega: NDArray[np.bool_]


def split(problem: Problem) -> Split:
    """Sort the free parameters of a problem."""
    space = problem.space
    n_theta, n_sigma = space.n_theta, len(problem.model.sigma_names)
    free = np.array([not entry.fixed for entry in space.entries], dtype=bool)
    index, design = problem.structure.eta_index, problem.subjects.design
    outside = np.any(design[:, index < 0, :] != 0.0, axis=(0, 1))
    inside = np.any(design[:, index >= 0, :] != 0.0, axis=(0, 1))
    gaussian = inside & ~outside
    closed = np.flatnonzero(free[:n_theta] & gaussian)
    order = np.argsort(index[index >= 0])
    of_etas = design[:, np.flatnonzero(index >= 0)[order], :]
    scaled, counts = _scaled(problem, free[len(free) - n_sigma :])
    numeric_sigma = np.setdiff1d(np.flatnonzero(free[len(free) - n_sigma :]), scaled)
    return Split(
        closed=closed,
        design=np.ascontiguousarray(of_etas[:, :, closed]),
        numeric=np.concatenate(
            [np.flatnonzero(free[:n_theta] & ~gaussian), n_theta + numeric_sigma]
        ).astype(np.int64),
        scaled=scaled,
        n_scaled=counts,
        free_omega=_free_omega(problem),
    )


def _free_omega(problem: Problem) -> NDArray[np.bool_]:
    space = problem.space
    mask = np.zeros((space.n_eta, space.n_eta), dtype=bool)
    for name in space.etas:
        k = space.etas.index(name)
        mask[k, k] = "iiv" not in problem.model.parameters[name].fixed
    for a, b in problem.model.correlations:
        i, j = space.etas.index(a), space.etas.index(b)
        mask[i, j] = mask[j, i] = True
    return mask


def _scaled(problem: Problem, free: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Find the only parameters of their endpoints' errors that act as a scale of the variance."""
    values = problem.space.values(problem.space.start)
    table = problem.residual_table(problem.values(values.theta, problem.no_etas()), values.sigma)
    found, counts = [], []
    for endpoint in problem.endpoints:
        s = endpoint.sigma.start
        if endpoint.sigma.stop - s != 1 or not free[s] or not len(endpoint.rows):
            continue
        rows = table[endpoint.rows]
        slope = rows[:, FIRST_SIGMA + 2 * s] * values.sigma[s]
        if np.allclose(slope, 2.0 * rows[:, V], rtol=1e-10, atol=0.0):
            found.append(s)
            counts.append(len(endpoint.rows))
    return np.array(found, dtype=np.int64), np.array(counts, dtype=np.int64)

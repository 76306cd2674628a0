r"""Random effects of subjects and of their occasions, given their sums: one exact draw.

Predictions depend on :math:`\eta_k + \kappa_{jk}` alone, so shifting d from the kappas of all
occasions j to eta leaves the data's likelihood as it is. Its density is then that of the priors,

.. math::
    d \sim N(M^{-1} b,\, M^{-1}), \qquad
    M = A^\top \Omega^{-1} A + J\, B^\top \Omega_\kappa^{-1} B, \quad
    b = B^\top \Omega_\kappa^{-1} \sum_j \kappa_j - A^\top \Omega^{-1} \eta

with J the number of the subject's occasions, and A and B picking the parameters that have both. It
is a move along an orbit of equal likelihood (Liu & Sabatti 2000, Biometrika 87:353), and what
random walks of eta or kappa alone do slowly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.core.packed import Values
from workbench.problem.problem import Problem

Floats = NDArray[np.float64]


class Exchange:
    """The draw for one problem.

    Parameters
    ----------
    problem : model and data

    Attributes
    ----------
    any : whether some parameter has both random effects, that of the subject normal
    """

    def __init__(self, problem: Problem) -> None:
        model, occasions = problem.model, problem.occasions
        both = [name for name in model.iov if name in model.etas and name not in model.shaped]
        self._etas = [model.etas.index(name) for name in both]
        self._kappas = [model.iov.index(name) for name in both]
        self._space = problem.space
        self.any = occasions is not None and bool(both)
        used = np.zeros((problem.n_sub, 0)) if occasions is None else occasions.used
        self._used = used.astype(np.float64)

    def move(self, values: Values, eta: Floats, noise: np.random.Generator) -> None:
        """Draw the shifts of every subject and chain.

        Parameters
        ----------
        values : parameters
        eta : (n_sub, n_chains, n_eta)  overwritten
        noise : where the random numbers come from
        """
        parts, n_between = self._space.occasions, self._space.n_between
        own = values.precision[self._etas, :n_between]
        of_kappas = values.precision[parts[0], parts[0]][self._kappas]
        pull = -eta[:, :, :n_between] @ own.T
        for j, part in enumerate(parts):
            pull += self._used[:, j, None, None] * (eta[:, :, part] @ of_kappas.T)
        normal = noise.standard_normal(pull.shape)
        count = self._used.sum(axis=1)
        shift = np.empty_like(pull)
        for n in np.unique(count):
            rows = count == n
            precision = own[:, self._etas] + n * of_kappas[:, self._kappas]
            low = np.linalg.cholesky(precision)
            mean = np.linalg.solve(precision, pull[rows].reshape(-1, len(low)).T)
            spread = np.linalg.solve(low.T, normal[rows].reshape(-1, len(low)).T)
            shift[rows] = (mean + spread).T.reshape(shift[rows].shape)
        eta[:, :, self._etas] += shift
        for j, part in enumerate(parts):
            places = part.start + np.array(self._kappas)
            eta[:, :, places] -= self._used[:, j, None, None] * shift

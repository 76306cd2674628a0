r"""Observed information by Louis' formula, from draws of the random effects.

.. math::
    I(\theta) = \sum_i \Big( E\big[-\partial^2 \log p(y_i, m_i)\big]
        - E\big[s_i s_i^\top\big] + E[s_i]\,E[s_i]^\top \Big), \qquad
    s_i = \partial \log p(y_i, m_i),

expectations over :math:`p(\eta_i \mid y_i; \theta)` (Louis 1982, J R Stat Soc B 44:226; Kuhn &
Lavielle 2005, Comput Stat Data Anal 49:1020, section 4, where a stochastic approximation takes
the averages: with gain 1/k it is the plain mean taken here). What is held while theta moves is
:math:`m_i = X_i\theta_M + \eta_i` of `_m_step`, and :math:`z_i` of `_shaped_effects`: the
information that is missing is then small, and so is the Monte-Carlo error of the difference.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.core.conditional import Objective
from workbench.estimation._m_step import Split, design_at, location
from workbench.estimation._shaped_effects import ShapedEffects
from workbench.problem import Problem
from workbench.problem.sampler import Sampler

Floats = NDArray[np.float64]

DIFFERENCE = 1e-4  # in x, of exact scores


class Louis:
    """Averages for Louis' formula at fixed parameters; `add` takes in the chains as they are.

    Parameters
    ----------
    problem, parts, shaped : the model and the kinds of its parameters
    x : (n_free,)  the estimates
    sampler : chains at x
    """

    def __init__(
        self,
        problem: Problem,
        parts: Split,
        shaped: ShapedEffects,
        x: Floats,
        sampler: Sampler,
    ) -> None:
        self.problem, self.parts, self.shaped = problem, parts, shaped
        self.x, self.sampler = x, sampler
        n = len(x)
        self.n = 0
        self._score = np.zeros((problem.n_sub, n))
        self._square = np.zeros((n, n))
        self._hessian = np.zeros((n, n))

    def add(self) -> None:
        """Add the draws that the chains stand at; the chains are left as they were."""
        eta = self.sampler.eta.copy()
        theta = self.problem.space.values(self.x).theta
        m = eta + location(theta, self.parts)[:, None, :]
        z = self.shaped.places(theta, eta)
        score = self._scores(self.x, m, z)
        flat = score.reshape(score.shape[0] * score.shape[1], score.shape[2])
        hessian = np.zeros_like(self._hessian)
        for k in range(len(self.x)):
            step = np.zeros(len(self.x))
            step[k] = DIFFERENCE
            change = self._scores(self.x - step, m, z) - self._scores(self.x + step, m, z)
            hessian[:, k] = change.sum(axis=(0, 1)) / (2.0 * DIFFERENCE)
        n_chains = eta.shape[1]
        self._score += score.mean(axis=1)
        self._square += flat.T @ flat / n_chains
        self._hessian += 0.5 * (hessian + hessian.T) / n_chains
        self.n += 1
        self.sampler.eta[:] = eta

    def gradient(self) -> Floats:
        r"""Return the gradient of log L in x, by :math:`\sum_i E[s_i]` (Fisher's identity)."""
        return np.asarray(self._score.sum(axis=0) / self.n)

    def information(self) -> Floats:
        """Return the observed information about x, (n_free, n_free)."""
        mean = self._score / self.n
        return np.asarray((self._hessian - self._square) / self.n + mean.T @ mean)

    def _scores(self, x: Floats, m: Floats, z: list[Floats]) -> Floats:
        """Return the complete-data score of every subject and chain, (n_sub, n_chains, n_free)."""
        space, parts, sampler = self.problem.space, self.parts, self.sampler
        values = space.values(x)
        sampler.eta[:] = m - location(values.theta, parts)[:, None, :]
        eta = sampler.eta
        self.shaped.follow(values.theta, z, eta)
        out = sampler.complete(values, order=1)
        by_theta = 2.0 * out.by_theta
        if len(parts.closed):
            design = design_at(values.theta, parts)
            design = np.broadcast_to(design, (len(eta), *design.shape[1:]))
            by_theta[:, :, parts.closed] = -2.0 * np.einsum(
                "net,ef,ncf->nct", design, values.precision, eta, optimize=True
            )
        held = self.shaped.elements
        if len(held):
            scores = self.shaped.scores(values.theta, values.precision, eta)
            by_theta[:, :, held] = -2.0 * scores[:, :, held]
        n = eta.shape[0] * eta.shape[1]
        gradients = space.gradient(
            x,
            values,
            Objective(
                np.zeros(n),
                np.zeros(n, np.int64),
                eta.reshape(n, space.n_eta),
                by_theta.reshape(n, space.n_theta),
                np.einsum("nca,ncb->ncab", eta, eta).reshape(n, space.n_eta, space.n_eta),
                2.0 * out.by_sigma.reshape(n, len(values.sigma)),
            ),
        )
        return -0.5 * gradients.reshape(eta.shape[0], eta.shape[1], -1)

r"""Place and shape of random effects that are not normal: SAEM's step and scores for them.

Of a parameter :math:`z_i = x_i^\top\theta + T(\eta_i, s)` (`core.shapes` has T) neither theta nor s
has sufficient statistics. A step at fixed eta moves the predictions of all subjects, so rich data
let it be only small, and the run settles slowly. This step holds :math:`z_i`, as the closed form
of normal random effects does, and with it the predictions. The complete-data likelihood is then

.. math:: \log p(z_i) = -\tfrac12 \eta_i^\top \Omega^{-1} \eta_i - \log T_\eta(\eta_i, s), \qquad
    \frac{\partial \eta_i}{\partial\theta} = -\frac{x_i}{T_\eta}, \quad
    \frac{\partial \eta_i}{\partial s} = -\frac{T_s}{T_\eta},

and one step of scoring, with the sum over subjects of the squares of their scores as information
(stochastically approximated), is a Robbins-Monro sequence with E[score | y] = 0 at its fixed point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.core.mixing import DIRECTION, FACTOR, KIND, LINEAR, N_TERM, PARAMETER, SHAPE
from workbench.core.shapes import N_PARTS, inverse_range, shaped_range
from workbench.estimation import _saem_guards as guards
from workbench.estimation._m_step import scoring_step, with_prior
from workbench.problem import Problem

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Shaped:
    """A random effect that is not normal.

    Attributes
    ----------
    eta : its number
    kind : of `core.shapes`
    shape : element of theta that is its shape
    design : (1 or n_sub, n_theta)  of the parameter beside it
    """

    eta: int
    kind: int
    shape: int
    design: Floats


def shaped_effects(problem: Problem) -> list[Shaped]:
    """Find the random effects that are not normal."""
    subjects, index = problem.subjects, problem.structure.eta_index
    n_blocks = len(subjects.mix_start) - 1
    if n_blocks < 1:
        return []
    terms = subjects.mix.reshape(n_blocks, -1, N_TERM)[0]
    return [
        Shaped(
            int(index[int(term[DIRECTION])]),
            int(term[KIND]),
            int(np.flatnonzero(subjects.design[0, int(term[SHAPE])])[0]),
            subjects.design[:, int(term[PARAMETER]), :],
        )
        for term in terms
        if int(term[KIND]) not in (LINEAR, FACTOR)
    ]


class ShapedEffects:
    """The step, and the information it has gathered.

    Parameters
    ----------
    problem : model and data

    Attributes
    ----------
    elements : of theta that it moves: free ones that act through these random effects alone
    information : (n_elements, n_elements)  of the complete data, in x; zero before the first step
    """

    def __init__(self, problem: Problem) -> None:
        self.problem, self.effects = problem, shaped_effects(problem)
        space = problem.space
        mine = np.zeros(space.n_theta, dtype=bool)
        acts_elsewhere = np.any(problem.subjects.design != 0.0, axis=0)
        for one in self.effects:
            mine[one.shape] = True
            mine |= np.any(one.design != 0.0, axis=0)
        for direction in range(len(acts_elsewhere)):
            if not (acts_elsewhere[direction] <= mine).all():
                mine &= ~acts_elsewhere[direction]
        free = np.array([not entry.fixed for entry in space.entries[: space.n_theta]], dtype=bool)
        self.elements: Ints = np.flatnonzero(mine & free)
        self.information = np.zeros((len(self.elements), len(self.elements)))

    def move(self, theta: Floats, precision: Floats, eta: Floats, gain: float) -> Floats:
        """Return theta after one step; eta follows, so that the predictions stay.

        The step is halved until the complete-data likelihood does not get worse.

        Parameters
        ----------
        theta : (n_theta,)
        precision : (n_eta, n_eta)  inverse of omega
        eta : (n_sub, n_chains, n_eta)  overwritten
        gain : weight of these chains
        """
        if not len(self.elements):
            return theta
        problem, n_chains = self.problem, eta.shape[1]
        by_chain = self.scores(theta, precision, eta)
        score, new = with_prior(
            problem,
            theta,
            by_chain.sum(axis=(0, 1)) / n_chains,
            np.einsum("nca,ncb->ab", by_chain, by_chain) / n_chains,
        )
        slope = problem.space.theta_slope(theta)[self.elements]
        new = new[np.ix_(self.elements, self.elements)] * np.outer(slope, slope)
        self.information = self.information + (gain if self.information.any() else 1.0) * (
            new - self.information
        )
        step = np.zeros(len(theta))
        step[self.elements] = gain * scoring_step(score[self.elements] * slope, self.information)
        z, moved, there = self.places(theta, eta), eta.copy(), theta

        def worth(part: float) -> float:
            nonlocal there
            there = problem.space.move_theta(theta, part * step)
            self.follow(there, z, moved)
            return self.misfit(there, precision, moved)

        with np.errstate(all="ignore"):
            if guards.accepted_part(worth, self.misfit(theta, precision, eta)) == 0.0:
                return theta
        eta[...] = moved
        return there

    def places(self, theta: Floats, eta: Floats) -> list[Floats]:
        """Return z of each effect, (n_sub, n_chains)."""
        return [
            (one.design @ theta)[:, None] + parts[:, :, 0]
            for one, parts in zip(self.effects, self._parts(theta, eta), strict=True)
        ]

    def follow(self, theta: Floats, z: list[Floats], eta: Floats) -> None:
        """Overwrite eta, from near which the search begins, by those that have z at theta."""
        for one, places in zip(self.effects, z, strict=True):
            target = np.ascontiguousarray((places - (one.design @ theta)[:, None]).reshape(-1))
            start = np.ascontiguousarray(eta[:, :, one.eta].reshape(-1))
            out = np.empty(len(target))
            inverse_range(one.kind, target, float(theta[one.shape]), start, out)
            eta[:, :, one.eta] = out.reshape(eta.shape[:2])

    def scores(self, theta: Floats, precision: Floats, eta: Floats) -> Floats:
        """Return the scores of all chains at fixed z, (n_sub, n_chains, n_theta)."""
        pull = eta @ precision
        out = np.zeros((*eta.shape[:2], len(theta)))
        for one, parts in zip(self.effects, self._parts(theta, eta), strict=True):
            _, by_eta, by_shape, bend, mixed, _ = np.moveaxis(parts, -1, 0)
            back = (pull[:, :, one.eta] + bend / by_eta) / by_eta
            out += back[:, :, None] * one.design[:, None, :]
            out[:, :, one.shape] += back * by_shape - mixed / by_eta
        return out

    def misfit(self, theta: Floats, precision: Floats, eta: Floats) -> float:
        """Return -log p(z), summed over the chains, with the priors' penalty."""
        total = 0.5 * float(((eta @ precision) * eta).sum())
        for parts in self._parts(theta, eta):
            total += float(np.log(parts[:, :, 1]).sum())
        return total + 0.5 * eta.shape[1] * self.problem.space.priors.penalty(theta)

    def _parts(self, theta: Floats, eta: Floats) -> list[Floats]:
        """Return T and its derivatives of each effect, (n_sub, n_chains, N_PARTS)."""
        found = []
        for one in self.effects:
            own = np.ascontiguousarray(eta[:, :, one.eta].reshape(-1))
            out = np.empty((len(own), N_PARTS))
            shaped_range(one.kind, float(theta[one.shape]), own, out)
            found.append(out.reshape(*eta.shape[:2], N_PARTS))
        return found

r"""The M-step of EM algorithms for nonlinear mixed-effects models.

Write :math:`m_i = X_i \theta_M + \eta_i` for the random effects and the typical values that act
through them alone. Given :math:`\bar m_i = E[m_i | y_i]` and
:math:`S = \sum_i E[m_i m_i^\top | y_i]` the expected complete-data likelihood has its maximum at

.. math::
    \hat\theta_M = \Big(\sum_i X_i^\top \Omega^{-1} X_i\Big)^{-1}
    \sum_i X_i^\top\Omega^{-1}\bar m_i, \qquad
    \hat\Omega = \frac1n \Big(S - \sum_i \bar m_i \mu_i^\top - \sum_i \mu_i \bar m_i^\top
                 + \sum_i \mu_i \mu_i^\top\Big), \quad \mu_i = X_i \hat\theta_M.

A coefficient that multiplies a log-normal parameter by :math:`1 + \beta x_i` adds
:math:`\log(1 + \beta x_i)` to :math:`\mu_i`; it takes a Gauss-Newton step with the others, X
holding the slopes of mu.

A residual parameter that scales the variance of its endpoint, :math:`v = \sigma^2 g`, has
:math:`\hat\sigma^2 = \sigma^2\,E[\sum r^2/v] / n`, if all its observations are plain. All others
take a step of Fisher scoring. Fixed elements, and those outside the blocks of omega, stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.core.mixing import DIRECTION, FACTOR, N_TERM, PARAMETER, WEIGHT
from workbench.core.mixing import KIND as KIND_OF_TERM
from workbench.core.residuals import FIRST_SIGMA, KIND, SIGMA_WIDTH, V_S, V
from workbench.models.error import LAMBDA
from workbench.problem import Problem

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

LONGEST_STEP = 1.0  # of scoring, in units of x
LEAST_FACTOR = 0.1  # of what 1 + β x was, after one step


@dataclass(frozen=True, slots=True)
class Factor:
    """A coefficient that adds log(1 + weight coefficient) to m, the same in all of a subject.

    Attributes
    ----------
    eta : number of the random effect whose m it moves
    element : of theta
    weight : (n_sub,)
    """

    eta: int
    element: int
    weight: Floats


@dataclass(frozen=True, slots=True)
class Split:
    """The estimated parameters by the kind of their M-step.

    Attributes
    ----------
    closed : elements of theta that act only through parameters with a random effect
    design : (1 or n_sub, n_eta, n_closed)  their part of the design, zero for factors
    factors : those of `closed` that act by a factor
    numeric : elements of theta and sigma, one vector after the other, updated by scoring
    scaled : elements of sigma that scale the variance of their endpoint
    n_scaled : number of observations of each of those endpoints
    outputs : number of the output of each of those endpoints
    free_omega : (n_eta, n_eta)  elements of omega that are estimated
    n_theta : number of elements of theta
    prior_mean, prior_precision, lower, upper : (n_closed,)  of the closed-form elements
    """

    closed: Ints
    design: Floats
    factors: tuple[Factor, ...]
    numeric: Ints
    scaled: Ints
    n_scaled: Ints
    outputs: Ints
    free_omega: Bools
    n_theta: int
    prior_mean: Floats
    prior_precision: Floats
    lower: Floats
    upper: Floats

    @property
    def moves_predictions(self) -> bool:
        """True when scoring needs derivatives of the predictions."""
        return bool(len(self.numeric)) and bool(self.numeric[0] < self.n_theta)


def split(problem: Problem) -> Split:
    """Sort the free parameters of a problem."""
    space = problem.space
    n_theta, n_sigma = space.n_theta, len(problem.model.sigma_names)
    free = np.array([not entry.fixed for entry in space.entries], dtype=bool)
    free_theta, free_sigma = free[:n_theta], free[len(free) - n_sigma :]
    index, design = problem.structure.eta_index, problem.subjects.design
    outside = np.any(design[:, index < 0, :] != 0.0, axis=(0, 1))
    inside = np.any(design[:, index >= 0, :] != 0.0, axis=(0, 1))
    factors = tuple(one for one in factors_of(problem) if free_theta[one.element])
    gaussian = inside & ~outside
    gaussian[[one.element for one in factors]] = True
    closed = np.flatnonzero(free_theta & gaussian)
    rows = np.flatnonzero(index >= 0)
    of_etas = design[:, rows[np.argsort(index[rows])], :]
    scaled, counts, outputs = _scaled(problem, free_sigma)
    numeric = [
        np.flatnonzero(free_theta & ~gaussian),
        n_theta + np.setdiff1d(np.flatnonzero(free_sigma), scaled),
    ]
    return Split(
        closed=closed,
        design=np.ascontiguousarray(of_etas[:, :, closed]),
        factors=factors,
        numeric=np.concatenate(numeric).astype(np.int64),
        scaled=scaled,
        n_scaled=counts,
        outputs=outputs,
        free_omega=free_omega(problem),
        n_theta=n_theta,
        prior_mean=space.priors.mean[closed],
        prior_precision=space.priors.precision[closed],
        lower=space.bounds.inner_lower[closed],
        upper=space.bounds.inner_upper[closed],
    )


def factors_of(problem: Problem) -> list[Factor]:
    """Find the coefficients that act by a factor which is the same in all blocks of a subject."""
    subjects, index = problem.subjects, problem.structure.eta_index
    n_blocks = len(subjects.mix_start) - 1
    if n_blocks < 1:
        return []
    terms = subjects.mix.reshape(n_blocks, -1, N_TERM)
    first = subjects.block_start[:-1]
    who = np.repeat(np.arange(problem.n_sub), np.diff(subjects.block_start))
    found = []
    for blocks in terms.swapaxes(0, 1):
        eta, weight = int(index[int(blocks[0, PARAMETER])]), blocks[first, WEIGHT]
        if blocks[0, KIND_OF_TERM] != FACTOR or eta < 0 or (blocks[:, WEIGHT] != weight[who]).any():
            continue
        element = np.flatnonzero(subjects.design[0, int(blocks[0, DIRECTION])])[0]
        found.append(Factor(eta, int(element), weight))
    return found


def free_omega(problem: Problem) -> Bools:
    """Mark the elements of omega that are estimated, (n_eta, n_eta)."""
    space, parameters = problem.space, problem.model.parameters
    mask = space.in_blocks
    free = [not space.holds_eta(name) for name in space.etas]
    free += space.n_occasions * ["iov" not in parameters[name].fixed for name in problem.model.iov]
    held = ~np.array(free, dtype=bool)  # in a block with others, `nearest` keeps them
    mask[held, held] = False
    return mask


def _scaled(problem: Problem, free: NDArray[np.bool_]) -> tuple[Ints, Ints, Ints]:
    """Find the only parameters of their endpoints' errors that scale the variance."""
    values = problem.space.values(problem.space.start)
    table = problem.residual_table(problem.values(values.theta, problem.no_etas()), values.sigma)
    found = []
    for endpoint in problem.endpoints:
        s = endpoint.sigma.start
        held_lambda = LAMBDA in endpoint.spec.names and not free[s + 1 : endpoint.sigma.stop].any()
        alone = endpoint.sigma.stop - s == (2 if held_lambda else 1) and not endpoint.spec.student
        if not alone or not free[s] or not len(endpoint.rows):
            continue
        rows = table[endpoint.rows]
        if rows[:, KIND].any():  # the mean square of r is no estimate then
            continue
        slope = rows[:, FIRST_SIGMA + SIGMA_WIDTH * s + V_S] * values.sigma[s]
        if np.allclose(slope, 2.0 * rows[:, V], rtol=1e-10, atol=0.0):
            found.append((s, len(endpoint.rows), endpoint.number))
    columns = np.array(found, dtype=np.int64).reshape(-1, 3).T
    return columns[0], columns[1], columns[2]


def typical_values(theta: Floats, precision: Floats, mean: Floats, parts: Split) -> Floats:
    """Return theta with its closed-form elements at the generalised least-squares estimate.

    Priors add to both sides of the normal equations. An element that would pass a bound is put
    there, and the others are solved for again.

    Parameters
    ----------
    theta : (n_theta,)
    precision : (n_eta, n_eta)  inverse of omega
    mean : (n_sub, n_eta)  expectation of m
    """
    out = theta.copy()
    if not len(parts.closed):
        return out
    design = design_at(theta, parts)
    if parts.factors:
        mean = mean - (location(theta, parts) - design @ theta[parts.closed])
    weighted = design.transpose(0, 2, 1) @ precision
    if len(weighted) == 1:
        left = len(mean) * weighted[0] @ design[0]
        right = weighted[0] @ mean.sum(axis=0)
    else:
        left = (weighted @ design).sum(axis=0)
        right = np.einsum("nte,ne->t", weighted, mean)
    left = left + np.diag(parts.prior_precision)
    right = right + parts.prior_precision * parts.prior_mean
    out[parts.closed] = _within(left, right, parts.lower, parts.upper)
    for one in parts.factors:
        _keep_positive(one, theta[one.element], out)
    return out


def _keep_positive(one: Factor, before: float, theta: Floats) -> None:
    """Halve the step of a coefficient until no subject's factor comes near zero."""
    least = LEAST_FACTOR * (1.0 + before * one.weight)
    while (1.0 + theta[one.element] * one.weight < least).any():
        theta[one.element] = 0.5 * (theta[one.element] + before)


def _within(left: Floats, right: Floats, lower: Floats, upper: Floats) -> Floats:
    """Solve the normal equations with bounds, by holding what passes one."""
    best = np.linalg.lstsq(left, right, rcond=None)[0]
    held = np.zeros(len(best), dtype=bool)
    for _ in range(len(best)):
        passed = ~held & ((best < lower) | (best > upper))
        if not passed.any():
            break
        held |= passed
        best = np.clip(best, lower, upper)
        free = ~held
        rest = right[free] - left[np.ix_(free, held)] @ best[held]
        best[free] = np.linalg.lstsq(left[np.ix_(free, free)], rest, rcond=None)[0]
    return np.asarray(np.clip(best, lower, upper))


def location(theta: Floats, parts: Split) -> Floats:
    """Return mu, (1 or n_sub, n_eta)."""
    mu = np.asarray(parts.design @ theta[parts.closed])
    if parts.factors:
        mu = np.repeat(mu, len(parts.factors[0].weight) // len(mu), axis=0)
        for one in parts.factors:
            mu[:, one.eta] += np.log1p(theta[one.element] * one.weight)
    return mu


def design_at(theta: Floats, parts: Split) -> Floats:
    """Return d mu / d theta_M, (1 or n_sub, n_eta, n_closed)."""
    if not parts.factors:
        return parts.design
    n_sub = len(parts.factors[0].weight)
    design = np.repeat(parts.design, n_sub // len(parts.design), axis=0)
    for one in parts.factors:
        column = int(np.searchsorted(parts.closed, one.element))
        design[:, one.eta, column] = one.weight / (1.0 + theta[one.element] * one.weight)
    return design


def covariance(problem: Problem, mean: Floats, square: Floats, mu: Floats) -> Floats:
    """Return omega at its maximum, if all of it is estimated.

    Of an omega with fixed zeros or values it is the second moments, from which
    `problem.covariance.CovarianceMap.nearest` (as in `ParameterSpace.pack`) finds the maximum.

    Parameters
    ----------
    mean : (n_sub, n_eta)  expectation of m
    square : (n_eta, n_eta)  sum over subjects of the expectation of m m', of `own_effects`
    mu : (1 or n_sub, n_eta)
    """
    mu = np.broadcast_to(mu, mean.shape)
    cross = mean.T @ mu
    best = problem.mean_omega(square - cross - cross.T + mu.T @ mu)
    return 0.5 * (best + best.T)


def own_effects(problem: Problem, second: Floats) -> Floats:
    """Return E[m m'] with zeros for occasions that a subject does not have, (n_sub, ...)."""
    used = problem.used
    return second if used is None else second * (used[:, :, None] & used[:, None, :])


def with_prior(
    problem: Problem, theta: Floats, score: Floats, information: Floats
) -> tuple[Floats, Floats]:
    """Add the priors of theta to score and information.

    Parameters
    ----------
    theta : (n_theta,)
    score, information : of the log likelihood in (theta, sigma), (n,) and (n, n)
    """
    priors, n_theta = problem.space.priors, problem.space.n_theta
    if not priors.any:
        return score, information
    score, information = score.copy(), information.copy()
    score[:n_theta] -= 0.5 * priors.slope(theta)
    diagonal = np.arange(n_theta)
    information[diagonal, diagonal] += priors.precision
    return score, information


def scoring_step(score: Floats, information: Floats) -> Floats:
    """Return the Fisher scoring step, no element longer than LONGEST_STEP.

    Parameters
    ----------
    score, information : of the complete-data log likelihood, (n,) and (n, n)
    """
    size = np.sqrt(np.maximum(np.diag(information), 1e-300))
    scaled = information / np.outer(size, size) + 1e-8 * np.eye(len(size))
    step = np.linalg.solve(scaled, score / size) / size
    return np.asarray(np.clip(np.nan_to_num(step), -LONGEST_STEP, LONGEST_STEP))

"""EM by importance sampling: its objective, its step, and when it has done its work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workbench.core.conditional import Objective
from workbench.core.importance import SIGMA, SLOPES, Weighted
from workbench.core.packed import Values
from workbench.core.status import Status
from workbench.estimation._imp_options import ImpOptions
from workbench.estimation._importance import expectations
from workbench.estimation._m_step import (
    Split,
    covariance,
    location,
    own_effects,
    scoring_step,
    split,
    typical_values,
    with_prior,
)
from workbench.problem import Problem
from workbench.problem.workers import Workers

Floats = NDArray[np.float64]

LONGEST_MOVE = 1.5  # of any element of x in one iteration
MAX_HALVINGS = 12
GONE = 6.0  # fall of an element of x, a factor of 400 where it is a logarithm
TREND = 2.0  # t statistic of a slope that counts as a trend


class SampledLikelihood:
    """-2LL by importance sampling: with the same random numbers, a function of x alone.

    Parameters
    ----------
    problem, options, workers, seed : of the fit
    draws : of each subject
    """

    def __init__(
        self, problem: Problem, options: ImpOptions, workers: Workers, seed: int, draws: int
    ) -> None:
        self.problem, self.options, self.workers = problem, options, workers
        self.seed, self.draws, self.iteration = seed, draws, 0
        self.parts = split(problem)
        self.want = SLOPES if self.parts.moves_predictions else SIGMA

    def sample(self, x: Floats, iteration: int) -> tuple[Values, Weighted]:
        """Return the subjects' expectations at x; `iteration` names the random numbers."""
        values = self.problem.space.values(x)
        out = expectations(
            self.problem,
            values,
            self.workers,
            draws=self.draws,
            seed=self.seed,
            iteration=iteration,
            df=self.options.df,
            scale=self.options.scale,
            want=self.want,
        )
        np.add(out.ofv, self.problem.jacobian, out=out.ofv)
        return values, out

    def gradients(self, x: Floats, values: Values, out: Weighted) -> Floats:
        """Return each subject's gradient in x, (n_sub, n_free), by Fisher's identity."""
        problem = self.problem
        index = problem.structure.eta_index
        by_psi = out.by_psi.copy()
        pull = -2.0 * out.mean @ values.precision
        by_psi[:, index >= 0] = pull[:, index[index >= 0]]
        design = problem.subjects.design
        common = len(design) == 1
        by_theta = by_psi @ design[0] if common else np.einsum("nkt,nk->nt", design, by_psi)
        arrays = Objective(out.ofv, out.status, out.eta, by_theta, out.second, out.by_sigma)
        return problem.space.gradient(x, values, arrays)

    def __call__(self, x: Floats) -> tuple[float, Floats]:
        """Return the OFV and the subjects' gradients, always with the same random numbers."""
        with np.errstate(all="ignore"):
            values, out = self.sample(x, self.iteration)
            if out.status.max(initial=0) > Status.MAX_ITER:
                return np.inf, np.empty((0, len(x)))
            return float(out.ofv.sum()), self.gradients(x, values, out)


@dataclass(slots=True)
class Path:
    """Where EM went.

    Attributes
    ----------
    points : x of every iteration, (n_free,) each
    ofv : -2LL of every iteration
    reason : ``"converged"``, ``"max_iter"``, ``"cancelled"`` or ``"lost"``: no likelihood ahead
    last : expectations at the last point
    """

    points: list[Floats] = field(default_factory=list)
    ofv: list[float] = field(default_factory=list)
    reason: str = ""
    last: Weighted | None = None

    def end(self, window: int) -> Floats:
        """Return the average of the last iterations."""
        return np.asarray(np.mean(self.points[-window:], axis=0))


def climb(
    likelihood: SampledLikelihood,
    start: Floats,
    path: Path,
    *,
    window: int,
    max_iter: int,
    on_step: Callable[[int, Floats, float, Floats, float], None],
    cancelled: Callable[[], bool],
) -> None:
    """Iterate EM from `start`, appending to `path`, until it has no trend.

    Parameters
    ----------
    likelihood : with the draws of one iteration
    path : earlier iterations count towards the limit, not towards the trend
    window : iterations that must show no trend
    max_iter : limit of all iterations on the path
    on_step : told number, x, -2LL, gradient and length of the step of every iteration

    Raises
    ------
    ValueError
        There is no likelihood at `start`.
    """
    x, first, length = start, len(path.points), 0.0
    values, out = likelihood.sample(x, first + 1)
    if not _usable(out):
        raise ValueError("The likelihood does not exist at the starting values.")
    while True:
        path.points.append(x)
        path.ofv.append(float(out.ofv.sum()))
        path.last = out
        gradient = likelihood.gradients(x, values, out).sum(axis=0)
        on_step(len(path.points) - 1, x, path.ofv[-1], gradient, length)
        path.reason = _stop(path, first, window, max_iter, cancelled())
        if path.reason:
            return
        trial = em_step(likelihood.problem, likelihood.parts, x, values, out)
        for _ in range(MAX_HALVINGS):
            values, out = likelihood.sample(trial, len(path.points) + 1)
            if _usable(out):
                break
            trial = 0.5 * (trial + x)
        else:
            path.reason = "lost"
            return
        length = float(np.abs(trial - x).max(initial=0.0))
        x = trial


def _usable(out: Weighted) -> bool:
    return bool(out.status.max(initial=0) <= Status.MAX_ITER and np.isfinite(out.ofv).all())


def _stop(path: Path, first: int, window: int, max_iter: int, cancelled: bool) -> str:
    if not len(path.points[-1]):
        return "converged"
    if cancelled:
        return "cancelled"
    if len(path.points) - first > window:
        points = np.array(path.points[-window:])
        # A logarithm of something that vanishes falls for ever, and changes nothing by it.
        alive = points[-1] > path.points[0] - GONE
        rows = np.column_stack([points[:, alive], path.ofv[-window:]])
        if (np.abs(trend(rows)) < TREND).all():
            return "converged"
    return "max_iter" if len(path.points) > max_iter else ""


def trend(rows: Floats) -> Floats:
    """Return the t statistic of a linear trend in each column."""
    time = np.arange(len(rows)) - 0.5 * (len(rows) - 1)
    slope = time @ rows / (time @ time)
    rest = rows - rows.mean(axis=0) - np.outer(time, slope)
    error = np.sqrt((rest**2).sum(axis=0) / (len(rows) - 2) / (time @ time))
    small = 1e-10 * (1.0 + np.abs(rows).max(axis=0))
    return np.asarray(slope / np.maximum(error, small))


def em_step(problem: Problem, parts: Split, x: Floats, values: Values, out: Weighted) -> Floats:
    """Return x after one M-step; no element moves further than LONGEST_MOVE."""
    space, theta, sigma = problem.space, values.theta, values.sigma.copy()
    mu = location(theta, parts)
    new_theta = typical_values(theta, values.precision, out.mean + mu, parts)
    # Omega is about m - mu, so eta and the movement of mu serve as well.
    second = own_effects(problem, out.second).sum(axis=0)
    omega = covariance(problem, out.mean, second, location(new_theta, parts) - mu)
    sigma[parts.scaled] *= np.sqrt(out.misfit.sum(axis=0)[parts.outputs] / parts.n_scaled)
    full = space.full(x)
    moved = space.full(space.pack(new_theta, omega, sigma))
    if len(parts.numeric):
        moved[_places(problem, parts)] = full[_places(problem, parts)] + _scoring(
            problem, parts, full, out
        )
    return x + np.clip(moved[space.free] - x, -LONGEST_MOVE, LONGEST_MOVE)


def _places(problem: Problem, parts: Split) -> NDArray[np.int64]:
    """Return the places of the numeric parameters in the full vector."""
    n_full = len(problem.space.entries)
    n_sigma = len(problem.model.sigma_names)
    is_sigma = parts.numeric >= parts.n_theta
    return np.where(is_sigma, parts.numeric - parts.n_theta + n_full - n_sigma, parts.numeric)


def _scoring(problem: Problem, parts: Split, full: Floats, out: Weighted) -> Floats:
    """Return the scoring step of the numeric parameters, in units of x."""
    space, design = problem.space, problem.subjects.design
    p, n_sigma = out.by_psi.shape[1], out.by_sigma.shape[1]
    carry = np.zeros((len(design), p + n_sigma, parts.n_theta + n_sigma))
    carry[:, :p, : parts.n_theta] = design
    carry[:, p:, parts.n_theta :] = np.eye(n_sigma)
    by_both = np.concatenate([out.by_psi, out.by_sigma], axis=1)
    if len(carry) == 1:
        score = -0.5 * by_both.sum(axis=0) @ carry[0]
        information = carry[0].T @ out.information.sum(axis=0) @ carry[0]
    else:
        score = -0.5 * np.einsum("nk,nkt->t", by_both, carry)
        information = np.einsum("nkt,nkl,nlu->tu", carry, out.information, carry, optimize=True)
    theta, sigma = space.theta(full), space.sigma(full)
    score, information = with_prior(problem, theta, score, information)
    scale = space.stretch(theta, sigma)
    score, information = score * scale, information * np.outer(scale, scale)
    k = parts.numeric
    return scoring_step(score[k], information[np.ix_(k, k)])

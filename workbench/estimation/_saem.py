r"""SAEM, one step at a time (Kuhn & Lavielle 2005, Comput Stat Data Anal 49:1020).

One iteration at parameters :math:`\theta_{k-1}`:

* S, `Saem.simulate`: move the chains of every subject towards
  :math:`p(\eta_i \mid y_i; \theta_{k-1})`;
* SA, `Saem.approximate`: :math:`s_k = s_{k-1} + \gamma_k\,(S(y, \eta^{(k)}) - s_{k-1})` for the
  sufficient statistics S (eq. 5 there), averaged over the chains;
* M, `Saem.maximise`: the parameters at which the complete-data likelihood with statistics
  :math:`s_k` is largest. What has no sufficient statistics (typical values of parameters without
  random effects, error models of several parameters) takes one step of scoring,

  .. math:: x_k = x_{k-1} + \gamma_k I_k^{-1} \partial \log p(y, \eta^{(k)}) / \partial x,

  with the stochastically approximated information I: a Robbins-Monro sequence whose fixed point
  is E[score | y] = 0, the maximum likelihood estimate.

The gain is 1 in the exploratory phase and falls as 1/k in the smoothing phase (see
`_saem_stopping`, which also has the rules for the ends of both).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.core.complete import Complete
from workbench.core.packed import Values
from workbench.core.rng import SAMPLER
from workbench.errors import EstimationError
from workbench.estimation import _saem_guards as guards
from workbench.estimation._m_step import (
    covariance,
    design_at,
    location,
    scoring_step,
    split,
    typical_values,
    with_prior,
)
from workbench.estimation._saem_options import SaemOptions
from workbench.estimation._saem_stopping import EVERY, WINDOW, explored, settled, smoothing_gain
from workbench.estimation._shaped_effects import ShapedEffects
from workbench.problem import Problem
from workbench.problem.sampler import Sampler, Sweep
from workbench.problem.space import frozen
from workbench.problem.workers import Workers

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FASTEST_RISE = 2.0  # of a residual variance in one iteration of the annealing
LOG_2PI = float(np.log(2.0 * np.pi))


@dataclass(slots=True)
class Statistics:
    """Stochastic approximations of the complete-data statistics.

    Attributes
    ----------
    mean : (n_sub, n_eta)  of m_i, see `_m_step`
    square : (n_eta, n_eta)  sum over subjects of m m'
    residual : (n_scaled,)  sums of r²/g for error models with variance sigma² g
    scored : (n_scored,)  the elements of theta and sigma that take a scoring step
    score : (n_scored,)  of this iteration only, in x
    information : (n_scored, n_scored)  in x
    """

    mean: Floats
    square: Floats
    residual: Floats
    scored: Ints
    score: Floats
    information: Floats


@dataclass(slots=True)
class History:
    """What every iteration left behind."""

    phase: list[str] = field(default_factory=list)
    complete_m2ll: list[float] = field(default_factory=list)
    x: list[Floats] = field(default_factory=list)


class Saem:
    """A SAEM run that can be walked step by step: `simulate`, `approximate`, `maximise`.

    Parameters
    ----------
    problem : model and data; the model's values are the starting values
    options : of the run
    workers : threads
    seed : of the random numbers

    Attributes
    ----------
    theta, omega, sigma : current values; theta on the psi scale
    sampler : the chains; `sampler.table()` shows where they are
    statistics : stochastic approximations; None before the first `approximate`
    iteration : number of finished iterations
    phase : ``"exploration"`` or ``"smoothing"``
    finished : ``""`` while the run goes on, then ``"settled"``, ``"limit"`` (of the smoothing
        phase) or ``"max_iter"``
    history : phase, complete-data -2LL and x of every iteration
    """

    def __init__(
        self, problem: Problem, options: SaemOptions, workers: Workers, *, seed: int
    ) -> None:
        space = problem.space
        full = space.full(space.start)
        self.problem, self.options, self.parts = problem, options, split(problem)
        self.shaped = ShapedEffects(problem)
        self.theta, self.sigma = space.theta(full).copy(), space.sigma(full).copy()
        self.omega = space.omega(space.start)
        self.sampler = Sampler(
            problem,
            workers,
            seed=seed,
            purpose=SAMPLER,
            n_chains=options.chains(problem.n_sub),
            sweep=Sweep(options.prior, options.single, options.block),
        )
        self.statistics: Statistics | None = None
        self.iteration, self.phase, self.finished = 0, "exploration", ""
        if not options.exploration:
            self.phase = "smoothing"
        self.complete_m2ll = float("nan")
        self.history = History()
        self._start, self._switched, self._next = space.start, 0, "simulate"
        self._misfit = np.zeros((0, 0))
        self._update_values()

    # --- the three steps ----------------------------------------------------------------------

    def simulate(self) -> None:
        """S: move the chains; before the first iteration also through the burn-in."""
        self._expect("simulate", "approximate")
        first = self.sampler.sweeps == 0
        for _ in range(1 + (self.options.burn_in if first else 0)):
            self.sampler.move(self.values, self._low)

    def approximate(self) -> None:
        """SA: move the statistics towards those of the chains by the gain."""
        self._expect("approximate", "maximise")
        new = self._simulated()
        if self.statistics is None:
            self._check_start()
        old, gain = self.statistics, self.gain
        if old is None or gain == 1.0:
            self.statistics = new
            return
        old.mean += gain * (new.mean - old.mean)
        old.square += gain * (new.square - old.square)
        old.residual += gain * (new.residual - old.residual)
        old.information += gain * (new.information - old.information)
        old.score = new.score

    def maximise(self) -> None:
        """M: move the parameters to the maximum given the statistics; ends the iteration."""
        self._expect("maximise", "simulate")
        parts, known = self.parts, self.statistics
        assert known is not None  # `_expect` has seen to it
        mu = location(self.theta, parts)
        theta = typical_values(self.theta, self.values.precision, known.mean, parts)
        moved = location(theta, parts)
        best = covariance(self.problem, known.mean, known.square, moved)
        best = self.problem.space.nearest(best)
        omega = np.where(parts.free_omega, best, self.omega)
        if self.annealing:
            omega = guards.annealed(omega, self.omega, self.options.tau)
        self.omega = guards.positive(omega, self.omega)
        self.theta = theta
        # Individual parameters stay where they are: what theta gained, eta gives.
        eta = self.sampler.eta
        eta -= (moved - mu)[:, None, :]
        self._scale_residuals(known.residual)
        self._update_values()
        if len(self.shaped.elements):
            self._move_shaped(known)
        if len(known.scored):
            self._score(known)
        self._end_iteration()

    def step(self) -> None:
        """One whole iteration."""
        self.simulate()
        self.approximate()
        self.maximise()

    @property
    def limit(self) -> int:
        """Most iterations of the run."""
        return self.options.limit

    # --- what they need -----------------------------------------------------------------------

    @property
    def gain(self) -> float:
        """Weight of the next (or running) iteration's simulation."""
        if self.phase == "exploration":
            return 1.0
        return smoothing_gain(self.iteration + 1 - self._switched)

    @property
    def annealing(self) -> bool:
        """True while variances may fall only slowly."""
        return self.phase == "exploration" and self.iteration < self.options.annealing

    @property
    def x(self) -> Floats:
        """Current values as the vector of the parameter space."""
        return self.problem.space.pack(self.theta, self.omega, self.sigma)

    @property
    def estimates(self) -> pd.Series[float]:
        """Current values on the natural scale, by name."""
        space = self.problem.space
        return pd.Series(space.natural(self.x), index=[entry.name for entry in space.entries])

    @property
    def smoothing_path(self) -> Floats:
        """Estimates of the smoothing phase, with the last ones before it as row 0."""
        path = [self._start, *self.history.x]
        return np.array(path[self._switched :])

    def yardstick(self) -> Floats:
        """Return the standard errors of x if the random effects were observed, (n_free,)."""
        space, parts, n = self.problem.space, self.parts, self.problem.n_sub
        out = np.full(len(space.entries), 1.0 / np.sqrt(n))  # correlations
        design = design_at(self.theta, parts)
        design = np.broadcast_to(design, (n, *design.shape[1:]))
        information = np.einsum("net,ef,nfu->tu", design, self.values.precision, design)
        variance = np.diag(np.linalg.pinv(information)) if len(parts.closed) else np.zeros(0)
        out[parts.closed] = np.sqrt(variance) / space.theta_slope(self.theta)[parts.closed]
        out[space.n_theta : space.n_theta + space.n_between] = 1.0 / np.sqrt(2.0 * n)
        if self.problem.occasions is not None:
            times = float(self.problem.occasions.used.sum())
            kappas = np.full(len(out) - len(self.sigma) - space.first_iov, 1.0 / np.sqrt(times))
            kappas[: space.n_iov] = 1.0 / np.sqrt(2.0 * times)
            out[space.first_iov : len(out) - len(self.sigma)] = kappas
        first_sigma = len(out) - len(self.sigma)
        out[first_sigma + parts.scaled] = 1.0 / np.sqrt(2.0 * parts.n_scaled)
        if self.statistics is not None:
            scored = self.statistics.scored
            error = guards.standard_errors(self.statistics.information)
            at = np.where(scored < space.n_theta, scored, first_sigma - space.n_theta + scored)
            numeric = np.isin(scored, parts.numeric)
            out[at[numeric]] = error[numeric]
        if self.shaped.information.any():
            out[self.shaped.elements] = guards.standard_errors(self.shaped.information)
        return out[space.free]

    def _expect(self, step: str, following: str) -> None:
        if step != self._next:
            raise EstimationError(
                f"The steps of SAEM come in turn: {self._next}() is next, not {step}()."
            )
        self._next = following

    def _check_start(self) -> None:
        """Refuse a start from which the chains of a subject found no way."""
        problem = self.problem
        lost = np.flatnonzero(~np.isfinite(self._misfit).any(axis=1))
        if not len(lost):
            return
        subjects = problem.data.population.subjects
        names = ", ".join(str(subjects[i]) for i in lost[:5]) + (" …" if len(lost) > 5 else "")
        reason = problem.why_not(self.values.theta, problem.no_etas()) or (
            "A prediction or its variance is not finite: check the starting values and units."
        )
        raise EstimationError(
            f"There is no likelihood at the starting values for {len(lost)} of {len(subjects)} "
            f"subjects (ID {names}). {reason}"
        )

    def _update_values(self) -> None:
        low: Floats = np.array(self.omega)
        inverse: Floats = low
        if len(low):
            low = np.asarray(np.linalg.cholesky(self.omega), dtype=np.float64)
            inverse = np.asarray(np.linalg.inv(low), dtype=np.float64)
        self._low = low
        self.values = Values(
            frozen(self.theta),
            frozen(inverse.T @ inverse),
            2.0 * float(np.log(np.diag(low)).sum()),
            frozen(self.sigma),
        )

    @property
    def scored(self) -> Ints:
        """Elements of theta and sigma that take a scoring step in this iteration.

        While the annealing lasts these are also the typical values that have a closed form: their
        step at fixed eta, beside that at fixed individual parameters, brings far starts home
        where the data say little about each subject (interweaving the two parametrisations: Yu &
        Meng 2011, J Comput Graph Stat 20:531).
        """
        parts = self.parts
        if self.annealing:
            return np.concatenate([parts.closed, parts.numeric])
        return np.setdiff1d(parts.numeric, self.shaped.elements)

    def _slopes(self, scored: Ints) -> Floats:
        """Slopes d (theta, sigma) / dx of the parameters that scoring moves."""
        return self.problem.space.stretch(self.theta, self.sigma)[scored]

    def _simulated(self) -> Statistics:
        """Return the statistics of the chains where they are, averaged over chains."""
        parts, sampler = self.parts, self.sampler
        scored = self.scored
        out = sampler.complete(
            self.values,
            order=int((scored < self.problem.space.n_theta).any()),
            information=bool(len(scored)),
        )
        self.complete_m2ll, self._misfit = self._complete_m2ll(out), out.misfit.copy()
        n_chains = sampler.n_chains
        by_sigma = out.by_sigma.sum(axis=(0, 1)) / n_chains
        sigma = self.sigma[parts.scaled]
        residual = sigma**2 * (parts.n_scaled - sigma * by_sigma[parts.scaled])
        score, information = np.zeros(0), np.zeros((0, 0))
        if len(scored):
            slope = self._slopes(scored)
            by_theta = out.by_theta.sum(axis=(0, 1)) / n_chains
            ahead, total = with_prior(
                self.problem,
                self.theta,
                -np.concatenate([by_theta, by_sigma]),
                out.information.sum(axis=0) / n_chains,
            )
            score = ahead[scored] * slope
            information = total[np.ix_(scored, scored)] * np.outer(slope, slope)
        return Statistics(*self._moments(), residual, scored, score, information)

    def _moments(self) -> tuple[Floats, Floats]:
        """Return the mean and square of `Statistics`, of the chains where they are."""
        m = self.sampler.eta + location(self.theta, self.parts)[:, None, :]
        used = self.problem.used
        own = m if used is None else m * used[:, None, :]
        flat = own.reshape(m.shape[0] * m.shape[1], m.shape[2])
        return own.mean(axis=1), flat.T @ flat / m.shape[1]

    def _complete_m2ll(self, out: Complete) -> float:
        """Return -2 log p(y, eta), mean over the chains, at the parameters they were drawn at."""
        problem, eta = self.problem, self.sampler.eta
        n_chains, flat = eta.shape[1], eta.reshape(eta.shape[0] * eta.shape[1], eta.shape[2])
        prior = float(((flat @ self.values.precision) * flat).sum()) / n_chains
        total = 2.0 * float(out.misfit.sum()) / n_chains + prior
        total += problem.n_sub * self.values.log_det_omega + float(problem.jacobian.sum())
        return total + (problem.n_density + problem.n_sub * eta.shape[2]) * LOG_2PI

    def _scale_residuals(self, squares: Floats) -> None:
        """Closed form for errors with variance sigma² g: the mean of r²/g."""
        parts = self.parts
        if not len(parts.scaled):
            return
        before = self.sigma[parts.scaled]
        variance = np.maximum(squares, 0.0) / parts.n_scaled
        if self.annealing:
            variance = np.clip(variance, self.options.tau * before**2, FASTEST_RISE * before**2)
        self.sigma = self.sigma.copy()
        # An exact fit has no residual variance; a tiny one keeps the likelihood defined.
        self.sigma[parts.scaled] = np.sqrt(np.maximum(variance, 1e-24 * before**2))

    def _move_shaped(self, known: Statistics) -> None:
        """Step for effects that are not normal; what is known of eta follows the chains."""
        mean, square = self._moments()
        theta = self.shaped.move(self.theta, self.values.precision, self.sampler.eta, self.gain)
        self.theta, self.values = theta, self.values._replace(theta=frozen(theta))
        moved_mean, moved_square = self._moments()
        known.mean += moved_mean - mean
        known.square += moved_square - square

    def _score(self, known: Statistics) -> None:
        """One step of scoring; halved until the complete-data likelihood does not get worse."""
        space = self.problem.space
        step = np.zeros(space.n_theta + len(self.sigma))
        step[known.scored] = self.gain * scoring_step(known.score, known.information)
        if self.annealing:
            least, most = 0.5 * np.log(self.options.tau), 0.5 * np.log(FASTEST_RISE)
            step[space.n_theta :] = np.clip(step[space.n_theta :], least, most)
        theta, sigma, values = self.theta, self.sigma, self.values

        def move(part: float) -> None:
            self.theta = space.move_theta(theta, part * step[: space.n_theta])
            self.sigma = space.move_sigma(sigma, part * step[space.n_theta :])
            self.values = values._replace(theta=frozen(self.theta), sigma=frozen(self.sigma))

        # Individual parameters have not moved since the SA step: only a new sigma matters.
        before = self._misfit
        if len(self.parts.scaled):
            before = self.sampler.complete(values, order=0).misfit.copy()
        usable = np.isfinite(before)
        priors, n_chains = space.priors, self.sampler.n_chains

        def penalty(theta: Floats) -> float:
            return 0.5 * n_chains * priors.penalty(theta)

        def misfit(part: float) -> float:
            move(part)
            moved = self.sampler.complete(self.values, order=0).misfit[usable].sum()
            return float(moved) + penalty(self.theta)

        with np.errstate(all="ignore"):
            stayed = float(before[usable].sum()) + penalty(theta)
            part = guards.accepted_part(misfit, stayed)
        if part == 0.0:
            move(0.0)

    def _end_iteration(self) -> None:
        self.iteration += 1
        history, options = self.history, self.options
        history.phase.append(self.phase)
        history.complete_m2ll.append(self.complete_m2ll)
        history.x.append(self.x)
        in_phase = self.iteration - self._switched
        if self.phase == "exploration":
            if in_phase >= options.exploration or (
                options.auto_stop
                and in_phase % EVERY == 0
                and in_phase >= options.annealing + WINDOW
                and explored(np.array(history.x[-WINDOW:]), self.yardstick())
            ):
                self.phase, self._switched = "smoothing", self.iteration
                if not options.smoothing:
                    self.finished = "limit"
        elif in_phase >= options.smoothing:
            self.finished = "settled" if self.has_settled() else "limit"
        elif options.auto_stop and in_phase % EVERY == 0 and self.has_settled():
            self.finished = "settled"
        if (
            not self.finished
            and options.max_iter is not None
            and self.iteration >= options.max_iter
        ):
            self.finished = "max_iter"

    def has_settled(self) -> bool:
        """True when the stopping rule of the smoothing phase holds."""
        return self.phase == "smoothing" and settled(
            self.smoothing_path, self.yardstick(), self.options.tolerance
        )

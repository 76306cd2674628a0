r"""IMP: expectation-maximisation by importance sampling.

The expectation step draws around each subject's conditional mode (`core.importance`), the
maximisation step is in `_m_step` (Wei & Tanner 1990, J Am Stat Assoc 85:699; Bauer & Guzy 2004;
NONMEM's METHOD=IMPMAP). When the iterations show no trend any more their average is taken, -2LL
is computed with more draws, and the gradient there (Fisher's identity) checks the end: if a
Newton step promises a noticeable decrease, it is taken. Evaluation, or ``max_iter=0``, is the
expectation step alone (EONLY=1).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.core.importance import Weighted
from workbench.core.status import Status
from workbench.errors import EstimationError
from workbench.estimation._base import INTEGRAL, SEED, Control, Estimator, Monitor, Progress
from workbench.estimation._imp_options import ImpOptions
from workbench.estimation._imp_search import Path, SampledLikelihood, climb
from workbench.estimation._imp_verdict import NOTICEABLE, judge_imp
from workbench.estimation._outcome import Outcome, make_result
from workbench.estimation._uncertainty import (
    Uncertainty,
    away_from_bounds,
    from_information,
    hessian,
    no_uncertainty,
)
from workbench.problem import Problem
from workbench.problem.workers import Workers
from workbench.results import FitResult

Floats = NDArray[np.float64]

HESSIAN_DRAWS = 1000  # enough for a standard error to 1 %
POLISHING = 3  # Newton steps at the end


def run(problem: Problem, options: ImpOptions, monitor: Monitor, estimate: bool) -> FitResult:
    """Estimate (or only evaluate) and gather everything a result holds.

    Raises
    ------
    EstimationError
        The likelihood does not exist at the starting values.
    """
    began = time.perf_counter()
    path, trace = Path(), _Trace(problem, options, monitor)
    work = problem.n_obs * options.draws_per_iteration
    with Workers(options.threads, problem.n_sub, work) as workers:
        x = problem.space.start
        if estimate and options.max_iter:
            x = _search(problem, options, monitor, workers, path, trace)
        else:
            path.reason = "none"
        end = _End(problem, options, monitor, workers, path)
        found = end.at(x, estimate=estimate)
    out = found.out
    verdict = judge_imp(
        problem,
        options,
        found.x,
        out,
        found.known,
        iterations=max(len(path.points) - 1, 0),
        promised=found.promised,
        reason=path.reason,
        estimate=estimate,
    )
    trace.end(found.x, float(out.ofv.sum()), found.gradient)
    return make_result(
        Outcome(
            problem=problem,
            method="imp",
            options=options,
            estimated=estimate,
            likelihood="IS",
            x=found.x,
            individual_ofv=out.ofv,
            eta=out.eta,
            interaction=True,
            known=found.known,
            verdict=verdict,
            trace=trace.rows,
            seconds=time.perf_counter() - began,
            likelihood_se=float(np.sqrt(out.variance.sum())),
            eta_mean=out.mean,
            eta_sd=_sd(out),
        )
    )


def _sd(out: Weighted) -> Floats:
    variance = np.einsum("naa->na", out.second) - out.mean**2
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)))


def _search(
    problem: Problem,
    options: ImpOptions,
    monitor: Monitor,
    workers: Workers,
    path: Path,
    trace: _Trace,
) -> Floats:
    """Iterate EM; return the average of the iterations without a trend, or the last point."""
    likelihood = SampledLikelihood(
        problem, options, workers, monitor.seed, options.draws_per_iteration
    )
    try:
        with np.errstate(all="ignore"):
            climb(
                likelihood,
                problem.space.start,
                path,
                window=options.window,
                max_iter=options.max_iter,
                on_step=trace.add,
                cancelled=monitor.cancelled,
            )
    except ValueError:
        raise EstimationError(_why_not(likelihood)) from None
    return path.end(options.window) if path.reason == "converged" else path.points[-1]


def _why_not(likelihood: SampledLikelihood) -> str:
    """Name the subjects without a likelihood at the starting values."""
    problem = likelihood.problem
    values, out = likelihood.sample(problem.space.start, 1)
    subjects = problem.data.population.subjects
    bad = np.flatnonzero(~np.isfinite(out.ofv))
    names = ", ".join(str(subjects[i]) for i in bad[:5]) + (" …" if len(bad) > 5 else "")
    worst = Status(int(out.status[bad[0]])) if len(bad) else Status.NOT_FINITE
    reason = problem.why_not(values.theta, problem.no_etas()) or worst.message
    return (
        f"The likelihood does not exist at the starting values for {len(bad)} of {len(subjects)} "
        f"subjects (ID {names}). {reason}"
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """What holds at the end."""

    x: Floats
    out: Weighted
    known: Uncertainty
    gradient: float
    promised: float


class _End:
    """The last look: -2LL with many draws, standard errors, and whether this is the maximum."""

    def __init__(
        self, problem: Problem, options: ImpOptions, monitor: Monitor, workers: Workers, path: Path
    ) -> None:
        self.problem, self.options, self.monitor, self.path = problem, options, monitor, path
        self.fine = SampledLikelihood(problem, options, workers, monitor.seed, options.draws)
        self.coarse = SampledLikelihood(
            problem, options, workers, monitor.seed, min(options.draws, HESSIAN_DRAWS)
        )

    def at(self, x: Floats, *, estimate: bool) -> _Found:
        """Return what holds at x, or a few Newton steps from there."""
        space, last = self.problem.space, self.path.last
        if self.path.reason == "cancelled" and last is not None:
            return _Found(x, last, no_uncertainty(space), np.nan, np.nan)
        found = self._look(x, estimate=estimate)
        steps = POLISHING if self.path.reason == "converged" else 0
        for _ in range(steps):
            if not found.promised > NOTICEABLE or self.monitor.cancelled():
                break
            better = self._look(self._next, estimate=estimate)
            if not self._objective(better) < self._objective(found):
                break
            found = better
        return found

    def _objective(self, found: _Found) -> float:
        return float(found.out.ofv.sum()) + self.problem.space.penalty(found.x)

    def _look(self, x: Floats, *, estimate: bool) -> _Found:
        space = self.problem.space
        with np.errstate(all="ignore"):
            values, out = self.fine.sample(x, 0)
            gradients = self.fine.gradients(x, values, out)
        total = gradients.sum(axis=0) + space.penalty_gradient(x)
        largest = float(np.abs(total).max(initial=0.0))
        self._next = x
        if not estimate or not len(x) or not np.isfinite(gradients).all():
            return _Found(x, out, no_uncertainty(space), largest, np.nan)
        scores = 0.25 * gradients.T @ gradients
        kind = self.options.covariance
        sampled = kind in ("hessian", "sandwich")
        r = scores + space.prior_information(x)
        if sampled:
            r = 0.5 * hessian(self._slope, x)
        middle = scores if kind == "sandwich" else None
        known = from_information(space, x, r, middle=middle, total=total)
        if np.isfinite(known.decrement):
            inner = away_from_bounds(space, x)
            self._next = x.copy()
            self._next[inner] -= np.linalg.solve(r[np.ix_(inner, inner)], 0.5 * total[inner])
        promised = known.decrement
        if kind == "none":
            known = no_uncertainty(space)
        return _Found(x, out, known, largest, promised)

    def _slope(self, x: Floats) -> Floats:
        _, subjects = self.coarse(x)
        if not len(subjects):
            return np.full(len(x), np.nan)
        return np.asarray(subjects.sum(axis=0) + self.problem.space.penalty_gradient(x))


class _Trace:
    """The iterations, as a result keeps them and a listener hears of them."""

    def __init__(self, problem: Problem, options: ImpOptions, monitor: Monitor) -> None:
        self.problem, self.options, self.monitor = problem, options, monitor
        self.names = [entry.name for entry in problem.space.entries]
        self.rows: list[dict[str, Any]] = []

    def add(self, number: int, x: Floats, ofv: float, gradient: Floats, length: float) -> None:
        natural = self._row(x, ofv, float(np.abs(gradient).max(initial=0.0)), length)
        if self.monitor.on_iteration is not None:
            best = min(row["ofv"] for row in self.rows)
            limit = self.options.max_iter
            self.monitor.on_iteration(Progress(number, limit, ofv, best, natural))

    def end(self, x: Floats, ofv: float, gradient: float) -> None:
        """Add the result itself, unless it is the last iteration."""
        if not self.rows or self.rows[-1]["ofv"] != ofv:
            self._row(x, ofv, gradient, 0.0)

    def _row(self, x: Floats, ofv: float, gradient: float, length: float) -> dict[str, float]:
        natural = dict(zip(self.names, self.problem.space.natural(x), strict=True))
        row = {"iteration": len(self.rows), "ofv": ofv, "gradient": gradient, "step": length}
        self.rows.append(row | natural)
        return natural


ESTIMATOR = Estimator(
    name="imp",
    title="IMP",
    description=(
        "Exact up to Monte-Carlo error: EM by importance sampling around each subject's mode; "
        "evaluation gives -2LL with its standard error."
    ),
    options=ImpOptions,
    run=run,
    group=INTEGRAL,
    controls=(
        Control("max_iter", "Iterations", "Most iterations of EM"),
        Control("draws_per_iteration", "Draws", "Draws of each subject in an iteration"),
        Control("draws", "Draws, −2LL", "Draws of each subject for −2LL and standard errors"),
        Control(
            "covariance",
            "Std. errors",
            "Where the standard errors come from",
            {
                "hessian": "From the Hessian (R)",
                "sandwich": "Sandwich (R⁻¹SR⁻¹)",
                "scores": "From the gradients (S)",
                "none": "None (fastest)",
            },
        ),
        SEED,
    ),
    minimises=False,
)

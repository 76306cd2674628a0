r"""ITS: iterative two-stage.

Stage one takes each subject's conditional distribution as normal around its mode, with FOCEI's
Hessian; stage two moves the population to the mean and variance of these distributions, and the
residual error with them, until nothing moves (Steimer, Mallet, Golmard & Boisvieux 1984, Drug
Metab Rev 15:265; NONMEM's METHOD=ITS).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.core.conditional import Objective
from workbench.errors import EstimationError, OptionError
from workbench.estimation._base import APPROXIMATE, Control, Estimator, Monitor
from workbench.estimation._individual import (
    Individuals,
    TwoStageOptions,
    note,
    refuse_nowhere,
    refuse_without_etas,
)
from workbench.estimation._m_step import covariance, location, own_effects, split, typical_values
from workbench.estimation._outcome import Outcome, make_result
from workbench.estimation._scale_effects import refuse_scale_effects, refuse_unusual_scaled
from workbench.estimation._uncertainty import Uncertainty, from_information, no_uncertainty
from workbench.estimation._verdict import Verdict, boundary_doubts, subject_doubts
from workbench.problem import Problem
from workbench.problem.workers import Workers
from workbench.results import FitResult

Floats = NDArray[np.float64]

COVARIANCES = ("scores", "none")


@dataclass(frozen=True, slots=True)
class IterativeOptions(TwoStageOptions):
    """Options of the iterative two-stage method.

    Attributes
    ----------
    covariance : ``"scores"`` (inverse of the summed outer products of the subjects' gradients,
        NONMEM's MATRIX=S) or ``"none"``
    """

    covariance: str = "scores"

    def __post_init__(self) -> None:
        TwoStageOptions.__post_init__(self)
        if self.covariance not in COVARIANCES:
            raise OptionError(
                f"covariance must be one of {', '.join(COVARIANCES)}, not {self.covariance!r}."
            )


@dataclass(slots=True)
class _Walk:
    """Where the iterations are, and how far they still have to go."""

    x: Floats
    reason: str = ""
    iterations: int = 0
    left: float = float("inf")  # largest element of the way still to go


def run(problem: Problem, options: IterativeOptions, monitor: Monitor, estimate: bool) -> FitResult:
    """Estimate (or only evaluate) and gather everything a result holds.

    Raises
    ------
    EstimationError
        The model has no random effects, some that are not normal, some on the residual error, or
        no likelihood at the starting values.
    """
    began = time.perf_counter()
    refuse_without_etas(problem, "The iterative two-stage method")
    refuse_unusual_scaled(problem, "The iterative two-stage method")
    if estimate and problem.model.shaped:
        raise EstimationError(
            "The iterative two-stage method takes the random effects to be normal given the data "
            f"and predictions to be linear in them; with the shape of {problem.model.shaped[0]} "
            "its typical value would be biased. Use FOCEI, SAEM or IMP."
        )
    if estimate:
        refuse_scale_effects(
            problem,
            "The iterative two-stage method",
            "takes modes of the random effects for their means, which on a residual error they "
            "are not",
        )
    space = problem.space
    trace: list[dict[str, float]] = []
    with (
        Workers(options.threads, problem.n_sub, problem.n_obs) as workers,
        np.errstate(all="ignore"),
    ):
        people = Individuals(problem, workers, spread=True)
        walk = _Walk(space.start)
        if estimate:
            _iterate(people, walk, options, monitor, trace)
        values = space.values(walk.x)
        out = people.modes(values)
        refuse_nowhere(problem, out)
        known = no_uncertainty(space)
        if estimate and options.covariance == "scores":
            found = people.scores(values, out.eta)
            gradients = people.gradients(walk.x, values, out.eta, found)
            information = 0.25 * gradients.T @ gradients + space.prior_information(walk.x)
            known = from_information(space, walk.x, information)
    ofv = out.ofv + problem.jacobian
    note(problem, trace, monitor, options, walk.x, float(ofv.sum()))
    return make_result(
        Outcome(
            problem=problem,
            method="its",
            options=options,
            estimated=estimate,
            likelihood="FOCEI",
            x=walk.x,
            individual_ofv=ofv,
            eta=out.eta,
            interaction=True,
            known=known,
            verdict=_judge(problem, options, walk, out, known, estimate=estimate),
            trace=trace,
            seconds=time.perf_counter() - began,
        )
    )


def _iterate(
    people: Individuals,
    walk: _Walk,
    options: IterativeOptions,
    monitor: Monitor,
    trace: list[dict[str, float]],
) -> None:
    problem, space = people.problem, people.problem.space
    parts, last = split(problem), float("nan")
    while True:
        values = space.values(walk.x)
        out = people.modes(values)
        if not np.isfinite(out.ofv).all():
            refuse_nowhere(problem, out)
        ofv = float((out.ofv + problem.jacobian).sum())
        note(problem, trace, monitor, options, walk.x, ofv)
        if walk.left < options.tolerance:
            walk.reason = "settled"
        elif monitor.cancelled():
            walk.reason = "cancelled"
        elif walk.iterations >= options.max_iter:
            walk.reason = "max_iter"
        if walk.reason:
            return
        moved = _second_stage(people, walk.x, values, out, parts)
        step = float(np.abs(moved - walk.x).max(initial=0.0))
        rate = min(step / last, 0.999) if step < last else 0.999
        walk.left = step * rate / (1.0 - rate) if step > 0 else 0.0
        last, walk.x = step, moved
        walk.iterations += 1


def _second_stage(
    people: Individuals, x: Floats, values: Any, out: Objective, parts: Any
) -> Floats:
    """Return x at the mean and variance of the conditional distributions."""
    space = people.problem.space
    found = people.scores(values, out.eta)
    common = people.common_step(x, values, out.eta, found)
    mean = location(values.theta, parts) + out.eta
    spread = own_effects(people.problem, found.inverse).sum(axis=0)
    square = mean.T @ mean + spread
    theta = typical_values(values.theta, values.precision, mean, parts)
    omega = covariance(people.problem, mean, square, location(theta, parts))
    moved = space.pack(theta, omega, values.sigma)
    moved[people.common] = common[people.common]
    return moved


def _judge(
    problem: Problem,
    options: IterativeOptions,
    walk: _Walk,
    out: Objective,
    known: Uncertainty,
    *,
    estimate: bool,
) -> Verdict:
    doubts = subject_doubts(problem, out.status)
    if not estimate:
        said = "Evaluated at the given values; nothing was estimated."
        return Verdict("doubtful" if doubts else "converged", (*doubts, said), ())
    if walk.reason == "max_iter":
        doubts.insert(
            0,
            f"Stopped at the limit of {options.max_iter} iterations; the parameters still have "
            f"about {walk.left:.2g} to go. Raise max_iter, or start from these estimates.",
        )
    elif walk.reason == "cancelled":
        doubts.insert(
            0,
            f"Stopped on request after {walk.iterations} iterations; these are the last values.",
        )
    doubts += boundary_doubts(problem, walk.x)
    if known.problem:
        doubts.append(known.problem)
    if doubts:
        return Verdict("doubtful", tuple(doubts), ())
    said = (
        f"{walk.iterations} iterations; by the rate of the last ones no parameter has more than "
        f"{walk.left:.1e} to go."
    )
    return Verdict("converged", (said,), ())


ESTIMATOR = Estimator(
    name="its",
    title="Iterative two-stage",
    description="Alternates between subjects' modes and the mean and variance of their "
    "conditional distributions: robust and quick, nearly as good as FOCEI.",
    options=IterativeOptions,
    run=run,
    group=APPROXIMATE,
    controls=(
        Control("max_iter", "Iterations", "Most iterations"),
        Control(
            "covariance",
            "Std. errors",
            "Where the standard errors come from",
            {"scores": "From the gradients (S)", "none": "None (fastest)"},
        ),
    ),
    minimises=False,
)

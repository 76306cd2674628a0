"""Maximum likelihood for estimators that have an objective with exact gradients."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.core.conditional import Objective, conditional_range
from workbench.core.optimize import Minimum, Step, minimise
from workbench.core.packed import Values
from workbench.core.status import Status
from workbench.errors import EstimationError, OptionError
from workbench.estimation._approach import approach, revived
from workbench.estimation._base import APPROXIMATE, Control, Estimator, Monitor, Progress
from workbench.estimation._outcome import Outcome, make_result
from workbench.estimation._uncertainty import uncertainty
from workbench.estimation._verdict import judge
from workbench.problem import Problem
from workbench.problem.workers import Workers
from workbench.results import FitResult

Floats = NDArray[np.float64]

# (first, last, want_gradient, problem, values, cancel flag, out) -> status
RangeObjective = Callable[[int, int, bool, Problem, Values, NDArray[np.int64], Objective], int]

COVARIANCES = ("hessian", "sandwich", "scores", "none")
CONTROLS = (
    Control("max_iter", "Iterations", "Most iterations of the search"),
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
)


@dataclass(frozen=True, slots=True)
class LikelihoodOptions:
    """Options of FO, FOCE and FOCEI.

    Attributes
    ----------
    max_iter : most iterations of the outer search
    tolerance : stop when less than this decrease of the OFV is still promised
    covariance : ``"hessian"`` (inverse observed information, R⁻¹), ``"sandwich"`` (R⁻¹SR⁻¹,
        NONMEM's default), ``"scores"`` (S⁻¹, NONMEM's MATRIX=S) or ``"none"``
    threads : threads over subjects; None chooses by the size of the data. Never changes results.

    Raises
    ------
    OptionError
        A value is out of range.
    """

    max_iter: int = 500
    tolerance: float = 1e-8
    covariance: str = "hessian"
    threads: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.max_iter, int) or self.max_iter < 0:
            raise OptionError(
                f"max_iter must be a whole number of at least 0, not {self.max_iter}."
            )
        if not isinstance(self.tolerance, int | float) or not 0 < self.tolerance < 1:
            raise OptionError(f"tolerance must lie between 0 and 1, not {self.tolerance}.")
        if self.covariance not in COVARIANCES:
            raise OptionError(
                f"covariance must be one of {', '.join(COVARIANCES)}, not {self.covariance!r}."
            )
        if self.threads is not None and (not isinstance(self.threads, int) or self.threads < 1):
            raise OptionError(f"threads must be None or at least 1, not {self.threads}.")


class MarginalLikelihood:
    """The objective of one estimator on one problem: a pure function of x."""

    def __init__(self, problem: Problem, objective: RangeObjective, workers: Workers) -> None:
        self.problem, self.objective, self.workers = problem, objective, workers
        self.cancel = np.zeros(1, dtype=np.int64)

    def arrays(self, x: Floats, *, gradient: bool) -> tuple[Values, Objective]:
        """Run the kernels at x over all subjects."""
        values = self.problem.space.values(x)
        out = self.problem.objective_arrays()
        self.workers.run(
            lambda first, last: self.objective(
                first, last, gradient, self.problem, values, self.cancel, out
            )
        )
        np.add(out.ofv, self.problem.jacobian, out=out.ofv)
        return values, out

    def __call__(self, x: Floats) -> tuple[float, Floats]:
        """Return the objective and the gradients of its terms, (n_sub, n_free).

        The objective is the OFV; with priors their penalty is added, and a last row for it.
        """
        space = self.problem.space
        with np.errstate(all="ignore"):
            if not np.isfinite(space.omega(x)).all():
                return np.inf, np.empty((0, len(x)))
            values, out = self.arrays(x, gradient=True)
            if out.status.max(initial=0) > Status.MAX_ITER:
                return np.inf, np.empty((0, len(x)))
            value, terms = float(out.ofv.sum()), space.gradient(x, values, out)
            if not space.priors.any:
                return value, terms
            return value + space.penalty(x), np.vstack([terms, space.penalty_gradient(x)])


@dataclass(frozen=True, slots=True)
class Marginal:
    """An approximation of the marginal likelihood, ready for one problem.

    Attributes
    ----------
    objective : its kernel
    label : how -2LL was obtained, such as ``"AGQ(5)"``
    interaction : whether the residual variance follows the individual prediction; decides how
        EBEs and CWRES are computed
    warnings : what should be known of it for this problem
    """

    objective: RangeObjective
    label: str
    interaction: bool
    warnings: tuple[str, ...] = ()


def likelihood_estimator(
    *,
    name: str,
    title: str,
    description: str,
    marginal: Callable[[Problem, Any], Marginal],
    options: type[Any] = LikelihoodOptions,
    group: str = APPROXIMATE,
    controls: tuple[Control, ...] = CONTROLS,
    cost: Callable[[Any, int], str] | None = None,
) -> Estimator:
    """Return the estimator that maximises an approximate likelihood.

    Parameters
    ----------
    name, title, description, options, group, controls, cost : see `Estimator`
    marginal : returns the approximation for a problem and options
    """

    def run_it(
        problem: Problem, options: LikelihoodOptions, monitor: Monitor, estimate: bool
    ) -> FitResult:
        return run(
            problem,
            options,
            monitor,
            estimate=estimate,
            method=name,
            marginal=marginal(problem, options),
        )

    return Estimator(
        name, title, description, options, run_it, group=group, controls=controls, cost=cost
    )


def run(
    problem: Problem,
    options: LikelihoodOptions,
    monitor: Monitor,
    *,
    estimate: bool,
    method: str,
    marginal: Marginal,
) -> FitResult:
    """Estimate (or only evaluate) and gather everything a result holds.

    Raises
    ------
    EstimationError
        The objective is not finite at the starting values.
    """
    began = time.perf_counter()
    with Workers(options.threads, problem.n_sub, problem.n_obs) as workers:
        likelihood = MarginalLikelihood(problem, marginal.objective, workers)
        trace: list[dict[str, float]] = []
        minimum = _search(likelihood, options, monitor, trace, estimate=estimate, method=method)
        x = minimum.x
        finished = estimate and minimum.reason != "cancelled"
        known = uncertainty(likelihood, minimum, options.covariance if finished else "none")
        values, out = likelihood.arrays(x, gradient=False)
        modes = conditional_modes(problem, workers, values, interaction=marginal.interaction)
        verdict = judge(problem, minimum, known, out, modes, options, estimate=estimate)
        verdict = replace(verdict, warnings=(*verdict.warnings, *marginal.warnings))
    return make_result(
        Outcome(
            problem=problem,
            method=method,
            options=options,
            estimated=estimate,
            likelihood=marginal.label,
            x=x,
            individual_ofv=out.ofv,
            eta=modes.eta,
            interaction=marginal.interaction,
            known=known,
            verdict=verdict,
            trace=trace,
            seconds=time.perf_counter() - began,
        )
    )


def _search(
    likelihood: MarginalLikelihood,
    options: LikelihoodOptions,
    monitor: Monitor,
    trace: list[dict[str, float]],
    *,
    estimate: bool,
    method: str,
) -> Minimum:
    problem = likelihood.problem
    names = [entry.name for entry in problem.space.entries]

    def on_step(step: Step) -> None:
        if trace and step.iteration == 0:
            return  # a later stage begins where the last one ended
        natural = dict(zip(names, problem.space.natural(step.x), strict=True))
        trace.append(
            {
                "iteration": len(trace),
                "ofv": step.value,
                "gradient": step.gradient_norm,
                "step": step.step_length,
                **natural,
            }
        )
        if monitor.on_iteration is not None:
            best = min(row["ofv"] for row in trace)
            monitor.on_iteration(
                Progress(len(trace) - 1, options.max_iter, step.value, best, natural)
            )

    def search(start: Floats) -> Minimum:
        return minimise(
            likelihood,
            start,
            tolerance=options.tolerance,
            max_iter=max(options.max_iter - max(len(trace) - 1, 0), 0) if estimate else 0,
            on_step=on_step,
            cancelled=monitor.cancelled,
            known=curvature if problem.space.priors.any else None,
        )

    def curvature(x: Floats) -> Floats:
        return 2.0 * problem.space.prior_information(x)

    start = problem.space.start
    if not estimate:
        return _guarded(search, likelihood, start, method)
    better = start
    if options.max_iter:
        better = approach(
            problem,
            lambda x: likelihood.arrays(x, gradient=True),
            start,
            options.max_iter,
            on_step,
            monitor.cancelled,
        )
    minimum = _guarded(search, likelihood, better, method)
    again = revived(problem, minimum.x)
    if again is not None and minimum.reason in ("converged", "no_descent"):
        minimum = _second_look(search, again, minimum, trace)
    return replace(minimum, iterations=len(trace) - 1)


def _second_look(
    search: Callable[[Floats], Minimum],
    start: Floats,
    first: Minimum,
    trace: list[dict[str, float]],
) -> Minimum:
    """Search again from `start`; the first minimum, and its trace, stay unless this is better."""
    kept = len(trace)
    try:
        second = search(start)
    except ValueError:  # no objective there: the first minimum must not be lost over it
        return first
    if second.value < first.value - 1e-6:
        return second
    del trace[kept:]  # the trace ends at the result
    return first


def _guarded(
    search: Callable[[Floats], Minimum], likelihood: MarginalLikelihood, start: Floats, method: str
) -> Minimum:
    try:
        return search(start)
    except ValueError:
        raise EstimationError(_why_not_finite(likelihood, start, method)) from None


def _why_not_finite(likelihood: MarginalLikelihood, x: Floats, method: str) -> str:
    """Name the subject whose part of the objective does not exist at the starting values."""
    values, out = likelihood.arrays(x, gradient=False)
    bad = np.flatnonzero(out.status > Status.MAX_ITER)
    subjects = likelihood.problem.data.population.subjects
    if not len(bad):
        return f"The {method.upper()} gradient is not finite at the starting values."
    problem = likelihood.problem
    reason = problem.why_not(values.theta, problem.no_etas()) or Status(out.status[bad[0]]).message
    names = ", ".join(str(subjects[i]) for i in bad[:5]) + (" …" if len(bad) > 5 else "")
    return (
        f"The {method.upper()} objective does not exist at the starting values for "
        f"{len(bad)} of {len(subjects)} subjects (ID {names}). {reason}"
    )


def interaction_objective(
    first: int,
    last: int,
    want_gradient: bool,
    problem: Problem,
    values: Values,
    cancel: NDArray[np.int64],
    out: Objective,
) -> int:
    """FOCEI's objective: the residual variance is that at the conditional mode."""
    return conditional_range(
        first, last, True, want_gradient, problem.structure, problem.subjects, values, cancel, out
    )


def conditional_modes(
    problem: Problem, workers: Workers, values: Values, *, interaction: bool
) -> Objective:
    """Return conditional modes (EBE) at given values; for FO the post-hoc ones."""
    out = problem.objective_arrays()
    cancel = np.zeros(1, dtype=np.int64)
    workers.run(
        lambda first, last: conditional_range(
            first,
            last,
            interaction,
            False,
            problem.structure,
            problem.subjects,
            values,
            cancel,
            out,
        )
    )
    return out

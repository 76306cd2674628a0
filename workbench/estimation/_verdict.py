"""The verdict on a fit: converged, doubtful or failed, each with its reasons in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.core.conditional import Objective
from workbench.core.optimize import Minimum
from workbench.core.status import Status
from workbench.estimation._uncertainty import Uncertainty
from workbench.models.distributions import distributions
from workbench.models.eta import LEAST_DF, ROUNDING
from workbench.problem import Problem
from workbench.problem.space import Entry

Floats = NDArray[np.float64]

# A decrease of the OFV that nobody would notice.
NEGLIGIBLE = 1e-3
# Degrees of freedom from which Student's t distribution counts as the normal one.
NORMAL_DF = 200.0
# SD of eta (relative to the parameter's scale) below which a variance counts as zero.
ZERO_SD = 1e-3


@dataclass(frozen=True, slots=True)
class Verdict:
    """Verdict, the sentences behind it, and sentences that are only worth knowing."""

    verdict: str
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]


def judge(
    problem: Problem,
    minimum: Minimum,
    known: Uncertainty,
    out: Objective,
    modes: Objective,
    options: object,
    *,
    estimate: bool,
) -> Verdict:
    """Weigh the evidence of a finished search.

    Parameters
    ----------
    minimum : where the search ended, and why
    known : Hessian and what it promises
    out, modes : per-subject objective and conditional modes at the end
    """
    if not np.isfinite(minimum.value):
        return Verdict("failed", ("The objective is not finite at the end of the search.",), ())
    doubts = _search_doubts(minimum, options) if estimate else []
    doubts += subject_doubts(problem, np.maximum(out.status, modes.status))
    if not estimate:
        return Verdict(
            "doubtful" if doubts else "converged",
            (*doubts, "Evaluated at the given values; nothing was estimated."),
            (),
        )
    if minimum.reason not in ("converged", "no_descent"):
        pass  # an unfinished search says nothing about what the data inform
    elif known.problem:
        doubts.append(known.problem)
    elif np.isfinite(known.decrement) and known.decrement > NEGLIGIBLE:
        doubts.append(
            f"A Newton step from here still promises a decrease of {known.decrement:.3g} in the "
            "OFV. Start again from these estimates."
        )
    doubts += boundary_doubts(problem, minimum.x)
    warnings = collinear(known)
    if doubts:
        return Verdict("doubtful", tuple(doubts), tuple(warnings))
    promised = known.decrement if np.isfinite(known.decrement) else minimum.decrement
    largest = np.abs(minimum.gradients.sum(axis=0)).max(initial=0.0)
    evidence = (
        f"{minimum.iterations} iterations; a further step promises {promised:.1e} in the OFV; "
        f"the largest gradient element is {largest:.1e}."
    )
    return Verdict("converged", (evidence,), tuple(warnings))


def doubted(verdict: Verdict, negative: Sequence[str]) -> Verdict:
    """Return a verdict that takes an SD for doubtful which is negative somewhere.

    Parameters
    ----------
    negative : where, see `problem.checks.negative_sd`
    """
    if not negative or verdict.verdict == "failed":
        return verdict
    doubts = tuple(
        f"{sentence}. The likelihood has only its square, so this is not the model that was "
        "written. Fix a parameter, or choose an error model whose SD cannot become negative."
        for sentence in negative
    )
    earlier = verdict.reasons if verdict.verdict == "doubtful" else ()
    return Verdict("doubtful", (*earlier, *doubts), verdict.warnings)


def collinear(known: Uncertainty) -> list[str]:
    """Warn of estimates that are nearly interchangeable."""
    if not np.isfinite(known.condition_number) or known.condition_number <= 1000:
        return []
    return [
        f"The condition number is {known.condition_number:.3g}: some estimates are nearly "
        "interchangeable. Look at the correlation matrix."
    ]


def _search_doubts(minimum: Minimum, options: object) -> list[str]:
    if minimum.reason == "max_iter":
        limit = getattr(options, "max_iter", minimum.iterations)
        return [
            f"Stopped at the limit of {limit} iterations before the search had settled. "
            "Raise max_iter, or start from these estimates."
        ]
    if minimum.reason == "cancelled":
        return [
            f"Stopped on request after {minimum.iterations} iterations; these are the best values "
            "so far, without standard errors."
        ]
    if minimum.reason == "no_descent":
        return [
            "The search found no lower objective along its direction although the gradient is "
            "not zero. Start from these estimates, or from other values."
        ]
    return []


def subject_doubts(problem: Problem, status: NDArray[np.int64]) -> list[str]:
    """Name the subjects whose random effects were not found."""
    bad = np.flatnonzero(status != Status.OK)
    if not len(bad):
        return []
    subjects = problem.data.population.subjects
    names = ", ".join(str(subjects[i]) for i in bad[:5]) + (" …" if len(bad) > 5 else "")
    return [f"ID {names}: {Status(status[bad[0]]).message}"]


def boundary_doubts(problem: Problem, x: Floats) -> list[str]:
    """Name what went to the boundary of what it can be: bounds, variances, correlations, sigma."""
    space = problem.space
    doubts = [
        f"{name} ended at its {side} bound: the data would move it further. Widen the bound, or "
        "fix the parameter there."
        for name, side in space.at_bounds(x)
        if not name.startswith("shape[")
    ]
    omega = space.omega(x)
    iov, parameters = problem.model.iov, problem.model.parameters
    effects = [(name, space.holds_eta(name), "eta") for name in space.etas]
    effects += [(n, "iov" in parameters[n].fixed, "kappa") for n in iov if space.n_occasions]
    for k, (name, held, letter) in enumerate(effects):
        parameter = parameters.get(name)  # none of a random effect on the residual error
        unitless = parameter is None or distributions.get(parameter.distribution).unitless
        scale = 1.0 if parameter is None or unitless else max(abs(parameter.typical), 1e-8)
        if not held and np.sqrt(omega[k, k]) < ZERO_SD * scale:
            doubts.append(
                f"The variance of {letter} on {name} went to zero (SD {np.sqrt(omega[k, k]):.1e}), "
                "the boundary of what it can be. Drop this random effect."
            )
    for entry, value in zip(space.entries, space.natural(x), strict=True):
        if entry.kind.startswith("correlation") and abs(value) > 0.999:
            doubts.append(
                f"The correlation {entry.name[entry.name.index('[') :]} went to {value:.4f}, the "
                "boundary. Model these random effects with one eta, or drop the correlation."
            )
        if entry.kind == "sigma" and not entry.fixed:
            doubts += _vanished(problem, entry, value)
        if entry.kind == "shape" and not entry.fixed:
            doubts += _no_such_tails(problem, entry, value)
    return doubts


def _no_such_tails(problem: Problem, entry: Entry, value: float) -> list[str]:
    """Say that a t-distributed random effect has become a normal one, or ran out of variance."""
    name = entry.name.removeprefix("shape[").removesuffix("]")
    shape = problem.model.parameters[name].eta
    if shape is None or shape.kind != "student":
        return []
    if value < LEAST_DF * (1.0 + 10.0 * ROUNDING):
        return [
            f"{entry.name} went to {value:.3g}, the least degrees of freedom with a variance: some "
            f"subjects lie further out in {name} than any t distribution allows for. Look at "
            "those, or fix the degrees of freedom, at 3, say."
        ]
    if value < NORMAL_DF:
        return []
    return [
        f"{entry.name} went to {value:.3g}: the random effect on {name} is normal, and nothing "
        "tells so many degrees of freedom. Leave eta= out, or fix it."
    ]


def _no_outliers(entry: Entry, value: float) -> list[str]:
    """Say that Student-t residuals have become normal ones."""
    if value < NORMAL_DF:
        return []
    return [
        f"{entry.name} went to {value:.3g}: the residuals are normal, and nothing tells so many "
        "degrees of freedom. Leave df= out of the error, or fix it."
    ]


def _vanished(problem: Problem, entry: Entry, value: float) -> list[str]:
    """Say that a residual parameter is too small to matter beside the data."""
    endpoint = next(e for e in problem.endpoints if e.output == entry.output)
    error = problem.model.errors[entry.output]
    if error.is_shape(entry.name):
        return _no_outliers(entry, value) if entry.name.endswith("df]") else []
    size = float(np.median(np.abs(problem.data.population.dv[endpoint.rows]))) or 1.0
    in_dv = entry.name.endswith("additive]") and error.transform is None
    relative = abs(value) / (size if in_dv else 1.0)
    if len(endpoint.error.parameters) > 1 and relative < 1e-3:
        return [
            f"{entry.name} went to zero ({value:.1e}): this part of the residual error is not "
            "needed. Choose the simpler error model."
        ]
    if len(endpoint.error.parameters) == 1 and relative < 1e-4:
        return [
            f"{entry.name} went to zero ({value:.1e}): the random effects reproduce the data "
            "exactly, and the likelihood has no maximum. Drop random effects, or fix the residual "
            "error."
        ]
    return []

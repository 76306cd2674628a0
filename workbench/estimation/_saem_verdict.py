"""The verdict on a SAEM run: converged, doubtful or failed, each with its reasons in words."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from workbench.core.conditional import Objective
from workbench.estimation._saem import Saem
from workbench.estimation._saem_stopping import (
    CRITICAL,
    drift,
    informed,
    long_enough,
    monte_carlo_error,
)
from workbench.estimation._uncertainty import Uncertainty, away_from_bounds
from workbench.estimation._verdict import Verdict, boundary_doubts, collinear, subject_doubts

Floats = NDArray[np.float64]

UNSETTLED = 0.5  # Monte-Carlo error, relative to the standard error, that cannot be neglected
WALKING = (0.1, 0.8)  # acceptance of random walks outside this range says they do not explore


def judge_saem(
    run: Saem,
    known: Uncertainty,
    modes: Objective,
    elsewhere: Callable[[], float],
    *,
    estimate: bool,
    cancelled: bool,
) -> Verdict:
    """Weigh the evidence of a finished run.

    Parameters
    ----------
    known : precision of the estimates
    modes : -2LL and conditional modes at the end
    elsewhere : by how much -2LL is lower at another solution; asked only without other doubts
    """
    problem = run.problem
    if not np.isfinite(run.x).all() or not np.isfinite(modes.ofv).all():
        return Verdict("failed", ("The likelihood is not finite at the end of the run.",), ())
    doubts = _run_doubts(run, cancelled=cancelled) if estimate else []
    doubts += subject_doubts(problem, modes.status)
    if not estimate:
        return Verdict(
            "doubtful" if doubts else "converged",
            (*doubts, "Evaluated at the given values; nothing was estimated."),
            (),
        )
    if known.problem and not doubts:
        doubts.append(known.problem)
    doubts += boundary_doubts(problem, run.x)
    warnings = _walking_warnings(run) + collinear(known)
    error, name = _worst(run, known)
    if not doubts and error > UNSETTLED:
        doubts.append(
            f"The Monte-Carlo error of {name} is about {error:.0%} of its standard error: the data "
            "say so little about it that the run has not settled there, as with a variance that "
            "creeps to zero. Drop or fix it, or lower tolerance and raise smoothing and n_chains."
        )
    lower = 0.0 if doubts else elsewhere()
    if lower:
        doubts.append(
            f"A short search by FOCEI from these estimates leads to others where −2LL is lower by "
            f"{lower:.1f}: the chains have settled in a worse solution. Start from other values, "
            "such as a FOCEI fit or those of “Find start”."
        )
    if doubts:
        return Verdict("doubtful", tuple(doubts), tuple(warnings))
    explored = run.history.phase.count("exploration")
    evidence = (
        f"{explored} iterations of exploration and {run.iteration - explored} of smoothing; the "
        f"Monte-Carlo error is about {error:.0%} of the standard error or less ({name})."
    )
    return Verdict("converged", (evidence,), tuple(warnings))


def _run_doubts(run: Saem, *, cancelled: bool) -> list[str]:
    if cancelled:
        return [
            f"Stopped on request after {run.iteration} iterations; these are the values it had "
            "reached."
        ]
    if run.finished == "settled" or not len(run.x):
        return []
    limit = (
        f"Stopped at the limit of {run.options.max_iter} iterations"
        if run.finished == "max_iter"
        else f"The smoothing phase ended at its limit of {run.options.smoothing} iterations"
    )
    if not long_enough(run.smoothing_path):
        return [f"{limit} before the estimates had settled. Raise max_iter and smoothing."]
    error, name = _worst(run, None)
    moving = (np.abs(drift(run.smoothing_path)) >= CRITICAL) & informed(run.yardstick())
    if moving.any():
        names = ", ".join(np.array(_names(run))[moving])
        return [
            f"{limit}, and {names} still had a trend. Start from these estimates, or give "
            "exploration more iterations."
        ]
    return [
        f"{limit} while the Monte-Carlo error of {name} was {error:.0%} of the standard error it "
        "would have with known random effects. Raise smoothing or n_chains."
    ]


def _names(run: Saem) -> list[str]:
    return [entry.name for entry in run.problem.space.entries if not entry.fixed]


def _worst(run: Saem, known: Uncertainty | None) -> tuple[float, str]:
    r"""Largest Monte-Carlo error relative to the standard error, and whose it is.

    The error e of the mean of the one-iteration estimates leaves an error
    :math:`I^{-1} I_c\, e` in their fixed point, I the observed and :math:`I_c` the complete
    information. Without I, the ratio is that of e to the complete-data standard error.
    """
    path = run.smoothing_path
    if not len(run.x) or not long_enough(path):
        return 0.0, "nothing is estimated"
    yardstick = run.yardstick()
    use = informed(yardstick)
    error = np.where(use, monte_carlo_error(path), 0.0)
    ratio = np.divide(error, yardstick, out=np.zeros_like(error), where=use)
    if known is not None and len(known.natural):
        space = run.problem.space
        inner = away_from_bounds(space, run.x)
        inverse = np.linalg.inv(space.jacobian(run.x)[space.free][np.ix_(inner, inner)])
        covariance = inverse @ known.natural.to_numpy() @ inverse.T
        complete = np.divide(1.0, yardstick**2, out=np.zeros_like(error), where=use)[inner]
        left = (covariance * complete) ** 2 @ error[inner] ** 2
        ratio = np.zeros_like(error)  # what is at a bound counts as known
        ratio[inner] = np.sqrt(left / np.diag(covariance))
    worst = int(np.argmax(ratio))
    return float(ratio[worst]), _names(run)[worst]


def _walking_warnings(run: Saem) -> list[str]:
    tried, accepted = run.sampler.tried[1:].sum(axis=0), run.sampler.accepted[1:].sum(axis=0)
    found = []
    for name, n, yes in zip(run.problem.space.random_effects, tried, accepted, strict=True):
        if n >= 20 and not WALKING[0] < yes / n < WALKING[1]:
            found.append(
                f"Of the random walks of eta on {name}, {yes / n:.0%} were accepted at the end; "
                "around 40 % is good. The chains may explore this random effect poorly."
            )
    return found

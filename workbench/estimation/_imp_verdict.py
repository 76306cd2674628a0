"""The verdict on EM by importance sampling, with its reasons in words."""

from __future__ import annotations

import numpy as np

from workbench.core.importance import Weighted
from workbench.estimation._imp_options import ImpOptions
from workbench.estimation._uncertainty import Uncertainty
from workbench.estimation._verdict import Verdict, boundary_doubts, collinear, subject_doubts
from workbench.problem import Problem

# Decrease of the OFV that a Newton step may promise at the end: Monte-Carlo noise of the default
# number of draws promises about 0.005.
NOTICEABLE = 0.05
FEW = 30  # effective draws of a subject, below which neither -2LL nor its error can be trusted


def judge_imp(
    problem: Problem,
    options: ImpOptions,
    x: np.ndarray[tuple[int], np.dtype[np.float64]],
    out: Weighted,
    known: Uncertainty,
    *,
    iterations: int,
    promised: float,
    reason: str,
    estimate: bool,
) -> Verdict:
    """Weigh the evidence.

    Parameters
    ----------
    x : the estimates
    out : expectations there
    iterations, reason : of the search; ``"none"`` where nothing was to be estimated
    promised : decrease of the OFV that a Newton step from x promises
    """
    ofv = float(out.ofv.sum())
    if not np.isfinite(ofv):
        return Verdict("failed", ("The likelihood does not exist at the end of the search.",), ())
    se = float(np.sqrt(out.variance.sum()))
    precision = f"The Monte-Carlo error of -2LL is {se:.2g}."
    doubts = subject_doubts(problem, out.status) + _few_draws(problem, out)
    warnings = _lost_draws(out, options.draws) + collinear(known)
    if reason == "none":
        said = ["Evaluated at the given values; nothing was estimated."]
        if estimate:
            doubts += [known.problem] if known.problem else []
            said = ["Expectation only: the parameters stayed at the given values."]
            if promised > NOTICEABLE:
                said.append(f"A Newton step from there promises {promised:.3g} in the OFV.")
        verdict = "doubtful" if doubts else "converged"
        return Verdict(verdict, (*doubts, *said, precision), tuple(warnings))
    doubts = _search_doubts(reason, iterations, options, promised) + doubts
    if reason == "converged" and known.problem:
        doubts.append(known.problem)
    doubts += boundary_doubts(problem, x)
    if doubts:
        return Verdict("doubtful", (*doubts, precision), tuple(warnings))
    evidence = (
        f"{iterations} iterations, the last {options.window} without a trend; a further step "
        f"promises {promised:.1e} in the OFV."
    )
    return Verdict("converged", (evidence, precision), tuple(warnings))


def _search_doubts(reason: str, iterations: int, options: ImpOptions, promised: float) -> list[str]:
    if reason == "max_iter":
        return [
            f"Stopped at the limit of {options.max_iter} iterations, which still had a trend. "
            "Raise max_iter, or start from these estimates."
        ]
    if reason == "cancelled":
        return [f"Stopped on request after {iterations} iterations; these are the last values."]
    if reason == "lost":
        return [
            "The next step led to values at which the likelihood of a subject does not exist. "
            "Start from other values, or simplify the model."
        ]
    if promised > NOTICEABLE:
        return [
            f"A Newton step from here still promises a decrease of {promised:.3g} in the OFV. "
            "Start again from these estimates, with more draws."
        ]
    return []


def _few_draws(problem: Problem, out: Weighted) -> list[str]:
    bad = np.flatnonzero((out.ess < FEW) & (out.status <= 1))
    if not len(bad):
        return []
    subjects = problem.data.population.subjects
    names = ", ".join(str(subjects[i]) for i in bad[:5]) + (" …" if len(bad) > 5 else "")
    return [
        f"ID {names}: the draws are worth only {out.ess[bad].min():.0f} independent ones, so -2LL "
        "and its error are uncertain. Use more draws, a larger scale, or df = 4 or less."
    ]


def _lost_draws(out: Weighted, draws: int) -> list[str]:
    n = int(np.sum(out.lost > 0.01 * draws))
    if not n:
        return []
    return [
        f"The likelihood does not exist at {int(out.lost.sum())} draws of {n} subjects; they count "
        "as impossible. Another distribution of the parameters may avoid that."
    ]

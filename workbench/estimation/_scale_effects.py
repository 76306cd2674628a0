"""Which methods can estimate a random effect on the residual error, and for which data."""

from __future__ import annotations

import numpy as np

from workbench.core.residuals import OBSERVED
from workbench.errors import EstimationError
from workbench.problem import Problem

# Observations for each other random effect: with 8 FOCEI and Laplace lost 7 to 12 % of the variance
# in simulations, with fewer up to nearly all (docs/residual-errors.md).
ENOUGH = 8


def refuse_scale_effects(problem: Problem, title: str, why: str) -> None:
    """Refuse random effects on the residual error, for a method that does not see them.

    Parameters
    ----------
    title : of the method
    why : what it does instead, as the rest of a sentence

    Raises
    ------
    EstimationError
    """
    if problem.model.scaled:
        raise EstimationError(
            f"{title} {why}, so it cannot estimate the random effect on the residual error "
            f"({', '.join(problem.model.scaled)}). Use FOCEI, Laplace, quadrature, SAEM or "
            "importance sampling, or drop iiv= from the error."
        )


def refuse_frozen_variance(problem: Problem, title: str) -> None:
    """Refuse random effects on a residual error whose variance is taken at eta = 0.

    Raises
    ------
    EstimationError
    """
    refuse_scale_effects(problem, title, "takes the residual variance at eta = 0")


def approximation_warnings(problem: Problem, title: str) -> tuple[str, ...]:
    """Warn where too few observations a subject make a Gaussian approximation a poor one.

    The residuals of a subject are smaller at the modes of its other random effects, by about their
    share of the observations, and the approximation at the joint mode does not see it.

    Parameters
    ----------
    title : of the method
    """
    others = problem.space.n_eta - len(problem.model.scaled)
    if not problem.model.scaled or problem.n_obs >= ENOUGH * others * problem.n_sub:
        return ()
    names = ", ".join(f"omega[{name}]" for name in problem.model.scaled)
    return (
        f"With {problem.n_obs / problem.n_sub:.3g} observations a subject for {others} other "
        f"random effects, {title} puts {names} too low, perhaps far too low. Compare with SAEM, "
        "importance sampling or quadrature.",
    )


def unusual_scaled(problem: Problem) -> str:
    """Return the output with a random effect on its error whose rows are not plain, "" for none.

    Of these the expected information about the random effect has no derivatives here.
    """
    scaled = problem.model.scaled.values()
    for endpoint in problem.endpoints:
        limited = np.any(problem.subjects.kind[endpoint.rows] != OBSERVED)
        if endpoint.output in scaled and (endpoint.spec.student or limited):
            return endpoint.output
    return ""


def refuse_unusual_scaled(problem: Problem, title: str) -> None:
    """Refuse random effects on the error of censored, truncated or Student-t observations.

    Raises
    ------
    EstimationError
    """
    output = unusual_scaled(problem)
    if output:
        raise EstimationError(
            f"{title} takes what an observation tells of the random effect on its residual error "
            f"from the normal distribution, and observations of {output} are censored, truncated "
            'or have Student-t errors. Use Laplace, quadrature with scale="observed", SAEM or '
            "importance sampling."
        )

r"""Standard two-stage: everybody is fitted alone, then the individual estimates are described.

Stage one maximises each subject's own likelihood in the parameters that have a random effect,
together with the parameters that all have in common (residual error, parameters without a random
effect). Stage two takes mean and covariance of the individual estimates,
:math:`\theta = \bar\phi`, :math:`\Omega = \frac{1}{N-1}\sum_i (\phi_i - \bar\phi)
(\phi_i - \bar\phi)^\top`; omega also holds the error of the individual estimates, so it comes out
too large (Steimer, Mallet, Golmard & Boisvieux 1984, Drug Metab Rev 15:265). Residual SDs are
multiplied by :math:`\sqrt{n/(n - p)}`, p the number of all individual and common parameters.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.core.packed import Values
from workbench.errors import EstimationError
from workbench.estimation._base import STAGES, Control, Estimator, Monitor
from workbench.estimation._individual import (
    VAGUE_SD,
    Individuals,
    TwoStageOptions,
    note,
    refuse_nowhere,
    refuse_without_etas,
)
from workbench.estimation._outcome import Outcome, make_result
from workbench.estimation._scale_effects import refuse_scale_effects
from workbench.estimation._uncertainty import Uncertainty, no_uncertainty
from workbench.estimation._verdict import Verdict, boundary_doubts
from workbench.models.distributions import distributions
from workbench.problem import Problem
from workbench.problem.space import frozen
from workbench.problem.workers import Workers
from workbench.results import FitResult

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

UNINFORMED_SD = 3.0  # of an individual estimate (a logarithm, for positive parameters)


@dataclass(frozen=True, slots=True)
class _Stage:
    """The first stage: individual estimates around theta, and how it ended."""

    x: Floats
    eta: Floats
    informed: Bools  # (n_sub,) whose data determine all of their parameters
    reason: str
    iterations: int


def run(problem: Problem, options: TwoStageOptions, monitor: Monitor, estimate: bool) -> FitResult:
    """Estimate (or only evaluate) and gather everything a result holds.

    Raises
    ------
    EstimationError
        The model has no random effects, varies between occasions, has priors or estimated
        covariate effects, a random effect on the residual error, or fewer than
        two subjects inform all of their parameters.
    """
    began = time.perf_counter()
    refuse_without_etas(problem, "The two-stage method")
    if problem.space.priors.any:
        raise EstimationError(
            "The standard two-stage method has no place for priors: it averages individual "
            "estimates. Leave the priors out, or use a likelihood method such as FOCEI."
        )
    if problem.model.iov:
        raise EstimationError(
            "The standard two-stage method fits everybody alone, so it cannot tell variability "
            f"between occasions ({', '.join(problem.model.iov)}) from that between subjects. Use "
            "ITS, FOCEI or SAEM, or drop iov=."
        )
    refuse_scale_effects(
        problem, "The standard two-stage method", "estimates one residual error for all"
    )
    if estimate:
        _refuse_effects(problem)
    space, trace = problem.space, list[dict[str, float]]()
    stage, known = _Stage(space.start, np.zeros(0), np.ones(0, bool), "", 0), no_uncertainty(space)
    with (
        Workers(options.threads, problem.n_sub, problem.n_obs) as workers,
        np.errstate(all="ignore"),
    ):
        people = Individuals(problem, workers, spread=False)
        x = space.start
        if estimate:
            stage = _first_stage(people, options, monitor, trace)
            x = _second_stage(problem, stage)
            known = _uncertainty(problem, x, int(stage.informed.sum()))
        out = people.modes(space.values(x))
        refuse_nowhere(problem, out)
    ofv = out.ofv + problem.jacobian
    note(problem, trace, monitor, options, x, float(ofv.sum()))
    return make_result(
        Outcome(
            problem=problem,
            method="two_stage",
            options=options,
            estimated=estimate,
            likelihood="FOCEI",
            x=x,
            individual_ofv=ofv,
            eta=out.eta,
            interaction=True,
            known=known,
            verdict=_judge(problem, options, stage, x, estimate=estimate),
            trace=trace,
            seconds=time.perf_counter() - began,
        )
    )


def _refuse_effects(problem: Problem) -> None:
    """Refuse coefficients of covariates that act through a random effect."""
    if problem.model.shaped:
        raise EstimationError(
            f"The standard two-stage method describes individual estimates as normal, and the "
            f"random effect of {problem.model.shaped[0]} is not. Use FOCEI, SAEM or IMP."
        )
    for name, parameter in problem.model.parameters.items():
        for effect in parameter.covariates:
            if parameter.has_eta and not all(effect.held):
                raise EstimationError(
                    f"The standard two-stage method averages individual estimates, so it cannot "
                    f"estimate the effect of {effect.column} on {name}. Use ITS, FOCEI or SAEM, or "
                    "fix the coefficient (wb.Fixed)."
                )


def _first_stage(
    people: Individuals, options: TwoStageOptions, monitor: Monitor, trace: list[dict[str, float]]
) -> _Stage:
    """Maximise the likelihood of individual and common parameters by turns."""
    problem, space = people.problem, people.problem.space
    x, iterations, moved = space.start, 0, np.inf
    movable = np.array([not e.fixed for e in space.entries[: space.n_theta]], bool)
    while True:
        values = _vague(problem, space.values(x))
        out = people.modes(values)
        refuse_nowhere(problem, out)
        found = people.scores(values, out.eta)
        twice = float((found.value + problem.jacobian).sum())
        note(problem, trace, monitor, options, x, twice)
        reason = (
            "settled"
            if moved < options.tolerance
            else "cancelled"
            if monitor.cancelled()
            else "max_iter"
            if iterations >= options.max_iter
            else ""
        )
        if reason:
            spread = np.sqrt(np.diagonal(found.inverse, axis1=1, axis2=2))
            informed = np.asarray((spread < UNINFORMED_SD * _sizes(problem)).all(axis=1), bool)
            return _Stage(x, out.eta, informed, reason, iterations)
        new = people.common_step(x, values, out.eta, found)
        # The vague prior should be centred on the subjects.
        shift = np.zeros(space.n_theta)
        index = problem.structure.eta_index[: space.n_phi]
        shift[: space.n_phi][index >= 0] = np.median(out.eta, axis=0)[index[index >= 0]]
        theta = values.theta + np.where(movable, shift, 0.0)
        recentred = space.pack(theta, space.omega(x), values.sigma)
        recentred[people.common] = new[people.common]
        moved = float(np.abs(recentred - x).max(initial=0.0))
        x, iterations = recentred, iterations + 1


def _sizes(problem: Problem) -> Floats:
    """Return the unit of each random effect: 1 for a logarithm, the typical value otherwise."""
    return np.array(
        [
            1.0 if distributions.get(p.distribution).unitless else max(abs(p.typical), 1e-8)
            for p in (problem.model.parameters[name] for name in problem.space.etas)
        ]
    )


def _vague(problem: Problem, values: Values) -> Values:
    """Return values with hardly any prior of the random effects."""
    sd = VAGUE_SD * _sizes(problem)
    return values._replace(
        precision=frozen(np.diag(sd**-2)), log_det_omega=float(2.0 * np.log(sd).sum())
    )


def _second_stage(problem: Problem, stage: _Stage) -> Floats:
    """Return x at the mean and covariance of the individual estimates."""
    space, informed = problem.space, stage.informed
    n = int(informed.sum())
    if n < 2:
        raise EstimationError(
            f"Only {n} of {problem.n_sub} subjects have data that determine all of their own "
            "parameters, so there is no variance between individual estimates. Use FOCEI or SAEM, "
            "which borrow from the other subjects."
        )
    eta, values = stage.eta[informed], space.values(stage.x)
    theta = values.theta.copy()
    for k, a in enumerate(problem.structure.eta_index):
        if a >= 0 and not space.entries[k].fixed:
            theta[k] += eta[:, a].mean()
    omega = np.atleast_2d(np.cov(eta, rowvar=False))
    common = sum(not space.entries[k].fixed for k in range(space.n_theta)) - space.n_eta
    used = problem.n_sub * space.n_eta + max(common, 0)
    factor = np.sqrt(problem.n_obs / (problem.n_obs - used)) if problem.n_obs > used else np.nan
    if not np.isfinite(factor):
        raise EstimationError(
            f"There are {problem.n_obs} observations for {used} individual parameters, so nothing "
            "is left to tell the residual error. Use FOCEI or SAEM."
        )
    sigma = values.sigma.copy()
    for endpoint in problem.endpoints:
        sigma[endpoint.scalable] *= factor
    return space.pack(theta, omega, sigma)


def _uncertainty(problem: Problem, x: Floats, n: int) -> Uncertainty:
    """Standard errors of a mean and of a variance; the residual error has none."""
    space = problem.space
    omega, psi = space.omega(x), space.theta(space.full(x))
    se, variance = np.full(len(space.entries), np.nan), {}
    for k, entry in enumerate(space.entries):
        if entry.fixed:
            continue
        if entry.kind == "theta" and problem.structure.eta_index[k] >= 0:
            a = problem.structure.eta_index[k]
            slope = space.slope_of_typical(k, psi[k])
            variance[k] = slope**2 * omega[a, a] / n
        elif entry.kind == "omega":
            a = space.etas.index(entry.name[len("omega[") : -1])
            variance[k] = 2.0 * omega[a, a] ** 2 / (n - 1)
    for k, v in variance.items():
        se[k] = np.sqrt(v)
    names = [space.entries[k].name for k in variance]
    table = pd.DataFrame(np.diag(list(variance.values())), index=names, columns=names)
    return Uncertainty(table, se, float("nan"), float("nan"))


def _judge(
    problem: Problem, options: TwoStageOptions, stage: _Stage, x: Floats, *, estimate: bool
) -> Verdict:
    if not estimate:
        return Verdict("converged", ("Evaluated at the given values; nothing was estimated.",), ())
    doubts = boundary_doubts(problem, x)
    if stage.reason == "max_iter":
        doubts.insert(
            0,
            f"Stopped at the limit of {options.max_iter} iterations before residual error and "
            "individual estimates had settled. Raise max_iter.",
        )
    elif stage.reason == "cancelled":
        doubts.insert(0, f"Stopped on request after {stage.iterations} iterations.")
    if not stage.informed.all():
        labels = problem.data.population.subjects
        left = [str(labels[i]) for i in np.flatnonzero(~stage.informed)]
        more = " …" if len(left) > 5 else ""
        doubts.append(
            f"{len(left)} subjects were left out, because their own data do not determine their "
            f"parameters: ID {', '.join(left[:5])}{more}. Use FOCEI or SAEM."
        )
    known = ("Omega holds the error of the individual estimates too, so it is too large.",)
    if doubts:
        return Verdict("doubtful", tuple(doubts), known)
    said = f"{stage.iterations} iterations; all {problem.n_sub} individual fits settled."
    return Verdict("converged", (said,), known)


ESTIMATOR = Estimator(
    name="two_stage",
    title="Standard two-stage",
    description="Fits everybody alone and takes mean and covariance of the estimates: for rich "
    "data only, and variances come out too large.",
    options=TwoStageOptions,
    run=run,
    group=STAGES,
    minimises=False,
    controls=(Control("max_iter", "Iterations", "Most iterations"),),
)

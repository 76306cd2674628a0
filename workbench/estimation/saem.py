"""SAEM: stochastic approximation expectation-maximisation."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.estimation._base import INTEGRAL, SEED, Control, Estimator, Monitor, Progress
from workbench.estimation._fisher import linearised_information
from workbench.estimation._likelihood import conditional_modes
from workbench.estimation._louis import Louis
from workbench.estimation._outcome import Outcome, make_result
from workbench.estimation._saem import Saem
from workbench.estimation._saem_elsewhere import better_elsewhere
from workbench.estimation._saem_likelihood import LIKELIHOODS
from workbench.estimation._saem_options import SaemOptions
from workbench.estimation._saem_verdict import judge_saem
from workbench.estimation._uncertainty import Uncertainty, from_information, no_uncertainty
from workbench.problem import Problem
from workbench.problem.conditional_draws import conditional_sampler
from workbench.problem.workers import Workers
from workbench.results import FitResult

Floats = NDArray[np.float64]

BY_LOUIS = "Standard errors are by Louis' formula: the linearised model "


def run(problem: Problem, options: SaemOptions, monitor: Monitor, estimate: bool) -> FitResult:
    """Estimate (or only evaluate) and gather everything a result holds.

    Raises
    ------
    EstimationError
        The likelihood of a subject is not finite at the starting values.
    """
    began = time.perf_counter()
    n_chains = options.chains(problem.n_sub)
    with Workers(options.threads, problem.n_sub, problem.n_obs * n_chains) as workers:
        saem = Saem(problem, options, workers, seed=monitor.seed)
        cancelled = _iterate(saem, monitor, estimate=estimate)
        x = saem.x
        values = problem.space.values(x)
        modes = conditional_modes(problem, workers, values, interaction=True)
        likelihood = LIKELIHOODS[options.likelihood](problem, values, modes, workers, monitor.seed)
        wanted = options.covariance if estimate and not cancelled else "none"
        why = _not_linearised(problem) if estimate and not cancelled else ""
        source = "stochastic" if why else wanted
        conditional = _conditional(saem, workers, modes.eta, monitor.seed, source)
        known = _uncertainty(problem, x, modes.eta, wanted, conditional)
        weighed = known
        if estimate and not cancelled and wanted == "none":  # the verdict must not depend on it
            weighed = _uncertainty(problem, x, modes.eta, "linearisation", conditional)
        verdict = judge_saem(
            saem,
            weighed,
            modes,
            lambda: better_elsewhere(problem, workers, x, monitor.seed),
            estimate=estimate,
            cancelled=cancelled,
        )
        if why and wanted == "linearisation":
            verdict = replace(verdict, warnings=(*verdict.warnings, BY_LOUIS + why))
    return make_result(
        Outcome(
            problem=problem,
            method="saem",
            options=options,
            estimated=estimate,
            likelihood=likelihood.label,
            x=x,
            individual_ofv=likelihood.individual_ofv,
            eta=modes.eta,
            interaction=True,
            known=known,
            verdict=verdict,
            trace=_trace(saem),
            seconds=time.perf_counter() - began,
            likelihood_se=likelihood.se,
            eta_mean=conditional.mean,
            eta_sd=conditional.sd,
        )
    )


def _not_linearised(problem: Problem) -> str:
    """Say what a linearised model does to this one; empty if it may be used for standard errors.

    It takes the observations for normal, with a variance that is the same for all subjects.
    """
    if any(endpoint.spec.student for endpoint in problem.endpoints):
        return "would take Student-t residuals for normal."
    if problem.is_scaled:
        return "knows nothing of the random effect on the residual error."
    if any(not shape.fixed for shape in problem.model.eta_shapes.values()):
        return "would take random effects for normal, and so knows little of their shape."
    return ""


def _iterate(saem: Saem, monitor: Monitor, *, estimate: bool) -> bool:
    """Run to the end; return True when asked to stop before it."""
    if not estimate or not saem.limit or not len(saem.x):
        saem.simulate()
        saem.approximate()
        return False
    while not saem.finished:
        if monitor.cancelled():
            return True
        saem.step()
        if monitor.on_iteration is not None:
            now = saem.complete_m2ll
            monitor.on_iteration(
                Progress(
                    saem.iteration,
                    saem.limit,
                    now,
                    now,
                    {str(k): v for k, v in saem.estimates.items()},
                    "complete-data −2LL",
                )
            )
    return False


@dataclass(frozen=True, slots=True)
class _Conditional:
    """Means and SDs of the conditional distributions of eta, and Louis' information."""

    mean: Floats
    sd: Floats
    information: Floats | None


def _conditional(
    saem: Saem, workers: Workers, modes: Floats, seed: int, covariance: str
) -> _Conditional:
    """Sample the random effects at the estimates."""
    problem, x = saem.problem, saem.x
    values, low = problem.space.values(x), problem.space.low(problem.space.full(x))
    n_chains = saem.sampler.n_chains
    sampler = conditional_sampler(
        problem, workers, values, low, start=modes, seed=seed, n_chains=n_chains
    )
    louis = (
        Louis(problem, saem.parts, saem.shaped, x, sampler) if covariance == "stochastic" else None
    )
    first, second = np.zeros(modes.shape), np.zeros(modes.shape)
    n_sweeps = -(-saem.options.draws // n_chains)
    for _ in range(n_sweeps):
        sampler.move(values, low)
        deviation = sampler.eta - modes[:, None, :]
        first += deviation.mean(axis=1)
        second += (deviation**2).mean(axis=1)
        if louis is not None:
            louis.add()
    mean = first / n_sweeps
    sd = np.sqrt(np.maximum(second / n_sweeps - mean**2, 0.0))
    return _Conditional(modes + mean, sd, None if louis is None else louis.information())


def _uncertainty(
    problem: Problem, x: Floats, modes: Floats, kind: str, conditional: _Conditional
) -> Uncertainty:
    if kind == "none" or not len(x):
        return no_uncertainty(problem.space)
    information = conditional.information
    if information is None:
        with np.errstate(all="ignore"):
            values = problem.space.values(x)
            information = linearised_information(problem, x, values, modes)
    information = information + problem.space.prior_information(x)
    return from_information(problem.space, x, information)


def _trace(saem: Saem) -> list[dict[str, Any]]:
    """Return one row per iteration: phase, complete-data -2LL and every parameter."""
    names = [entry.name for entry in saem.problem.space.entries]
    history = saem.history
    if not history.x:
        start = dict(saem.estimates)
        return [{"iteration": 0, "phase": "", "complete_m2ll": saem.complete_m2ll, **start}]
    rows = zip(history.phase, history.complete_m2ll, history.x, strict=True)
    return [
        {
            "iteration": k,
            "phase": phase,
            "complete_m2ll": m2ll,
            **dict(zip(names, saem.problem.space.natural(x), strict=True)),
        }
        for k, (phase, m2ll, x) in enumerate(rows, 1)
    ]


ESTIMATOR = Estimator(
    name="saem",
    title="SAEM",
    description="Maximises the likelihood itself by simulating the random effects: no linearising.",
    options=SaemOptions,
    run=run,
    group=INTEGRAL,
    controls=(
        Control("exploration", "Exploration", "Most iterations of the exploratory phase"),
        Control("smoothing", "Smoothing", "Most iterations of the smoothing phase"),
        Control(
            "likelihood",
            "−2LL by",
            "How the likelihood is computed at the estimates",
            {"is": "Importance sampling", "linearisation": "Linearisation (FOCEI)"},
        ),
        Control("auto_stop", "Stop by itself", "End each phase when nothing moves any more"),
        Control(
            "covariance",
            "Std. errors",
            "Where the standard errors come from",
            {
                "linearisation": "Linearisation",
                "stochastic": "Stochastic (Louis)",
                "none": "None (fastest)",
            },
        ),
        SEED,
    ),
    minimises=False,
)

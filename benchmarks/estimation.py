"""What a fit costs in a warm process, and how it grows."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from scipy.optimize import minimize

import workbench as wb
from benchmarks.measure import Row, best_of, extra_memory
from benchmarks.populations import model, simulated
from workbench.estimation._likelihood import MarginalLikelihood, interaction_objective
from workbench.problem import Problem
from workbench.problem.workers import Workers


def theophylline() -> Iterator[Row]:
    """Fit by FOCEI with additive error, from the default start."""
    data = wb.load_dataset("theophylline")
    start = wb.Model.from_dict(data.info.suggested_model)
    expected = 116.803

    def estimates() -> wb.FitResult:
        return wb.fit(start, data, method="focei", covariance="none")

    def search() -> float:
        """Return the seconds from the call to the last iteration, when the estimates are there."""
        told = []
        began = time.perf_counter()
        wb.fit(
            start,
            data,
            method="focei",
            covariance="none",
            on_iteration=lambda _: told.append(time.perf_counter()),
        )
        return told[-1] - began

    def everything() -> tuple[object, ...]:
        fit = wb.fit(start, data, method="focei")
        return fit.parameters, fit.predictions, fit.etas, fit.shrinkage

    def by_scipy() -> object:
        problem = Problem(start, data)
        with Workers(1, problem.n_sub, problem.n_obs) as workers:
            likelihood = MarginalLikelihood(problem, interaction_objective, workers)

            def objective(x: np.ndarray) -> float:
                return float(likelihood.arrays(x, gradient=False)[1].ofv.sum())

            return minimize(objective, problem.space.start, method="BFGS")

    fit = estimates()
    if abs(fit.ofv - expected) > 0.005:
        raise RuntimeError(f"OFV {fit.ofv:.4f}, expected {expected}")
    cost = best_of(20, estimates)
    peer, found = best_of(5, by_scipy), by_scipy()
    reached = min(search() for _ in range(20))
    note = f"scipy BFGS, differences, same objective: {peer.wall / reached:.1f} × longer, "
    note += f"stops at {found.fun:.3f} (here {fit.ofv:.3f})"
    yield Row("Theophylline FOCEI, default start → estimates", reached, 0.010, "s", None, note)
    yield Row("  with residuals and EBEs", cost.wall, None, cost=cost)
    everything()
    cost = best_of(20, everything)
    yield Row("  with SEs, residuals, EBEs", cost.wall, 0.050, cost=cost)


def populations() -> Iterator[Row]:
    """Fit simulated trials of 1,000 and 10,000 subjects by FOCEI."""
    cpu = {}
    for n_sub, budget in ((1_000, 0.5), (10_000, 5.0)):
        data = simulated(n_sub)

        def work(data: wb.Dataset = data) -> wb.FitResult:
            return wb.fit(model(), data, method="focei", covariance="none")

        fit = work()
        if fit.verdict != "converged":
            raise RuntimeError(f"{n_sub} subjects: {fit.verdict}, {fit.reasons}")
        cost = best_of(3, work)
        cpu[n_sub] = cost.cpu
        label = f"{n_sub:,} subjects × 10, combined error, FOCEI (CPU)"
        yield Row(label, cost.cpu, budget, cost=cost, note=f"{len(fit.trace)} iterations")
    growth = cpu[10_000] / cpu[1_000] / 10
    yield Row("  growth over linear, 1,000 → 10,000", 100 * (growth - 1), 20, "%")
    yield Row("  memory while fitting 10,000", extra_memory(work), 50, "MB")


def other_methods() -> Iterator[Row]:
    """Fit Theophylline by the other estimators, and SAEM to a trial of 1,000 subjects."""
    data = wb.load_dataset("theophylline")
    start = wb.Model.from_dict(data.info.suggested_model)
    for label, method, options in (
        ("Laplace", "laplace", {}),
        ("quadrature, 5 nodes", "agq", {}),
        ("iterative two-stage", "its", {}),
        ("IMP", "imp", {}),
    ):

        def work(method: str = method, options: dict[str, object] = options) -> wb.FitResult:
            return wb.fit(start, data, method=method, covariance="none", **options)

        fit = work()
        cost = best_of(3, work)
        yield Row(f"Theophylline, {label}", cost.wall, None, cost=cost, note=f"OFV {fit.ofv:.3f}")
    full = {"auto_stop": False, "covariance": "none", "likelihood": "linearisation"}

    def saem() -> wb.FitResult:
        return wb.fit(start, data, method="saem", n_chains=5, **full)

    saem()
    cost = best_of(3, saem)
    yield Row("Theophylline SAEM, 300 + 200 iterations, 5 chains", cost.wall, 0.5, cost=cost)
    trial = simulated(1_000)

    def large() -> wb.FitResult:
        return wb.fit(model(), trial, method="saem", n_chains=1, **full)

    cost = best_of(1, large)
    yield Row("1,000 subjects SAEM, 300 + 200 iterations", cost.wall, 6.0, cost=cost)


SECTIONS = (theophylline, populations, other_methods)

"""What a fit costs in a warm process, and how it grows."""

from __future__ import annotations

from collections.abc import Iterator

import workbench as wb
from benchmarks.measure import Row, best_of, extra_memory
from benchmarks.populations import model, simulated


def theophylline() -> Iterator[Row]:
    """Fit by FOCEI with additive error, from the default start."""
    data = wb.load_dataset("theophylline")
    start = wb.Model.from_dict(data.info.suggested_model)
    expected = 116.803

    def estimates() -> wb.FitResult:
        return wb.fit(start, data, method="focei", covariance="none")

    def everything() -> tuple[object, ...]:
        fit = wb.fit(start, data, method="focei")
        return fit.parameters, fit.predictions, fit.etas, fit.shrinkage

    fit = estimates()
    if abs(fit.ofv - expected) > 0.005:
        raise RuntimeError(f"OFV {fit.ofv:.4f}, expected {expected}")
    cost = best_of(20, estimates)
    yield Row("Theophylline FOCEI, default start → estimates", cost.wall, 0.010, cost=cost)
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


SECTIONS = (theophylline, populations)

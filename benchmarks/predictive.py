"""What simulation-based checks cost in a warm process."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

import workbench as wb
from benchmarks.measure import Row, best_of, extra_memory
from benchmarks.populations import model, simulated

REPLICATES = 1000


def eleven(n_sub: int) -> wb.Dataset:
    """Return a simulated trial with an eleventh observation, at 30 h."""
    table = simulated(n_sub).table.drop(columns="ROW")
    last = table.drop_duplicates("ID", keep="last").assign(TIME=30.0)
    whole = pd.concat([table, last]).sort_values(["ID", "TIME"], kind="stable")
    return wb.read_dataset(whole, name=f"simulated, {n_sub} subjects × 11")


def checks() -> Iterator[Row]:
    """Simulate 1,000 × 100 subjects × 11 observations, and look at them in other ways."""
    data = eleven(100)

    def whole() -> pd.DataFrame:
        return wb.vpc(model(), data, replicates=REPLICATES).table

    whole()
    cost = best_of(5, whole)
    yield Row("VPC 1,000 × 100 subjects × 11, with its table", cost.wall, 0.5, cost=cost)
    check = wb.vpc(model(), data, replicates=REPLICATES)
    for words, look in (
        ("re-binned, k-means", lambda: check.rebin("kmeans", 8).table),
        ("prediction- and variability-corrected", lambda: check.correct(variance=True).table),
    ):
        cost = best_of(10, look)
        yield Row(f"  {words}", cost.wall, 0.05, cost=cost)
    cost = best_of(5, lambda: check.rebin().npc)
    yield Row("  numerical predictive check", cost.wall, None, cost=cost)


def large() -> Iterator[Row]:
    """Simulate 1,000 × 2,000 subjects × 10 observations."""
    data = simulated(2_000)

    def whole() -> wb.Vpc:
        return wb.vpc(model(), data, replicates=REPLICATES)

    kept = whole().simulated.values.nbytes / 1e6
    cost = best_of(1, whole)
    yield Row("VPC 1,000 × 2,000 subjects × 10", cost.wall, None, cost=cost)
    note = f"{kept:.0f} MB of it the simulated values"
    memory = extra_memory(lambda: whole().correct().table)
    yield Row("  memory, with a prediction-corrected table", memory, None, "MB", note=note)


def over_time() -> Iterator[Row]:
    """Compute the prediction distribution and the decomposition of the variance."""
    data = eleven(100)
    for words, work in (
        (
            "prediction distribution, 100 subjects",
            lambda: wb.prediction_distribution(model(), data),
        ),
        (
            "variance decomposition, 1,000 × 100 × 11",
            lambda: wb.variance_decomposition(model(), data, replicates=REPLICATES),
        ),
    ):
        work()
        cost = best_of(3, work)
        yield Row(words, cost.wall, None, cost=cost)


def same_as_numpy() -> Iterator[Row]:
    """Compare a VPC's table with the same percentiles taken one by one by NumPy."""
    data = eleven(100)
    check = wb.vpc(model(), data, replicates=REPLICATES)
    values, times = check.simulated.values, check.simulated.points["TIME"].to_numpy()

    def plain() -> np.ndarray:
        found = []
        for time in np.unique(times):
            mine = values[:, times == time]
            found.append(
                np.quantile([np.quantile(y, [0.05, 0.5, 0.95]) for y in mine], 0.5, axis=0)
            )
        return np.array(found)

    table = check.table
    expected = table["MEDIAN"].to_numpy().reshape(-1, 3)
    if not np.allclose(plain(), expected, rtol=1e-9):
        raise RuntimeError("The table differs from NumPy's percentiles.")
    ours = best_of(5, lambda: check.rebin().table)
    peer = best_of(2, plain)
    note = f"NumPy replicate by replicate: {peer.wall / ours.wall:.0f} × longer, same numbers"
    yield Row("table of 1,000 × 1,100 simulated values", ours.wall, 0.05, cost=ours, note=note)


SECTIONS = (checks, large, over_time, same_as_numpy)

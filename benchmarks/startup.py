"""What a person waits for before the first result: imports, compilation, the first fit."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Row, best_python, run_python

FIRST_FIT = """
import workbench as wb
data = wb.load_dataset("theophylline")
fit = wb.fit(wb.Model.from_dict(data.info.suggested_model), data, method="focei")
assert fit.verdict == "converged", fit.reasons
"""
WARM_UP = (str(Path(sys.executable).parent / "workbench"), "warmup")


def imports() -> Iterator[Row]:
    """Time `import workbench`, beside what it stands on."""
    everything = "import workbench as wb; wb.fit, wb.read_dataset, wb.Model, wb.error"
    best_python(1, "-c", everything)
    cost = best_python(5, "-c", "import workbench")
    yield Row("import workbench (loads the rest when used)", cost.wall, 1.5, cost=cost)
    cost = best_python(5, "-c", everything)
    peer = best_python(5, "-c", "import numba, pandas")
    note = f"{cost.wall / peer.wall:.2f} × numba + pandas alone"
    yield Row("  and all that a fit needs", cost.wall, 1.5, cost=cost, note=note)


def compilation() -> Iterator[Row]:
    """Warm up from nothing, then count what a new process still compiles: it must be nothing."""
    with tempfile.TemporaryDirectory() as folder:
        env = {"WORKBENCH_CACHE_DIR": folder}
        cost, _ = run_python(*WARM_UP, env=env)
        yield Row("first-ever warm-up (empty cache)", cost.wall, 90, cost=cost)
        cost, _ = run_python(*WARM_UP, env=env)
        yield Row("warm-up, everything cached", cost.wall, None, cost=cost)
        before = compiled_files(folder)
        cost = best_python(3, "-c", FIRST_FIT, env=env)
        yield Row("warm process → first fit done", cost.wall, 2.5, cost=cost)
        new = len(compiled_files(folder) - before)
        yield Row("files compiled by that process", new, 0, "files")


def compiled_files(folder: str) -> set[tuple[str, int]]:
    """Return the files of a kernel cache with their times of writing."""
    return {(str(p), p.stat().st_mtime_ns) for p in Path(folder).rglob("*") if p.is_file()}


SECTIONS = (imports, compilation)

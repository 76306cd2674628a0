"""How costs are measured, and what a row of the table holds."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of one run: by the clock, and of all cores together."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Parameters
    ----------
    work : what was done
    measured, budget : in `unit`; a budget of None only reports
    unit : "s", "MB", "%", "×" or "files"
    cost : wall and CPU time, where both are known
    note : the peer's ratio, or how it was measured
    """

    work: str
    measured: float
    budget: float | None
    unit: str = "s"
    cost: Cost | None = None
    note: str = ""

    @property
    def kept(self) -> bool:
        """Say whether the budget was kept."""
        return self.budget is None or self.measured <= self.budget


def best_of(n: int, work: Callable[[], object]) -> Cost:
    """Return the least wall and CPU times of `n` runs, garbage collection held back."""
    walls, cpus = [], []
    for _ in range(n):
        gc.collect()
        gc.disable()
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        gc.enable()
    return Cost(min(walls), min(cpus))


def run_python(*arguments: str, env: dict[str, str] | None = None) -> tuple[Cost, str]:
    """Run this interpreter once; return its cost and standard output."""
    before, wall = os.times(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | (env or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    wall, after = time.perf_counter() - wall, os.times()
    if done.returncode:
        raise RuntimeError(f"{arguments} failed:\n{done.stderr}")
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return Cost(wall, cpu), done.stdout


def best_python(n: int, *arguments: str, env: dict[str, str] | None = None) -> Cost:
    """Return the least times of `n` fresh processes."""
    costs = [run_python(*arguments, env=env)[0] for _ in range(n)]
    return Cost(min(c.wall for c in costs), min(c.cpu for c in costs))


def extra_memory(work: Callable[[], object]) -> float:
    """Return by how many MB the process grew at most while `work` ran, sampled every 2 ms."""
    process = psutil.Process()
    gc.collect()
    start = peak = process.memory_info().rss
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.002):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    result = work()
    peak = max(peak, process.memory_info().rss)
    done.set()
    watcher.join()
    del result
    return (peak - start) / 1e6

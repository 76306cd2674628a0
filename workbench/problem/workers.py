"""Spread a kernel over ranges of subjects, on a few threads (kernels release the GIL)."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

# Below this many observations a call takes well under a millisecond: threads would only cost.
WORTH_THREADS = 3000


class Workers:
    """A pool of threads for one fit; a context manager.

    Results never depend on the number of threads: every subject writes rows of its own, and sums
    over subjects are taken afterwards in subject order.

    Parameters
    ----------
    threads : how many; None for one per core
    n_sub, n_obs : size of the data
    """

    def __init__(self, threads: int | None, n_sub: int, n_obs: int) -> None:
        wanted = threads if threads is not None else (os.cpu_count() or 1)
        self.threads = max(1, min(wanted, n_sub)) if n_obs >= WORTH_THREADS or threads else 1
        pieces = 1 if self.threads == 1 else 4 * self.threads
        edges = [n_sub * k // pieces for k in range(pieces + 1)]
        self.ranges = [(a, b) for a, b in itertools.pairwise(edges) if b > a]
        self._pool = ThreadPoolExecutor(self.threads) if self.threads > 1 else None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def run(self, work: Callable[[int, int], int]) -> int:
        """Call ``work(first, last)`` for every range and return the worst status."""
        if self._pool is None:
            return max((work(first, last) for first, last in self.ranges), default=0)
        return max(self._pool.map(lambda ends: work(*ends), self.ranges))

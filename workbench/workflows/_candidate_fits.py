"""The fits of a covariate search: side by side, each made once, and kept when it is stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any

from workbench.data.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.estimation import CancelToken, fit
from workbench.models.model import Model
from workbench.results import FitResult
from workbench.workflows._candidates import Candidate

Outcome = FitResult | str  # a fit, or why there is none
Settings = tuple[tuple[str, ...], int, str]


class StoppedError(Exception):
    """Carries a stop on request out of the steps."""


@dataclass(frozen=True, slots=True)
class Task:
    """What all fits share."""

    data: Dataset
    method: str | Sequence[str]
    seed: int
    options: Mapping[str, Any]

    @property
    def settings(self) -> Settings:
        """What must be the same for a fit to be used again."""
        names = (self.method,) if isinstance(self.method, str) else tuple(self.method)
        return names, self.seed, json.dumps(dict(self.options), sort_keys=True, default=str)


@dataclass(slots=True)
class Fits:
    """Makes fits, and keeps those that were not cut short by the card of their start."""

    task: Task
    made: dict[str, FitResult] = field(default_factory=dict)
    executor: Executor | None = None
    cancel: CancelToken | None = None
    on_fit: Callable[[int, int, str], None] | None = None

    @property
    def stopped(self) -> bool:
        """Whether a stop was asked for."""
        return self.cancel is not None and self.cancel.is_set()

    def of(
        self,
        starts: Mapping[Candidate, Model],
        heard: Callable[[Candidate, Outcome], object] | None = None,
    ) -> dict[Candidate, Outcome]:
        """Fit from every start, by candidate; those that are there already are not made again.

        Parameters
        ----------
        heard : called with each candidate that is fitted now, and what came of it

        Raises
        ------
        StoppedError
            A stop was asked for before all were there; what was finished is in `made`.
        """
        keys = {candidate: card(start) for candidate, start in starts.items()}
        found: dict[Candidate, Outcome] = {
            candidate: self.made[key] for candidate, key in keys.items() if key in self.made
        }
        missing = {
            candidate: start for candidate, start in starts.items() if candidate not in found
        }
        if missing and self.stopped:
            raise StoppedError
        for candidate, outcome in self._each(missing):
            found[candidate] = outcome
            if isinstance(outcome, FitResult):
                self.made[keys[candidate]] = outcome
            if heard is not None:
                heard(candidate, outcome)
            if self.on_fit is not None:
                self.on_fit(len(found), len(starts), candidate.title)
        if len(found) < len(starts):
            raise StoppedError
        return {candidate: found[candidate] for candidate in starts}

    def _each(self, starts: Mapping[Candidate, Model]) -> Iterator[tuple[Candidate, Outcome]]:
        """Yield the fits as they end; those that a stop may have cut short are left out."""
        if self.executor is not None:
            yield from self._collected(starts, self.executor, shared=False)
        elif starts:
            with ThreadPoolExecutor(min(os.cpu_count() or 1, len(starts))) as pool:
                yield from self._collected(starts, pool, shared=True)

    def _collected(
        self, starts: Mapping[Candidate, Model], executor: Executor, *, shared: bool
    ) -> Iterator[tuple[Candidate, Outcome]]:
        # A token reaches the threads of this process only.
        token = self.cancel if shared else None
        waiting: dict[Future[Outcome], Candidate] = {
            executor.submit(_one, self.task, start, token): candidate
            for candidate, start in starts.items()
        }
        try:
            for future in as_completed(waiting):
                outcome = _outcome(future)
                if self.stopped and shared:
                    return
                yield waiting[future], outcome
                if self.stopped:
                    return
        finally:
            for future in waiting:
                future.cancel()


def card(model: Model) -> str:
    """Return the model with its values as text, to the last digit."""
    return json.dumps(model.to_dict(), sort_keys=True, default=str)


def _one(task: Task, start: Model, cancel: CancelToken | None) -> Outcome:
    try:
        return fit(
            start, task.data, method=task.method, seed=task.seed, cancel=cancel, **task.options
        )
    except (WorkbenchError, ArithmeticError, ValueError) as problem:
        return str(problem)


def _outcome(future: Future[Outcome]) -> Outcome:
    try:
        return future.result()
    except Exception as problem:  # noqa: BLE001  a broken worker must not lose the others
        return f"{type(problem).__name__}: {problem}"

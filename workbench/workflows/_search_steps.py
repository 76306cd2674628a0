"""The steps of a covariate search: which models are tried, and which one goes on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from workbench.errors import WorkbenchError
from workbench.models.model import Model
from workbench.problem.covariates import coefficient_sizes
from workbench.results import FitResult
from workbench.workflows._candidate_fits import Fits, Outcome
from workbench.workflows._candidates import Candidate
from workbench.workflows.likelihood_ratio import SAME, Z, mixture_p_value
from workbench.workflows.multistart import random_start
from workbench.workflows.rank_covariates import DRAWS, ranking

FORWARD, BACKWARD = "forward", "backward"
LADDER = [
    *("step", "direction", "parameter", "covariate", "kind", "effect", "ofv", "delta_ofv", "df"),
    *("p", "verdict", "chosen", "reason"),
]
SPREAD, IIV_SPREAD = 1.5, 1.3  # of the other start of a fit that went astray


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A finished step.

    Attributes
    ----------
    number : from 1
    direction : "forward" or "backward"
    rows : its part of the ladder
    chosen : the candidate that was added or dropped; None if none was, which ends the direction
    fit : of the model after the step
    sentence : the step in words
    """

    number: int
    direction: str
    rows: tuple[dict[str, Any], ...]
    chosen: Candidate | None
    fit: FitResult
    sentence: str


@dataclass(slots=True)
class _Trial:
    """A model tried, and how it compares with the current one."""

    candidate: Candidate
    outcome: Outcome
    remark: str = ""
    delta: float = np.nan
    p: float = np.nan
    astray: bool = False

    @property
    def verdict(self) -> str:
        if isinstance(self.outcome, str):
            return "failed"
        return "doubtful" if self.astray else self.outcome.verdict

    @property
    def usable(self) -> bool:
        return math.isfinite(self.p) and self.verdict != "failed" and not self.astray


@dataclass(slots=True)
class Search:
    """A search on its way: the current fit, the effects in it, and the steps so far."""

    fits: Fits
    current: FitResult
    candidates: Sequence[Candidate]
    forward: float
    backward: float | None
    top: int | None = None
    included: list[Candidate] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    known: dict[frozenset[Candidate], FitResult] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    on_step: Callable[[Step], None] | None = None
    on_row: Callable[[dict[str, Any]], None] | None = None

    def run(self) -> None:
        """Go on until no step is left.

        Raises
        ------
        StoppedError
            A stop was asked for; the steps that are finished are there.
        """
        if self.current.verdict == "converged":
            self.known[frozenset()] = self.current
        for direction in (FORWARD,) if self.backward is None else (FORWARD, BACKWARD):
            while tried := self._left(direction):
                if not self._step(direction, tried):
                    break

    def _level(self, direction: str) -> float:
        """Return the level of a direction; without one backward, there is no such step."""
        if direction == BACKWARD and self.backward is not None:
            return self.backward
        return self.forward

    def _left(self, direction: str) -> list[Candidate]:
        """Return what a step may add or drop, in the order of the candidates."""
        taken = [candidate.place for candidate in self.included]
        if direction == BACKWARD:
            return [candidate for candidate in self.candidates if candidate in self.included]
        return [candidate for candidate in self.candidates if candidate.place not in taken]

    def _step(self, direction: str, tried: Sequence[Candidate]) -> bool:
        """Carry out a step; False if nothing changed."""
        level = self._level(direction)
        trials, best = list[_Trial](), None
        for batch in self._batches(tried) if direction == FORWARD else [tried]:
            trials += self._added(batch) if direction == FORWARD else self._dropped(batch)
            best = _best(trials, direction, level)
            if best is not None:
                break
        number, before = len(self.steps) + 1, self.current
        rows = tuple(_row(number, direction, trial, best, level) for trial in trials)
        for trial in trials:
            if trial.usable and trial.verdict == "converged":
                self.known.setdefault(self._with(direction, trial.candidate), _fit_of(trial))
        if best is not None:
            self.current = _fit_of(best)
            self._change(direction, best.candidate)
        chosen = None if best is None else best.candidate
        sentence = _sentence(number, direction, best, level, before, self.current)
        self.steps.append(Step(number, direction, rows, chosen, self.current, sentence))
        if self.on_step is not None:
            self.on_step(self.steps[-1])
        return best is not None

    def _batches(self, tried: Sequence[Candidate]) -> list[Sequence[Candidate]]:
        """Return what is tried together: all, or a few at a time in the order of the ranking."""
        if self.top is None or len(tried) <= self.top:
            return [tried]
        try:
            table = ranking(self.current, tried, DRAWS, self.fits.task.seed)
        except WorkbenchError as problem:
            self.notes.append(
                f"Step {len(self.steps) + 1} could not rank the candidates, so it took them in "
                f"their own order: {problem}"
            )
        else:
            pairs = zip(table["parameter"], table["covariate"], table["rank"], strict=True)
            rank = {(parameter, covariate): k for parameter, covariate, k in pairs}
            tried = sorted(tried, key=lambda candidate: rank[candidate.place])
        return [tried[k : k + self.top] for k in range(0, len(tried), self.top)]

    def _with(self, direction: str, candidate: Candidate) -> frozenset[Candidate]:
        now = frozenset(self.included)
        return now | {candidate} if direction == FORWARD else now - {candidate}

    def _change(self, direction: str, candidate: Candidate) -> None:
        if direction == FORWARD:
            self.included.append(candidate)
        else:
            self.included.remove(candidate)

    def _added(self, tried: Sequence[Candidate]) -> list[_Trial]:
        """Fit each candidate added to the current model, once more where that went astray."""
        begin = self.current.updated_model
        starts = {c: c.added_to(begin) for c in tried}
        fits = self._fitted(FORWARD, tried, starts)
        trials = [self._compared(c, found) for c, found in fits]
        again = [t.candidate for t in trials if t.astray or not t.usable]
        others = {c: self._other_start(starts[c]) for c in again}
        fits = self._fitted(FORWARD, again, others)
        second = {c: self._compared(c, found) for c, found in fits}
        return [_better(t, second[t.candidate]) if t.candidate in second else t for t in trials]

    def _dropped(self, tried: Sequence[Candidate]) -> list[_Trial]:
        """Fit the current model without each effect, where that was not done on the way."""
        begin = self.current.updated_model
        found: dict[Candidate, Outcome] = {}
        for candidate in tried:
            without = self.known.get(self._with(BACKWARD, candidate))
            if without is not None:
                found[candidate] = without
        missing = [candidate for candidate in tried if candidate not in found]
        starts = {c: c.dropped_from(begin) for c in missing}
        new = dict(self._fitted(BACKWARD, missing, starts))
        again = [c for c, outcome in new.items() if not _ended(outcome)]
        others = {c: self._other_start(starts[c]) for c in again}
        fits = self._fitted(BACKWARD, again, others)
        new |= {c: outcome for c, outcome in fits if _ended(outcome)}
        trials = []
        for candidate in tried:
            outcome = found.get(candidate) or new[candidate]
            remark = "Fitted in an earlier step." if candidate in found else ""
            remark = "Fitted again from another start." if candidate in again else remark
            trials.append(self._reduced(candidate, outcome, remark))
        return trials

    def _reduced(self, candidate: Candidate, outcome: Outcome, remark: str = "") -> _Trial:
        trial = _Trial(candidate, outcome, remark)
        if isinstance(outcome, str) or not _ended(outcome):
            return trial
        _tested(trial, outcome.m2ll - self.current.m2ll)
        if trial.delta < -self._margin(outcome):
            trial.remark = (
                f"{remark} Without the effect the OFV is lower by {-trial.delta:.3f}: the fit with "
                "it had not reached its minimum."
            ).strip()
        return trial

    def _fitted(
        self, direction: str, tried: Sequence[Candidate], starts: dict[Candidate, Model]
    ) -> list[tuple[Candidate, Outcome]]:
        heard = partial(self._tell, direction)
        found = self.fits.of(starts, heard) if starts else {}
        return [(candidate, found[candidate]) for candidate in tried]

    def _tell(self, direction: str, candidate: Candidate, outcome: Outcome) -> None:
        """Report a fit of the step under way as a row of the ladder; nothing is chosen yet."""
        if self.on_row is None:
            return
        forward = direction == FORWARD
        trial = self._compared(candidate, outcome) if forward else self._reduced(candidate, outcome)
        row = _row(len(self.steps) + 1, direction, trial, None, self._level(direction))
        said = outcome if isinstance(outcome, str) else trial.remark
        self.on_row({**row, "reason": said})

    def _compared(self, candidate: Candidate, outcome: Outcome) -> _Trial:
        trial = _Trial(candidate, outcome)
        if isinstance(outcome, str) or not _ended(outcome):
            return trial
        _tested(trial, self.current.m2ll - outcome.m2ll)
        if trial.delta < -self._margin(outcome):
            trial.astray = True
            trial.remark = (
                f"Its OFV is {-trial.delta:.3f} above that of the model without the effect, which "
                "it contains: the fit has not reached its minimum."
            )
        return trial

    def _margin(self, outcome: FitResult) -> float:
        """Return the difference of -2LL that convergence and Monte Carlo may leave."""
        return SAME + Z * math.hypot(self.current.likelihood_se, outcome.likelihood_se)

    def _other_start(self, start: Model) -> Model:
        task = self.fits.task
        sizes = coefficient_sizes(start, task.data)
        return random_start(
            start, 1, seed=task.seed, spread=SPREAD, iiv_spread=IIV_SPREAD, sizes=sizes
        )


def _ended(outcome: Outcome) -> bool:
    return (
        not isinstance(outcome, str) and outcome.verdict != "failed" and math.isfinite(outcome.m2ll)
    )


def _fit_of(trial: _Trial) -> FitResult:
    if isinstance(trial.outcome, str):
        raise TypeError(trial.outcome)  # a failed fit is never chosen
    return trial.outcome


def _tested(trial: _Trial, difference: float) -> _Trial:
    """Set the difference of -2LL, without the effect minus with it, and its p."""
    trial.delta = difference
    candidate = trial.candidate
    trial.p = mixture_p_value(max(trial.delta, 0.0), ((1.0, candidate.df),))
    return trial


def _better(first: _Trial, second: _Trial) -> _Trial:
    """Return the better of two fits of a model, with what happened."""
    won = second if _rank(second) < _rank(first) else first
    won.remark = f"Fitted again from another start. {won.remark}".strip()
    return won


def _rank(trial: _Trial) -> tuple[bool, float]:
    return not math.isfinite(trial.delta), -trial.delta


def _best(trials: Sequence[_Trial], direction: str, level: float) -> _Trial | None:
    """Return the trial that a step takes: of converged ones if any can be, else a doubtful one."""
    able = [t for t in trials if t.usable and (t.p < level) == (direction == FORWARD)]
    converged = [t for t in able if t.verdict == "converged"]
    sign = 1.0 if direction == FORWARD else -1.0
    return min(converged or able, key=lambda t: (sign * t.p, -sign * t.delta), default=None)


def _row(
    number: int, direction: str, trial: _Trial, best: _Trial | None, level: float
) -> dict[str, Any]:
    candidate, outcome = trial.candidate, trial.outcome
    ofv = np.nan if isinstance(outcome, str) else outcome.ofv
    return {
        "step": number,
        "direction": direction,
        "parameter": candidate.parameter,
        "covariate": candidate.effect.column,
        "kind": candidate.effect.kind,
        "effect": "add" if direction == FORWARD else "drop",
        "ofv": ofv if trial.verdict != "failed" else np.nan,
        "delta_ofv": trial.delta,
        "df": candidate.df,
        "p": np.nan if trial.astray else trial.p,
        "verdict": trial.verdict,
        "chosen": trial is best,
        "reason": _reason(trial, best, direction, level),
    }


def _reason(trial: _Trial, best: _Trial | None, direction: str, level: float) -> str:
    if isinstance(trial.outcome, str):
        said = [trial.outcome, trial.remark]
    else:
        doubt = trial.verdict != "converged" and not trial.astray
        said = [
            _choice(trial, best, direction, level) if trial.usable else "",
            trial.remark,
            *(trial.outcome.reasons if doubt else ()),
        ]
    return " ".join(part for part in said if part)


def _choice(trial: _Trial, best: _Trial | None, direction: str, level: float) -> str:
    able = (trial.p < level) == (direction == FORWARD)
    if trial is best:
        extreme = "Smallest" if direction == FORWARD else "Largest"
        if trial.verdict == "converged":
            return f"{extreme} p."
        return f"{extreme} p; chosen although doubtful, as no converged fit could be."
    if not able:
        return f"p ≥ {level:g}." if direction == FORWARD else f"p < {level:g}: kept."
    if best is not None and trial.verdict != "converged" == best.verdict:
        return "Doubtful: a converged fit goes first."
    return f"Another has the {'smaller' if direction == FORWARD else 'larger'} p."


def _sentence(
    number: int,
    direction: str,
    best: _Trial | None,
    level: float,
    before: FitResult,
    after: FitResult,
) -> str:
    head = f"Step {number}, {direction}: "
    if best is None:
        none = "no candidate has" if direction == FORWARD else "every effect has"
        return f"{head}{none} p < {level:g}."
    what = "added" if direction == FORWARD else "dropped"
    return (
        f"{head}{what} {best.candidate.title}, OFV {before.ofv:.3f} → {after.ofv:.3f}, "
        f"{best.candidate.df} df, p = {best.p:.2g}."
    )

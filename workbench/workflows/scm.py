"""Stepwise search for effects of covariates: forward by a mild level, backward by a strict one."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.arguments import check_executor, checked_level, checked_seed, whole_number
from workbench.data.dataset import Dataset
from workbench.data.findings import count
from workbench.errors import (
    DataError,
    EstimationError,
    IncomparableError,
    OptionError,
    WorkbenchError,
)
from workbench.estimation import CancelToken, check_arguments, fit
from workbench.models.model import Model
from workbench.problem.covariates import with_references
from workbench.results import FitResult
from workbench.results.reopened import read_card
from workbench.results.saved import write_text
from workbench.workflows._candidate_fits import Fits, Settings, StoppedError, Task, card
from workbench.workflows._candidates import Candidate, Candidates, checked_candidates
from workbench.workflows._comparable import make_run
from workbench.workflows._saved_search import FORMAT, KIND, parts_of_card, search_card
from workbench.workflows._search_steps import LADDER, Search, Step
from workbench.workflows.likelihood_ratio import why_no_test

LISTED = 5  # rows of each step that a summary shows
SHOWN = ["step", "direction", "parameter", "covariate", "kind", "ofv", "delta_ofv", "df", "p"]


@dataclass(frozen=True, slots=True, eq=False)
class CovariateSearch:
    """What a search for effects of covariates tried, and where it ended.

    Attributes
    ----------
    ladder : one row per model tried, in order: step, direction (forward, backward), parameter,
        covariate, kind, effect (add, drop), ofv, delta_ofv, df, p, verdict (of the fit), chosen,
        reason; see `scm`. Missing where a fit failed
    steps : the finished steps, each with its rows, its choice and the fit it led to
    fit : of the last model
    base : fit of the model without the candidates
    included : effects that the last model has of the candidates
    complete : False after a stop on request; ``scm(..., resume=search)`` continues
    notes : sentences on what limits the search
    forward, backward : levels; None where there was no step backward
    """

    ladder: pd.DataFrame
    steps: tuple[Step, ...]
    fit: FitResult
    base: FitResult
    included: tuple[Candidate, ...]
    complete: bool
    notes: tuple[str, ...]
    forward: float
    backward: float | None
    _made: Mapping[str, FitResult]
    _asked: str
    _settings: Settings

    @property
    def model(self) -> Model:
        """The last model, with its estimates as values."""
        return self.fit.updated_model

    def save(self, path: str | Path) -> None:
        """Write the search with all its fits as JSON; `load_search` reopens it, to be resumed.

        Raises
        ------
        OptionError
            The file cannot be written there.
        """
        text = json.dumps(search_card(self), allow_nan=False, ensure_ascii=False)
        write_text(path, text, "search")

    @property
    def sentence(self) -> str:
        """The outcome in words."""
        names = ", ".join(candidate.title for candidate in self.included) or "none"
        change = f"{self.fit.ofv - self.base.ofv:+z.3f}".replace("-", "−")
        backward = "none backward"
        if self.backward is not None:
            backward = f"backward p < {self.backward:g}"
        ended = "Selected" if self.complete else "Stopped on request; so far selected"
        return (
            f"{ended}: {names}. OFV {self.base.ofv:.3f} → {self.fit.ofv:.3f} ({change}) in "
            f"{count(len(self.steps), 'step')}; forward p < {self.forward:g}, {backward}."
        )

    def _shown(self, most: int | None = None) -> pd.DataFrame:
        """Columns that a summary shows, as text; in each step by p, the first `most`."""
        ladder = self.ladder
        backward = ladder["direction"] == "backward"
        order = ladder["p"].where(~backward, -ladder["p"]).rename("order")
        ladder = ladder.assign(order=order).sort_values(["step", "order"], kind="stable")
        ladder = ladder if most is None else ladder.groupby("step").head(most)
        table = ladder[SHOWN].copy()
        table["ofv"] = [f"{v:.2f}" for v in ladder["ofv"]]
        table["delta_ofv"] = [f"{v:.2f}" for v in ladder["delta_ofv"]]
        table["p"] = [_probability(p) for p in ladder["p"]]
        table["verdict"] = ladder["verdict"]
        table["chosen"] = ["✓" if chosen else "" for chosen in ladder["chosen"]]
        table["reason"] = ladder["reason"]
        return table.replace("nan", "–").rename(columns={"ofv": "OFV", "delta_ofv": "ΔOFV"})

    def __repr__(self) -> str:
        lines = [self.sentence, *(f"note: {note}" for note in self.notes)]
        lines += [step.sentence for step in self.steps]
        if len(self.ladder):
            shown = self._shown(LISTED)
            lines.append(shown.drop(columns="reason").to_string(index=False))
            if len(shown) < len(self.ladder):
                lines.append(f"The first {LISTED} of each step; all in .ladder.")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        notes = "".join(f"<br><i>{html.escape(note)}</i>" for note in self.notes)
        steps = "".join(f"<li>{html.escape(step.sentence)}</li>" for step in self.steps)
        shown = self._shown(LISTED)
        table = shown.to_html(index=False, border=0)
        if len(shown) < len(self.ladder):
            whole = self._shown().to_html(index=False, border=0)
            table += f"<details><summary>All {len(self.ladder)} rows</summary>{whole}</details>"
        return f"<div><b>{html.escape(self.sentence)}</b>{notes}<ol>{steps}</ol>{table}</div>"


def load_search(path: str | Path) -> CovariateSearch:
    """Reopen a saved covariate search, in another session, say: ``wb.scm(..., resume=search)``.

    Raises
    ------
    DataError
        There is no such file, it is damaged, or it is not a search of a format this version reads.
    """
    found = read_card(path, "a saved covariate search")
    if not isinstance(found, dict) or found.get("kind") != KIND:
        raise DataError(f"{path} is JSON, but not a covariate search saved by this package.")
    if found.get("format") != FORMAT:
        raise DataError(
            f"{path} was saved in format {found.get('format')!r}; this version reads {FORMAT}."
        )
    try:
        parts = parts_of_card(found)
        return CovariateSearch(ladder=_ladder(parts["steps"]), **parts)
    except (WorkbenchError, AttributeError, LookupError, TypeError, ValueError) as problem:
        raise DataError(
            f"{path} is a saved search, but damaged: {problem}. Save it again, or use a copy."
        ) from None


def _ladder(steps: Sequence[Step]) -> pd.DataFrame:
    return pd.DataFrame([row for step in steps for row in step.rows], columns=LADDER)


def scm(
    model: Model,
    data: Dataset,
    candidates: Candidates,
    *,
    method: str | Sequence[str] = "focei",
    forward: float = 0.05,
    backward: float | None = 0.01,
    top: int | None = None,
    start: str | Model | FitResult | None = None,
    seed: int = 0,
    resume: CovariateSearch | None = None,
    on_fit: Callable[[int, int, str], None] | None = None,
    on_step: Callable[[Step], None] | None = None,
    on_row: Callable[[dict[str, Any]], None] | None = None,
    cancel: CancelToken | None = None,
    executor: Executor | None = None,
    **options: Any,
) -> CovariateSearch:
    r"""Search stepwise for effects of covariates that the data support.

    Forward, every remaining candidate is added to the current model by itself; the one with the
    smallest p below `forward` stays. When none is left, backward: every effect that was added is
    dropped by itself, and the one with the largest p of at least `backward` goes, until all are
    below. (Jonsson & Karlsson 1998, Pharm. Res. 15:1463; Wählby, Jonsson & Karlsson 2002, AAPS
    PharmSci 4:E27.)

    .. math:: \Delta = -2LL_{without} + 2LL_{with}, \qquad p = P(\chi^2_{df} > \Delta)

    with df the coefficients of the effect; `delta_ofv` is Δ in both directions.

    Every fit starts at the estimates of the current model, the new coefficients at their own
    starts (0), so that it begins where the current one ended. One that fails, or ends above the
    current −2LL though its model contains the current one, is fitted once more from another
    start; if that is no better it is never chosen. A doubtful fit is chosen only where no
    converged one can be, and the ladder says so. Equal p are decided by Δ, then by the order of
    the candidates.

    Nothing is corrected for the number of tests, and the intervals of the last fit take the model
    for known: p-values of selected effects are too small, effects too large.

    Parameters
    ----------
    model : without the candidates; effects that it has already are kept
    candidates : parameter → effects to try; of several of one covariate on one parameter one at
        most is added
    method, seed, options : of every fit, as in `fit`
    forward, backward : levels of the likelihood ratio tests; ``backward=None`` drops nothing
    top : forward, try so many candidates at a time, in the order that draws of the current fit's
        random effects give (`rank_covariates`), and go on with the first such group that has one
        below the level, as COSSAC does with single ones; a search ends only when all were tried.
        It makes fewer fits, but may choose another candidate where p are close. None tries all
    start : of the fit without candidates, as in `fit`; a fit of this very model, data, method,
        options and seed is taken as it is
    resume : an earlier search of the same model, data, method, options and seed, whose fits are
        used again: one that was stopped goes on where it was, with the result that it would have
        had. Levels, candidates and `top` may be others
    on_fit : called in the calling thread with the number of finished fits of a step, of all of
        the step, and the candidate
    on_step : called in the calling thread with each step once it is finished, also with those
        that a resumed search repeats from the fits that are there
    on_row : called in the calling thread with each fit of a step as it ends, as a row of the
        ladder in which nothing is chosen yet; not with fits that are there already
    cancel : set it from another thread; what is done is the result
    executor : any `concurrent.futures` executor; None for a thread per core

    Returns
    -------
    CovariateSearch
        A fit that fails is a row of its ladder, not an exception.

    Raises
    ------
    OptionError, UnknownNameError, ModelError, DataError
        A level is out of range, or a candidate cannot be one; the message says why.
    EstimationError, IncomparableError
        There is no fit without the candidates, or none whose −2LL can be tested.
    """
    check_arguments(model, data)
    forward = checked_level("forward", forward)
    backward = None if backward is None else checked_level("backward", backward)
    if top is not None:
        whole_number("top", top, 1)
    check_executor(executor)
    if resume is not None and not isinstance(resume, CovariateSearch):
        raise OptionError(
            f"resume= is an earlier search, what wb.scm returned, not a {type(resume).__name__}."
        )
    seed = checked_seed(seed)
    task = Task(data, method, seed, dict(options))
    model = with_references(model, data)
    tried = checked_candidates(model, data, candidates)
    asked = card(model)
    if resume is not None:
        _check_resumed(resume, task, asked)
    base = resume.base if resume is not None else _base(model, task, start, cancel)
    refused = why_no_test(make_run("the model without candidates", base), make_run("it", base))
    if refused:
        raise IncomparableError(refused[0].upper() + refused[1:])
    fits = Fits(task, dict(resume._made) if resume is not None else {}, executor, cancel, on_fit)
    search = Search(fits, base, tried, forward, backward, top, on_step=on_step, on_row=on_row)
    complete = True
    try:
        search.run()
    except StoppedError:
        complete = False
    return CovariateSearch(
        ladder=_ladder(search.steps),
        steps=tuple(search.steps),
        fit=search.current,
        base=base,
        included=tuple(search.included),
        complete=complete,
        notes=_notes(base, search, complete=complete),
        forward=forward,
        backward=backward,
        _made=fits.made,
        _asked=asked,
        _settings=task.settings,
    )


def _base(
    model: Model, task: Task, start: str | Model | FitResult | None, cancel: CancelToken | None
) -> FitResult:
    """Return the fit of the model without the candidates."""
    if isinstance(start, FitResult) and _is_fit_of(start, model, task):
        return start
    base = fit(
        model,
        task.data,
        method=task.method,
        start=start,
        seed=task.seed,
        cancel=cancel,
        **task.options,
    )
    if cancel is not None and cancel.is_set():
        raise EstimationError("Stopped on request before the model without candidates was fitted.")
    if base.verdict == "failed":
        raise EstimationError(
            f"The fit of the model without candidates failed: {' '.join(base.reasons)} Give other "
            'starting values, such as start="auto".'
        )
    return base


def _is_fit_of(found: FitResult, model: Model, task: Task) -> bool:
    names, seed, options = task.settings
    given = Task(found.data, names, found.seed, found.given).settings
    return (
        found.estimated
        and found.verdict != "failed"
        and found.data is task.data
        and found.method == "+".join(names)
        and given == (names, seed, options)
        and card(model) in (card(found.model), card(found.updated_model))
    )


def _check_resumed(resume: CovariateSearch, task: Task, asked: str) -> None:
    """Refuse to use fits again that are not those of this search."""
    ours, theirs = task.data, resume.base.data
    same_data = ours is theirs or ours.table.equals(theirs.table)
    for same, what in (
        (same_data, "data"),
        (resume._settings == task.settings, "a method, options or a seed"),
        (resume._asked == asked, "a model or starting values"),
    ):
        if not same:
            raise OptionError(
                f"The search to resume had {what} other than those given now, so its fits cannot "
                "be used again. Give the same, or search without resume."
            )


def _notes(base: FitResult, search: Search, *, complete: bool) -> tuple[str, ...]:
    notes = list(search.notes)
    if not complete:
        notes.append(
            "Stopped on request: what is done is kept, and wb.scm(..., resume=search) goes on."
        )
    if base.verdict == "doubtful":
        notes.append(f"The fit without candidates is doubtful: {' '.join(base.reasons)}")
    if search.current is not base and search.current.verdict == "doubtful":
        notes.append(f"The last fit is doubtful: {' '.join(search.current.reasons)}")
    if base.likelihood_se:
        notes.append(
            "−2LL was obtained by Monte Carlo: differences of a few of its standard errors "
            f"({base.likelihood_se:.2g} in the first fit) may decide a step."
        )
    if base.likelihood == "FO":
        notes.append(
            "FO's −2LL finds differences that are not there more often than the p-value says "
            "(Wählby, Jonsson, Karlsson 2001). Confirm with FOCEI."
        )
    return tuple(notes)


def _probability(p: float) -> str:
    return "–" if p != p else f"{p:.3f}" if p >= 0.001 else f"{p:.1e}"

"""A search for effects of covariates: its candidates, its ladder step by step, its outcome."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import ipywidgets as W
import pandas as pd

from workbench.data.findings import count
from workbench.errors import WorkbenchError
from workbench.models.covariate import covariate_kinds
from workbench.models.covariates import CovariateEffect
from workbench.models.model import Model
from workbench.widgets.code import CodeListing
from workbench.widgets.downloads import Downloads, File
from workbench.widgets.entries import SEARCH
from workbench.widgets.field import NumberField, OptionalNumberField
from workbench.widgets.markup import chip, fixed, html, styled
from workbench.widgets.page_words import on_the_page
from workbench.widgets.panels._base import Panel, PanelView
from workbench.widgets.result_card import csv, file_name, menu
from workbench.widgets.searches import NOT_ON, Ranked, Searched
from workbench.widgets.session import Session
from workbench.widgets.state import WorkbenchState
from workbench.widgets.switch import Switch
from workbench.workflows.scm import CovariateSearch

NAME = "covariate_search"
EMPTY = "Open a dataset with covariates to search for their effects."
ABOUT = (
    "Forward, every candidate is added by itself, and the one with the smallest p stays; backward, "
    "every added effect is dropped by itself, and the one with the largest p goes. Nothing is "
    "corrected for the number of tests: candidates with a reason beforehand are worth more than a "
    "long list."
)
HEAD = ("Parameter", "Covariate", "Kind", "OFV", "ΔOFV", "df", "p", "Fit", "Why")
RANKING = ("Rank", "Parameter", "Covariate", "Test", "p", "Note")
WORDS = (0, 1, 2, 7, 8)  # columns that hold words
TAKE = "Make the model of the search the model card"
ADD = "Add the effects that were found to the present model"
FIRST = 5  # rows of a step that are seen at once


class SearchTab:
    """The widgets of the tab."""

    def __init__(self, session: Session) -> None:
        self.session, self.state = session, session.state
        self._following = False
        self._offered: tuple[Any, ...] = ()  # what the ticks were made for
        self.ticks: dict[tuple[str, str], Switch] = {}
        known: dict[str, Any] = {"entries": session.entries, "blocks": SEARCH}
        self.forward = NumberField("Forward level", self._plan("forward"), **known)
        self.backward = NumberField("Backward level", self._plan("backward"), **known)
        self.top = OptionalNumberField("Candidates tried at a time", self._plan("top"), **known)
        self.top.entry.placeholder = "all"
        self.start = _button("Search", "Fit the candidates step by step", "wb-go")
        self.resume = _button("Go on", "Go on with the search that was stopped", "wb-go")
        self.cancel = _button("Cancel", "Stop; the ladder so far is kept")
        self.rank = _button("Rank", "Order them by the random effects of the fit")
        self.take = _button("Take over", TAKE, "wb-go")
        self.words = html("", "wb-note", "wb-search-words")
        self.waits = html("", "wb-note")
        self.grid = styled(W.Box(), "wb-candidates")
        self.notes, self.ranking = html("", "wb-results"), html("", "wb-results")
        self.outcome, self.ladder = html("", "wb-results"), html("", "wb-results")
        self.downloads: Downloads = menu(session, self.files)
        self.downloads.entries = [["Ladder (CSV)", "csv"], ["Copy as Python", "python"]]
        self.code = CodeListing()
        self.lines = styled(W.VBox([html("<h3>The same in Python</h3>"), self.code]), "wb-lines")
        self.complaints = styled(
            W.VBox([field.complaint for field in (self.forward, self.backward, self.top)]),
            "wb-search-complaints",
        )
        self.widget = W.Stack([html(EMPTY, "wb-empty"), self._page()], selected_index=0)
        self._listen()
        self._follow()

    def _page(self) -> W.Widget:
        levels = [
            _typed("Forward p <", self.forward),
            _typed("Backward p <", self.backward),
            _typed("At a time", self.top),
        ]
        buttons = [self.start, self.resume, self.cancel, self.rank]
        bar = styled(W.HBox([*levels, *buttons]), "wb-row", "wb-bar")
        head = styled(W.HBox([self.take, self.words, self.downloads]), "wb-search-head")
        return styled(
            W.VBox(
                [
                    html(f"<h2>Covariate search</h2><p>{ABOUT}</p>"),
                    bar,
                    self.complaints,
                    self.waits,
                    html("<h3>Candidates</h3>"),
                    self.grid,
                    self.notes,
                    self.ranking,
                    self.outcome,
                    head,
                    self.ladder,
                    self.lines,
                ]
            ),
            "wb-document",
            "wb-search",
        )

    def _listen(self) -> None:
        session = self.session
        self.start.on_click(lambda _button: self._attempt(session.search_covariates))
        self.resume.on_click(
            lambda _button: self._attempt(lambda: session.search_covariates(resume=True))
        )
        self.cancel.on_click(lambda _button: session.cancel())
        self.rank.on_click(lambda _button: self._attempt(session.rank_candidates))
        self.take.on_click(lambda _button: session.use_search())
        names = [
            "dataset",
            "model",
            "method",
            "options",
            "then",
            "sampling",
            "fit",
            "plan",
            "search",
            "ranking",
            "status",
            "tab",
        ]
        self.state.observe(self._follow, names)
        self.state.observe(self._say, "message")

    def _plan(self, name: str) -> Callable[[Any], None]:
        return lambda value: self.session.plan_search(**{name: value})

    def _attempt(self, action: Callable[[], object]) -> None:
        try:
            action()
        except WorkbenchError as error:
            self.state.say(str(error), "error")

    def _follow(self, _change: object = None) -> None:
        state = self.state
        if state.tab != NAME or state.dataset is None or state.model is None:
            return
        self.widget.selected_index = 1 if state.dataset.covariate_names else 0
        self._show_candidates()
        self._show_plan()
        searched: Searched | None = state.search
        found = searched.found if searched is not None else None
        running = state.busy and searched is not None and found is None
        self.cancel.layout.display = "" if running else "none"
        self.start.disabled = self.rank.disabled = state.busy or not self.ticks
        self._show_next(searched)
        self.downloads.layout.display = "" if searched is not None else "none"
        self.outcome.value = outcome(searched, state)
        self.ladder.value = ladder(searched)
        self.ranking.value = ranking(state.ranking if self._ranked() else None)
        known = bool(self.ticks) or searched is not None
        self.lines.layout.display = "" if known else "none"
        self.code.text = self.session.search_python() if known else ""
        self._say()

    def _show_next(self, searched: Searched | None) -> None:
        """Show what can be done with a search that has ended: go on, or take it over."""
        state = self.state
        found = searched.found if searched is not None else None
        stopped = found is not None and not found.complete and not state.busy
        changed = searched.begun_with(state) if searched is not None else ""
        self.resume.layout.display = "" if stopped else "none"
        self.resume.disabled = bool(changed)
        why = NOT_ON.format(changed) if stopped and changed else ""
        self.waits.value = f"<span role='note'>{escape(why)}</span>" if why else ""
        new = found is not None and bool(found.included) and not has_effects(state.model, found)
        self.take.layout.display = "" if new else "none"
        self.take.disabled = state.busy
        whole = searched is not None and not searched.differs(state)
        self.take.description = "Take over" if whole else "Add the effects"
        self.take.tooltip = TAKE if whole else ADD

    def _ranked(self) -> bool:
        known: Ranked | None = self.state.ranking
        return known is not None and known.fit is self.state.fit

    def _say(self, _change: object = None) -> None:
        """Say how far the search is, beside its buttons."""
        state = self.state
        running = state.tab == NAME and state.busy and state.search is not None
        running = running and state.search.found is None
        text = state.message.text if running else ""
        self.words.value = f"<span role='status'>{escape(text)}</span>" if text else ""

    def _show_plan(self) -> None:
        plan = self.state.plan
        for field, value in (
            (self.forward, plan.forward),
            (self.backward, plan.backward),
            (self.top, plan.top),
        ):
            field.follow(value)
            field.entry.disabled = self.state.busy

    def _show_candidates(self) -> None:
        """Show a row for each covariate, a column for each parameter, a tick for a candidate."""
        state = self.state
        key = (state.dataset, state.model)
        if self._offered != key:
            self._offered = key
            proposed = self.session.candidates()
            effects = {(n, e.column): e for n, own in proposed.items() for e in own}
            self.ticks = {place: self._tick(*place, effects[place]) for place in effects}
            columns = list(dict.fromkeys(column for _, column in effects))
            cells: list[W.Widget] = [html(""), *(_head(name) for name in proposed)]
            for column in columns:
                cells.append(_head(column))
                cells += [self.ticks.get((name, column)) or html("–") for name in proposed]
            self.grid.children = cells
            width = len(proposed)
            self.grid.layout.grid_template_columns = f"max-content repeat({width}, max-content)"
            said = [*proposed.notes]
            said += [] if effects else ["There is no candidate to search among."]
            listed = "".join(f"<li>{escape(note)}</li>" for note in said)
            self.notes.value = f"<ul class='wb-reasons wb-note'>{listed}</ul>" if said else ""
        self._following = True
        try:
            for place, tick in self.ticks.items():
                tick.value = place not in state.plan.left_out
                tick.disabled = state.busy
        finally:
            self._following = False

    def _tick(self, parameter: str, column: str, effect: CovariateEffect) -> Switch:
        title = covariate_kinds.get(effect.kind).title.lower()
        box = Switch(value=True, words=title, hint=f"Try {column} on {parameter} ({title})")

        def ticked(change: dict[str, bool]) -> None:
            if not self._following:
                self.session.leave_candidate(parameter, column, out=not change["new"])

        box.observe(ticked, "value")
        return box

    def files(self, what: str) -> list[File] | str:
        """Return the ladder as a file, or the lines that make it."""
        if what == "python":
            return self.session.search_python()
        return [csv(file_name(self.session, "search"), self.state.search.ladder)]


def _button(words: str, hint: str, *classes: str) -> W.Button:
    button: W.Button = styled(W.Button(description=words, tooltip=hint), *classes)
    button.layout.width = "auto"
    return button


def _typed(words: str, field: NumberField) -> W.Widget:
    field.entry.layout.width = "64px"
    label = html(f"<span>{escape(words)}</span>", "wb-small")
    return styled(W.HBox([label, field.entry]), "wb-named")


def _head(name: str) -> W.Widget:
    return html(f"<b>{escape(name)}</b>")


def has_effects(model: Model, found: CovariateSearch) -> bool:
    """Whether a model has every effect that a search found."""
    return all(
        one.parameter in model.parameters
        and any(
            (e.column, e.kind) == (one.effect.column, one.effect.kind)
            for e in model.parameters[one.parameter].covariates
        )
        for one in found.included
    )


def outcome(searched: Searched | None, state: WorkbenchState) -> str:
    """Return what was found, and what must be known of it."""
    if searched is None:
        return ""
    found = searched.found
    if found is None:
        said = (
            "Searching …" if state.busy else "The search did not come to an end: the reason stands "
        )
        said += "" if state.busy else "below the rail. Change what it names, and search again."
        return f"<p class='wb-said'><b>{said}</b></p>"
    mark = chip("complete", "converged") if found.complete else chip("stopped", "doubtful")
    changed = searched.differs(state)
    older = [f"Of an earlier model: {changed} changed since this search."] if changed else []
    notes = "".join(f"<li>{escape(on_the_page(note))}</li>" for note in (*older, *found.notes))
    listed = f"<ul class='wb-reasons'>{notes}</ul>" if notes else ""
    return f"<p class='wb-said'>{mark} <b>{escape(found.sentence)}</b></p>{listed}"


def ladder(searched: Searched | None) -> str:
    """Return every step, newest last: its sentence, and the models it tried.

    Of a step that is not finished, the fits that have ended.
    """
    if searched is None or not (searched.steps or searched.rows):
        return ""
    parts = [_part(step.sentence, step.rows, step.direction) for step in searched.steps]
    if searched.rows:
        first = searched.rows[0]
        ended = count(len(searched.rows), "fit")
        state = "under way" if searched.found is None else "stopped"
        head = f"Step {first['step']}, {first['direction']}, {state}: {ended} so far."
        parts.append(_part(head, searched.rows, first["direction"]))
    return f"<div class='wb-ladder' data-steps='{len(searched.steps)}'>{''.join(parts)}</div>"


def _part(head: str, rows: Sequence[dict[str, Any]], direction: str) -> str:
    """Return a step: its sentence, its first rows, and the others folded."""
    body = [_row(row) for row in sorted(rows, key=lambda row: _order(row, direction))]
    more = f"<details><summary>{len(body) - FIRST} more</summary>" if len(body) > FIRST else ""
    table = _table(body[:FIRST]) + (f"{more}{_table(body[FIRST:])}</details>" if more else "")
    return f"<h3>{escape(head)}</h3><div class='wb-scroll'>{table}</div>"


def _order(row: dict[str, Any], direction: str) -> tuple[bool, float]:
    p = float(row["p"])
    return p != p, -p if direction == "backward" else p


def _row(row: dict[str, Any]) -> str:
    cells = [
        *(str(row[name]) for name in ("parameter", "covariate", "kind")),
        fixed(row["ofv"], 2),
        fixed(row["delta_ofv"], 2),
        str(row["df"]),
        _p(row["p"]),
    ]
    written = [
        f"<td{' class=wb-word' if k in WORDS else ''}>{escape(c)}</td>" for k, c in enumerate(cells)
    ]
    written.append(f"<td class=wb-word>{chip(row['verdict'], row['verdict'])}</td>")
    written.append(f"<td class='wb-word wb-why'>{escape(on_the_page(str(row['reason'])))}</td>")
    mark = " class=wb-current" if row["chosen"] else ""
    return f"<tr{mark}>{''.join(written)}</tr>"


def _table(rows: list[str]) -> str:
    head = "".join(
        f"<th{' class=wb-word' if k in WORDS else ''}>{word}</th>" for k, word in enumerate(HEAD)
    )
    return (
        f"<table class='wb-table wb-runs'><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _p(p: float) -> str:
    return "–" if p != p else f"{p:.3f}" if p >= 0.001 else f"{p:.1e}".replace("-", "−")


def ranking(found: Ranked | None) -> str:
    """Return the candidates in the order in which the random effects point at them."""
    if found is None:
        return ""
    table: pd.DataFrame = found.table
    noted = table["note"].map(_test).str.len().gt(0).any()
    body = "".join(
        f"<tr><td>{row['rank']}</td><td class=wb-word>{escape(str(row['parameter']))}</td>"
        f"<td class=wb-word>{escape(str(row['covariate']))}</td>"
        f"<td class=wb-word>{escape(_test(row['test']))}</td><td>{_p(row['p'])}</td>"
        + (f"<td class='wb-word wb-why'>{escape(_test(row['note']))}</td>" if noted else "")
        + "</tr>"
        for row in table.to_dict("records")
    )
    head = "".join(
        f"<th{' class=wb-word' if k in (1, 2, 3, 5) else ''}>{word}</th>"
        for k, word in enumerate(
            ("Rank", "Parameter", "Covariate", "Test", "p", *(("Note",) if noted else ()))
        )
    )
    title = "Ranking by draws of the random effects: where to look, no test of a model"
    return (
        f"<h3>{title}</h3><div class='wb-scroll'><table class='wb-table'><thead><tr>{head}</tr>"
        f"</thead><tbody>{body}</tbody></table></div>"
    )


def _test(word: object) -> str:
    return "" if word is None or word != word else str(word)


def build(session: Session) -> PanelView:
    """Make the tab."""
    return PanelView(styled(SearchTab(session).widget, "wb-stack"))


PANEL = Panel(NAME, "Covariate search", "tab", 47, build)

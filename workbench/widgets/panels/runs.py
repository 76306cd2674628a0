"""The fits made on this page side by side; one of them is on view."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as W
import pandas as pd

from workbench.errors import WorkbenchError
from workbench.widgets.choice import Choice, Entry
from workbench.widgets.headline import method_words
from workbench.widgets.markup import chip, fixed, html, number, styled
from workbench.widgets.panels._base import Panel, PanelView, labelled
from workbench.widgets.runs import Run
from workbench.widgets.session import Session
from workbench.workflows.compare import Comparison, compare
from workbench.workflows.likelihood_ratio import likelihood_ratio_test

NAME = "runs"
EMPTY = "Every fit made on this page is kept here, to be compared and opened again."
HEAD = (  # where the words may break
    *("Run", "Method", "OFV<br>ΔOFV", "k", "AIC", "BIC", "BICc<br>ΔBICc", "Condi&shy;tion"),
    *("Shrink&shy;age % η / ε", "Time (s)"),
)
WORDS = 2  # leading columns that hold words
MOST_TESTS = 12  # nested pairs that are listed without being asked for


class RunsView:
    """The table of the runs, what can be done with the one on view, and a test of two.

    Parameters
    ----------
    session : whose runs they are
    """

    def __init__(self, session: Session) -> None:
        self.session, self.state = session, session.state
        self._shown: tuple[Any, ...] = ()  # what the table shows, not to make it twice
        self.rows, self.tested = html("", "wb-results"), html("", "wb-results")
        self.complaint = html("", "wb-complaint")
        self.opened = Choice(label="The run on view")
        self.name = W.Text(
            continuous_update=False,
            tooltip="Name of the run on view",
            layout=W.Layout(width="160px"),
        )
        self.remove = W.Button(description="Remove", tooltip="Forget the run on view")
        self.remove.layout.width = "auto"
        self.small, self.large = Choice(label="The smaller model"), Choice(label="The larger model")
        self.stack = W.Stack([html(EMPTY, "wb-empty"), self._body()], selected_index=0)
        self._listen()
        self._follow()

    def _body(self) -> W.Widget:
        one = [labelled("On view", self.opened), labelled("Name", self.name), self.remove]
        two = [labelled("Smaller model", self.small), labelled("Larger model", self.large)]
        question = html("<h2>Likelihood ratio test</h2>")
        bars = [styled(W.HBox(parts), "wb-row", "wb-bar") for parts in (one, two)]
        parts = [bars[0], self.complaint, self.rows, question, bars[1], self.tested]
        return styled(W.VBox(parts), "wb-document")

    def _listen(self) -> None:
        self.opened.observe(self._choose, "value")
        self.name.observe(self._rename, "value")
        self.remove.on_click(
            lambda _button: self._attempt(self.session.remove_run, self.session.open_run_name)
        )
        self.small.observe(self._pair, "value")
        self.large.observe(self._pair, "value")
        self.state.observe(self._follow, ["runs", "fit", "tested", "status"])
        self.state.observe(lambda _change: self._draw(), "tab")

    def _follow(self, _change: object = None) -> None:
        state, on_view = self.state, self.session.open_run_name
        self.stack.selected_index = 1 if state.runs else 0
        entries = [Entry(run.name, run.name) for run in state.runs]
        self.opened.offer(entries if on_view else [Entry("none", ""), *entries])
        self.opened.value, self.name.value, self.complaint.value = on_view, on_view, ""
        self.remove.disabled = self.name.disabled = not on_view or state.busy
        self.opened.disabled = state.busy
        chosen = state.tested or ("", "")
        for choice, value in zip((self.small, self.large), chosen, strict=True):
            choice.offer([Entry("choose a run", ""), *entries])
            if state.tested or choice.value not in [run.name for run in state.runs]:
                choice.value = value
        self._draw()

    def _draw(self) -> None:
        """Make the table, if it is on view and not there yet."""
        state, on_view = self.state, self.session.open_run_name
        if state.tab != NAME or not state.runs:
            return
        if self._shown != (state.runs, on_view):
            self._shown = (state.runs, on_view)
            found = compare([run.fit for run in state.runs], [run.name for run in state.runs])
            self.rows.value = comparison(found, on_view) + nested_pairs(found)
        self.tested.value = test_words(state.runs, tuple(state.tested))

    def _attempt(self, action: Callable[..., object], *arguments: str) -> None:
        try:
            action(*arguments)
        except WorkbenchError as error:
            self.complaint.value = f"<span role='alert'>{escape(str(error))}</span>"

    def _choose(self, change: dict[str, str]) -> None:
        if change["new"] and change["new"] != self.session.open_run_name:
            self._attempt(self.session.open_run, change["new"])

    def _rename(self, change: dict[str, str]) -> None:
        now = self.session.open_run_name
        if now and change["new"] != now:
            self._attempt(self.session.rename_run, now, change["new"])

    def _pair(self, _change: object = None) -> None:
        pair = (self.small.value, self.large.value)
        if all(pair) and pair != tuple(self.state.tested):
            self._attempt(self.session.test_runs, *pair)


def build(session: Session) -> PanelView:
    """Make the tab."""
    return PanelView(styled(RunsView(session).stack, "wb-stack"))


def comparison(found: Comparison, on_view: str) -> str:
    """Return the table of the runs with its notes; the run on view stands out."""
    head = "".join(
        f"<th{' class=wb-word' if k < WORDS else ''}>{word}</th>" for k, word in enumerate(HEAD)
    )
    names = [str(name) for name in found.table.index]
    body = "".join(
        _row(name, row, before, current=name == on_view)
        for name, before, (_, row) in zip(names, ["", *names], found.table.iterrows(), strict=False)
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in found.notes)
    listed = f"<ul class='wb-reasons'>{notes}</ul>" if notes else ""
    return (
        "<div class='wb-scroll'><table class='wb-table wb-runs wb-run-list'><thead>"
        f"<tr>{head}</tr></thead>{body}</table></div>{listed}"
    )


def _row(name: str, row: pd.Series, before: str, *, current: bool) -> str:
    """Return the numbers of a run, and under them what was fitted to what."""
    words = [f"<b>{escape(name)}</b>", f"{_method(row)} {chip(row['verdict'], row['verdict'])}"]
    cells = [f"<td class=wb-word>{word}</td>" for word in words]
    numbers = [
        _with_delta(row, "ofv", 2),
        str(row["n_parameters"]),
        *(fixed(row[column], 1) for column in ("aic", "bic")),
        _with_delta(row, "bicc", 1),
        number(row["condition_number"], 3),
        f"{fixed(row['eta_shrinkage'], 0)} / {fixed(row['epsilon_shrinkage'], 0)}",
        fixed(row["seconds"], 2),
    ]
    cells += [f"<td>{value}</td>" for value in numbers]
    lines = [escape(f"{row['data']} · {row['model']}")]
    if before:
        lines.append(f"<em>Differs from {escape(before)} by {escape(str(row['differs']))}</em>")
    what = f"<td class=wb-word colspan={len(HEAD)}>{'<br>'.join(lines)}</td>"
    mark = " class=wb-current aria-current=true" if current else ""
    return (
        f"<tbody{mark} data-run='{escape(name)}'><tr>{''.join(cells)}</tr>"
        f"<tr class=wb-what>{what}</tr></tbody>"
    )


def _with_delta(row: pd.Series, name: str, decimals: int) -> str:
    """Return a criterion, and under it the difference from the lowest."""
    value, delta = fixed(row[name], decimals), fixed(row[f"delta_{name}"], decimals)
    return f"{value}<br><em>{delta}</em>"


def _method(row: pd.Series) -> str:
    """Return the method, and how -2LL was obtained where that is something else."""
    words, obtained = method_words(row["method"]), str(row["likelihood"])
    if row["m2ll_se"]:
        obtained += f" ± {row['m2ll_se']:.2g}"
    same = obtained.upper() == words
    return escape(words) if same else f"{escape(words)}<br><em>−2LL: {escape(obtained)}</em>"


def nested_pairs(found: Comparison) -> str:
    """Return the tests of the pairs that are nested."""
    sentences = list(found.tests["sentence"])
    if not sentences:
        return ""
    shown = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences[:MOST_TESTS])
    left = len(sentences) - MOST_TESTS
    more = f"<li>{left} more pairs are nested: choose them below.</li>" if left > 0 else ""
    return f"<h3>Nested pairs</h3><ul class='wb-reasons'>{shown}{more}</ul>"


def test_words(runs: tuple[Run, ...], tested: tuple[str, ...]) -> str:
    """Return the test of the two runs that were chosen, or why there is none."""
    if not tested:
        return "<p>Choose two runs: the smaller model must be a special case of the larger.</p>"
    fits = {run.name: run.fit for run in runs}
    try:
        small, large = tested
        test = likelihood_ratio_test(fits[small], fits[large], names=(small, large))
    except WorkbenchError as error:
        return f"<p class='wb-refused' role='note'>{escape(str(error))}</p>"
    notes = "".join(f"<li>{escape(note)}</li>" for note in test.notes)
    return (
        f"<p class='wb-said'><b>{escape(test.sentence)}</b></p><ul class='wb-reasons'>{notes}</ul>"
    )


PANEL = Panel(NAME, "Runs", "tab", 46, build)

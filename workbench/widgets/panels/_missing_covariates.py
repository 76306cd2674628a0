"""Who misses which covariate, and what is done about it: on the tab of the data."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as W
import pandas as pd

from workbench.errors import WorkbenchError
from workbench.widgets.choice import Choice, Entry
from workbench.widgets.code import CodeListing
from workbench.widgets.field import NumberField
from workbench.widgets.markup import NOTHING, chip, fixed, html, number, styled, table
from workbench.widgets.page_words import on_the_page
from workbench.widgets.panels._base import labelled
from workbench.widgets.session import Session
from workbench.widgets.switch import Switch
from workbench.workflows.imputation import MultipleImputation

METHODS = {
    "complete_case": "Leave the subjects out (complete cases)",
    "median": "Median, or most frequent level",
    "regression": "Regression on the other covariates",
    "indicator": "Median, and an indicator of missing",
    "multiple": "Several draws, pooled (multiple imputation)",
}
COSTS = {
    "complete_case": "Leaves out who misses a ticked covariate, at first those of the model. Their "
    "observations are lost; biased where being missing has to do with the outcome.",
    "median": "Standard errors are as if nothing had been missing, and the relation with other "
    "covariates is weakened.",
    "regression": "Filled-in values vary too little: standard errors are too small.",
    "indicator": "Adds a covariate of 0 and 1 for an effect of its own; biased in general.",
    "multiple": "Fits each draw and pools by Rubin's rules. The model must use a covariate that is "
    "missing (tick its effect in the rail). Effects are biased towards zero where the other "
    "covariates tell little of the missing one.",
}
UNUSED = (
    "The model uses no covariate that is missing: all subjects can be fitted. Tick one to treat it "
    "all the same."
)
STALE = "Of an earlier model: the settings have changed since these fits."
MOST_NAMED = 12  # subjects that are named
DRAWS = 10


class MissingCovariates:
    """The part of the page; hidden where nothing is missing."""

    def __init__(self, session: Session) -> None:
        self.session, self.state = session, session.state
        self.m = DRAWS
        self.who, self.cost = html("", "wb-results"), html("", "wb-note")
        self.method = Choice(label="What to do about missing covariates")
        self.method.offer(Entry(words, name) for name, words in METHODS.items())
        self.method.value = "complete_case"
        self.draws = NumberField("Number of draws", self._draws)
        self.draws.show(self.m)
        self.draws.entry.layout.width = "64px"
        self.count = labelled("Draws", self.draws.entry)
        self.apply = W.Button(description="Apply", layout=W.Layout(width="auto"))
        self.apply.tooltip = "Do this with the missing covariates"
        self.back = W.Button(description="Take back", layout=W.Layout(width="auto"))
        self.back.tooltip = "Return to the data as they were read"
        self.ticks: dict[str, Switch] = {}
        self._ticked_for: tuple[object, ...] = ()  # what the ticks were set for
        self.columns = styled(W.HBox([]), "wb-row", "wb-bar")
        self.complaint, self.pooled = html("", "wb-complaint"), html("", "wb-results")
        self.code = CodeListing()
        styled(self.apply, "wb-go")
        row = [labelled("Method", self.method), self.count, self.apply, self.back]
        bar = styled(W.HBox(row), "wb-row", "wb-bar")
        parts = [
            self.who,
            bar,
            self.columns,
            self.cost,
            self.draws.complaint,
            self.complaint,
            self.pooled,
        ]
        self.widget = styled(W.VBox([*parts, self.code]), "wb-missing")
        self.method.observe(self._show_method, "value")
        self.apply.on_click(lambda _button: self._apply())
        self.back.on_click(lambda _button: self._attempt(self.session.take_back))
        names = ["dataset", "unfilled", "pooled", "status", "tab", "model", "method", "options"]
        self.state.observe(self._follow, [*names, "then", "sampling"])
        self._follow()

    def _follow(self, _change: object = None) -> None:
        state = self.state
        whole: Any = state.unfilled or state.dataset
        if state.tab != "data_table" or whole is None:
            return
        missing = whole.missing_covariates
        self.widget.layout.display = "" if len(missing) else "none"
        if not len(missing):
            return
        said = filled_words(state.dataset, whole) if state.unfilled is not None else ""
        self._offer_columns(missing)
        self.who.value = f"<h2>Missing covariates</h2>{missing_table(missing)}{said}"
        self.back.layout.display = "" if state.unfilled is not None else "none"
        self.back.disabled = state.busy
        stale = state.pooled is not None and not state.is_now(state.pooled_with)
        self.pooled.value = "" if state.pooled is None else pooled_table(state.pooled, stale=stale)
        self._show_method()

    def _offer_columns(self, missing: pd.DataFrame) -> None:
        """Show a tick for each covariate that can be treated."""
        names = missing["covariate"][~missing["all_missing"]].astype(str).tolist()
        if list(self.ticks) != names:
            self.ticks = {name: Switch(words=name) for name in names}
            for tick in self.ticks.values():
                tick.observe(lambda _change: self._show_python(), "value")
            self.columns.children = [
                html("<span>Covariates</span>", "wb-label"),
                *self.ticks.values(),
            ]

    def _set_ticks(self) -> None:
        """Tick those that the model uses for complete cases, else all; once for each of these."""
        used = self.session.used_missing()
        complete = self.method.value == "complete_case"
        now = (complete, tuple(self.ticks), used if complete else ())
        if now != self._ticked_for:
            self._ticked_for = now
            for name, tick in self.ticks.items():
                tick.value = name in used or not complete
        for name, tick in self.ticks.items():
            tick.disabled = self.state.busy
            tick.hint = f"{name} is {'' if name in used else 'not '}used by the model"

    @property
    def chosen(self) -> tuple[str, ...]:
        """The covariates that are ticked."""
        return tuple(name for name, tick in self.ticks.items() if tick.value)

    def _show_method(self, _change: object = None) -> None:
        several = self.method.value == "multiple"
        self.count.layout.display = "" if several else "none"
        self.columns.layout.display = "none" if several else ""
        self.apply.description = f"Fit {self.m} draws" if several else "Apply"
        self._set_ticks()
        self._show_python()

    def _show_python(self) -> None:
        several = self.method.value == "multiple"
        nothing = not several and not self.chosen
        cost = COSTS.get(self.method.value, "")
        if nothing and not self.session.used_missing():
            cost = f"{UNUSED} {cost}"
        self.cost.value = escape(cost)
        self.apply.disabled = self.state.busy or nothing
        self.code.layout.display = "none" if nothing else ""
        self.code.text = "" if nothing else self._python()

    def _python(self) -> str:
        """Return the line that does the same."""
        state = self.state
        if state.dataset is None or state.model is None:
            return ""
        if self.method.value == "multiple":
            return self.session.imputation_python(self.m)
        whole = state.unfilled or state.dataset
        given = f"{self.method.value!r}, {list(self.chosen)!r}"
        return f"data = {whole.python().removeprefix('data = ')}.impute({given})\n"

    def _draws(self, value: float) -> None:
        if value < 2 or value != int(value):
            raise ValueError("The number of draws is a whole number of at least 2.")
        self.m = int(value)
        self._show_method()

    def _apply(self) -> None:
        if self.method.value == "multiple":
            self._attempt(self.session.fit_draws, self.m)
        else:
            self._attempt(self.session.fill_in, self.method.value, self.chosen)

    def _attempt(self, action: Any, *arguments: Any) -> None:
        self.complaint.value = ""
        try:
            action(*arguments)
        except WorkbenchError as error:
            self.complaint.value = f"<span role='alert'>{escape(on_the_page(str(error)))}</span>"


def missing_table(missing: pd.DataFrame) -> str:
    """Return who misses what."""
    head = ("Covariate", "Subjects", "Share %", "Who")
    rows = []
    for row in missing.to_dict("records"):
        labels = row["subjects"]
        who = ", ".join(str(label) for label in labels[:MOST_NAMED])
        who += " …" if len(labels) > MOST_NAMED else ""
        who = "everybody" if row["all_missing"] else f"ID {who}"
        who += " (changes within subjects)" if row["time_varying"] else ""
        cells = [str(row["covariate"]), str(row["n_missing"]), fixed(row["percent"], 0), who]
        rows.append(cells)
    written = table(head, rows, words=1)
    for word in ("<td>ID", "<td>everybody", "<th>Who"):
        written = written.replace(word, f"{word[:3]} class=wb-word{word[3:]}")
    return f"<div class='wb-scroll'>{written}</div>"


def filled_words(data: Any, before: Any) -> str:
    """Return what was done about it."""
    gone = before.n_sub - data.n_sub
    lines = [m for m in data.audit["MESSAGE"].astype(str) if m.startswith("impute(")]
    listed = "".join(f"<li>{escape(line)}</li>" for line in lines)
    head = f"{gone} subjects are left out." if gone else "Filled in:"
    return f"<p class='wb-said'><b>{head}</b></p><ul class='wb-reasons'>{listed}</ul>"


def pooled_table(found: MultipleImputation, *, stale: bool = False) -> str:
    """Return the pooled estimates, and what must be known of them."""
    head = ("Parameter", "Unit", "Estimate", "SE", "95 % CI", "df", "Missing information %")
    rows = [
        [str(name), row["unit"] or NOTHING, *_pooled_cells(row)]
        for name, row in found.parameters.iterrows()
    ]
    counts = found.table["verdict"].value_counts()
    chips = " ".join(chip(f"{n} {verdict}", str(verdict)) for verdict, n in counts.items())
    notes = "".join(f"<li>{escape(note)}</li>" for note in found.notes)
    listed = f"<ul class='wb-reasons'>{notes}</ul>" if notes else ""
    mark = f"<div class='wb-stale' role='note'>{STALE}</div>" if stale else ""
    return (
        f"<h3>{len(found.fits)} fits of imputed data, pooled by Rubin's rules {chips}</h3>{mark}"
        f"<div class='wb-scroll'>{table(head, rows, words=2)}</div>{listed}"
    )


def _pooled_cells(row: pd.Series) -> list[str]:
    """Return estimate, SE, interval, degrees of freedom and what is missing."""
    if row["fixed"]:
        return [number(row["estimate"]), "fixed", *[NOTHING] * 3]
    interval = NOTHING
    if pd.notna(row["lower"]):
        interval = f"{number(row['lower'], 3)} to {number(row['upper'], 3)}"
    uncertain = [number(row["estimate"]), number(row["se"], 3), interval, fixed(row["df"], 1)]
    return [*uncertain, fixed(100 * row["fraction_missing"], 0)]

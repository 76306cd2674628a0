"""Methods for values below the limit side by side: on the tab of the data."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import ipywidgets as W
import pandas as pd

from workbench.data.censoring import BLQ_METHODS
from workbench.data.findings import count
from workbench.errors import WorkbenchError
from workbench.results import FitResult
from workbench.widgets.below_limit import USUAL, BlqCompared
from workbench.widgets.code import CodeListing
from workbench.widgets.markup import NOTHING, chip, fixed, html, number, styled
from workbench.widgets.page_words import on_the_page
from workbench.widgets.panels._missing_covariates import STALE
from workbench.widgets.session import Session
from workbench.widgets.switch import Switch

ABOUT = (
    "Fits the model once by each method and puts the estimates side by side, to see how much hangs "
    "on what is done with these values. The method of the rail stays."
)


class BelowLimitSection:
    """The part of the page; hidden where no value is below a limit."""

    def __init__(self, session: Session) -> None:
        self.session, self.state = session, session.state
        self.about = html("", "wb-results")
        self.ticks = {
            name: Switch(value=name in USUAL, words=name, hint=f"{name}: {what}")
            for name, what in BLQ_METHODS.items()
        }
        self.start = styled(_button("Compare", "Fit the model by each of these methods"), "wb-go")
        self.cancel = _button("Cancel", "Stop; the methods that are finished are kept")
        self.words, self.complaint = html("", "wb-note"), html("", "wb-complaint")
        self.table = html("", "wb-results")
        self.take = styled(W.HBox([]), "wb-row", "wb-bar")
        self.code = CodeListing()
        bar = [*self.ticks.values(), self.start, self.cancel, self.words]
        parts = [self.about, styled(W.HBox(bar), "wb-row", "wb-bar"), self.complaint]
        parts += [self.table, self.take, self.code]
        self.widget = styled(W.VBox(parts), "wb-missing", "wb-below")
        self.start.on_click(lambda _button: self._attempt(session.compare_blq, self.chosen))
        self.cancel.on_click(lambda _button: session.cancel())
        for tick in self.ticks.values():
            tick.observe(lambda _change: self._ticked(), "value")
        names = ["dataset", "below_limit", "status", "tab", "model", "method", "options", "fit"]
        self.state.observe(self._follow, [*names, "then", "sampling"])
        self.state.observe(self._say, "message")
        self._follow()

    @property
    def chosen(self) -> tuple[str, ...]:
        """The methods that are ticked."""
        return tuple(name for name, tick in self.ticks.items() if tick.value)

    def _follow(self, _change: object = None) -> None:
        state = self.state
        data = state.dataset
        if state.tab != "data_table" or data is None:
            return
        self.widget.layout.display = "" if data.n_below else "none"
        if not data.n_below:
            return
        below = count(data.n_below, "value")
        said = f"{below}, now {BLQ_METHODS[data.blq]} ({data.blq})."
        title = "Values below the limit of quantification"
        self.about.value = f"<h2>{title}</h2><p>{said} {ABOUT}</p>"
        compared: BlqCompared | None = state.below_limit
        running = self._running()
        self.cancel.layout.display = "" if running else "none"
        for tick in self.ticks.values():
            tick.disabled = state.busy
        stale = compared is not None and not state.is_now(compared.made_with)
        self.table.value = compared_table(compared, running=running, stale=stale)
        self._show_take(compared, running=running)
        self._ticked()
        self._say()

    def _running(self) -> bool:
        compared: BlqCompared | None = self.state.below_limit
        return self.state.busy and compared is not None and not compared.ended

    def _say(self, _change: object = None) -> None:
        """Say how far it is, beside the buttons."""
        shown = self.state.tab == "data_table" and self._running()
        text = escape(self.state.message.text) if shown else ""
        self.words.value = f"<span role='status'>{text}</span>" if text else ""

    def _ticked(self) -> None:
        state = self.state
        self.start.disabled = state.busy or not self.chosen
        known = state.dataset is not None and state.model is not None and bool(self.chosen)
        self.code.text = self.session.blq_python(self.chosen) if known else ""

    def _show_take(self, compared: BlqCompared | None, *, running: bool) -> None:
        """Offer to go on with the fit by one of the methods."""
        found = compared.found if compared is not None and not running else None
        buttons = []
        for name, fit in found.fits.items() if found is not None else ():
            button = _button(f"Take over {name}", f"Bring the fit by {name} on view")
            button.disabled = self.state.busy or fit is self.state.fit
            button.on_click(lambda _b, name=name: self._attempt(self.session.use_blq_fit, name))
            buttons.append(button)
        self.take.children = buttons
        self.take.layout.display = "" if buttons else "none"

    def _attempt(self, action: Any, *arguments: Any) -> None:
        self.complaint.value = ""
        try:
            action(*arguments)
        except WorkbenchError as error:
            self.complaint.value = f"<span role='alert'>{escape(on_the_page(str(error)))}</span>"


def _button(words: str, hint: str) -> W.Button:
    return W.Button(description=words, tooltip=hint, layout=W.Layout(width="auto"))


def compared_table(compared: BlqCompared | None, *, running: bool, stale: bool) -> str:
    """Return the estimates by method, their verdicts, and what must be known of them."""
    if compared is None:
        return ""
    found = compared.found
    if found is None:
        return "<p>The first method is being fitted …</p>" if running else ""
    names = [name for name in compared.methods if name in found.fits or name in found.failed]
    head = "".join(f"<th>{escape(name)} {_verdict(found.fits.get(name))}</th>" for name in names)
    rows = [_counts(names, found.fits), *_parameter_rows(names, found.fits)]
    reference = next(iter(found.fits), "")
    notes = [f"Estimate (SE), 95 % CI, and in brackets the change from {reference}.", found.note]
    if not running and not compared.complete:
        notes.insert(0, f"Stopped: {len(names)} of {len(compared.methods)} methods are finished.")
    notes += [f"{name} failed: {why}" for name, why in found.failed.items()]
    notes += [
        f"{name} is {fit.verdict}: {' '.join(fit.reasons)}"
        for name, fit in found.fits.items()
        if fit.verdict != "converged"
    ]
    listed = "".join(f"<li>{escape(on_the_page(note))}</li>" for note in notes)
    mark = f"<div class='wb-stale' role='note'>{STALE}</div>" if stale else ""
    return (
        f"{mark}<div class='wb-scroll' data-methods='{len(names)}'>"
        "<table class='wb-table wb-by-method'>"
        f"<thead><tr><th class=wb-word>Parameter</th>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div><ul class='wb-reasons'>{listed}</ul>"
    )


def _verdict(fit: FitResult | None) -> str:
    word = "failed" if fit is None else fit.verdict
    return chip(word, word)


def _counts(names: list[str], fits: Mapping[str, FitResult]) -> str:
    cells = "".join(
        f"<td>{fits[name].data.n_obs if name in fits else NOTHING}</td>" for name in names
    )
    return f"<tr><td class=wb-word>Observations used</td>{cells}</tr>"


def _parameter_rows(names: list[str], fits: Mapping[str, FitResult]) -> list[str]:
    """Return one row per parameter; the fits are of one model, so they share them."""
    tables = [fit.parameters for fit in fits.values()]
    first = tables[0] if tables else pd.DataFrame()
    rows = []
    for parameter in first.index:
        base = float(first.loc[parameter, "estimate"])
        cells = "".join(
            f"<td>{_cell(fits[name].parameters.loc[parameter], base) if name in fits else NOTHING}"
            "</td>"
            for name in names
        )
        unit = str(first.loc[parameter, "unit"])
        said = f"{parameter} ({unit})" if unit else str(parameter)
        rows.append(f"<tr><td class=wb-word>{escape(said)}</td>{cells}</tr>")
    return rows


def _cell(row: pd.Series, base: float) -> str:
    """Return estimate, SE, interval, and the change from the estimate of the first method."""
    if row["fixed"]:
        return f"{number(row['estimate'])}<br><em>fixed</em>"
    said = [f"<b>{number(row['estimate'])} ({number(row['se'], 3)})</b><br>"]
    if pd.notna(row["lower"]):
        said.append(f"<em>{number(row['lower'], 3)} to {number(row['upper'], 3)}</em>")
    if base and row["estimate"] != base:
        change = 100 * (row["estimate"] / base - 1)
        said.append(f"<em>({'+' if change >= 0.5 else ''}{fixed(change, 0)} %)</em>")
    return " ".join(said)

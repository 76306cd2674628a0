"""How a check by simulation is made and looked at, as controls."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as W

from workbench.errors import WorkbenchError
from workbench.widgets.choice import Choice, Entry
from workbench.widgets.field import NumberField, NumbersField, OptionalNumberField
from workbench.widgets.markup import html, styled
from workbench.widgets.session import Session
from workbench.widgets.switch import Switch

BINNINGS = {
    "auto": "Automatic",
    "equal_count": "Equal counts",
    "equal_width": "Equal widths",
    "kmeans": "k-means",
    "jenks": "Jenks (least squares)",
}
CORRECTIONS = {"none": "None", "prediction": "Prediction", "variance": "Prediction, variance"}
AXES = {"TIME": "Time", "TAD": "Time after dose", "PRED": "PRED"}
WIDTHS = {"n_bins": 56, "edges": 120, "percents": 84, "replicates": 64, "seed": 52, "lloq": 60}


class LookControls:
    """One control for each part of `checks.Look`; what a change breaks is said below it."""

    def __init__(self, session: Session) -> None:
        self.session, self.state = session, session.state
        self._following = False
        self.fields: dict[str, NumberField] = {
            "n_bins": OptionalNumberField("Number of bins", self._commit("n_bins", _whole)),
            "edges": NumbersField("Edges of the bins", self._commit("edges")),
            "percents": NumbersField("Percentiles", self._commit("percents")),
            "lloq": OptionalNumberField("Limit of quantification", self._commit("lloq")),
            "replicates": NumberField("Replicates", self._commit("replicates", _whole)),
            "seed": NumberField("Seed", self._commit("seed", _whole)),
        }
        self.fields["edges"].entry.placeholder = "e.g. 0 1 4 24"
        self.choices = {
            "binning": self._choice("binning", "Way of binning", BINNINGS),
            "correction": self._choice("correction", "Correction", CORRECTIONS),
            "x": self._choice("x", "Horizontal axis", AXES),
        }
        self.log = Switch(words="log y", hint="Logarithmic scale of the observations")
        self.log.observe(lambda change: self._set(log=change["new"]), "value")
        self.widget = styled(W.HBox(self._parts()), "wb-look")
        self.state.observe(self._follow, "look")
        self._follow()

    def _parts(self) -> list[W.Widget]:
        return [
            self._option("Bins", self.choices["binning"], 118),
            self._typed("Number", "n_bins"),
            self._typed("Edges by hand", "edges"),
            self._option("Correction", self.choices["correction"], 118),
            self._option("Over", self.choices["x"], 112),
            self._typed("Percentiles", "percents"),
            self._typed("LLOQ", "lloq"),
            self._typed("Replicates", "replicates"),
            self._typed("Seed", "seed"),
            self.log,
        ]

    def _option(self, words: str, control: W.Widget, width: int, *below: W.Widget) -> W.Widget:
        control.layout.width = f"{width}px"
        label = html(f"<span>{escape(words)}</span>", "wb-small")
        return styled(W.VBox([label, control, *below]), "wb-option")

    def _typed(self, words: str, name: str) -> W.Widget:
        field = self.fields[name]
        return self._option(words, field.entry, WIDTHS[name], field.complaint)

    def _choice(self, name: str, label: str, options: dict[str, str]) -> Choice:
        choice = Choice(label=label)
        choice.offer(Entry(words, value) for value, words in options.items())
        choice.observe(lambda change: self._set(**{name: change["new"]}), "value")
        return choice

    def _commit(
        self, name: str, read: Callable[[Any], Any] = lambda value: value
    ) -> Callable[[Any], None]:
        return lambda value: self.session.set_look(**{name: read(value)})

    def _set(self, **changes: Any) -> None:
        """Apply a choice; one that cannot be is taken back, and the page says why."""
        if self._following:
            return
        try:
            self.session.set_look(**changes)
        except WorkbenchError as error:
            self.state.say(str(error), "error")
            self._follow()

    def _follow(self, _change: object = None) -> None:
        look = self.state.look
        self._following = True
        try:
            for name, choice in self.choices.items():
                choice.value = getattr(look, name)
            for name, field in self.fields.items():
                field.follow(getattr(look, name))
            self.log.value = look.log
        finally:
            self._following = False


def _whole(value: float | None) -> int | None:
    if value is None:
        return None
    if value != int(value):
        raise ValueError(f"A whole number is needed, not {value:g}.")
    return int(value)

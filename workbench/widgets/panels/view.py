"""How every view looks at the subjects: by what it is coloured and split, what it leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as W
import numpy as np

from workbench.errors import WorkbenchError
from workbench.plots import Condition, Variable, endpoint_names, variables
from workbench.widgets.choice import Choice, Entry
from workbench.widgets.field import OptionalNumberField
from workbench.widgets.markup import html, styled
from workbench.widgets.panels._base import Panel, PanelView
from workbench.widgets.session import Session
from workbench.widgets.state import LAYOUTS
from workbench.widgets.switch import Switch

NONE = ""
CUTS = {"2": "at the median", "3": "into tertiles", "4": "into quartiles"}
GROUPS = {
    "covariate": "Covariates",
    "individual parameter": "Individual parameters",
    "random effect": "Random effects",
}
NO_DATA = "Open a dataset first."
LAYOUT_WORDS = {"1": "1", "2x2": "2×2", "2x3": "2×3"}
MOST_LEVELS = 12  # levels that are offered as boxes


class ViewBar:
    """The widgets of the bar."""

    def __init__(self, session: Session) -> None:
        self.session, self.state = session, session.state
        self._following = False
        self.colour, self.split = (Choice(label=label) for label in ("Colour by", "Split by"))
        self.cut = Choice(label="Where a number is cut to split by it")
        self.cut.offer(Entry(words, key) for key, words in CUTS.items())
        self.filter = styled(W.Button(description="Filter …"), "wb-quiet")
        self.clear = styled(W.Button(description="Clear", tooltip="Show everything"), "wb-quiet")
        self.layouts = styled(
            W.ToggleButtons(
                options=[(LAYOUT_WORDS[name], name) for name in LAYOUTS],
                value=self.state.layout,
                tooltips=[f"{n} view{'s' if n > 1 else ''}" for n in LAYOUTS.values()],
            ),
            "wb-layouts",
        )
        self.editor = FilterEditor(session)
        controls = W.HBox(
            [
                _named("Colour", self.colour),
                _named("Split", self.split),
                self.cut,
                self.filter,
                self.clear,
                self.layouts,
            ]
        )
        self.widget = styled(
            W.VBox([styled(controls, "wb-view-controls"), self.editor.widget]), "wb-view"
        )
        self._listen()
        self._offer()

    def _listen(self) -> None:
        self.colour.observe(lambda change: self._chosen(change, self.session.colour_by), "value")
        self.split.observe(lambda change: self._chosen(change, self.session.split_by), "value")
        self.cut.observe(self._cut, "value")
        self.filter.on_click(lambda _button: self.editor.turn())
        self.clear.on_click(lambda _button: self.session.clear_view())
        self.layouts.observe(lambda change: self.session.set_layout(change["new"]), "value")
        self.state.observe(self._offer, ["dataset", "fit"])
        self.state.observe(self._follow, ["lens", "layout", "tab"])

    def _chosen(self, change: Mapping[str, str], apply: Any) -> None:
        if not self._following:
            apply(change["new"])

    def _cut(self, change: Mapping[str, str]) -> None:
        if not self._following and change["new"]:
            self.session.split_by(self.state.lens.split_by, int(change["new"]))

    def _offer(self, _change: object = None) -> None:
        """Offer what is known of the subjects; say why the rest cannot be chosen."""
        self._known = _known(self.state)
        entries = [Entry("none", NONE)]
        for name, variable in self._known.items():
            entries.append(Entry(name, name, GROUPS[variable.kind], _why(variable)))
        usable = any(not entry.why for entry in entries[1:])
        for choice in (self.colour, self.split):
            choice.offer(entries)
            choice.disabled = not usable
            choice.hint = "" if usable else self._reason()
        self._follow()

    def _reason(self) -> str:
        if self.state.dataset is None:
            return NO_DATA
        if not self._known:
            return "The data have no covariates. After a fit there are parameters and etas."
        return "No covariate differs between the subjects."

    def _follow(self, _change: object = None) -> None:
        lens = self.state.lens
        self._following = True
        try:
            self.colour.value, self.split.value = lens.colour_by, lens.split_by
            self.cut.value = str(lens.cut) if isinstance(lens.cut, int) else ""
            split = self._known.get(lens.split_by)
            continuous = split is not None and not split.categorical
            self.cut.layout.display = "" if continuous else "none"
            self.clear.layout.display = "none" if lens.plain else ""
            n = len(lens.where)
            self.filter.description = f"Filter ({n})" if n else "Filter …"
            self.filter.tooltip = "; ".join(map(str, lens.where)) or "Leave out subjects or rows"
            self.layouts.value = self.state.layout
            shown = self.state.tab == "diagnostics" and self.state.fit is not None
            self.layouts.layout.display = "" if shown else "none"
        finally:
            self._following = False


class FilterEditor:
    """What to keep: one variable at a time is edited, all that are set are shown."""

    def __init__(self, session: Session) -> None:
        self.session, self.state = session, session.state
        self.column = Choice(label="Filter by")
        self.levels = styled(W.HBox(), "wb-levels")
        self.low = OptionalNumberField("From", lambda value: self._range(low=value))
        self.high = OptionalNumberField("To", lambda value: self._range(high=value))
        self.note = html("", "wb-small")
        self.range = styled(
            W.HBox(
                [
                    html("from"),
                    self.low.entry,
                    html("to"),
                    self.high.entry,
                    self.note,
                    self.low.complaint,
                    self.high.complaint,
                ]
            ),
            "wb-range",
        )
        self.set = styled(W.HBox(), "wb-conditions")
        row = styled(W.HBox([self.column, self.levels, self.range, self.set]), "wb-filter")
        self.widget = row
        self.open = False
        self._shown: Condition | None = None  # what the fields of the range say
        self.column.observe(lambda _change: self._show_column(), "value")
        self.state.observe(self._offer, ["dataset", "fit"])
        self.state.observe(self._follow, "lens")
        self._offer()
        self._show()

    def turn(self) -> None:
        """Show the editor, or hide it."""
        self.open = not self.open
        self._show()

    def _show(self) -> None:
        self.widget.layout.display = "" if self.open else "none"

    def _offer(self, _change: object = None) -> None:
        self._known = _known(self.state)
        self._endpoints = _endpoints(self.state)
        entries = [
            Entry(name, name, GROUPS[variable.kind], _why(variable))
            for name, variable in self._known.items()
        ]
        rows = ["TIME", "TAD", *(["ENDPOINT"] if len(self._endpoints) > 1 else [])]
        entries += [Entry(name, name, "Rows") for name in rows]
        free = [entry.value for entry in entries if not entry.why]
        self.column.offer(entries)
        if self.column.value not in free:
            self.column.value = free[0]
        self._show_column()

    def _condition(self) -> Condition | None:
        return next((c for c in self.state.lens.where if c.column == self.column.value), None)

    def _levels(self) -> tuple[Any, ...]:
        if self.column.value == "ENDPOINT":
            return self._endpoints
        variable = self._known.get(self.column.value)
        return variable.levels[:MOST_LEVELS] if variable is not None else ()

    def _show_column(self) -> None:
        """Show the boxes, or the range, of the variable that is edited."""
        levels = self._levels()
        self.levels.children = [self._box(level) for level in levels]
        self.levels.layout.display = "" if levels else "none"
        self.range.layout.display = "none" if levels else ""
        if not levels:
            self._show_range()
            self.note.value = self._extent()
        self._show_conditions()

    def _show_range(self) -> None:
        """Show the ends of the range that is set; what was typed wrongly goes."""
        condition = self._shown = self._condition()
        self.low.show(condition.low if condition else None)
        self.high.show(condition.high if condition else None)

    def _box(self, level: Any) -> Switch:
        condition = self._condition()
        kept = condition is None or bool(condition.keep(np.array([level], dtype=object))[0])
        word = f"{level:g}" if isinstance(level, float) else str(level)
        box = Switch(value=kept, words=word, hint=f"Show {self.column.value} {word}")
        box.observe(lambda _change: self._level_chosen(), "value")
        return box

    def _level_chosen(self) -> None:
        levels = self._levels()
        boxes = self.levels.children
        chosen = [level for level, box in zip(levels, boxes, strict=True) if box.value]
        every = len(chosen) in (0, len(levels))
        self.session.filter(self.column.value, None if every else chosen)
        if not chosen:
            self._show_column()  # nothing to show is no view: everything comes back

    def _range(self, **ends: float | None) -> None:
        now = self._condition()
        low, high = (now.low, now.high) if now is not None else (None, None)
        low, high = ends.get("low", low), ends.get("high", high)
        wanted = None if low is None and high is None else (low, high)
        self.session.filter(self.column.value, wanted)

    def _extent(self) -> str:
        """Return the least and the greatest value there is."""
        variable = self._known.get(self.column.value)
        if variable is not None:
            values, unit = variable.values.to_numpy(float), variable.unit
        elif self.state.dataset is not None:
            column = self.state.dataset.observations[self.column.value]
            values, unit = column.to_numpy(float), self.state.dataset.units.get("TIME", "")
        else:
            return ""
        seen = values[np.isfinite(values)]
        return f"{seen.min():.3g} to {seen.max():.3g} {unit}" if len(seen) else ""

    def _follow(self, _change: object = None) -> None:
        if self._levels():
            condition = self._condition()
            for level, box in zip(self._levels(), self.levels.children, strict=True):
                kept = condition is None or condition.keep(np.array([level], dtype=object))[0]
                if box.value != bool(kept):
                    self._show_column()
                    return
        elif self._condition() != self._shown:
            self._show_range()
        self._show_conditions()

    def _show_conditions(self) -> None:
        """Show what is set, each with a button that takes it back."""
        self.set.children = [self._chip(c) for c in self.state.lens.where]

    def _chip(self, condition: Condition) -> W.Button:
        button = W.Button(description=f"{condition} ×", tooltip=f"Take back: {condition}")
        button.on_click(lambda _button: self.session.filter(condition.column))
        return styled(button, "wb-condition")


def _known(state: Any) -> dict[str, Variable]:
    """Return what is known of the subjects of the fit, or of the data."""
    source = state.fit if state.fit is not None else state.dataset
    try:
        return variables(source) if source is not None else {}
    except WorkbenchError:
        return {}


def _endpoints(state: Any) -> tuple[Any, ...]:
    source = state.fit if state.fit is not None else state.dataset
    return endpoint_names(source) if source is not None else ()


def _why(variable: Variable) -> str:
    return f"{variable.name} is {variable.why} in these data." if variable.why else ""


def _named(label: str, control: W.Widget) -> W.Widget:
    return styled(W.HBox([html(f"<span>{label}</span>", "wb-small"), control]), "wb-named")


def build(session: Session) -> PanelView:
    """Make the bar."""
    return PanelView(ViewBar(session).widget)


PANEL = Panel("view", "View", "bar", 10, build)

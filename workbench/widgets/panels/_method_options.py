"""The options of an estimator as controls, made from what the estimator says of them."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as W

from workbench.errors import WorkbenchError
from workbench.estimation import Control, estimators
from workbench.problem.occasions import count_random_effects
from workbench.widgets.choice import Choice, Entry
from workbench.widgets.field import NumberField
from workbench.widgets.markup import html, styled
from workbench.widgets.panels._base import labelled
from workbench.widgets.session import Session
from workbench.widgets.switch import Switch


class MethodOptions:
    """One control for each option that the method in the state offers."""

    def __init__(self, session: Session) -> None:
        self.session, self.state = session, session.state
        self._shown = ""
        self._following = False
        self.controls: dict[str, NumberField | Choice | Switch] = {}
        self.cost = html("", "wb-note")
        self.widget = styled(W.VBox([]), "wb-method-options")

    def follow(self) -> None:
        """Show the options of the state's method."""
        if self.state.method != self._shown:
            self._build()
        self._following = True
        try:
            for name, control in self.controls.items():
                value = self.state.options.get(name)
                if isinstance(control, NumberField):
                    if value is not None:
                        control.follow(value)
                elif value is not None:
                    control.value = value
        finally:
            self._following = False
        self._show_cost()

    def _build(self) -> None:
        self._shown = self.state.method
        self.controls = {}
        rows: list[W.Widget] = []
        for offered in estimators.get(self.state.method).controls:
            rows += self._row(offered)
        self.widget.children = (*rows, self.cost)

    def _row(self, offered: Control) -> list[W.Widget]:
        name, title = offered.option, offered.title
        if offered.choices:
            choice = Choice(label=offered.hint or title)
            choice.offer(Entry(words, value) for value, words in offered.choices.items())
            choice.observe(lambda change: self._set(name, change["new"]), "value")
            self.controls[name] = choice
            return [labelled(escape(title), choice)]
        if isinstance(self.state.options.get(name), bool):
            switch = Switch(words=title, hint=offered.hint)
            switch.observe(lambda change: self._set(name, change["new"]), "value")
            self.controls[name] = switch
            return [switch]
        method = self._shown
        number = NumberField(
            title,
            lambda value: self.session.set_options(**{name: whole(title, value)}),
            entries=self.session.entries,
            there=lambda: self.state.method == method,
        )
        number.entry.tooltip = offered.hint or title
        self.controls[name] = number
        return [labelled(escape(title), number.entry), number.complaint]

    def _set(self, name: str, value: Any) -> None:
        if not self._following and self.state.options.get(name) != value:
            self.session.set_options(**{name: value})

    def _show_cost(self) -> None:
        estimator, model = estimators.get(self.state.method), self.state.model
        words = ""
        if estimator.cost is not None and model is not None:
            try:
                n_eta = count_random_effects(model, self.state.dataset)
                words = estimator.cost(self.session.chosen_options(), n_eta)
            except WorkbenchError as error:
                words = str(error)
        self.cost.value = escape(words)


def whole(title: str, value: float) -> int:
    """Return the whole number, or say that it is none."""
    if value != int(value):
        raise ValueError(f"{title} must be a whole number, not {value:g}.")
    return int(value)

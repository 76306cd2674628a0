"""Which residual error model, from which starting values."""

from __future__ import annotations

from html import escape

import ipywidgets as W

from workbench.models.residual import error_models
from workbench.widgets.field import NumberField
from workbench.widgets.markup import html, styled
from workbench.widgets.panels._base import Panel, PanelView, section
from workbench.widgets.session import Session


class ErrorRow:
    """The controls of one residual error parameter."""

    def __init__(self, session: Session, name: str) -> None:
        self.session, self.name = session, name
        self._following = False
        self.label = html("", "wb-label")
        self.value = NumberField(f"Residual error, {name}", self._set)
        self.fixed = styled(
            W.Checkbox(indent=False, description="fix", tooltip=f"Hold {name}"), "wb-check"
        )
        self.fixed.observe(self._hold, "value")
        line = styled(W.Box([self.label, self.value.entry, self.fixed]), "wb-error-row")
        self.widget = W.VBox([line, self.value.complaint])

    def show(self, *, anew: bool = False) -> None:
        """Show the value as the state has it; an entry that is wrong stays, unless `anew`."""
        state = self.session.state
        unit = state.model.units(state.dataset.units if state.dataset else {})[self.name]
        if self.name == "proportional":
            unit = "fraction"
        self.label.value = f"{escape(self.name)}<small>{escape(unit)}</small>"
        self._following = True
        try:
            if anew or not self.value.message:
                self.value.show(state.model.error.parameters[self.name])
            self.fixed.value = self.name in state.model.error.fixed
        finally:
            self._following = False

    def _set(self, value: float) -> None:
        self.session.set_error_value(self.name, value)

    def _hold(self, change: dict[str, bool]) -> None:
        if not self._following:
            self.session.set_error_fixed(self.name, change["new"])


def build(session: Session) -> PanelView:
    """Make the section."""
    state = session.state
    known = [error_models.get(name) for name in error_models.names()]
    picker = W.Dropdown(
        options=[(kind.title, kind.name) for kind in known],
        tooltip="Residual error model",
        layout=W.Layout(width="auto"),
    )
    rows: dict[str, ErrorRow] = {}
    body = W.VBox([])

    def follow(change: dict[str, object] | None = None) -> None:
        if state.model is None:
            return
        error = state.model.error
        picker.value = error.model
        if list(error.parameters) != list(rows):
            rows.clear()
            rows.update({name: ErrorRow(session, name) for name in error.parameters})
            body.children = [row.widget for row in rows.values()]
        for row in rows.values():
            row.show(anew=change is not None and change["name"] == "dataset")

    def chosen(change: dict[str, str]) -> None:
        if state.model is not None and change["new"] != state.model.error.model:
            session.set_error(change["new"])

    picker.observe(chosen, "value")
    state.observe(follow, ["model", "dataset"])
    follow()
    return PanelView(section("Residual error", picker, body))


PANEL = Panel("error_model", "Residual error", "rail", 40, build)

"""Which residual error model, from which starting values: one group for each output."""

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

    def __init__(self, session: Session, output: str, of: str, name: str) -> None:
        self.session, self.output, self.name = session, output, name
        self._following = False
        self.label = html("", "wb-label")
        self.value = NumberField(f"Residual error{of}, {name}", self._set)
        self.fixed = styled(
            W.Checkbox(indent=False, description="fix", tooltip=f"Hold {name}{of}"), "wb-check"
        )
        self.fixed.observe(self._hold, "value")
        line = styled(W.Box([self.label, self.value.entry, self.fixed]), "wb-error-row")
        self.widget = W.VBox([line, self.value.complaint])

    def show(self, unit: str, *, anew: bool = False) -> None:
        """Show the value as the state has it; an entry that is wrong stays, unless `anew`."""
        error = self.session.state.model.errors[self.output]
        shown = "fraction" if self.name == "proportional" else unit
        self.label.value = f"{escape(self.name)}<small>{escape(shown)}</small>"
        self._following = True
        try:
            if anew or not self.value.message:
                self.value.show(error.parameters[self.name])
            self.fixed.value = self.name in error.fixed
        finally:
            self._following = False

    def _set(self, value: float) -> None:
        self.session.set_error_value(self.name, value, self.output)

    def _hold(self, change: dict[str, bool]) -> None:
        if not self._following:
            self.session.set_error_fixed(self.name, change["new"], self.output)


class ErrorGroup:
    """The error model of one output, with its parameters.

    Parameters
    ----------
    output : name of the output
    alone : the model has no other, so its name need not be said
    """

    def __init__(self, session: Session, output: str, *, alone: bool) -> None:
        self.session, self.output, self.alone = session, output, alone
        self._before = "" if alone else f"{output}."
        self._of = "" if alone else f" of {output}"
        known = [error_models.get(name) for name in error_models.names()]
        self.picker = W.Dropdown(
            options=[(kind.title, kind.name) for kind in known],
            tooltip=f"Residual error model{self._of}",
            layout=W.Layout(width="auto"),
        )
        self.rows: dict[str, ErrorRow] = {}
        self.body = W.VBox([])
        self.picker.observe(self._chosen, "value")
        heading = [] if alone else [html(f"<b>{escape(output)}</b>", "wb-small")]
        self.widgets = [*heading, self.picker, self.body]

    def show(self, *, anew: bool = False) -> None:
        """Show the error as the state has it."""
        state = self.session.state
        error = state.model.errors[self.output]
        self.picker.value = error.model
        if list(error.parameters) != list(self.rows):
            self.rows = {
                name: ErrorRow(self.session, self.output, self._of, name)
                for name in error.parameters
            }
            self.body.children = [row.widget for row in self.rows.values()]
        units = state.model.units(state.dataset.units if state.dataset else {})
        for name, row in self.rows.items():
            row.show(units[self._before + name], anew=anew)

    def _chosen(self, change: dict[str, str]) -> None:
        now = self.session.state.model.errors.get(self.output)
        if now is not None and change["new"] != now.model:
            self.session.set_error(change["new"], self.output)


def build(session: Session) -> PanelView:
    """Make the section."""
    state = session.state
    groups: list[ErrorGroup] = []
    whole = section("Residual error")
    heading = whole.children

    def follow(change: dict[str, object] | None = None) -> None:
        if state.model is None:
            return
        alone = len(state.model.structure.outputs) == 1
        wanted = [(output, alone) for output in state.model.errors]
        if wanted != [(group.output, group.alone) for group in groups]:
            groups[:] = [ErrorGroup(session, output, alone=alone) for output, _ in wanted]
            parts = [widget for group in groups for widget in group.widgets]
            whole.children = (*heading, *parts)
        for group in groups:
            group.show(anew=change is not None and change["name"] == "dataset")

    state.observe(follow, ["model", "dataset"])
    follow()
    return PanelView(whole)


PANEL = Panel("error_model", "Residual error", "rail", 40, build)

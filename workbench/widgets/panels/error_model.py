"""Which residual error model for each output, from which starting values."""

from __future__ import annotations

from html import escape

import ipywidgets as W

from workbench.models.error import ResidualError
from workbench.models.model import Model
from workbench.models.residual import error_models
from workbench.problem.units import units_of
from workbench.widgets import parameter_equation
from workbench.widgets.field import NumberField
from workbench.widgets.markup import html, styled
from workbench.widgets.panels._base import Panel, PanelView, section
from workbench.widgets.panels._error_scale import ErrorScale, error_of
from workbench.widgets.panels._error_variability import ErrorVariability
from workbench.widgets.session import Session

RESIDUAL = "Residual error"  # what the lines of a model's residual error are headed


class ErrorRow:
    """The controls of one residual error parameter of one output ("" for the only one)."""

    def __init__(self, session: Session, output: str, name: str) -> None:
        self.session, self.output, self.name = session, output, name
        self._following = False
        of = f" of {output}" if output else ""
        self.label = html("", "wb-label")
        self.value = NumberField(
            f"Residual error{of}, {name}", self._set, entries=session.entries, there=self._there
        )
        self.fixed = styled(
            W.Checkbox(indent=False, description="fix", tooltip=f"Hold {name}{of}"), "wb-check"
        )
        self.fixed.observe(self._hold, "value")
        line = styled(W.Box([self.label, self.value.entry, self.fixed]), "wb-error-row")
        self.widget = W.VBox([line, self.value.complaint])

    def _there(self) -> bool:
        error = error_of(self.session.state.model, self.output)
        return error is not None and self.name in error.parameters

    def show(self) -> None:
        """Show the value as the state has it; an entry that is wrong stays."""
        state = self.session.state
        key = f"{self.output}.{self.name}" if self.output else self.name
        unit = units_of(state.model, state.dataset)[key]
        if self.name == "proportional":
            unit = "fraction"
        error = state.model.errors[self.output] if self.output else state.model.error
        self.label.value = f"{escape(self.name)}<small>{escape(unit)}</small>"
        self._following = True
        try:
            self.value.follow(error.parameters[self.name])
            self.fixed.value = self.name in error.fixed
        finally:
            self._following = False

    def _set(self, value: float) -> None:
        self.session.set_error_value(self.name, value, self.output)

    def _hold(self, change: dict[str, bool]) -> None:
        if not self._following:
            self.session.set_error_fixed(self.name, change["new"], self.output)


class OutputError:
    """The error model of one output, with its parameters."""

    def __init__(self, session: Session, output: str) -> None:
        self.session, self.output = session, output
        self._following = False
        known = [error_models.get(name) for name in error_models.names()]
        of = f" of {output}" if output else ""
        self.picker = W.Dropdown(
            options=[(kind.title, kind.name) for kind in known],
            tooltip=f"Residual error model{of}",
            layout=W.Layout(width="auto"),
        )
        self.rows: dict[str, ErrorRow] = {}
        self.body = styled(W.VBox([]), "wb-error-rows")
        title = [html(f"<b>{escape(output)}</b>", "wb-output")] if output else []
        self.scale = ErrorScale(session, output)
        self.variability = ErrorVariability(session, output)
        self.equations = html("", "wb-error-equations")
        parts = [self.picker, self.equations, self.body]
        parts += [self.scale.widget, self.variability.widget]
        self.widget = styled(W.VBox([*title, *parts]), "wb-output-error")
        self.picker.observe(self._chosen, "value")

    def show(self) -> None:
        """Show the state's error of this output."""
        model = self.session.state.model
        error = model.errors[self.output] if self.output else model.error
        self._offer(error)
        self.picker.value = error.model
        self.equations.value = _equations(model, self.output)
        self.scale.show(error)
        self.variability.show(error)
        if list(error.parameters) != list(self.rows):
            self.rows = {n: ErrorRow(self.session, self.output, n) for n in error.parameters}
            self.body.children = [row.widget for row in self.rows.values()]
        for row in self.rows.values():
            row.show()

    def _offer(self, error: ResidualError) -> None:
        """Offer the registered models, and the state's own where its SD is an expression."""
        known = [(kind.title, kind.name) for kind in map(error_models.get, error_models.names())]
        own = [(error.kind.title, error.model)] if error.expression else []
        if list(self.picker.options) != known + own:
            self._following = True
            try:
                self.picker.options = known + own
                self.picker.value = error.model
            finally:
                self._following = False

    def _chosen(self, change: dict[str, str]) -> None:
        model = self.session.state.model
        error = model.errors[self.output] if self.output else model.error
        if not self._following and change["new"] != error.model:
            self.session.set_error(change["new"], self.output)


def _equations(model: Model, output: str) -> str:
    """Return the error of an output as a reader finds it in a paper, typeset."""
    lines = [latex for part, latex in model.equations() if part == RESIDUAL]
    if output:
        name = output.replace("_", r"\_")
        head = rf"\mathrm{{{name}}}:\quad "
        own = [latex.removeprefix(head) for latex in lines if latex.startswith(head)]
        lines = own + [latex for latex in lines if latex.startswith(r"\varepsilon")]
    return "".join(f"<div>{parameter_equation.typeset(latex, None)}</div>" for latex in lines)


def build(session: Session) -> PanelView:
    """Make the section."""
    state = session.state
    parts: dict[str, OutputError] = {}
    body = styled(W.VBox([]), "wb-errors")

    def follow(_change: object = None) -> None:
        if state.model is None:
            return
        outputs = [""] if len(state.model.structure.outputs) == 1 else list(state.model.errors)
        if outputs != list(parts):
            parts.clear()
            parts.update({output: OutputError(session, output) for output in outputs})
            body.children = [part.widget for part in parts.values()]
        for part in parts.values():
            part.show()

    state.observe(follow, ["model", "dataset"])
    follow()
    return PanelView(section("Residual error", body))


PANEL = Panel("error_model", "Residual error", "rail", 40, build)

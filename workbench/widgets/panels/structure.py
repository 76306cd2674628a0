"""Which structural model; its equations, with the random effects and the residual error."""

from __future__ import annotations

from html import escape

import ipywidgets as W

from workbench.models.structural import structures
from workbench.widgets import equations
from workbench.widgets.markup import html
from workbench.widgets.panels._base import Panel, PanelView, section
from workbench.widgets.session import Session


def build(session: Session) -> PanelView:
    """Make the section."""
    state = session.state
    known = [structures.get(name) for name in structures.names()]
    picker = W.Dropdown(
        options=[(structure.title, structure.name) for structure in known],
        tooltip="Structural model",
        layout=W.Layout(width="auto"),
    )
    formulas = html("", "wb-equations")

    def follow(_change: object = None) -> None:
        if state.model is None:
            return
        picker.value = state.model.structure.name
        formulas.value = typeset(state.model.equations())

    def chosen(change: dict[str, str]) -> None:
        if state.model is not None and change["new"] != state.model.structure.name:
            session.set_structure(change["new"])

    picker.observe(chosen, "value")
    state.observe(follow, "model")
    follow()
    return PanelView(section("Structural model", picker, formulas))


def typeset(lines: list[tuple[str, str]]) -> str:
    """Return labelled formulas as HTML; one that cannot be typeset is shown as it is written."""
    groups: dict[str, list[str]] = {}
    for label, latex in lines:
        try:
            formula = equations.svg(latex)
        except ValueError:
            formula = f"<code>{escape(latex)}</code>"
        groups.setdefault(label, []).append(formula)
    return "".join(
        f"<div><span class='wb-small'>{escape(label)}</span>"
        f"<div class='wb-formulas'>{''.join(formulas)}</div></div>"
        for label, formulas in groups.items()
    )


PANEL = Panel("structure", "Structural model", "rail", 20, build)

"""Which subject is highlighted in every view."""

from __future__ import annotations

from collections.abc import Hashable

import ipywidgets as W

from workbench.widgets.panels._base import Panel, PanelView, labelled, section
from workbench.widgets.session import Session

NOBODY = -1


def build(session: Session) -> PanelView:
    """Make the section."""
    state = session.state
    picker = W.Dropdown(tooltip="Highlight a subject", layout=W.Layout(width="auto", flex="1"))

    def subjects() -> tuple[Hashable, ...]:
        return tuple(state.dataset.subjects) if state.dataset is not None else ()

    def offer(_change: object = None) -> None:
        options = [("none", NOBODY), *((f"ID {s}", k) for k, s in enumerate(subjects()))]
        if tuple(options) != tuple(picker.options):
            picker.options = options
        follow()

    def follow(_change: object = None) -> None:
        known = subjects()
        picker.value = known.index(state.selected) if state.selected in known else NOBODY

    def chosen(change: dict[str, int | None]) -> None:
        code = change["new"]
        if code is not None:
            session.select(None if code == NOBODY else subjects()[code])

    state.observe(offer, "dataset")
    state.observe(follow, "selected")
    offer()
    picker.observe(chosen, "value")
    return PanelView(section("Selection", labelled("Subject", picker)))


PANEL = Panel("selection", "Selection", "rail", 60, build)

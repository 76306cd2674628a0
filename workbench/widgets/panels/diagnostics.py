"""Linked views of the fit at once; before any fit, the data themselves."""

from __future__ import annotations

import ipywidgets as W

from workbench.plots import plots
from workbench.widgets.card import PlotCard
from workbench.widgets.markup import styled
from workbench.widgets.panels._base import Panel, PanelView
from workbench.widgets.session import Session
from workbench.widgets.state import LAYOUTS

NAME = "diagnostics"
BEFORE = ("raw_data",)


def build(session: Session) -> PanelView:
    """Make the tab: any plot of the library in each card, as many cards as the layout says."""
    state = session.state
    raw = PlotCard(session, NAME, *BEFORE, with_selection=True, when=lambda: state.fit is None)

    def shown(slot: int) -> bool:
        return state.fit is not None and slot < LAYOUTS[state.layout]

    cards = [
        PlotCard(
            session,
            NAME,
            *plots.names(),
            slot=slot,
            when=lambda slot=slot: shown(slot),  # type: ignore[misc]
        )
        for slot in range(len(state.gallery))
    ]
    grid = styled(W.Box([card.widget for card in cards]), "wb-grid")
    stack = W.Stack([styled(W.Box([raw.widget]), "wb-one"), grid], selected_index=0)

    def follow(_change: object = None) -> None:
        stack.selected_index = 0 if state.fit is None else 1

    def lay_out(_change: object = None) -> None:
        grid.children = [card.widget for card in cards[: LAYOUTS[state.layout]]]
        for name in LAYOUTS:
            grid.remove_class(f"wb-grid-{name}")
        grid.add_class(f"wb-grid-{state.layout}")

    state.observe(follow, "fit")
    state.observe(lay_out, "layout")
    follow()
    lay_out()
    views = tuple(card.view for card in (*cards, raw))
    return PanelView(styled(stack, "wb-stack"), selectable=views)


PANEL = Panel(NAME, "Diagnostics", "tab", 10, build)

"""Every subject's observations with the predictions, as small multiples."""

from __future__ import annotations

import ipywidgets as W

from workbench.widgets.card import PlotCard
from workbench.widgets.markup import html, styled
from workbench.widgets.panels._base import Panel, PanelView
from workbench.widgets.session import Session

NAME = "individual_fits"


def build(session: Session) -> PanelView:
    """Make the tab."""
    state = session.state
    card = PlotCard(session, NAME, "individual_grid", with_selection=True)
    empty = html("Fit the model to see each subject with its predictions.", "wb-empty")
    stack = W.Stack([empty, styled(W.Box([card.widget]), "wb-one")], selected_index=0)

    def follow(_change: object = None) -> None:
        stack.selected_index = 0 if state.fit is None else 1

    state.observe(follow, "fit")
    return PanelView(styled(stack, "wb-stack"), selectable=(card.view,))


PANEL = Panel(NAME, "Individual fits", "tab", 20, build)

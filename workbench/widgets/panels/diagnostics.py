"""Four linked views of the fit at once; before any fit, the data themselves."""

from __future__ import annotations

import ipywidgets as W

from workbench.widgets.card import PlotCard
from workbench.widgets.markup import styled
from workbench.widgets.panels._base import Panel, PanelView
from workbench.widgets.session import Session

NAME = "diagnostics"
CARDS = (
    ("dv_predictions", "dv_pred", "dv_ipred"),
    ("residual_panels", "residuals_time", "residuals_pred"),  # as CWRES at first
    (
        *("eta_distributions", "eta_qq", "eta_matrix", "eta_covariates"),
        *("parameter_distributions", "parameter_covariates", "shrinkage_dots"),
    ),
    ("individual_fit",),
)
BEFORE = ("raw_data",)


def build(session: Session) -> PanelView:
    """Make the tab."""
    state = session.state
    raw = PlotCard(session, NAME, *BEFORE, with_selection=True, when=lambda: state.fit is None)
    cards = [PlotCard(session, NAME, *names, variant="CWRES") for names in CARDS]
    grid = styled(W.Box([card.widget for card in cards]), "wb-grid")
    stack = W.Stack([styled(W.Box([raw.widget]), "wb-one"), grid], selected_index=0)

    def follow(_change: object = None) -> None:
        stack.selected_index = 0 if state.fit is None else 1

    state.observe(follow, "fit")
    follow()
    views = tuple(card.view for card in (*cards, raw))
    return PanelView(styled(stack, "wb-stack"), selectable=views)


PANEL = Panel(NAME, "Diagnostics", "tab", 10, build)

"""What stands for a subject in every view: its conditional mode, its mean, or draws."""

from __future__ import annotations

import ipywidgets as W

from workbench.widgets.markup import styled
from workbench.widgets.panels._base import Panel, PanelView, labelled, section
from workbench.widgets.session import Session

KINDS = {"EBE": "ebe", "Mean": "mean", "Draws": "draws"}
HINTS = (
    "Conditional modes (empirical Bayes estimates); they shrink towards the population",
    "Means of the conditional distributions",
    "Draws from the conditional distributions: free of shrinkage",
)


def build(session: Session) -> PanelView:
    """Make the section."""
    state = session.state
    choice = styled(
        W.ToggleButtons(options=list(KINDS.items()), value=state.individual, tooltips=list(HINTS)),
        "wb-segments",
        "wb-individual",
    )
    choice.observe(lambda change: session.set_individual(change["new"]), "value")

    def follow(_change: object = None) -> None:
        choice.value = state.individual

    state.observe(follow, "individual")
    return PanelView(section("Individual estimates", labelled("Show", choice)))


PANEL = Panel("individual", "Individual estimates", "rail", 65, build)

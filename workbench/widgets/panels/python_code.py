"""The exact code that repeats the fit, or makes it with the settings of now."""

from __future__ import annotations

import ipywidgets as W

from workbench.widgets.code import CodeListing
from workbench.widgets.markup import html, styled
from workbench.widgets.panels._base import Panel, PanelView
from workbench.widgets.session import Session


def build(session: Session) -> PanelView:
    """Make the tab."""
    state = session.state
    listing = CodeListing()
    title = html()

    def follow(_change: object = None) -> None:
        repeats = state.fit is not None and not state.stale
        what = (
            "This script repeats the fit"
            if repeats
            else "This script makes a fit with the settings"
        )
        title.value = f"<h2>{what}</h2>"
        listing.text = session.python()

    state.observe(follow, ["dataset", "model", "method", "options", "fit", "check", "look", "lens"])
    follow()
    return PanelView(styled(W.VBox([title, listing]), "wb-document"))


PANEL = Panel("python_code", "Python", "tab", 60, build)

"""Fit and Cancel, how far it is, and what there is to say: always in view below the rail."""

from __future__ import annotations

from html import escape

import ipywidgets as W

from workbench.widgets.markup import html, styled
from workbench.widgets.panels._base import Panel, PanelView
from workbench.widgets.session import Session


def build(session: Session) -> PanelView:
    """Make the foot of the rail."""
    state = session.state
    start = W.Button(description="Fit", icon="play", tooltip="Run the estimation")
    stop = W.Button(description="Cancel", icon="stop", tooltip="Stop, and keep the best values")
    styled(start, "wb-go", "wb-fit")
    styled(stop, "wb-cancel")
    bar = W.FloatProgress(min=0, max=1, layout=W.Layout(width="auto"))
    words = html("", "wb-message")

    def follow(_change: object = None) -> None:
        start.disabled = state.busy
        stop.disabled = state.status != "running"
        stop.description = "Cancelling" if state.status == "cancelling" else "Cancel"
        bar.value = state.progress
        message = state.message
        log = (
            f"<details><summary>Log</summary><pre>{escape(message.log)}</pre></details>"
            if message.log
            else ""
        )
        words.value = (
            f"<div role='status' aria-live='polite' class='wb-{message.level}' "
            f"data-level='{message.level}'>{escape(message.text)}</div>{log}"
        )

    start.on_click(lambda _button: session.fit())
    stop.on_click(lambda _button: session.cancel())
    state.observe(follow, ["status", "progress", "message"])
    follow()
    row = styled(W.HBox([start, stop]), "wb-row", "wb-actions")
    return PanelView(styled(W.VBox([row, bar, words]), "wb-foot-panel"))


PANEL = Panel("fit", "Fit", "foot", 10, build)

"""Where fits from many starting values ended, and what that says of the best one."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from typing import Any

import ipywidgets as W
import pandas as pd

from workbench.plots import multistart as draw
from workbench.widgets.markup import chip, fixed, html, number, styled, table
from workbench.widgets.panels._base import Panel, PanelView
from workbench.widgets.session import Session

EMPTY = (
    "Press “Try 20 starts” in the Estimation section to see whether other starting values lead "
    "to the same end."
)
SIZE = (900, 380)


def build(session: Session) -> PanelView:
    """Make the tab."""
    state = session.state
    words = html("", "wb-results", "wb-starts-box")
    empty = html(escape(EMPTY), "wb-empty")
    stack = W.Stack([empty, styled(W.Box([words]), "wb-document")], selected_index=0)

    def follow(_change: object = None) -> None:
        found = state.starts
        stack.selected_index = 0 if found is None else 1
        if found is not None:
            words.value = summary(found) + picture(found, state.theme) + minima(found)

    state.observe(follow, ["starts", "theme"])
    return PanelView(styled(stack, "wb-stack"))


def summary(found: Any) -> str:
    """Return the verdict on the agreement of the starts."""
    listed = "".join(f"<li>{escape(line)}</li>" for line in found.reasons)
    return (
        f"<h2>{len(found.table)} starts {chip(found.verdict, found.verdict)}</h2>"
        f"<ul class='wb-reasons'>{listed}</ul>"
    )


def picture(found: Any, theme: str) -> str:
    """Return the picture of where each start ended; a sentence if it cannot be drawn."""
    try:
        figure: Any = draw(found, theme=theme, size=SIZE)
        png, _ = figure._repr_png_()
    except Exception as error:  # noqa: BLE001  the table below must still be seen
        return f"<p class='wb-note'>No picture: {escape(str(error))}</p>"
    data = b64encode(png).decode()
    words = "Objective where each start ended, in order, and the way from start to end"
    return f"<img class='wb-starts' alt='{words}' src='data:image/png;base64,{data}'>"


def minima(found: Any) -> str:
    """Return the table of the different ends."""
    rows: pd.DataFrame = found.minima
    head = ("OFV", "Starts", "Converged", *found.names)
    cells = [
        [
            fixed(float(row["ofv"]), 3),
            str(int(row["starts"])),
            str(int(row["converged"])),
            *(number(row[name]) for name in found.names),
        ]
        for _, row in rows.iterrows()
    ]
    return f"<div class='wb-scroll'>{table(head, cells, caption='Where they ended', words=0)}</div>"


PANEL = Panel("starts", "Starts", "tab", 45, build)

"""Where fits from many starting values ended, and what that says of the best one."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as W
import pandas as pd

from workbench.data import Dataset
from workbench.models.model import Model
from workbench.plots import multistart as draw
from workbench.widgets.downloads import File
from workbench.widgets.markup import chip, fixed, html, number, styled, table
from workbench.widgets.panels._base import Panel, PanelView
from workbench.widgets.result_card import file_name, files_of, menu
from workbench.widgets.script import opening, words
from workbench.widgets.session import Session
from workbench.workflows.multistart import Multistart

EMPTY = (
    "Press “Try 20 starts” in the Estimation section to see whether other starting values lead "
    "to the same end."
)
SIZE = (900, 380)


def build(session: Session) -> PanelView:
    """Make the tab."""
    state = session.state
    said = html("", "wb-results", "wb-starts-box")
    empty = html(escape(EMPTY), "wb-empty")

    def files(what: str) -> list[File] | str:
        found = state.starts
        python = _python(found, state.fitted_with[0], state.dataset)
        name = file_name(session, "starts")
        figure: Callable[[], Any] = lambda: draw(found, theme=state.theme, size=SIZE)  # noqa: E731
        return files_of(what, name, figure, found.table, python)

    head = styled(W.HBox([menu(session, files)]), "wb-card-head")
    page = styled(W.VBox([head, said]), "wb-document")
    stack = W.Stack([empty, page], selected_index=0)

    def follow(_change: object = None) -> None:
        found = state.starts
        stack.selected_index = 0 if found is None else 1
        if found is not None:
            said.value = summary(found) + picture(found, state.theme) + minima(found)

    state.observe(follow, ["starts", "theme"])
    return PanelView(styled(stack, "wb-stack"))


def _python(found: Multistart, centre: Model, data: Dataset) -> str:
    """Return the lines that fit from the same starts, and draw them."""
    best = found.best
    given = {"n": len(found.table), "method": best.method, "seed": best.seed, **best.given}
    return (
        f"{opening(data, centre)}starts = wb.multistart(model, data{words(given)})\n"
        "figure = wb.plots.multistart(starts)\n"
    )


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

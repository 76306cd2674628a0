"""A picture of a result that is no registered plot, with the menu of files of every card."""

from __future__ import annotations

import io
from collections.abc import Callable

import ipywidgets as W
import pandas as pd
from matplotlib.figure import Figure

from workbench.errors import OptionError
from workbench.plots import Margins
from workbench.plots.theme import PALETTES
from workbench.widgets.downloads import Downloads, File
from workbench.widgets.figure import FigureView
from workbench.widgets.markup import styled
from workbench.widgets.picture import Draw
from workbench.widgets.session import Session

SHARP = 2  # pixels per CSS pixel of a saved picture
ENTRIES = [
    ["Picture (PNG)", "png"],
    ["Drawing (SVG)", "svg"],
    ["Numbers (CSV)", "csv"],
    ["Copy as Python", "python"],
]


def file_name(session: Session, name: str) -> str:
    """Return the name of a file without its ending."""
    words = f"{session.state.dataset.name}-{name}"
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in words)


def csv(name: str, table: pd.DataFrame) -> File:
    """Return a table as a file that spreadsheets read."""
    return File(f"{name}.csv", "text/csv", table.to_csv(index=False).encode())


class ResultCard:
    """A figure in a frame: its menu saves the picture, the numbers and the line of Python.

    Parameters
    ----------
    name : of the files
    draw : draws on an axes
    rows : the table behind the picture
    python : the lines that make and draw the same
    alt : for those who cannot see it
    """

    def __init__(
        self,
        session: Session,
        name: str,
        draw: Draw,
        rows: Callable[[], pd.DataFrame],
        python: Callable[[], str],
        *,
        alt: str,
        margins: Margins,
    ) -> None:
        self._session, self._name, self._rows, self._python = session, name, rows, python
        self.view = FigureView(draw)
        self.view.alt, self.view.margins = alt, margins
        self.downloads = menu(session, self.files)
        head = styled(W.HBox([self.downloads]), "wb-card-head")
        self.widget = styled(W.VBox([head, self.view]), "wb-card")

    def render(self) -> None:
        """Draw in the page's colours."""
        self.view.set_palette(PALETTES[self._session.state.theme])
        self.view.render()

    def files(self, what: str) -> list[File] | str:
        """Return what is on show as a file, or the lines that make it."""
        name = file_name(self._session, self._name)
        if what == "python":
            return self._python()
        if what == "csv":
            return [csv(name, self._rows())]
        picture = self.view.drawn_anew(SHARP)
        if what == "svg":
            return [File(f"{name}.svg", "image/svg+xml", picture.svg())]
        return [File(f"{name}.png", "image/png", picture.png())]


def menu(session: Session, files: Callable[[str], list[File] | str]) -> Downloads:
    """Return the menu of a card; what cannot be saved is said at the foot of the page."""

    def complain(error: Exception) -> None:
        session.state.say(f"It could not be saved. {type(error).__name__}: {error}", "error")

    found = Downloads(files, complain)
    found.entries = ENTRIES
    return found


def files_of(
    what: str, name: str, figure: Callable[[], Figure], rows: pd.DataFrame, python: str
) -> list[File] | str:
    """Return a figure of the library as files ("png", "svg", "csv"), or its line of "python".

    Raises
    ------
    OptionError
        There is no such kind of file.
    """
    if what == "python":
        return python
    if what == "csv":
        return [csv(name, rows)]
    if what not in ("png", "svg"):
        raise OptionError(f"A picture is saved as png, svg or csv, not {what!r}.")
    buffer = io.BytesIO()
    figure().savefig(buffer, format=what, dpi=100 * SHARP)
    kind = "image/svg+xml" if what == "svg" else "image/png"
    return [File(f"{name}.{what}", kind, buffer.getvalue())]

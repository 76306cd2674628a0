"""A matplotlib figure in the browser: a sharp picture plus a table of points to hit.

Python draws at the size and pixel ratio that the browser reports. `figure.js` finds the point
under the pointer, marks the selected subject, shows the tooltip and handles the keyboard.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from traitlets import Bool, Bytes, List, Unicode

from workbench.plots import LIGHT, Margins, Palette
from workbench.widgets.picture import Draw, Picture
from workbench.widgets.selectable import Label, SelectableView

MOST_TIPS = 5_000  # with more points a tip says the subject only: the texts would outweigh all else
FILE_SIZE = (640, 380)  # CSS pixels of a picture that is not on show
LEAST_SIZE = 60  # CSS pixels; smaller than this is a page still being laid out


class FigureView(SelectableView):
    """One figure: call `render` when what it shows has changed, `turn_to` when the subject has.

    Parameters
    ----------
    draw : draws on an axes and returns the points that can be hit
    with_selection : draw the selected subject into the picture as well; otherwise only the browser
        marks it (and a picture that can turn is turned to it)
    """

    _esm = Path(__file__).with_name("figure.js")
    _css = Path(__file__).with_name("figure.css")

    png = Bytes(b"").tag(sync=True)
    hits = Bytes(b"").tag(sync=True)  # float32 triples: x, y (fractions, y down), code
    tips = List(Unicode()).tag(sync=True)
    size = List([0, 0, 1]).tag(sync=True)  # CSS width, height, pixels per CSS pixel
    alt = Unicode("").tag(sync=True)  # what it shows, for those who cannot see it
    error = Unicode("").tag(sync=True)
    mark_color = Unicode("#D55E00").tag(sync=True)
    mark_edge = Unicode("#FFFFFF").tag(sync=True)
    overlay = Bool(True).tag(sync=True)  # False: the picture itself shows the selection

    def __init__(self, draw: Draw, *, with_selection: bool = False) -> None:
        super().__init__()
        self.draw = draw
        self.with_selection = with_selection
        self.margins = Margins()
        self.palette = LIGHT
        self.renders = 0  # full redraws so far
        self.milliseconds = 0.0  # that the last drawing took
        self._picture: Picture | None = None

    def set_palette(self, palette: Palette) -> None:
        """Take other colours from the next drawing on."""
        self.palette = palette
        self.mark_color, self.mark_edge = palette.selected, palette.outline

    @property
    def visible(self) -> bool:
        """Whether the browser has given it a size worth drawing at."""
        return min(self.size[:2]) >= LEAST_SIZE

    @property
    def dynamic(self) -> bool:
        """Whether the picture itself changes with the subject."""
        return self._picture is not None and self._picture.dynamic

    def render(self) -> None:
        """Draw everything anew. A drawing that fails says so in its own place."""
        if not self.visible:
            return
        start = time.perf_counter()
        width, height, ratio = self.size
        try:
            self._picture = Picture(
                self.draw,
                (width, height, ratio),
                margins=self.margins,
                palette=self.palette,
                label=self.label if self.with_selection else None,
            )
            if self.label is not None:
                self._picture.turn_to(self.label)
            self._publish()
        except Exception as error:  # noqa: BLE001  a broken plot must not take the fit with it
            self._fail(error)
        self.renders += 1
        self.milliseconds = 1e3 * (time.perf_counter() - start)

    def drawn_anew(self, ratio: float) -> Picture:
        """Return a picture of the same size, with the selected subject drawn into it.

        Parameters
        ----------
        ratio : pixels per CSS pixel
        """
        width, height = self.size[:2] if self.visible else FILE_SIZE
        picture = Picture(
            self.draw,
            (width, height, ratio),
            margins=self.margins,
            palette=self.palette,
            label=self.label,
        )
        picture.turn_to(self.label)
        return picture

    def turn_to(self, label: Label | None) -> None:
        """Redraw only what depends on the subject."""
        if self._picture is None or not self._picture.dynamic:
            return
        start = time.perf_counter()
        try:
            self._picture.turn_to(label)
            self._publish()
        except Exception as error:  # noqa: BLE001  as in `render`
            self._fail(error)
        self.milliseconds = 1e3 * (time.perf_counter() - start)

    def _publish(self) -> None:
        """Send picture and points to the browser in one message."""
        if self._picture is None:
            return
        points = self._picture.points
        codes = [self.code(label) for label in points["ID"]]
        hits = np.column_stack([self._picture.places(), codes]).astype("f4")
        with self.hold_sync():
            self.png = self._picture.png()
            self.hits = hits.tobytes()
            self.tips = [str(tip) for tip in points["tip"]] if len(points) <= MOST_TIPS else []
            self.error = ""

    def _fail(self, error: Exception) -> None:
        self._picture = None
        with self.hold_sync():
            self.hits, self.tips = b"", []
            self.error = f"This plot could not be drawn.\n{type(error).__name__}: {error}"

"""A matplotlib figure in the browser: a sharp picture plus a table of points to hit.

Python draws with the Agg canvas (no pyplot, no GUI back end) at the size and pixel ratio that the
browser reports. `figure.js` finds the point under the pointer, marks the selected subject, shows
the tooltip and handles the keyboard; see there.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any, cast

import anywidget
import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from traitlets import Bool, Bytes, Int, List, Unicode

from workbench.plots import LIGHT, Drawn, Margins, Palette, rc

Label = Hashable
Draw = Callable[[Axes, Palette, Label | None], Drawn]

NOBODY = -1
LEAST_SIZE = 60  # CSS pixels; smaller than this is a page still being laid out
DPI = 100  # matplotlib's points are drawn as if a CSS pixel were 1/100 inch

# rc_context changes the whole process, and callbacks may come on several threads.
_DRAWING = threading.RLock()


class FigureView(anywidget.AnyWidget):
    """One figure: call `render` when what it shows has changed, `turn_to` when the subject has.

    Parameters
    ----------
    draw : draws on an axes and returns the points that can be hit
    alt : what the figure shows, for those who cannot see it
    margins : room round the axes
    """

    _esm = Path(__file__).with_name("figure.js")
    _css = Path(__file__).with_name("figure.css")

    png = Bytes(b"").tag(sync=True)
    hits = Bytes(b"").tag(sync=True)  # float32 triples: x, y (fractions, y down), code
    tips = List(Unicode()).tag(sync=True)
    labels = List(Unicode()).tag(sync=True)  # of the subjects, by code
    selected = Int(NOBODY).tag(sync=True)  # code
    size = List([0, 0, 1]).tag(sync=True)  # CSS width, height, pixels per CSS pixel
    alt = Unicode("").tag(sync=True)
    error = Unicode("").tag(sync=True)
    mark_color = Unicode("#D55E00").tag(sync=True)
    mark_edge = Unicode("#FFFFFF").tag(sync=True)
    overlay = Bool(True).tag(sync=True)  # False: the picture itself shows the selection

    def __init__(self, draw: Draw, *, alt: str = "", margins: Margins | None = None) -> None:
        super().__init__(alt=alt)
        self.draw = draw
        self.margins = margins or Margins()
        self.palette = LIGHT
        self.renders = 0  # full redraws so far
        self.milliseconds = 0.0  # that the last draw took
        self._subjects: tuple[Label, ...] = ()
        self._codes: dict[Label, int] = {}
        self._canvas: FigureCanvasAgg | None = None
        self._axes: Axes | None = None
        self._drawn: Drawn | None = None
        self._background: object = None

    # What it shows

    def set_subjects(self, subjects: Sequence[Label]) -> None:
        """Tell the view who there is to select."""
        self._subjects = tuple(subjects)
        self._codes = {label: code for code, label in enumerate(self._subjects)}
        self.labels = [str(label) for label in self._subjects]

    def set_palette(self, palette: Palette) -> None:
        """Take other colours from the next drawing on."""
        self.palette = palette
        self.mark_color, self.mark_edge = palette.selected, palette.outline

    @property
    def label(self) -> Label | None:
        """The selected subject."""
        return self._subjects[self.selected] if 0 <= self.selected < len(self._subjects) else None

    def code(self, label: Label | None) -> int:
        """Return the number by which the browser knows a subject."""
        return NOBODY if label is None else self._codes.get(label, NOBODY)

    # Drawing

    @property
    def visible(self) -> bool:
        """Whether the browser has given it a size worth drawing at."""
        return min(self.size[:2]) >= LEAST_SIZE

    @property
    def dynamic(self) -> bool:
        """Whether the picture itself changes with the subject."""
        return self._drawn is not None and self._drawn.update is not None

    def render(self) -> None:
        """Draw everything anew. A drawing that fails says so in its own place."""
        if not self.visible:
            return
        start = time.perf_counter()
        width, height, ratio = self.size
        try:
            with (
                _DRAWING,
                rc_context(cast(Any, rc(self.palette))),
            ):  # ticks are made late: inside drawing
                self._compose(width, height, ratio)
                self._publish()
            self.error = ""
        except Exception as error:  # noqa: BLE001  a broken plot must not take the fit with it
            self._drawn = None
            self.hits = b""
            self.error = f"This plot could not be drawn.\n{type(error).__name__}: {error}"
        self.renders += 1
        self.milliseconds = 1e3 * (time.perf_counter() - start)

    def turn_to(self, label: Label | None) -> None:
        """Redraw only what depends on the subject, over the kept background."""
        drawn = self._drawn
        if drawn is None or drawn.update is None or self._canvas is None:
            return
        start = time.perf_counter()
        with _DRAWING, rc_context(cast(Any, rc(self.palette))):
            points = drawn.update(label)
            self._canvas.restore_region(self._background)
            self._drawn = type(drawn)(points, drawn.dynamic, drawn.update)
            self._paint_dynamic()
            self._publish()
        self.milliseconds = 1e3 * (time.perf_counter() - start)

    def _compose(self, width: int, height: int, ratio: float) -> None:
        """Make figure and axes at this size and draw on them."""
        figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI * ratio)
        self._canvas = FigureCanvasAgg(figure)
        left, bottom = self.margins.left / width, self.margins.bottom / height
        right, top = 1 - self.margins.right / width, 1 - self.margins.top / height
        self._axes = figure.add_axes((left, bottom, right - left, top - bottom))
        self._drawn = self.draw(self._axes, self.palette, self.label)
        for artist in self._drawn.dynamic or ():
            artist.set_animated(True)
        self._canvas.draw()
        if self._drawn.dynamic:
            self._background = self._canvas.copy_from_bbox(figure.bbox)
            self._paint_dynamic()

    def _paint_dynamic(self) -> None:
        if self._drawn is not None:
            for artist in self._drawn.dynamic or ():
                cast(Axes, artist.axes).draw_artist(artist)

    def _publish(self) -> None:
        """Send picture and points to the browser in one message."""
        if self._canvas is None or self._axes is None or self._drawn is None:
            return
        pixels = np.asarray(self._canvas.buffer_rgba())
        buffer = io.BytesIO()
        Image.fromarray(pixels).convert("RGB").save(buffer, "png", compress_level=1)
        points = self._drawn.points
        with self.hold_sync():
            self.png = buffer.getvalue()
            self.hits = self._locate(points, *pixels.shape[:2]).tobytes()
            self.tips = [str(tip) for tip in points["tip"]]

    def _locate(self, points: pd.DataFrame, rows: int, columns: int) -> np.ndarray:
        """Return (n, 3) float32: place as fractions of the picture, and code of the subject."""
        assert self._axes is not None
        xy = self._axes.transData.transform(points[["x", "y"]].to_numpy(float))
        codes = [self.code(label) for label in points["ID"]]
        return np.column_stack([xy[:, 0] / columns, 1 - xy[:, 1] / rows, codes]).astype("f4")

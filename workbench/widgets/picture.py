"""One drawn figure: made by Agg at a given size, redrawn in part when the subject changes.

No pyplot, no GUI back end, no widget: a picture can be drawn by any thread, one at a time.
"""

from __future__ import annotations

import gc
import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from workbench.plots import Drawn, Margins, Palette, rc
from workbench.widgets.selectable import Label

Draw = Callable[[Axes, Palette, Label | None], Drawn]

DPI = 100  # matplotlib's points are drawn as if a CSS pixel were 1/100 inch

# rc_context changes the whole process, and callbacks may come on several threads.
_DRAWING = threading.RLock()


@contextmanager
def alone(palette: Palette) -> Iterator[None]:
    """Draw alone, in the colours of the palette, and without pauses of the garbage collector.

    A figure makes many thousand objects; collecting among them takes a quarter of the time.
    """
    with _DRAWING, rc_context(cast(Any, rc(palette))):
        collecting = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if collecting:
                gc.enable()


class Picture:
    """A plot drawn at one size, in one palette.

    Parameters
    ----------
    draw : draws on an axes and returns the points that can be hit
    size : width and height in CSS pixels, and pixels per CSS pixel
    margins : room round the axes
    """

    def __init__(
        self,
        draw: Draw,
        size: tuple[int, int, float],
        *,
        margins: Margins,
        palette: Palette,
        label: Label | None,
    ) -> None:
        width, height, ratio = size
        self._palette = palette
        with alone(palette):  # ticks are made late: the drawing itself must be inside
            self._figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI * ratio)
            self._canvas = FigureCanvasAgg(self._figure)
            left, bottom = margins.left / width, margins.bottom / height
            right, top = 1 - margins.right / width, 1 - margins.top / height
            self._axes = self._figure.add_axes((left, bottom, right - left, top - bottom))
            drawn = draw(self._axes, palette, label)
            self.points: pd.DataFrame = drawn.points
            self._dynamic, self._update = drawn.dynamic or [], drawn.update
            for artist in self._dynamic:
                artist.set_animated(True)
            self._canvas.draw()
            if self._dynamic:
                self._background = self._canvas.copy_from_bbox(self._figure.bbox)
                self._paint_dynamic()

    @property
    def dynamic(self) -> bool:
        """Whether the picture itself changes with the subject."""
        return self._update is not None

    def turn_to(self, label: Label | None) -> None:
        """Redraw only what depends on the subject, over the kept background."""
        if self._update is None:
            return
        with alone(self._palette):
            self.points = self._update(label)
            self._canvas.restore_region(self._background)
            self._paint_dynamic()

    def _paint_dynamic(self) -> None:
        for artist in self._dynamic:
            cast(Axes, artist.axes).draw_artist(artist)

    def png(self) -> bytes:
        """Return the pixels as a PNG (compressed lightly: it travels one metre)."""
        buffer = io.BytesIO()
        pixels = np.asarray(self._canvas.buffer_rgba())
        Image.fromarray(pixels).convert("RGB").save(buffer, "png", compress_level=1)
        return buffer.getvalue()

    def svg(self) -> bytes:
        """Return the drawing as SVG; its words stay words."""
        buffer = io.BytesIO()
        with alone(self._palette):
            self._figure.savefig(buffer, format="svg", metadata={"Date": None})
        return buffer.getvalue()

    def places(self) -> NDArray[np.float64]:
        """Return where the points are, (n, 2): fractions of the picture, y down."""
        width, height = self._canvas.get_width_height(physical=True)
        xy = self._axes.transData.transform(self.points[["x", "y"]].to_numpy(float))
        return np.column_stack([xy[:, 0] / width, 1 - xy[:, 1] / height])

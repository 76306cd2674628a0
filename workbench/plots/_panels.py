"""Small panels inside one axes, whose points are still told in the coordinates of that axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from workbench.plots._marks import Values
from workbench.plots.theme import Palette, dress


@dataclass(frozen=True, slots=True)
class Panel:
    """One inset axes and where it lies in its parent (as fractions of it)."""

    axes: Axes
    left: float
    bottom: float
    width: float
    height: float

    def place(self, x: Values, y: Values) -> tuple[Values, Values]:
        """Return data of this panel in the parent's coordinates; call it once limits are set.

        What lies outside the panel has no place (NaN).
        """
        return (
            self.left + self.width * _fraction(x, self.axes.get_xlim()),
            self.bottom + self.height * _fraction(y, self.axes.get_ylim()),
        )


def _fraction(values: Values, limits: tuple[float, float]) -> Values:
    """Return how far along the axis each value lies, 0 to 1, else NaN."""
    part = (np.asarray(values, float) - limits[0]) / (limits[1] - limits[0])
    return np.where((part >= 0) & (part <= 1), part, np.nan)


def pixels(ax: Axes) -> tuple[float, float]:
    """Return width and height of an axes in CSS pixels (1/100 inch)."""
    box, scale = ax.get_window_extent(), ax.get_figure(root=True).dpi / 100  # type: ignore[union-attr]
    return float(box.width / scale), float(box.height / scale)


def split(
    ax: Axes,
    rows: int,
    columns: int,
    palette: Palette,
    *,
    gap: tuple[float, float],
    grid: str | None = "both",
    reserve: float = 0,
) -> list[Panel]:
    """Turn an axes into rows x columns panels, `gap` CSS pixels apart, row by row from the top.

    `reserve` CSS pixels at the right stay free, say for a legend.

    The axes itself becomes an invisible frame with both coordinates from 0 to 1.
    """
    ax.set_axis_off()
    ax.set(xlim=(0, 1), ylim=(0, 1))
    wide, high = pixels(ax)
    gap_x, gap_y = min(gap[0] / wide, 0.5 / columns), min(gap[1] / high, 0.5 / rows)
    width = (1 - min(reserve / wide, 0.4) - gap_x * (columns - 1)) / columns
    height = (1 - gap_y * (rows - 1)) / rows
    panels = []
    for row in range(rows):
        for column in range(columns):
            left, bottom = column * (width + gap_x), 1 - (row + 1) * height - row * gap_y
            inset = ax.inset_axes((left, bottom, width, height))
            dress(inset, palette, grid=grid)
            panels.append(Panel(inset, left, bottom, width, height))
    return panels

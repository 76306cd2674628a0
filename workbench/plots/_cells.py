"""Small panels drawn by hand in one axes: many times quicker than an axes for each.

A cell maps its own data to the coordinates of the axes, which run from 0 to 1, so the points to
hit are right at any size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.ticker import MaxNLocator

from workbench.plots._marks import Values
from workbench.plots.theme import LABEL_BELOW, LABEL_BESIDE, Palette, dress, tick_words

TICK_SIZE = 7.5
TICK_GAP = 5  # CSS pixels from frame to number
STEPS = [1, 2, 4, 5, 10]


@dataclass(frozen=True, slots=True)
class Cell:
    """One panel: where it lies in the axes (fractions) and what its sides mean.

    `xticks`, `yticks` are where grid lines go; `x`, `y` map data into the axes. With `log` both
    sides are logarithmic, with `ylog` y alone; what is 0 or below then has no place.
    """

    left: float
    bottom: float
    width: float
    height: float
    xlim: tuple[float, float] = (0.0, 1.0)
    ylim: tuple[float, float] = (0.0, 1.0)
    xticks: Values = field(default_factory=lambda: np.empty(0))
    yticks: Values = field(default_factory=lambda: np.empty(0))
    log: bool = False
    ylog: bool = False

    def x(self, values: Values) -> Values:
        """Return where these x lie in the axes."""
        return self.left + self.width * self._share(values, self.xlim)

    def y(self, values: Values) -> Values:
        """Return where these y lie in the axes."""
        return self.bottom + self.height * self._share(values, self.ylim, log=self.ylog)

    def _share(self, values: Values, limits: tuple[float, float], *, log: bool = False) -> Values:
        numbers = np.asarray(values, float)
        low, high = limits
        if log or self.log:
            numbers = np.log10(np.where(numbers > 0, numbers, np.nan))
            low, high = np.log10(low), np.log10(high)
        return np.asarray((numbers - low) / (high - low))

    def scaled(
        self,
        xlim: tuple[float, float],
        ylim: tuple[float, float],
        *,
        most: tuple[int, int],
        log: bool = False,
        ylog: bool = False,
    ) -> Cell:
        """Return the cell with these limits and at most so many ticks."""
        ticks = log_values if log else _round_values
        return Cell(
            self.left,
            self.bottom,
            self.width,
            self.height,
            xlim,
            ylim,
            ticks(xlim, most[0]),
            log_values(ylim, most[1]) if ylog else ticks(ylim, most[1]),
            log,
            ylog,
        )


@dataclass(frozen=True, slots=True)
class Whole:
    """The axes itself, for what can be drawn in a cell or in an axes of its own."""

    xlim: tuple[float, float]
    ylim: tuple[float, float]
    log: bool = False

    def x(self, values: Values) -> Values:
        """Return the values as they are."""
        return values

    def y(self, values: Values) -> Values:
        """Return the values as they are."""
        return values


def _round_values(limits: tuple[float, float], most: int) -> Values:
    """Return round numbers within the limits; none when `most` is 0."""
    if most < 1:
        return np.empty(0)
    ticks = np.asarray(MaxNLocator(most, steps=STEPS).tick_values(*limits))
    return ticks[(ticks >= limits[0]) & (ticks <= limits[1])]


def log_values(limits: tuple[float, float], most: int) -> Values:
    """Return 1, 10, 100 … within the limits, also 2 and 5, or 3, times these if they are few."""
    if most < 1:
        return np.empty(0)
    low, high = limits
    powers = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = np.sort(np.outer(powers, steps).ravel())
        ticks = ticks[(ticks >= low) & (ticks <= high)]
        if len(ticks) <= most + 1:
            return ticks
    return ticks[:: -(-len(ticks) // max(most, 2))]


def log_words(values: Values) -> list[str]:
    """Return tick labels of a logarithmic scale."""
    return [
        f"{value:g}"
        if 1e-4 < value < 1e5
        else f"{value:.0e}".replace("e+0", "e").replace("e-0", "e-")
        for value in values
    ]


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
    reserve: tuple[float, float] = (0, 0),
) -> list[Cell]:
    """Turn an axes into rows x columns cells, `gap` CSS pixels apart, row by row from the top.

    The axes becomes an invisible frame with both coordinates from 0 to 1. `reserve` CSS pixels at
    the right and at the top stay free, say for a legend or labels.
    """
    dress(ax, palette, grid=None)
    ax.set_axis_off()
    ax.set(xlim=(0, 1), ylim=(0, 1))
    wide, high = pixels(ax)
    right, top = min(reserve[0] / wide, 0.4), min(reserve[1] / high, 0.3 / rows)
    gap_x, gap_y = min(gap[0] / wide, 0.5 / columns), min(gap[1] / high, 0.5 / rows)
    width = (1 - right - gap_x * (columns - 1)) / columns
    height = (1 - top - gap_y * (rows - 1)) / rows
    return [
        Cell(column * (width + gap_x), 1 - top - (row + 1) * height - row * gap_y, width, height)
        for row in range(rows)
        for column in range(columns)
    ]


def ticks_for(ax: Axes, cell: Cell) -> tuple[int, int]:
    """Return how many ticks fit below and beside a cell."""
    wide, high = pixels(ax)
    return (
        int(np.clip(cell.width * wide // 34, 2, 7)),
        int(np.clip(cell.height * high // 20, 2, 7)),
    )


def frames(ax: Axes, cells: Sequence[Cell], palette: Palette, *, upright: bool = True) -> None:
    """Draw grid lines, and the axis lines at the bottom and (`upright`) at the left."""
    grid, sides = [], []
    for cell in cells:
        right, top = cell.left + cell.width, cell.bottom + cell.height
        grid += [[(cell.left, y), (right, y)] for y in cell.y(cell.yticks)]
        grid += [[(x, cell.bottom), (x, top)] for x in cell.x(cell.xticks)]
        side = [(cell.left, cell.bottom), (right, cell.bottom)]
        sides.append([(cell.left, top), *side] if upright else side)
    for lines, color, width, order in (
        (grid, palette.grid, 0.7, 0.5),
        (sides, palette.axis, 0.8, 1.0),
    ):
        ax.add_collection(
            LineCollection(lines, colors=color, linewidths=width, zorder=order, clip_on=False),
            autolim=False,
        )


def _words(cell: Cell, ticks: Values) -> list[str]:
    return log_words(ticks) if cell.log else tick_words(ticks)


def number_x(ax: Axes, cell: Cell, palette: Palette, label: str = "", *, edge: float = -1) -> None:
    """Write the numbers, and the label, below a cell.

    Numbers nearer than `edge` CSS pixels to the right side are left out, for want of room.
    """
    wide, high = pixels(ax)
    last = cell.left + cell.width - edge / wide
    height = cell.bottom - TICK_GAP / high
    places = cell.x(cell.xticks)
    for x, word in zip(places, _words(cell, cell.xticks), strict=True):
        if x > last:
            continue
        ax.text(x, height, word, ha="center", va="top", fontsize=TICK_SIZE, color=palette.muted)
    if label:
        middle = cell.left + cell.width / 2
        ax.text(middle, cell.bottom - LABEL_BELOW / high, label, ha="center", va="top")


def number_y(ax: Axes, cell: Cell, palette: Palette, label: str = "") -> None:
    """Write the numbers, and the label, left of a cell."""
    wide = pixels(ax)[0]
    left = cell.left - TICK_GAP / wide
    places = cell.y(cell.yticks)
    words = log_words(cell.yticks) if cell.ylog else _words(cell, cell.yticks)
    for y, word in zip(places, words, strict=True):
        ax.text(left, y, word, ha="right", va="center", fontsize=TICK_SIZE, color=palette.muted)
    if label:
        ax.text(
            cell.left - LABEL_BESIDE / wide,
            cell.bottom + cell.height / 2,
            label,
            ha="right",
            va="center",
            rotation="vertical",
        )


def name(
    ax: Axes,
    cell: Cell,
    text: str,
    *,
    above: float = 6,
    size: float = 9.5,
    color: str | None = None,
    weight: str = "bold",
) -> None:
    """Write a title above a cell."""
    written = ax.text(
        cell.left,
        cell.bottom + cell.height + above / pixels(ax)[1],
        text,
        va="bottom",
        fontsize=size,
        fontweight=weight,
    )
    if color:
        written.set_color(color)

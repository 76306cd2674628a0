"""Histograms with a mark per subject below them, in cells of one axes."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from workbench.plots._cells import Cell, pixels
from workbench.plots._marks import MANY
from workbench.plots.theme import Palette

NARROWEST, LOWEST = 98, 112  # CSS pixels that a panel and its labels need to be read
WIDE_TITLE = 118  # CSS pixels from which the word "shrinkage" fits
FLOOR = 0.12  # share of the histogram's height that the marks of the subjects take below it


def panels_shape(ax: Axes, n: int) -> tuple[int, int]:
    """Return rows and columns of panels: as few rows as the width allows."""
    wide, high = pixels(ax)
    most_rows = max(1, int(high // LOWEST))
    columns = max(1, min(n, int(wide // NARROWEST)), -(-n // most_rows))
    rows = -(-n // columns)
    return rows, -(-n // rows)


def histogram(
    seen: np.ndarray, low: float, high: float, *, most: int = 40
) -> tuple[np.ndarray, np.ndarray]:
    """Return density and edges of at most so many bars; all-equal values make no histogram."""
    if len(seen) < 2 or np.ptp(seen) <= 1e-12 * max(abs(low), abs(high)):
        return np.empty(0), np.empty(1)
    bins = int(np.clip(2 * np.ceil(len(seen) ** 0.5), 8, max(8, most)))
    counts, edges = np.histogram(seen, bins=bins, range=(low, high), density=True)
    return counts, edges


def most_bars(ax: Axes, cell: Cell) -> int:
    """Return how many bars can be told apart in a cell."""
    return int(min(40, cell.width * pixels(ax)[0] // 5))


def bars(ax: Axes, cell: Cell, counts: np.ndarray, edges: np.ndarray, palette: Palette) -> None:
    """Draw the bars as one artist, and the line they stand on."""
    left, right = cell.x(edges[:-1]), cell.x(edges[1:])
    foot = float(cell.y(np.zeros(1))[0])
    top = cell.y(counts)
    corners = [
        left,
        np.full(len(left), foot),
        left,
        top,
        right,
        top,
        right,
        np.full_like(left, foot),
    ]
    ax.add_collection(
        PolyCollection(
            list(np.stack(corners, axis=-1).reshape(-1, 4, 2)),
            facecolors=palette.bar,
            edgecolors=palette.background,
            linewidths=0.7,
            zorder=2,
        ),
        autolim=False,
    )
    ax.plot(
        [cell.left, cell.left + cell.width],
        [foot, foot],
        color=palette.axis,
        linewidth=0.8,
        zorder=1,
    )


def rug(ax: Axes, x: np.ndarray, y: np.ndarray, palette: Palette) -> None:
    """Draw one upright mark per subject below the histogram."""
    ax.plot(
        x,
        y,
        "|",
        markersize=8,
        markeredgewidth=1.1,
        markeredgecolor=palette.point,
        alpha=float(np.clip(8 / max(len(x), 1) ** 0.5, 0.15, 0.85)),
        rasterized=len(x) > MANY,
        zorder=2,
    )

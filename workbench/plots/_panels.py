"""Panels of one kind side by side in an axes: how they are laid out, scaled and labelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from workbench.plots._cells import (
    TICK_GAP,
    TICK_SIZE,
    Cell,
    frames,
    name,
    number_x,
    number_y,
    pixels,
    split,
    ticks_for,
)
from workbench.plots._marks import Values, room
from workbench.plots.theme import LABEL_BESIDE, Palette

NARROWEST, LOWEST = 190, 70  # CSS pixels of a panel
GAP = (46, 40)  # CSS pixels between panels
LETTER = 5.2  # CSS pixels of a letter of a label
HEAD = 24  # CSS pixels for a title above several panels
LEGEND_FROM = 400  # CSS pixels of width for a legend beside the title


@dataclass(frozen=True, slots=True)
class YScale:
    """The vertical scale of a panel, linear or logarithmic.

    Attributes
    ----------
    low, high : limits, in the unit of the data
    log : logarithmic
    """

    low: float
    high: float
    log: bool = False

    def __call__(self, values: Values) -> Values:
        """Return values on the scale; what cannot be shown is NaN, what is below lies at its edge.

        Only on a logarithmic scale is anything moved: up to its lower limit.
        """
        numbers = np.asarray(values, float)
        if not self.log:
            return numbers
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.log10(np.where(numbers < self.low, self.low, numbers))

    @property
    def limits(self) -> tuple[float, float]:
        """The limits on the scale."""
        low, high = self(np.array([self.low, self.high]))
        return float(low), float(high)

    def ticks(self, most: int) -> tuple[Values, list[str]]:
        """Return places of a logarithmic scale, in the unit of the data, and their words."""
        for steps in ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
            exponents = np.arange(np.floor(np.log10(self.low)), np.ceil(np.log10(self.high)) + 1)
            places = np.array([m * 10.0**k for k in exponents for m in steps])
            places = places[(places >= self.low) & (places <= self.high)]
            if len(places) <= most:
                break
        places = places[:: max(1, -(-len(places) // most))]
        return places, [f"{place:g}" for place in places]


def y_scale(values: Values, *, log: bool) -> YScale:
    """Return a scale that shows all values, or on a logarithmic one all above 0."""
    seen = np.asarray(values, float)
    seen = seen[np.isfinite(seen)]
    if not log:
        return YScale(*room(seen, share=0.06))
    positive = seen[seen > 0]
    if not len(positive):
        return YScale(0.1, 10.0, True)
    low, high = float(positive.min()), float(positive.max())
    low = max(low, high * 1e-6)
    span = max(high / low, 2.0)
    return YScale(low / span**0.05, high * span**0.05, True)


def panel_keys(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Return stratum and endpoint of each panel of a table."""
    return list(dict.fromkeys(zip(table["STRATUM"], table["ENDPOINT"], strict=True)))


def of_panel(table: pd.DataFrame, key: tuple[str, str]) -> pd.DataFrame:
    """Return the rows of a panel."""
    mine = (table["STRATUM"] == key[0]) & (table["ENDPOINT"] == key[1])
    return table[mine.to_numpy(bool)]


def panel_name(key: tuple[str, str], keys: list[tuple[str, str]]) -> str:
    """Return what tells a panel from the others."""
    endpoints = {endpoint for _, endpoint in keys}
    parts = [key[1]] if len(endpoints) > 1 else []
    return " · ".join([*parts, key[0]] if key[0] else parts)


def facets(
    ax: Axes,
    n: int,
    palette: Palette,
    *,
    columns: int | None = None,
    gap: tuple[float, float] = GAP,
    titles: bool = True,
) -> tuple[list[Cell], int]:
    """Return the cells of n panels below a title, and in how many columns they stand.

    Parameters
    ----------
    columns : as many as fit, and more where the panels would be too low, if not given
    titles : whether panels have titles, if there are several
    """
    wide, high = pixels(ax)
    fit = max(1, int((wide + gap[0]) // (NARROWEST + gap[0])))
    across = columns or min(n, fit, 2 if n == 4 else 3)
    while columns is None and across < n and -(-n // across) * (LOWEST + gap[1]) > high + gap[1]:
        across += 1
    rows = -(-n // across)
    top = HEAD if n > 1 and titles else 0
    return split(ax, rows, across, palette, gap=gap, reserve=(0, top))[:n], across


def lowest(k: int, n: int, across: int) -> bool:
    """Say whether panel k of n has none below it."""
    return k + across >= n


def panel(
    ax: Axes,
    cell: Cell,
    palette: Palette,
    *,
    x: tuple[float, float],
    y: YScale,
    labels: tuple[str, str],
    title: str = "",
    numbered: bool = True,
) -> Cell:
    """Draw the frame, the numbers and the labels of a panel; return it with its scales.

    Parameters
    ----------
    x, y : limits and scale
    labels : of x and y; "" for none
    title : above the panel
    numbered : whether there are numbers at x
    """
    most = ticks_for(ax, cell)
    scaled = cell.scaled(x, y.limits, most=most)
    words = None
    if y.log:
        places, words = y.ticks(most[1])
        scaled = Cell(
            *(scaled.left, scaled.bottom, scaled.width, scaled.height, scaled.xlim, scaled.ylim),
            scaled.xticks,
            np.log10(places),
        )
    frames(ax, [scaled], palette)
    if numbered:
        number_x(ax, scaled, palette, labels[0])
    room_for_label = cell.height * pixels(ax)[1] >= LETTER * len(labels[1])
    label = labels[1] if room_for_label else ""
    if words is None:
        number_y(ax, scaled, palette, label)
    else:
        _write_y(ax, scaled, words, palette, label)
    if title:
        name(ax, scaled, title, above=4, size=8.5)
    return scaled


def _write_y(ax: Axes, cell: Cell, words: Sequence[str], palette: Palette, label: str) -> None:
    """Write given words, and the label, left of a cell."""
    wide = pixels(ax)[0]
    for y, word in zip(cell.y(cell.yticks), words, strict=True):
        ax.text(
            *(cell.left - TICK_GAP / wide, y, word),
            ha="right",
            va="center",
            fontsize=TICK_SIZE,
            color=palette.muted,
        )
    if label:
        ax.text(
            *(cell.left - LABEL_BESIDE / wide, cell.bottom + cell.height / 2, label),
            ha="right",
            va="center",
            rotation="vertical",
        )


def headline(
    ax: Axes, text: str, handles: Sequence[Line2D | Patch], palette: Palette, *, several: bool
) -> None:
    """Write the title at the top left, and at its right what the marks mean, if there is room."""
    wide, high = pixels(ax)
    height = 1.0 + (6 - (HEAD - 20 if several else 0)) / high
    ax.text(0.0, height, text, va="bottom", fontsize=9.5, fontweight="bold", color=palette.ink)
    if wide < LEGEND_FROM or not handles:
        return
    ax.legend(
        handles=list(handles),
        loc="lower right",
        bbox_to_anchor=(1.005, height - 4 / high),
        ncols=len(handles),
        columnspacing=1.0,
        handlelength=1.5,
        handletextpad=0.45,
        borderaxespad=0,
        labelcolor=palette.muted,
        frameon=False,
        fontsize=7.5,
    )

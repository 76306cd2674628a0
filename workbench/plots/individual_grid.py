"""Individual fits of many subjects as small multiples, drawn in one axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.ticker import MaxNLocator

from workbench.plots._base import Drawn, Label, Plot
from workbench.plots._marks import (
    Values,
    labelled,
    observation_tips,
    points,
    room,
    say,
)
from workbench.plots._panels import pixels
from workbench.plots._subjects import Subjects
from workbench.plots.theme import DASHED, Palette, dress

MOST = 24  # subjects on one page
GAP = (9.0, 20.0)  # CSS pixels between cells; the subject's label stands in the vertical one
CELL_SHAPE = 1.5  # width over height that the layout aims at


@dataclass(frozen=True, slots=True)
class _Cells:
    """Where each subject's little axes lies; all share one scale."""

    rows: int
    columns: int
    width: float
    height: float
    gap_x: float
    gap_y: float
    time: tuple[float, float]
    value: tuple[float, float]

    def corner(self, i: int) -> tuple[float, float]:
        """Return the lower left corner of cell i (row by row from the top)."""
        row, column = divmod(i, self.columns)
        bottom = 1 - (row + 1) * self.height - row * self.gap_y
        return column * (self.width + self.gap_x), bottom - self.gap_y

    def x(self, i: int, time: Values) -> Values:
        """Return times as places in cell i."""
        share = (np.asarray(time, float) - self.time[0]) / (self.time[1] - self.time[0])
        return self.corner(i)[0] + self.width * share

    def y(self, i: int, value: Values) -> Values:
        """Return values as places in cell i, cut at its edges."""
        share = (np.asarray(value, float) - self.value[0]) / (self.value[1] - self.value[0])
        return self.corner(i)[1] + self.height * np.clip(share, 0, 1)


def draw(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    *,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None = None,
    columns: int | None = None,
    most: int = MOST,
) -> Drawn:
    """Draw PRED, IPRED and observations of up to `most` subjects, all on one scale.

    With more subjects than that, the page on which the selected one is. `columns`: cells in a
    row; by default what the axes' shape suggests. For other subjects pass a table of theirs.
    """
    table = tables["individual"]
    if table.empty:
        say(ax, "There is no subject to draw.", palette)
        return Drawn()
    subjects = Subjects(table)
    page, title = _page(subjects.labels, selected, most)
    rows = subjects.select(page)
    cells = _layout(ax, rows, len(page), columns)
    dress(ax, palette, grid=None)
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ax.set_axis_off()
    _frames(ax, cells, page, selected, palette)
    _ticks(ax, cells, len(page), units, palette)
    _curves(ax, cells, [subjects.rows(label) for label in page], palette)
    hits = _observations(ax, cells, subjects, page, selected, units, palette)
    _doses(ax, cells, subjects, page, palette)
    ax.set_title(title, loc="left")
    return Drawn(hits)


def _page(labels: list[Label], selected: Label | None, most: int) -> tuple[list[Label], str]:
    """Return the subjects to show, and the title."""
    if len(labels) <= most:
        return labels, "Individual fits"
    place = labels.index(selected) if selected in labels else 0
    start = place // most * most
    page = labels[start : start + most]
    return page, f"Individual fits · subjects {start + 1} to {start + len(page)} of {len(labels)}"


def _layout(ax: Axes, rows: pd.DataFrame, n: int, columns: int | None) -> _Cells:
    """Return the cells, and the scale that shows everything on the page."""
    wide, high = pixels(ax)
    if columns is None:
        columns = int(np.clip(round(np.sqrt(n * wide / (high * CELL_SHAPE))), 1, n))
    columns = min(columns, n)
    n_rows = -(-n // columns)
    columns = -(-n // n_rows) if n_rows > 1 else columns
    gap_x = min(GAP[0] / wide, 0.3 / columns)
    gap_y = min(GAP[1] / high, 0.3 / n_rows)
    low, high_value = room(rows[["DV", "PRED", "IPRED"]].to_numpy(float).ravel(), share=0.08)
    times = rows["TIME"].to_numpy(float)
    start, end = min(0.0, float(times.min())), float(times.max())
    air = 0.03 * (end - start) or 1.0
    return _Cells(
        n_rows,
        columns,
        (1 - gap_x * (columns - 1)) / columns,
        1 / n_rows - gap_y,
        gap_x,
        gap_y,
        (start - air, end + air),
        (low - 0.06 * (high_value - low), high_value),
    )


def _frames(
    ax: Axes, cells: _Cells, page: Sequence[Label], selected: Label | None, palette: Palette
) -> None:
    """Draw the cells' axis lines and the subjects' labels."""
    corners = [cells.corner(i) for i in range(len(page))]
    sides = [[(x, y + cells.height), (x, y), (x + cells.width, y)] for x, y in corners]
    ax.add_collection(
        LineCollection(sides, colors=palette.axis, linewidths=0.8, zorder=1), autolim=False
    )
    for label, (x, y) in zip(page, corners, strict=True):
        mine = label == selected
        ax.text(
            x,
            y + cells.height + 0.15 * cells.gap_y,
            f"ID {label}",
            fontsize=7.5,
            fontweight="bold" if mine else "normal",
            color=palette.selected if mine else palette.ink,
            va="bottom",
        )


def _ticks(ax: Axes, cells: _Cells, n: int, units: Mapping[str, str], palette: Palette) -> None:
    """Draw grid lines in every cell, numbers at the left and below, and the two axis labels."""
    wide, high = pixels(ax)
    per_column = int(np.clip(cells.width * wide // 34, 2, 5))
    per_row = int(np.clip(cells.height * high // 22, 2, 5))
    times = _nice(cells.time, per_column)
    values = _nice(cells.value, per_row)
    lines = []
    for i in range(n):
        left, bottom = cells.corner(i)
        lines += [[(left, y), (left + cells.width, y)] for y in cells.y(i, values)]
        lines += [[(x, bottom), (x, bottom + cells.height)] for x in cells.x(i, times)]
    ax.add_collection(
        LineCollection(lines, colors=palette.grid, linewidths=0.6, zorder=0.5), autolim=False
    )
    style = {"fontsize": 7, "color": palette.muted}
    for i in range(0, n, cells.columns):
        for y, value in zip(cells.y(i, values), values, strict=True):
            ax.text(-4 / wide, y, f"{value:g}", ha="right", va="center", **style)
    for i in range(max(0, n - cells.columns), n):
        bottom = cells.corner(i)[1]
        for x, time in zip(cells.x(i, times), times, strict=True):
            ax.text(x, bottom - 4 / high, f"{time:g}", ha="center", va="top", **style)
    ax.text(0.5, -20 / high, labelled("Time", units.get("TIME")), ha="center", va="top")
    ax.text(
        -34 / wide,
        0.5,
        labelled("DV", units.get("DV")),
        ha="right",
        va="center",
        rotation="vertical",
    )


def _nice(limits: tuple[float, float], n: int) -> Values:
    """Return round tick values within the limits."""
    ticks = MaxNLocator(n, steps=[1, 2, 2.5, 5, 6, 10]).tick_values(*limits)
    return ticks[(ticks >= limits[0]) & (ticks <= limits[1])]


def _curves(ax: Axes, cells: _Cells, parts: list[pd.DataFrame], palette: Palette) -> None:
    """Draw all population curves as one artist, and all individual ones as another."""
    population, individual = [], []
    for i, part in enumerate(parts):
        curve = part[(part["KIND"] == "curve").to_numpy()]
        x = cells.x(i, curve["TIME"].to_numpy())
        population.append(np.column_stack([x, cells.y(i, curve["PRED"].to_numpy())]))
        individual.append(np.column_stack([x, cells.y(i, curve["IPRED"].to_numpy())]))
    for lines, color, width, style in (
        (population, palette.population, 1.0, DASHED),
        (individual, palette.line, 1.2, "solid"),
    ):
        ax.add_collection(
            LineCollection(lines, colors=color, linewidths=width, linestyles=style, zorder=3),
            autolim=False,
        )


def _observations(
    ax: Axes,
    cells: _Cells,
    subjects: Subjects,
    page: Sequence[Label],
    selected: Label | None,
    units: Mapping[str, str],
    palette: Palette,
) -> pd.DataFrame:
    """Draw the observations; return their hit points."""
    found = []
    for i, label in enumerate(page):
        part = subjects.rows(label)
        part = part[((part["KIND"] == "observation") & np.isfinite(part["DV"])).to_numpy()]
        x, y = cells.x(i, part["TIME"].to_numpy()), cells.y(i, part["DV"].to_numpy())
        found.append(points(x, y, part["ID"], observation_tips(part, "DV", units)))
        if label == selected:
            ax.plot(
                x,
                y,
                "o",
                markersize=5.2,
                markerfacecolor=palette.selected,
                markeredgecolor=palette.outline,
                markeredgewidth=0.8,
                zorder=6,
            )
    hits = pd.concat(found, ignore_index=True)
    ax.plot(
        hits["x"],
        hits["y"],
        "o",
        markersize=3.2,
        markerfacecolor=palette.point,
        markeredgecolor="none",
        zorder=4,
    )
    return hits


def _doses(
    ax: Axes, cells: _Cells, subjects: Subjects, page: Sequence[Label], palette: Palette
) -> None:
    """Draw a small triangle for every dose."""
    x, y = [], []
    for i, label in enumerate(page):
        part = subjects.rows(label)
        time = part["TIME"].to_numpy()[(part["KIND"] == "dose").to_numpy()]
        x.append(cells.x(i, time))
        y.append(np.full(len(time), cells.corner(i)[1] + 0.03 * cells.height))
    ax.plot(
        np.concatenate(x),
        np.concatenate(y),
        "^",
        markersize=3,
        color=palette.muted,
        markeredgecolor="none",
        zorder=3.5,
    )


PLOT = Plot(
    name="individual_grid",
    title="Individual fits",
    diagnostics=("individual",),
    draw=draw,
    alt="Small panels, one per subject: observations with population and individual curves",
    group="individuals",
)

"""Individual fits of many subjects as small multiples, drawn in one axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from workbench.plots._base import Drawn, Label, Plot
from workbench.plots._cells import Cell, frames, name, number_x, number_y, pixels, split, ticks_for
from workbench.plots._endpoints import endpoints_of, of_endpoint
from workbench.plots._marks import belongs, labelled, observation_tips, points, room, say
from workbench.plots._subjects import Subjects
from workbench.plots.theme import DASHED, LABEL_BELOW, LABEL_BESIDE, Palette

MOST = 24  # subjects on one page
GAP = (9.0, 20.0)  # CSS pixels between cells; the subject's label stands in the vertical one
EDGE = 4  # CSS pixels from the right side within which a number would meet the neighbour's
CELL_SHAPE = 1.5  # width over height that the layout aims at


def draw(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    *,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None = None,
    columns: int | None = None,
    most: int | None = None,
) -> Drawn:
    """Draw PRED, IPRED and observations of up to `most` subjects, all on one scale.

    With more subjects than that, the page on which the selected one is. `columns`: cells in a
    row; by default what the axes' shape suggests. For other subjects pass a table of theirs.
    Several endpoints stand one below the other, each on its own scale.
    """
    table = tables["individual"]
    if table.empty:
        say(ax, "There is no subject to draw.", palette)
        return Drawn()
    subjects, endpoints = Subjects(table), endpoints_of(table)
    page, title = _page(subjects.labels, selected, most or max(MOST // len(endpoints), 1))
    blocks, columns = _layout(ax, subjects.select(page), endpoints, len(page), columns, palette)
    _outer_labels(ax, units)
    hits = []
    for endpoint, cells in zip(endpoints, blocks, strict=True):
        frames(ax, cells, palette)
        for cell in cells[::columns]:
            number_y(ax, cell, palette)
        for label, cell in zip(page, cells, strict=True):
            mine = label == selected
            name(
                ax,
                cell,
                f"ID {label} · {endpoint}" if endpoint else f"ID {label}",
                above=3,
                size=7.5,
                color=palette.selected if mine else palette.ink,
                weight="bold" if mine else "normal",
            )
        hits.append(_draw_subjects(ax, cells, subjects, page, endpoint, selected, units, palette))
    for cell in blocks[-1][-columns:]:
        number_x(ax, cell, palette, edge=EDGE)
    ax.set_title(title)
    return Drawn(pd.concat(hits, ignore_index=True))


def _page(labels: list[Label], selected: Label | None, most: int) -> tuple[list[Label], str]:
    """Return the subjects to show, and the title."""
    if len(labels) <= most:
        return labels, "Individual fits"
    place = labels.index(selected) if selected in labels else 0
    start = place // most * most
    page = labels[start : start + most]
    return page, f"Individual fits · subjects {start + 1} to {start + len(page)} of {len(labels)}"


def _layout(
    ax: Axes,
    rows: pd.DataFrame,
    endpoints: Sequence[str],
    n: int,
    columns: int | None,
    palette: Palette,
) -> tuple[list[list[Cell]], int]:
    """Return the cells of each endpoint, scaled to show all its data, and how many in a row."""
    wide, high = pixels(ax)
    if columns is None:
        total = n * len(endpoints)
        columns = int(np.clip(round(np.sqrt(total * wide / (high * CELL_SHAPE))), 1, n))
        columns = -(-n // -(-n // columns))
    columns = min(columns, n)
    n_rows = -(-n // columns)
    times = rows["TIME"].to_numpy(float)
    start, end = min(0.0, float(times.min())), float(times.max())
    air = 0.03 * (end - start) or 1.0
    reserve = (0, GAP[1] - 4)
    empty = split(ax, n_rows * len(endpoints), columns, palette, gap=GAP, reserve=reserve)
    most = ticks_for(ax, empty[0])
    blocks = []
    for k, endpoint in enumerate(endpoints):
        values = of_endpoint(rows, endpoint)[["DV", "PRED", "IPRED"]].to_numpy(float)
        low, top = room(values.ravel(), share=0.08)
        value = (low - 0.06 * (top - low), top)
        first = k * n_rows * columns
        mine = empty[first : first + n]
        blocks.append([cell.scaled((start - air, end + air), value, most=most) for cell in mine])
    return blocks, columns


def _outer_labels(ax: Axes, units: Mapping[str, str]) -> None:
    """Write what the two axes are, once for all cells."""
    wide, high = pixels(ax)
    time, value = labelled("Time", units.get("TIME")), labelled("DV", units.get("DV"))
    ax.text(0.5, -LABEL_BELOW / high, time, ha="center", va="top")
    ax.text(-LABEL_BESIDE / wide, 0.5, value, ha="right", va="center", rotation="vertical")


def _draw_subjects(
    ax: Axes,
    cells: Sequence[Cell],
    subjects: Subjects,
    page: Sequence[Label],
    endpoint: str,
    selected: Label | None,
    units: Mapping[str, str],
    palette: Palette,
) -> pd.DataFrame:
    """Draw everybody's curves, observations and doses, one artist a kind; return hit points."""
    population, individual, found, doses = [], [], [], []
    for cell, label in zip(cells, page, strict=True):
        rows = subjects.rows(label)
        if endpoint:
            rows = rows[(rows["ENDPOINT"].isin([endpoint]) | (rows["KIND"] == "dose")).to_numpy()]
        kind = rows["KIND"].to_numpy(object)
        x = cell.x(rows["TIME"].to_numpy())
        curve = kind == "curve"
        population.append(np.column_stack([x, cell.y(rows["PRED"].to_numpy())])[curve])
        individual.append(np.column_stack([x, cell.y(rows["IPRED"].to_numpy())])[curve])
        times = x[kind == "dose"]
        doses.append(
            np.column_stack([times, np.full(len(times), cell.bottom + 0.03 * cell.height)])
        )
        observed = kind == "observation"
        y = cell.y(rows["DV"].to_numpy())[observed]
        tips = observation_tips(rows[observed], "DV", units)
        found.append(points(x[observed], y, rows["ID"][observed], tips))
    for lines, color, width, style in (
        (population, palette.population, 1.0, DASHED),
        (individual, palette.line, 1.2, "solid"),
    ):
        ax.add_collection(
            LineCollection(lines, colors=color, linewidths=width, linestyles=style, zorder=3),
            autolim=False,
        )
    hits = pd.concat(found, ignore_index=True)
    _observations(ax, hits, selected, palette)
    marks = np.concatenate(doses)
    ax.plot(*marks.T, "^", markersize=3, color=palette.muted, markeredgecolor="none", zorder=3.5)
    return hits


def _observations(ax: Axes, hits: pd.DataFrame, selected: Label | None, palette: Palette) -> None:
    """Draw the observations, the selected subject's larger and outlined."""
    mine = belongs(hits["ID"], selected)
    for rows, size, color, edge, order in (
        (hits[~mine], 3.2, palette.point, "none", 3.6),
        (hits[mine], 5.2, palette.selected, palette.outline, 6),
    ):
        ax.plot(
            rows["x"],
            rows["y"],
            "o",
            markersize=size,
            markerfacecolor=color,
            markeredgecolor=edge,
            markeredgewidth=0.8,
            zorder=order,
        )


PLOT = Plot(
    name="individual_grid",
    title="Individual fits",
    diagnostics=("individual",),
    draw=draw,
    alt="Small panels, one per subject: observations with population and individual curves",
    group="individuals",
    shape=1.6,
)

"""Individual fits of many subjects as small multiples, drawn in one axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workbench.plots._base import Drawn, Label, Plot
from workbench.plots._cells import Cell, frames, name, number_x, number_y, pixels, split, ticks_for
from workbench.plots._endpoints import endpoints_of, of_endpoint
from workbench.plots._grid_marks import draw_subjects, legend, outline
from workbench.plots._marks import labelled, room, say
from workbench.plots._subjects import Subjects
from workbench.plots.theme import LABEL_BELOW, LABEL_BESIDE, Palette

MOST = 24  # subjects on one page
GAP = (9.0, 20.0)  # CSS pixels between cells; the subject's label stands in the vertical one
EDGE = 4  # CSS pixels from the right side within which a number would meet the neighbour's
CELL_SHAPE = 1.5  # width over height that the layout aims at
TITLE_LETTER = 7.4  # CSS pixels


def draw(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    *,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None = None,
    variant: str = "linear",
    columns: int | None = None,
    most: int | None = None,
    page: Sequence[Label] | None = None,
    title: str | None = None,
    notes: Mapping[Label, str] | None = None,
) -> Drawn:
    """Draw PRED, IPRED and observations of up to `most` subjects, all on one scale.

    With more subjects than that, the page on which the selected one is. `columns`: cells in a
    row; by default what the axes' shape suggests. For other subjects pass a table of theirs, and
    as `page` the order in which they stand; `title` and `notes` (by subject, behind its label) go
    with it. Several endpoints stand one below the other, each on its own scale. A band is drawn
    where the table has limits, censored observations as hollow triangles, the limit of
    quantification dotted. On the logarithmic scale values of 0 and below are left out, and the
    title says how many.
    """
    table = tables["individual"]
    if table.empty:
        say(ax, "There is no subject to draw.", palette)
        return Drawn()
    subjects, endpoints = Subjects(table), endpoints_of(table)
    shown, words = _page(subjects.labels, selected, most or max(MOST // len(endpoints), 1))
    if page is not None:
        there = set(subjects.labels)  # a part of a split picture has some of them only
        shown, words = [label for label in page if label in there], title or words
    rows = subjects.select(shown)
    log = variant == "log"
    blocks, columns = _layout(ax, rows, endpoints, len(shown), columns, palette, log=log)
    _outer_labels(ax, units)
    hits = []
    for endpoint, cells in zip(endpoints, blocks, strict=True):
        frames(ax, cells, palette)
        for cell in cells[::columns]:
            number_y(ax, cell, palette)
        _names(ax, cells, shown, endpoint, selected, notes or {}, palette)
        hits.append(
            draw_subjects(
                ax,
                cells,
                subjects,
                shown,
                endpoint,
                selected=selected,
                units=units,
                palette=palette,
            )
        )
        outline(
            ax, [c for c, label in zip(cells, shown, strict=True) if label == selected], palette
        )
    for cell in blocks[-1][-columns:]:
        number_x(ax, cell, palette, edge=EDGE)
    hidden = int((rows["DV"] <= 0).sum()) if log else 0
    ax.set_title(f"{words} · {hidden} at or below 0 not shown" if hidden else words)
    space = pixels(ax)[0] - TITLE_LETTER * len(ax.get_title(loc="left"))
    legend(ax, rows, palette, space=space)
    return Drawn(pd.concat(hits, ignore_index=True))


def _page(labels: list[Label], selected: Label | None, most: int) -> tuple[list[Label], str]:
    """Return the subjects to show, and the title."""
    if len(labels) <= most:
        return labels, "Individual fits"
    place = labels.index(selected) if selected in labels else 0
    start = place // most * most
    page = labels[start : start + most]
    return page, f"Individual fits · subjects {start + 1} to {start + len(page)} of {len(labels)}"


def _names(
    ax: Axes,
    cells: Sequence[Cell],
    page: Sequence[Label],
    endpoint: str,
    selected: Label | None,
    notes: Mapping[Label, str],
    palette: Palette,
) -> None:
    """Write over each cell whose it is, and as far as it fits what the order goes by."""
    wide = pixels(ax)[0]
    for label, cell in zip(page, cells, strict=True):
        mine = label == selected
        words = f"ID {label} · {endpoint}" if endpoint else f"ID {label}"
        longer = f"{words} · {notes[label]}" if label in notes else words
        fits = 5.0 * len(longer) < cell.width * wide
        name(
            ax,
            cell,
            longer if fits else words,
            above=3,
            size=7.5,
            color=palette.selected if mine else palette.ink,
            weight="bold" if mine else "normal",
        )


def _layout(
    ax: Axes,
    rows: pd.DataFrame,
    endpoints: Sequence[str],
    n: int,
    columns: int | None,
    palette: Palette,
    *,
    log: bool,
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
        limits = _limits(of_endpoint(rows, endpoint), log=log)
        first = k * n_rows * columns
        mine, span = empty[first : first + n], (start - air, end + air)
        blocks.append([cell.scaled(span, limits, most=most, ylog=log) for cell in mine])
    return blocks, columns


def _limits(rows: pd.DataFrame, *, log: bool) -> tuple[float, float]:
    """Return limits that show all data and curves; a logarithmic scale goes as deep as the data."""
    values = rows[["DV", "PRED", "IPRED", "LOWER", "UPPER"]].to_numpy(float)
    if not log:
        low, top = room(values.ravel(), share=0.08)
        return low - 0.06 * (top - low), top
    seen = values[np.isfinite(values) & (values > 0)]
    if not len(seen):
        return 0.1, 10.0
    observed = rows[["DV", "LLOQ"]].to_numpy(float)
    observed = observed[np.isfinite(observed) & (observed > 0)]
    top = 1.3 * float(seen.max())
    low = 0.6 * float((observed if len(observed) else seen).min())
    return min(low, 0.5 * top), top


def _outer_labels(ax: Axes, units: Mapping[str, str]) -> None:
    """Write what the two axes are, once for all cells."""
    wide, high = pixels(ax)
    time, value = labelled("Time", units.get("TIME")), labelled("DV", units.get("DV"))
    ax.text(0.5, -LABEL_BELOW / high, time, ha="center", va="top")
    ax.text(-LABEL_BESIDE / wide, 0.5, value, ha="right", va="center", rotation="vertical")


PLOT = Plot(
    name="individual_grid",
    title="Individual fits",
    diagnostics=("individual",),
    draw=draw,
    alt="Small panels, one per subject: observations with population and individual curves",
    group="individuals",
    variants=("linear", "log"),
    shape=1.6,
)

"""Weighted residuals against time and against population predictions, side by side."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from workbench.plots._base import Drawn, Label, Plot, whole
from workbench.plots._cells import frames, name, number_x, number_y, pixels, split, ticks_for
from workbench.plots._marks import observation_tips, points, room, say
from workbench.plots._residuals import VARIANTS
from workbench.plots._scatter import (
    finite,
    name_trend,
    residual_limits,
    residuals_against,
    why_no_residuals,
    x_label,
)
from workbench.plots.theme import Palette

RESIDUALS = ("CWRES", "IWRES")
BOTH = "CWRES and IWRES"
COLUMNS = ("TIME", "PRED")
WIDE_TITLE = 128  # CSS pixels from which a panel has room for the residual's name


def draw(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    *,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None = None,
    variant: str = BOTH,
) -> Drawn:
    """Draw one row of panels per residual: against TIME at the left, against PRED at the right."""
    table = tables["residuals"]
    wanted = RESIDUALS if variant == BOTH else (variant,)
    shown = [residual for residual in wanted if why_no_residuals(table, residual) is None]
    if not shown:
        say(ax, str(why_no_residuals(table, wanted[0])), palette)
        return Drawn()
    every = whole(tables, "residuals")
    limits = residual_limits(*(every[residual] for residual in shown))
    sides = [room(every[column].to_numpy(float)) for column in COLUMNS]
    cells = [
        cell.scaled(sides[i % 2], limits, most=ticks_for(ax, cell))
        for i, cell in enumerate(split(ax, len(shown), 2, palette, gap=(22, 12)))
    ]
    frames(ax, cells, palette)
    hits = []
    for i, residual in enumerate(shown):
        number_y(ax, cells[2 * i], palette, residual)
        rows = finite(table, residual, *COLUMNS)
        tips = observation_tips(rows, residual, units)
        for cell, column in zip(cells[2 * i : 2 * i + 2], COLUMNS, strict=True):
            x, y = residuals_against(
                ax, cell, rows, (column, residual), palette=palette, selected=selected
            )
            hits.append(points(x, y, rows["ID"], tips))
    for cell, column in zip(cells[-2:], COLUMNS, strict=True):
        number_x(ax, cell, palette, x_label(column, units))
    what = shown[0] if len(shown) == 1 else "Residuals"
    narrow = cells[0].width * pixels(ax)[0] < WIDE_TITLE
    name(ax, cells[0], "vs time" if narrow else f"{what} vs time")
    name(ax, cells[1], "vs PRED")
    name_trend(ax, palette, least=2.4)
    return Drawn(pd.concat(hits, ignore_index=True))


PLOT = Plot(
    name="residual_panels",
    title="Residuals vs time and PRED",
    diagnostics=("residuals",),
    draw=draw,
    alt="Scatter plots of weighted residuals against time and against population predictions, "
    "with lines at 0 and ±1.96",
    group="residuals",
    variants=(BOTH, *VARIANTS),
    shape=2.0,
)

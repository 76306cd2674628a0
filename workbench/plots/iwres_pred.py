"""Size of the individual weighted residuals against individual predictions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workbench.plots._base import Drawn, Label, Plot, whole
from workbench.plots._cells import Cell, frames, name, number_x, number_y, split, ticks_for
from workbench.plots._endpoints import endpoints_of, of_endpoint
from workbench.plots._marks import Values, observation_tips, points, room, say
from workbench.plots._scatter import finite, name_trend, scatter, why_no_residuals, x_label
from workbench.plots.theme import DASHED, DOTTED, Palette

MEDIAN = 0.6745  # of the absolute value of N(0, 1)
LINES = ((MEDIAN, DASHED, 0.9), (1.96, DOTTED, 0.8))


def draw(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    *,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None = None,
) -> Drawn:
    """Draw abs(IWRES) against IPRED: a trend that rises or falls speaks against the error model.

    Dashed at 0.67: under the model half of the points lie above it (fewer, where random effects
    shrink), and the trend runs near; dotted at 1.96, with 5 % above.
    """
    table = tables["residuals"]
    missing = why_no_residuals(table, "IWRES")
    rows = finite(table, "IPRED", "IWRES") if missing is None else table.iloc[:0]
    if rows.empty:
        say(ax, missing or "No observation has both IWRES and IPRED.", palette)
        return Drawn()
    every = finite(whole(tables, "residuals"), "IPRED", "IWRES")
    endpoints, hits = endpoints_of(every), []
    top = max(2.6, 1.08 * float(every["IWRES"].abs().max()))
    empty = split(ax, 1, len(endpoints), palette, gap=(30, 0))
    for cell, endpoint in zip(empty, endpoints, strict=True):
        mine = of_endpoint(rows, endpoint)
        sides = room(of_endpoint(every, endpoint)["IPRED"].to_numpy(float)), (-0.02 * top, top)
        place = cell.scaled(*sides, most=ticks_for(ax, cell))
        frames(ax, [place], palette)
        number_y(ax, place, palette, "|IWRES|" if endpoint == endpoints[0] else "")
        number_x(ax, place, palette, x_label("IPRED", units))
        name(ax, place, endpoint or "|IWRES| vs IPRED")
        x, y = _panel(ax, place, mine, palette, selected)
        hits.append(points(x, y, mine["ID"], observation_tips(mine, "IWRES", units)))
    name_trend(ax, palette, least=1.8 if len(endpoints) == 1 else 4.5)
    return Drawn(pd.concat(hits, ignore_index=True))


def _panel(
    ax: Axes, place: Cell, rows: pd.DataFrame, palette: Palette, selected: Label | None
) -> tuple[Values, Values]:
    """Draw reference lines and points; return where the points lie."""
    for value, style, width in LINES:
        ax.plot(
            place.x(np.array(place.xlim)),
            place.y(np.full(2, value)),
            color=palette.muted,
            linewidth=width,
            linestyle=style,
            zorder=1,
        )
    x, y = rows["IPRED"].to_numpy(float), rows["IWRES"].abs().to_numpy(float)
    return scatter(ax, place, x, y, rows["ID"], palette=palette, selected=selected)


PLOT = Plot(
    name="iwres_pred",
    title="|IWRES| vs IPRED",
    diagnostics=("residuals",),
    draw=draw,
    alt="Scatter plot of absolute individual weighted residuals against individual predictions, "
    "with its trend and lines at 0.67 and 1.96",
    group="residuals",
)

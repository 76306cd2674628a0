"""What plots of residuals share: which residuals there are to choose from, endpoints apart."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from workbench.plots._base import Drawn, Label
from workbench.plots._cells import frames, name, number_x, number_y, split, ticks_for
from workbench.plots._endpoints import endpoints_of, of_endpoint
from workbench.plots._marks import observation_tips, points, room, say
from workbench.plots._scatter import (
    finite,
    name_trend,
    residual_limits,
    residuals_against,
    why_no_residuals,
    x_label,
)
from workbench.plots.theme import Palette

VARIANTS = ("CWRES", "IWRES", "NPDE", "NPD", "PWRES", "CWRESI")


def by_endpoint(
    ax: Axes,
    table: pd.DataFrame,
    columns: tuple[str, str],
    *,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None,
    limits_of: pd.DataFrame | None = None,
) -> Drawn:
    """Draw a residual against a column, each endpoint in a cell with an x axis of its own.

    Parameters
    ----------
    columns : that of the x axis, and the residual
    limits_of : the table whose values the limits hold, where that is more than `table`
    """
    column, residual = columns
    missing = why_no_residuals(table, residual)
    if missing:
        say(ax, missing, palette)
        return Drawn()
    every = table if limits_of is None else limits_of
    endpoints, hits = endpoints_of(every), []
    limits = residual_limits(every[residual])
    empty = split(ax, 1, len(endpoints), palette, gap=(30, 0))
    for cell, endpoint in zip(empty, endpoints, strict=True):
        mine = finite(of_endpoint(table, endpoint), *columns)
        sides = room(finite(of_endpoint(every, endpoint), *columns)[column].to_numpy(float))
        place = cell.scaled(sides, limits, most=ticks_for(ax, cell))
        frames(ax, [place], palette)
        number_y(ax, place, palette, residual if endpoint == endpoints[0] else "")
        number_x(ax, place, palette, x_label(column, units))
        name(ax, place, endpoint)
        x, y = residuals_against(ax, place, mine, columns, palette=palette, selected=selected)
        hits.append(points(x, y, mine["ID"], observation_tips(mine, residual, units)))
    name_trend(ax, palette, least=4.5)
    return Drawn(pd.concat(hits, ignore_index=True))

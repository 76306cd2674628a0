"""Observations against population and individual predictions, side by side."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from workbench.plots._base import Drawn, Label, Plot, whole
from workbench.plots._cells import frames, name, number_x, number_y, pixels, split, ticks_for
from workbench.plots._endpoints import called, endpoints_of, of_endpoint
from workbench.plots._marks import labelled, observation_tips, points, room, say
from workbench.plots._scatter import (
    NO_PREDICTION,
    NONE_ABOVE_0,
    above_zero,
    against_prediction,
    finite,
    log_room,
    name_trend,
    say_hidden,
    x_label,
)
from workbench.plots.theme import Palette

WIDE_TITLE = 92  # CSS pixels from which a panel has room for "DV vs IPRED"


def draw(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    *,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None = None,
    variant: str = "linear",
) -> Drawn:
    """Draw DV against PRED and against IPRED in two panels of the same scale.

    Each endpoint has a row of its own. Logarithmic scales say how many observations they leave
    out.
    """
    columns = ("DV", "PRED", "IPRED")
    rows, hidden, log = finite(tables["gof"], *columns), 0, variant == "log"
    if log and len(rows):
        rows, hidden = above_zero(rows, *columns)
    if rows.empty:
        say(ax, NONE_ABOVE_0 if hidden else NO_PREDICTION, palette)
        return Drawn()
    every = whole(tables, "gof")
    endpoints, hits = endpoints_of(every), []
    empty = split(ax, len(endpoints), 2, palette, gap=(22, 42))
    for i, endpoint in enumerate(endpoints):
        mine = of_endpoint(rows, endpoint)
        values = of_endpoint(every, endpoint)[list(columns)].to_numpy(float).ravel()
        limits = (log_room if log else room)(values)
        tips = observation_tips(mine, "DV", units)
        cells = [
            cell.scaled(limits, limits, most=ticks_for(ax, cell), log=log)
            for cell in empty[2 * i : 2 * i + 2]
        ]
        frames(ax, cells, palette)
        number_y(ax, cells[0], palette, labelled("DV", units.get("DV")))
        for cell, column in zip(cells, ("PRED", "IPRED"), strict=True):
            x, y = against_prediction(ax, cell, mine, column, palette=palette, selected=selected)
            hits.append(points(x, y, mine["ID"], tips))
            last = i == len(endpoints) - 1
            number_x(ax, cell, palette, x_label(column, units) if last else "")
            narrow = cell.width * pixels(ax)[0] < WIDE_TITLE
            name(ax, cell, called(endpoint, f"vs {column}" if narrow else f"DV vs {column}"))
    say_hidden(ax, hidden, palette)
    name_trend(ax, palette, least=3.0)
    return Drawn(pd.concat(hits, ignore_index=True))


PLOT = Plot(
    name="dv_predictions",
    title="DV vs PRED and IPRED",
    diagnostics=("gof",),
    draw=draw,
    alt="Two scatter plots of observations, against population and against individual predictions",
    group="goodness of fit",
    shape=2.3,
    variants=("linear", "log"),
)

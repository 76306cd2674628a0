"""Observations against individual predictions."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from workbench.plots._base import Drawn, Label, Plot
from workbench.plots._marks import say
from workbench.plots._scatter import against_prediction, finite
from workbench.plots.theme import Palette


def draw(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    *,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None = None,
) -> Drawn:
    """Draw DV against IPRED: a good model scatters round the dashed line of identity."""
    table = tables["gof"]
    if finite(table, "DV", "IPRED").empty:
        say(ax, "There is no observation with a prediction to draw.", palette)
        return Drawn()
    hits = against_prediction(ax, table, "IPRED", units=units, palette=palette, selected=selected)
    ax.set_title("DV vs IPRED")
    return Drawn(hits)


PLOT = Plot(
    name="dv_ipred",
    title="DV vs IPRED",
    diagnostics=("gof",),
    draw=draw,
    alt="Scatter plot of observations against individual predictions, with the line of identity",
    group="goodness of fit",
)

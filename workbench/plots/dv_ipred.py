"""Observations against individual predictions."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from workbench.plots._base import Drawn, Label, Plot, whole
from workbench.plots._scatter import draw_prediction
from workbench.plots.theme import Palette


def draw(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    *,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None = None,
    variant: str = "linear",
) -> Drawn:
    """Draw DV against IPRED: a good model scatters round the dashed line of identity."""
    return draw_prediction(
        ax,
        tables["gof"],
        "IPRED",
        units=units,
        palette=palette,
        selected=selected,
        log=variant == "log",
        limits_of=whole(tables, "gof"),
    )


PLOT = Plot(
    name="dv_ipred",
    title="DV vs IPRED",
    diagnostics=("gof",),
    draw=draw,
    alt="Scatter plot of observations against individual predictions, with the line of identity",
    group="goodness of fit",
    variants=("linear", "log"),
)

"""Weighted residuals against time after the last dose."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workbench.plots._base import Drawn, Label, Plot, whole
from workbench.plots._endpoints import endpoints_of
from workbench.plots._marks import say
from workbench.plots._residuals import VARIANTS, by_endpoint
from workbench.plots._scatter import draw_residuals
from workbench.plots.theme import Palette


def draw(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    *,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None = None,
    variant: str = "CWRES",
) -> Drawn:
    """Draw CWRES (or another residual) against TAD; observations before a dose have none."""
    table = tables["residuals"]
    if not np.isfinite(table["TAD"].to_numpy(float)).any():
        say(ax, "No observation follows a dose: there is no time after dose.", palette)
        return Drawn()
    every = whole(tables, "residuals")
    view = by_endpoint if len(endpoints_of(every)) > 1 else draw_residuals
    return view(
        ax,
        table,
        ("TAD", variant),
        units=units,
        palette=palette,
        selected=selected,
        limits_of=every,
    )


PLOT = Plot(
    name="residuals_tad",
    title="Residuals vs time after dose",
    diagnostics=("residuals",),
    draw=draw,
    alt="Scatter plot of weighted residuals against time after dose, with lines at 0 and ±1.96",
    group="residuals",
    variants=VARIANTS,
)

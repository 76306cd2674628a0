"""Weighted residuals against population predictions."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from workbench.plots._base import Drawn, Label, Plot, whole
from workbench.plots._endpoints import endpoints_of
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
    """Draw CWRES (or another residual) against PRED: no pattern, 95 % within the dotted lines."""
    every = whole(tables, "residuals")
    view = by_endpoint if len(endpoints_of(every)) > 1 else draw_residuals
    return view(
        ax,
        tables["residuals"],
        ("PRED", variant),
        units=units,
        palette=palette,
        selected=selected,
        limits_of=every,
    )


PLOT = Plot(
    name="residuals_pred",
    title="Residuals vs PRED",
    diagnostics=("residuals",),
    draw=draw,
    alt="Scatter plot of weighted residuals against PRED, with lines at 0 and ±1.96",
    group="residuals",
    variants=VARIANTS,
)

"""Weighted residuals against population predictions."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from workbench.plots._base import Drawn, Label, Plot
from workbench.plots._marks import say
from workbench.plots._scatter import residuals_against, why_no_residuals
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
    """Draw CWRES (or IWRES) against PRED: no pattern, 95 % within the dotted lines."""
    table = tables["residuals"]
    missing = why_no_residuals(table, variant)
    if missing:
        say(ax, missing, palette)
        return Drawn()
    hits = residuals_against(
        ax, table, "PRED", variant, units=units, palette=palette, selected=selected
    )
    ax.set_title(f"{variant} vs PRED")
    return Drawn(hits)


PLOT = Plot(
    name="residuals_pred",
    title="Residuals vs PRED",
    diagnostics=("residuals",),
    draw=draw,
    alt="Scatter plot of weighted residuals against PRED, with lines at 0 and ±1.96",
    group="residuals",
    variants=("CWRES", "IWRES"),
)

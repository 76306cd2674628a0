"""Weighted residuals against time and against population predictions, side by side."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workbench.plots._base import Drawn, Label, Plot
from workbench.plots._marks import say
from workbench.plots._panels import split
from workbench.plots._scatter import residual_limits, residuals_against, why_no_residuals
from workbench.plots.theme import Palette

RESIDUALS = ("CWRES", "IWRES")
BOTH = "CWRES and IWRES"


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
    shown = [name for name in wanted if why_no_residuals(table, name) is None]
    if not shown:
        say(ax, str(why_no_residuals(table, wanted[0])), palette)
        return Drawn()
    limits = residual_limits(*(table[name] for name in shown))
    panels = split(ax, len(shown), 2, palette, gap=(22, 10))
    hits = []
    for i, panel in enumerate(panels):
        row, right = divmod(i, 2)
        found = residuals_against(
            panel.axes,
            table,
            ("TIME", "PRED")[right],
            shown[row],
            units=units,
            palette=palette,
            selected=selected,
            limits=limits,
            named=i == 1,
        )
        if right:
            panel.axes.set_ylabel("")
            panel.axes.tick_params(labelleft=False)
        if row < len(shown) - 1:
            panel.axes.set_xlabel("")
            panel.axes.tick_params(labelbottom=False)
        x, y = panel.place(found["x"].to_numpy(), found["y"].to_numpy())
        hits.append(found.assign(x=x, y=y))
    for panel, name in zip(panels, ("time", "PRED"), strict=False):
        panel.axes.set_title(f"{' and '.join(shown)} vs {name}" if name == "time" else f"vs {name}")
    points = pd.concat(hits, ignore_index=True)
    seen = np.isfinite(points[["x", "y"]].to_numpy(float)).all(axis=1)
    return Drawn(points[seen].reset_index(drop=True))


PLOT = Plot(
    name="residual_panels",
    title="Residuals vs time and PRED",
    diagnostics=("residuals",),
    draw=draw,
    alt="Scatter plots of weighted residuals against time and against population predictions, "
    "with lines at 0 and ±1.96",
    group="residuals",
    variants=(BOTH, *RESIDUALS),
)

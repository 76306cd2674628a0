"""Observations against population and individual predictions, side by side."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workbench.plots._base import Drawn, Label, Plot
from workbench.plots._marks import room, say
from workbench.plots._panels import split
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
    """Draw DV against PRED and against IPRED in two panels of the same scale."""
    table = tables["gof"]
    seen = finite(table, "DV", "PRED", "IPRED")
    if seen.empty:
        say(ax, "There is no observation with a prediction to draw.", palette)
        return Drawn()
    limits = room(seen[["DV", "PRED", "IPRED"]].to_numpy(float).ravel())
    panels = split(ax, 1, 2, palette, gap=(20, 0))
    hits = []
    for panel, column in zip(panels, ("PRED", "IPRED"), strict=True):
        found = against_prediction(
            panel.axes,
            table,
            column,
            units=units,
            palette=palette,
            selected=selected,
            limits=limits,
        )
        panel.axes.set_title(f"DV vs {column}")
        x, y = panel.place(found["x"].to_numpy(), found["y"].to_numpy())
        hits.append(found.assign(x=x, y=y))
    panels[1].axes.set_ylabel("")
    panels[1].axes.tick_params(labelleft=False)
    both = pd.concat(hits, ignore_index=True)
    seen_points = np.isfinite(both[["x", "y"]].to_numpy(float)).all(axis=1)
    return Drawn(both[seen_points].reset_index(drop=True))


PLOT = Plot(
    name="dv_predictions",
    title="DV vs PRED and IPRED",
    diagnostics=("gof",),
    draw=draw,
    alt="Two scatter plots of observations, against population and against individual predictions",
    group="goodness of fit",
)

"""The two scatter plots that most diagnostics are made of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from workbench.plots._base import Label
from workbench.plots._marks import (
    Values,
    belongs,
    cloud,
    highlight,
    labelled,
    observation_tips,
    points,
    room,
    trend,
    zero_lines,
)
from workbench.plots.theme import DASHED, Palette, dress

RESIDUAL_NAMES = {
    "CWRES": "conditional weighted residual",
    "IWRES": "individual weighted residual",
}


def finite(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return the rows in which every one of the columns is a number."""
    seen = np.isfinite(table[list(columns)].to_numpy(float)).all(axis=1)
    return table if seen.all() else table[seen]


def against_prediction(
    ax: Axes,
    table: pd.DataFrame,
    column: str,
    *,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None,
    limits: tuple[float, float] | None = None,
) -> pd.DataFrame:
    """Draw DV against a prediction with the line of identity and a trend; return hit points."""
    dress(ax, palette)
    rows = finite(table, "DV", column)
    x, y = rows[column].to_numpy(float), rows["DV"].to_numpy(float)
    low, high = limits or room(np.concatenate([x, y]))
    ax.plot([low, high], [low, high], color=palette.muted, linewidth=1, linestyle=DASHED, zorder=1)
    cloud(ax, x, y, palette)
    trend(ax, x, y, palette)
    mine = belongs(rows["ID"], selected)
    highlight(ax, x[mine], y[mine], palette)
    ax.set(xlim=(low, high), ylim=(low, high))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(7, steps=[1, 2, 2.5, 5, 10]))
    ax.set_xlabel(labelled(column, units.get("DV")))
    ax.set_ylabel(labelled("DV", units.get("DV")))
    return points(x, y, rows["ID"], observation_tips(rows, "DV", units))


def residual_limits(*residuals: Values) -> tuple[float, float]:
    """Return symmetric limits that show every residual, and ±1.96 in any case."""
    seen = np.abs(np.concatenate([np.asarray(values, float) for values in residuals]))
    seen = seen[np.isfinite(seen)]
    top = max(2.6, 1.08 * float(seen.max())) if len(seen) else 2.6
    return -top, top


def residuals_against(
    ax: Axes,
    table: pd.DataFrame,
    x_column: str,
    residual: str,
    *,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None,
    limits: tuple[float, float] | None = None,
    named: bool = True,
) -> pd.DataFrame:
    """Draw a residual against time or a prediction with 0, ±1.96 and a trend; return hit points."""
    dress(ax, palette)
    rows = finite(table, x_column, residual)
    x, y = rows[x_column].to_numpy(float), rows[residual].to_numpy(float)
    zero_lines(ax, palette)
    cloud(ax, x, y, palette)
    trend(ax, x, y, palette, named=named)
    mine = belongs(rows["ID"], selected)
    highlight(ax, x[mine], y[mine], palette)
    ax.set(xlim=room(table[x_column].to_numpy(float)), ylim=limits or residual_limits(y))
    unit = units.get("TIME" if x_column in ("TIME", "TAD") else "DV")
    ax.set_xlabel(
        labelled({"TIME": "Time", "TAD": "Time after dose"}.get(x_column, x_column), unit)
    )
    ax.set_ylabel(residual)
    return points(x, y, rows["ID"], observation_tips(rows, residual, units))


def why_no_residuals(table: pd.DataFrame, residual: str) -> str | None:
    """Return the sentence that explains why a residual cannot be drawn, or None."""
    if residual not in table or table.empty:
        return f"This fit has no {residual}."
    if not np.isfinite(table[residual].to_numpy(float)).any():
        name = RESIDUAL_NAMES.get(residual, residual)
        return f"No {residual} ({name}) could be computed for this fit."
    return None

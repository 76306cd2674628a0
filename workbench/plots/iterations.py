"""The way the estimator went: objective and parameters by iteration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workbench.plots._base import Drawn, Label, Plot
from workbench.plots._cells import Cell, frames, name, number_x, number_y, pixels, split, ticks_for
from workbench.plots._marks import points, quantity, say
from workbench.plots.theme import DASHED, Palette

#: Okabe & Ito's colours without vermilion (the selected subject) and yellow (too faint on white).
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9")
STYLES = ("-", (0, (4, 2)), (0, (1, 1.5)))
#: What the left panel may show, and its title.
OBJECTIVES = {"ofv": "OFV", "complete_m2ll": "Complete-data −2LL"}
LEGEND_ROWS = 14
LEGEND_WIDTH = 124  # CSS pixels
LEGEND_FROM = 330  # CSS pixels of width; below, the tips alone name the lines


def draw(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    *,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None = None,  # noqa: ARG001  no subjects here
) -> Drawn:
    """Draw the objective at the left, at the right every parameter divided by its last value."""
    trace = tables["trace"]
    kinds = trace["quantity"].isin(list(OBJECTIVES))
    objective = trace[(kinds & np.isfinite(trace["value"])).to_numpy()]
    if objective.empty:
        say(ax, "Nothing was estimated, so there are no iterations to show.", palette)
        return Drawn()
    parameters = trace[((trace["kind"] == "parameter") & np.isfinite(trace["scaled"])).to_numpy()]
    names = list(dict.fromkeys(parameters["quantity"]))
    legend = 0 < len(names) <= LEGEND_ROWS and pixels(ax)[0] >= LEGEND_FROM
    left, right = split(ax, 1, 2, palette, gap=(48, 0), reserve=(LEGEND_WIDTH * legend, 0))
    x, y = objective["iteration"].to_numpy(float), objective["value"].to_numpy(float)
    span = float(x.min()) - 0.3, max(float(x.max()), x.min() + 1) + 0.3
    left = left.scaled(span, _limits(y), most=ticks_for(ax, left))
    right = right.scaled(
        span, _limits(np.append(parameters["scaled"], 1.0)), most=ticks_for(ax, left)
    )
    left, right = (
        replace(cell, xticks=cell.xticks[cell.xticks == np.round(cell.xticks)])
        for cell in (left, right)
    )
    frames(ax, (left, right), palette)
    hits = [_objective(ax, left, x, y, palette)]
    for i, parameter in enumerate(names):
        rows = parameters[(parameters["quantity"] == parameter).to_numpy()]
        hits.append(_parameter(ax, right, rows, i, units))
    one = right.y(np.ones(2))
    ends = [right.left, right.left + right.width]
    ax.plot(ends, one, color=palette.muted, linewidth=0.9, linestyle=DASHED, zorder=1)
    shown = OBJECTIVES[str(objective["quantity"].iloc[0])]
    for cell, title in ((left, shown), (right, "Parameters ÷ last")):
        number_x(ax, cell, palette, "Iteration")
        number_y(ax, cell, palette)
        name(ax, cell, title, size=9.5 if legend else 8.5)
    if legend:
        ax.legend(
            loc="upper left",
            bbox_to_anchor=(right.left + right.width + 0.01, 1.02),
            borderaxespad=0,
            handlelength=1.6,
            fontsize=7,
            labelcolor=palette.ink,
            frameon=False,
        )
    return Drawn(pd.concat(hits, ignore_index=True))


def _objective(
    ax: Axes, cell: Cell, x: np.ndarray, y: np.ndarray, palette: Palette
) -> pd.DataFrame:
    """Draw the objective; return its hit points."""
    px, py = cell.x(x), cell.y(y)
    marker = "o" if len(x) <= 60 else ""
    ax.plot(px, py, color=palette.point, linewidth=1.4, marker=marker, markersize=3)
    tips = [f"iteration {i:.0f} · OFV {v:.7g}" for i, v in zip(x, y, strict=True)]
    return points(px, py, [None] * len(x), tips)


def _parameter(
    ax: Axes, cell: Cell, rows: pd.DataFrame, i: int, units: Mapping[str, str]
) -> pd.DataFrame:
    """Draw one parameter; return its hit points."""
    parameter = str(rows["quantity"].iloc[0])
    px, py = cell.x(rows["iteration"].to_numpy()), cell.y(rows["scaled"].to_numpy())
    ax.plot(
        px,
        py,
        color=COLORS[i % len(COLORS)],
        linestyle=STYLES[i // len(COLORS) % len(STYLES)],
        linewidth=1.3,
        label=parameter,
    )
    tips = [
        f"iteration {k:.0f} · {parameter} {quantity(v, units.get(parameter))}"
        for k, v in zip(rows["iteration"], rows["value"], strict=True)
    ]
    return points(px, py, [None] * len(rows), tips)


def _limits(values: np.ndarray) -> tuple[float, float]:
    """Return limits that hold every value with a little air."""
    low, high = float(values.min()), float(values.max())
    air = 0.06 * (high - low) or 0.1
    return low - air, high + air


PLOT = Plot(
    name="iterations",
    title="Iterations",
    diagnostics=("trace",),
    draw=draw,
    alt="Objective function and parameters, divided by their last values, at each iteration",
    group="estimation",
    shape=2.4,
)

"""The way the estimator went: objective and parameters by iteration."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from workbench.plots._base import Drawn, Label, Plot
from workbench.plots._marks import points, quantity, say
from workbench.plots._panels import split
from workbench.plots.theme import DASHED, Palette

#: Okabe & Ito's colours without vermilion (the selected subject) and yellow (too faint on white).
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9")
STYLES = ("-", (0, (4, 2)), (0, (1, 1.5)))
LEGEND_ROWS = 14
LEGEND_WIDTH = 92  # CSS pixels


def draw(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    *,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None = None,  # noqa: ARG001  no subjects here
) -> Drawn:
    """Draw OFV at the left, and at the right every parameter divided by its last value."""
    trace = tables["trace"]
    objective = trace[(trace["quantity"] == "ofv") & np.isfinite(trace["value"])]
    if objective.empty:
        say(ax, "Nothing was estimated, so there are no iterations to show.", palette)
        return Drawn()
    left, right = split(ax, 1, 2, palette, gap=(52, 0), reserve=LEGEND_WIDTH)
    x, y = objective["iteration"].to_numpy(float), objective["value"].to_numpy(float)
    mark = {"marker": "o", "markersize": 3} if len(x) <= 60 else {}
    left.axes.plot(x, y, color=palette.point, linewidth=1.4, **mark)
    left.axes.set(xlabel="Iteration", ylabel="OFV", title="Objective", ylim=_limits(y))
    tips = [f"iteration {i:.0f} · OFV {v:.7g}" for i, v in zip(x, y, strict=True)]
    px, py = left.place(x, y)
    hits = [points(px, py, [None] * len(x), tips)]
    parameters = trace[(trace["kind"] == "parameter") & np.isfinite(trace["scaled"])]
    names = list(dict.fromkeys(parameters["quantity"]))
    right.axes.axhline(1, color=palette.muted, linewidth=0.9, linestyle=DASHED, zorder=1)
    right.axes.set(xlabel="Iteration", ylabel="value / last value", title="Parameters")
    scaled = parameters["scaled"].to_numpy(float)
    right.axes.set_ylim(_limits(np.append(scaled, 1.0)))
    for panel in (left, right):
        panel.axes.set_xlim(float(x.min()) - 0.3, max(float(x.max()), x.min() + 1) + 0.3)
        panel.axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    for i, name in enumerate(names):
        rows = parameters[parameters["quantity"] == name]
        right.axes.plot(
            rows["iteration"],
            rows["scaled"],
            color=COLORS[i % len(COLORS)],
            linestyle=STYLES[i // len(COLORS) % len(STYLES)],
            linewidth=1.3,
            label=name,
        )
        px, py = right.place(rows["iteration"].to_numpy(), rows["scaled"].to_numpy())
        tips = [
            f"iteration {k:.0f} · {name} {quantity(v, units.get(str(name)))}"
            for k, v in zip(rows["iteration"], rows["value"], strict=True)
        ]
        hits.append(points(px, py, [None] * len(rows), tips))
    if 0 < len(names) <= LEGEND_ROWS:
        right.axes.legend(
            loc="upper left",
            bbox_to_anchor=(1.02, 1.02),
            borderaxespad=0,
            handlelength=1.6,
            labelcolor=palette.ink,
            frameon=False,
        )
    return Drawn(pd.concat(hits, ignore_index=True))


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
)

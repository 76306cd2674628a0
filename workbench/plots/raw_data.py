"""The data as they are: one line per subject, doses marked below."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from workbench.plots._base import Drawn, Label, Plot
from workbench.plots._endpoints import endpoints_of, of_endpoint
from workbench.plots._marks import (
    MANY,
    belongs,
    censored_points,
    cloud,
    highlight,
    labelled,
    observation_tips,
    points,
    room,
    say,
    sides,
)
from workbench.plots._subjects import Subjects
from workbench.plots.theme import Palette, dress


def draw(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    *,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None = None,
    variant: str = "linear",
) -> Drawn:
    """Draw DV over time, each subject's joined by a line (by endpoint); triangles are doses.

    Values known only to lie beyond a limit are hollow triangles at it (down: below, up: above).
    On the logarithmic scale values of 0 and below are left out, and the title says how many.
    """
    table = tables["data"]
    seen = (table["KIND"] == "observation") & np.isfinite(table["DV"])
    rows = table[seen.to_numpy()]
    hidden = 0
    if variant == "log":
        hidden = int((rows["DV"] <= 0).sum())
        rows = rows[(rows["DV"] > 0).to_numpy()]
    if rows.empty:
        say(ax, "There is no observation that can be drawn on this scale.", palette)
        return Drawn()
    dress(ax, palette)
    x, y = rows["TIME"].to_numpy(float), rows["DV"].to_numpy(float)
    doses = table[(table["KIND"] == "dose").to_numpy()]
    _set_limits(ax, x, y, doses["TIME"].to_numpy(float), variant)
    paths = _lines(ax, rows, selected, palette)
    side = sides(rows)
    cloud(ax, x[side == 0], y[side == 0], palette)
    censored_points(ax, x, y, side, palette)
    mine = belongs(rows["ID"], selected)
    highlight(ax, x[mine], y[mine], palette)
    _doses(ax, doses, selected, palette)
    ax.set_xlabel(labelled("Time", units.get("TIME")))
    ax.set_ylabel(labelled("DV", units.get("DV")))
    note = f" · {hidden} at or below 0 not shown" if hidden else ""
    ax.set_title(f"Data{note}")
    return Drawn(points(x, y, rows["ID"], observation_tips(rows, "DV", units)), paths=(paths,))


def _set_limits(ax: Axes, x: np.ndarray, y: np.ndarray, doses: np.ndarray, variant: str) -> None:
    """Set limits that hold all observations and doses, with a strip for the doses below."""
    ax.set_xlim(room(np.concatenate([x, doses]), share=0.03))
    start, end = ax.get_xlim()
    ax.set_xlim(start - 0.02 * (end - start), end)
    if variant == "log":
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter(lambda value, _place: f"{value:g}")
        low, high = float(y.min()), float(y.max())
        span = max(high / low, 2.0)
        ax.set_ylim(low / span**0.12, high * span**0.05)
    else:
        low, high = room(y, share=0.06)
        ax.set_ylim(low - 0.05 * (high - low), high)


def _lines(
    ax: Axes, rows: pd.DataFrame, selected: Label | None, palette: Palette
) -> tuple[LineCollection, tuple[Label, ...]]:
    """Join each subject's observations of an endpoint; the selected subject's lie on top.

    Return the lines and whose they are.
    """
    paths, mine, whose = [], [], []
    for endpoint in endpoints_of(rows):
        part = of_endpoint(rows, endpoint)
        subjects = Subjects(part)
        values = subjects.split(part[["TIME", "DV"]].to_numpy(float))
        paths += values
        whose += subjects.labels
        mine += [v for v, label in zip(values, subjects.labels, strict=True) if label == selected]
    n = len(paths)
    lines = LineCollection(
        paths,
        colors=palette.point,
        linewidths=0.8 if n < 200 else 0.4,
        alpha=0.35 if n < 200 else 0.12,
        rasterized=len(rows) > MANY,
        zorder=1.5,
    )
    ax.add_collection(lines, autolim=False)
    for line in mine:
        ax.plot(line[:, 0], line[:, 1], color=palette.selected, linewidth=1.6, zorder=5)
    return lines, tuple(whose)


def _doses(ax: Axes, doses: pd.DataFrame, selected: Label | None, palette: Palette) -> None:
    """Mark when doses were given: each time once, and the selected subject's on top."""
    mine = belongs(doses["ID"], selected)
    for times, color, size, order in (
        (np.unique(doses["TIME"].to_numpy(float)), palette.muted, 4.5, 3),
        (doses["TIME"].to_numpy(float)[mine], palette.selected, 6.0, 6),
    ):
        ax.plot(
            times,
            np.full(len(times), 0.025),
            "^",
            markersize=size,
            color=color,
            markeredgecolor="none",
            transform=ax.get_xaxis_transform(),
            zorder=order,
        )


PLOT = Plot(
    name="raw_data",
    title="Data",
    diagnostics=("data",),
    draw=draw,
    alt="Observations over time, one line per subject, with the times of the doses below",
    group="data",
    variants=("linear", "log"),
)

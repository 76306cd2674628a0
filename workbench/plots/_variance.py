"""Where the variance of the observations comes from, over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from workbench.plots._base import Drawn, Label
from workbench.plots._cells import Cell
from workbench.plots._checks import CheckPlot, figure_of, sight_of
from workbench.plots._lens import Lens
from workbench.plots._marks import labelled, points, room, say
from workbench.plots._panels import (
    YScale,
    facets,
    headline,
    lowest,
    of_panel,
    panel,
    panel_keys,
    panel_name,
)
from workbench.plots.theme import Palette

if TYPE_CHECKING:
    from workbench.diagnostics import VarianceDecomposition

PARTS = ("BETWEEN", "RESIDUAL", "DESIGN")
WORDS = {"BETWEEN": "random effects", "RESIDUAL": "residual error", "DESIGN": "design"}


def variance_decomposition(
    found: VarianceDecomposition,
    *,
    theme: str | Palette = "light",
    ax: Axes | None = None,
    size: tuple[float, float] = (640, 380),
) -> Figure | Axes:
    """Draw the parts of the variance over time: as they are, and in percent.

    At the left the observed variance of each bin stands over the parts, with its range in
    simulated data sets; one outside that range is marked.

    Parameters
    ----------
    found : of `wb.variance_decomposition`; subjects are chosen and split there, by `groups=`
    theme : "light", "dark" or a Palette
    ax : axes to draw on instead of a new figure; it is returned
    size : CSS pixels of a new figure
    """
    return figure_of(VARIANCE, found, sight_of(None, Lens()), theme=theme, ax=ax, size=size)


def draw_variance(
    ax: Axes,
    found: VarianceDecomposition,
    *,
    palette: Palette,
    selected: Label | None = None,  # noqa: ARG001  no subject is told apart
) -> Drawn:
    """Draw a decomposition on an axes, for whoever makes it react."""
    table = found.table
    if table.empty:
        say(ax, "There is no bin with an observation.", palette)
        return Drawn()
    keys, unit = panel_keys(table), found.units.get("DV")
    square = [f"{unit if unit.isalpha() else f'({unit})'}²"] if unit else []
    several = len(keys) > 1
    cells, _ = facets(ax, 2 * len(keys), palette, columns=2, gap=(64, 40), titles=several)
    time, hits = labelled("Time", found.units.get("TIME")), []
    for k, cell in enumerate(cells):
        mine = of_panel(table, keys[k // 2])
        share = k % 2 == 1
        heights = mine[[*PARTS]].to_numpy(float).T
        total = np.maximum(heights.sum(axis=0), 1e-300)
        heights = 100.0 * heights / total if share else heights
        tops = np.concatenate([heights.sum(axis=0), *_observed(mine, share)])
        top = 100.0 if share else 1.06 * float(np.nanmax(tops)) or 1.0
        words = "Share (%)" if share else ", ".join(["Variance", *square])
        place = panel(
            ax,
            cell,
            palette,
            x=room(mine["X_MEDIAN"].to_numpy(float), share=0.03),
            y=YScale(0.0, top),
            labels=(time if lowest(k, len(cells), 2) else "", words),
            title=panel_name(keys[k // 2], keys),
        )
        hits.append(_stack(ax, place, mine, heights, palette))
        if not share:
            _beside(ax, place, mine, palette)
    handles: list[Line2D | Patch] = [
        Patch(color=color, alpha=alpha, linewidth=0, label=WORDS[part])
        for part, (color, alpha) in _styles(palette).items()
    ]
    observed = {"marker": "o", "color": palette.ink, "markersize": 4, "linewidth": 0.9}
    handles.append(Line2D([], [], label="observed", **observed))  # type: ignore[arg-type]
    headline(ax, "Variance", handles, palette, several=several)
    return Drawn(pd.concat(hits, ignore_index=True))


def _styles(palette: Palette) -> dict[str, tuple[str, float]]:
    return {
        "BETWEEN": (palette.point, 0.55),
        "RESIDUAL": (palette.trend, 0.55),
        "DESIGN": (palette.muted, 0.35),
    }


def _observed(table: pd.DataFrame, share: bool) -> list[np.ndarray]:
    return [] if share else [table[name].to_numpy(float) for name in ("OBSERVED", "UPPER")]


def _stack(
    ax: Axes, place: Cell, table: pd.DataFrame, heights: np.ndarray, palette: Palette
) -> pd.DataFrame:
    """Draw the parts over each other; return points to hit on top of them."""
    x = table["X_MEDIAN"].to_numpy(float)
    if len(x) == 1:  # a bar
        half = 0.2 * (place.xlim[1] - place.xlim[0])
        x, heights = np.array([x[0] - half, x[0] + half]), np.repeat(heights, 2, axis=1)
    floor = np.zeros(len(x))
    for part, height in zip(PARTS, heights, strict=True):
        color, alpha = _styles(palette)[part]
        ends = place.y(floor), place.y(floor + height)
        ax.fill_between(place.x(x), *ends, color=color, alpha=alpha, linewidth=0, zorder=2)
        floor = floor + height
    shares = 100.0 * table[["BETWEEN", "RESIDUAL"]].div(table["TOTAL"].clip(lower=1e-300), axis=0)
    tips = [
        f"{middle:.4g} · {n} observations · random effects {between:.0f} %, residual error "
        f"{residual:.0f} %"
        for middle, n, between, residual in zip(
            table["X_MEDIAN"], table["N"], shares["BETWEEN"], shares["RESIDUAL"], strict=True
        )
    ]
    at = place.x(table["X_MEDIAN"].to_numpy(float))
    total = heights.sum(axis=0)[: len(at)]
    return points(at, place.y(total), [None] * len(at), tips)


def _beside(ax: Axes, place: Cell, table: pd.DataFrame, palette: Palette) -> None:
    """Draw the observed variance, and its range in simulated data sets."""
    x = place.x(table["X_MEDIAN"].to_numpy(float))
    low, high, data = (place.y(table[c].to_numpy(float)) for c in ("LOWER", "UPPER", "OBSERVED"))
    ax.vlines(x, low, high, color=palette.ink, linewidth=0.9, zorder=3)
    far = table["OUTSIDE"].to_numpy(bool)
    for which, color in ((~far, palette.ink), (far, palette.alert)):
        ax.plot(
            x[which], data[which], "o", markersize=4.4, color=color,
            markeredgecolor=palette.ink, markeredgewidth=0.8, zorder=4,
        )  # fmt: skip


VARIANCE = CheckPlot(
    "variance_decomposition",
    "Variance of the observations over time by its parts, with the observed variance",
    draw_variance,
    lambda found: found.points,
)

"""Weighted residuals against the standard normal distribution: histogram and QQ plot."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.special import betaincinv, ndtri

from workbench.plots._base import Drawn, Label, Plot
from workbench.plots._cells import Cell, frames, name, number_x, number_y, pixels, split, ticks_for
from workbench.plots._endpoints import called, endpoints_of, of_endpoint
from workbench.plots._histograms import bars, histogram
from workbench.plots._marks import (
    Values,
    belongs,
    cloud,
    highlight,
    observation_tips,
    points,
    say,
)
from workbench.plots._scatter import finite, why_no_residuals
from workbench.plots.theme import DASHED, Palette

NEAREST, FARTHEST = 3.4, 6.0  # half the width of the histogram, in SDs
MOST_BAND = 400  # places where the band of the QQ plot is computed
LINE = 16  # CSS pixels from one line of words to the next
WIDE_WORDS = 190  # CSS pixels that mean and variance need on one line


def draw(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    *,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None = None,
    variant: str = "CWRES",
) -> Drawn:
    r"""Draw one row for each endpoint: the histogram with N(0, 1), and the QQ plot.

    QQ plot: the i-th smallest of n residuals at :math:`\Phi^{-1}((i - 1/2)/n)`. The band holds
    each of them with 95 % under the model, if residuals are independent: quantiles of
    Beta(i, n + 1 - i), the distribution of the i-th of n uniform numbers.
    """
    table = tables["residuals"]
    missing = why_no_residuals(table, variant)
    if missing:
        say(ax, missing, palette)
        return Drawn()
    rows = finite(table, variant)
    endpoints, hits = endpoints_of(rows), []
    cells = split(ax, len(endpoints), 2, palette, gap=(54, 30))
    for i, endpoint in enumerate(endpoints):
        mine = of_endpoint(rows, endpoint)
        values, last = mine[variant].to_numpy(float), endpoint == endpoints[-1]
        bar = _histogram(ax, cells[2 * i], values, palette)
        name(ax, bar, called(endpoint, variant))
        quantiles, x, y = _qq(ax, cells[2 * i + 1], values, palette)
        name(ax, quantiles, "Quantiles")
        if last:
            number_x(ax, bar, palette, variant)
            number_x(ax, quantiles, palette, "N(0, 1)")
        number_y(ax, quantiles, palette, variant)
        chosen = belongs(mine["ID"], selected)
        highlight(ax, x[chosen], y[chosen], palette)
        hits.append(points(x, y, mine["ID"], observation_tips(mine, variant, units)))
    return Drawn(pd.concat(hits, ignore_index=True))


def _histogram(ax: Axes, cell: Cell, values: Values, palette: Palette) -> Cell:
    """Draw bars and the density of N(0, 1), and write mean and variance; return the scale."""
    reach = float(np.clip(1.08 * np.abs(values).max(), NEAREST, FARTHEST))
    inside = values[np.abs(values) <= reach]
    counts, edges = histogram(inside, -reach, reach)
    counts = counts * len(inside) / len(values)
    grid = np.linspace(-reach, reach, 161)
    density = np.exp(-0.5 * grid**2) / np.sqrt(2 * np.pi)
    words = _moments(values, len(values) - len(inside))
    wide, high = cell.width * pixels(ax)[0], cell.height * pixels(ax)[1]
    joint = " · " if wide >= WIDE_WORDS * len(words) / 2 else "\n"
    taken = LINE * (len(words) if joint == "\n" else 1) + LINE / 2
    top = max([*counts, *density]) / max(1 - taken / high, 0.4)
    place = cell.scaled((-reach, reach), (0.0, top), most=(ticks_for(ax, cell)[0], 0))
    frames(ax, [place], palette, upright=False)
    bars(ax, place, counts, edges, palette)
    ax.plot(place.x(grid), place.y(density), color=palette.line, linewidth=1.4, zorder=3)
    ax.text(
        place.left + 0.01,
        place.bottom + 0.985 * place.height,
        joint.join(words).replace("-", "\N{MINUS SIGN}"),
        va="top",
        fontsize=7.5,
        linespacing=1.4,
        color=palette.muted,
        zorder=5,
    )
    return place


def _moments(values: Values, beyond: int) -> list[str]:
    """Return mean and variance in words, and how many residuals the histogram leaves out."""
    words = [f"mean {values.mean():.2f}"]
    if len(values) > 1:
        variance = float(values.var(ddof=1))
        words.append(f"variance {variance:.{'2f' if variance < 100 else '3g'}}")
    return [*words, f"{beyond} beyond ±{FARTHEST:g}"] if beyond else words


def _qq(ax: Axes, cell: Cell, values: Values, palette: Palette) -> tuple[Cell, Values, Values]:
    """Draw the QQ plot; return its scale and where each value lies, in their order."""
    n = len(values)
    rank = np.empty(n)
    rank[np.argsort(values, kind="stable")] = np.arange(1, n + 1)
    normal = ndtri((rank - 0.5) / n)
    wide = max(2.2, 1.08 * float(normal.max()))
    high = max(wide, 1.08 * float(np.abs(values).max()))
    place = cell.scaled((-wide, wide), (-high, high), most=ticks_for(ax, cell))
    frames(ax, [place], palette)
    order = np.unique(np.linspace(1, n, min(n, MOST_BAND)).round())
    low, up = (ndtri(betaincinv(order, n + 1 - order, p)) for p in (0.025, 0.975))
    ax.fill_between(
        place.x(ndtri((order - 0.5) / n)),
        place.y(np.clip(low, -high, high)),
        place.y(np.clip(up, -high, high)),
        color=palette.muted,
        alpha=0.16,
        linewidth=0,
        zorder=0.8,
    )
    ends = np.array([-wide, wide])
    ax.plot(
        place.x(ends),
        place.y(ends),
        color=palette.muted,
        linewidth=0.9,
        linestyle=DASHED,
        zorder=1,
    )
    x, y = place.x(normal), place.y(values)
    cloud(ax, x, y, palette)
    return place, x, y


PLOT = Plot(
    name="residual_distribution",
    title="Distribution of residuals",
    diagnostics=("residuals",),
    draw=draw,
    alt="Histogram of weighted residuals with the standard normal density, and their quantiles "
    "against those of the standard normal distribution",
    group="residuals",
    variants=("CWRES", "IWRES", "NPDE", "NPD", "PWRES"),
    shape=2.2,
)

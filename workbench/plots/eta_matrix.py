"""Random effects against each other, with their correlations."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workbench.plots._base import Drawn, Label, Margins, Plot
from workbench.plots._cells import Cell, frames, name, number_x, number_y, pixels, split, ticks_for
from workbench.plots._histograms import bars, histogram, most_bars
from workbench.plots._individuals import (
    MANY_EACH,
    TITLE_LETTER,
    draw_words,
    of_parameter,
    parameters_of,
    titled,
)
from workbench.plots._marks import belongs, cloud, highlight, points, say
from workbench.plots.theme import Palette

MOST = 8  # effects; more would leave cells too small to read
Values = np.ndarray


def draw(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    *,
    units: Mapping[str, str],  # noqa: ARG001  eta has none on the normal scale
    palette: Palette,
    selected: Label | None = None,
) -> Drawn:
    """Draw pairs below the diagonal, histograms on it, and correlations above it.

    The correlation of what is drawn stands over that of the model. With EBEs a correlation that
    the model does not have may be shrinkage's; with draws it is the data's.
    """
    table, pairs = tables["random_effects"], tables["eta_correlations"]
    names = parameters_of(table)
    if len(names) < 2:
        sentence = "has no random effects" if not names else "has one random effect"
        say(ax, f"This model {sentence}: there is no pair to draw.", palette)
        return Drawn()
    shown = names[:MOST]
    k = len(shown)
    cells = split(ax, k, k, palette, gap=(6, 6), reserve=(0, 8))
    rows = {one: of_parameter(table, one) for one in shown}
    limits = {one: _limits(part) for one, part in rows.items()}
    framed, hits = [], []
    for i, one in enumerate(shown):
        for j, other in enumerate(shown[: i + 1]):
            empty = cells[i * k + j]
            if i == j:
                cell = empty.scaled(limits[one], (0, 1), most=(ticks_for(ax, empty)[0], 0))
                _diagonal(ax, cell, rows[one], palette)
            else:
                cell = empty.scaled(limits[other], limits[one], most=ticks_for(ax, empty))
                hits.append(_pair(ax, cell, rows[other], rows[one], palette, selected))
            framed.append(cell)
            if j == 0 and i > 0:
                number_y(ax, cell, palette, f"η {one}")
            if i == k - 1:
                number_x(ax, cell, palette, f"η {other}", edge=4)
    for _, pair in pairs.iterrows():
        if pair["first"] in shown and pair["second"] in shown:
            place = shown.index(pair["first"]) * k + shown.index(pair["second"])
            _correlation(ax, cells[place], pair, palette)
    frames(ax, framed, palette)
    more = f" · {k} of {len(names)} random effects" if k < len(names) else ""
    title = titled(ax, "Random effects", table)
    fits = TITLE_LETTER * len(title + more) <= pixels(ax)[0]
    name(ax, cells[0], title + more if fits else title, above=6)
    return Drawn(pd.concat(hits, ignore_index=True))


def _limits(rows: pd.DataFrame) -> tuple[float, float]:
    """Return symmetric limits that show every value and two SDs."""
    seen = np.abs(rows["eta"].to_numpy(float))
    seen = seen[np.isfinite(seen)]
    top = max(2.0 * float(rows["omega_sd"].iloc[0]), float(seen.max()) if len(seen) else 0.0) or 1.0
    return -1.1 * top, 1.1 * top


def _diagonal(ax: Axes, cell: Cell, rows: pd.DataFrame, palette: Palette) -> None:
    """Draw a histogram with the density of the model, and the name over it."""
    seen = rows["eta"].to_numpy(float)
    counts, edges = histogram(seen[np.isfinite(seen)], *cell.xlim, most=most_bars(ax, cell))
    spread, grid = float(rows["omega_sd"].iloc[0]), np.linspace(*cell.xlim, 101)
    density = np.empty(0)
    if spread > 0:
        density = np.exp(-0.5 * (grid / spread) ** 2) / (spread * np.sqrt(2 * np.pi))
    top = 1.45 * max([*counts, *density], default=0.0) or 1.0  # the name stands over it
    bars(ax, cell, counts / top, edges, palette)
    if len(density):
        ax.plot(cell.x(grid), cell.y(density / top), color=palette.line, linewidth=1.2, zorder=3)
    high = pixels(ax)[1]
    ax.text(
        cell.left + 0.5 * cell.width,
        cell.bottom + cell.height - 1 / high,
        str(rows["parameter"].iloc[0]),
        ha="center",
        va="top",
        fontsize=8.5,
        fontweight="bold",
        zorder=5,
    )


def _pair(
    ax: Axes,
    cell: Cell,
    across: pd.DataFrame,
    up: pd.DataFrame,
    palette: Palette,
    selected: Label | None,
) -> pd.DataFrame:
    """Draw one effect against another; return the hit points."""
    px, py = across["eta"].to_numpy(float), up["eta"].to_numpy(float)
    x, y = cell.x(px), cell.y(py)
    for line_x, line_y in ((cell.xlim, (0, 0)), ((0, 0), cell.ylim)):
        ax.plot(
            cell.x(np.array(line_x)),
            cell.y(np.array(line_y)),
            color=palette.axis,
            linewidth=0.7,
            zorder=0.8,
        )
    cloud(ax, x, y, palette)
    mine = belongs(up["ID"], selected)
    highlight(ax, x[mine], y[mine], palette, size=6 if mine.sum() < MANY_EACH else 4)
    names = across["parameter"].iloc[0], up["parameter"].iloc[0]
    tips = [
        f"{who} · η {names[0]} {a:.3g} · η {names[1]} {b:.3g}"
        for who, a, b in zip(draw_words(up), px.tolist(), py.tolist(), strict=True)
    ]
    return points(x, y, up["ID"], tips)


def _correlation(ax: Axes, cell: Cell, pair: pd.Series, palette: Palette) -> None:
    """Write the correlation, and that of the model below it."""
    wide, high = pixels(ax)
    x, y = cell.left + 0.5 * cell.width, cell.bottom + 0.5 * cell.height
    if not np.isfinite(pair["correlation"]):
        ax.text(x, y, "–", ha="center", va="center", color=palette.muted)
        return
    words = f"r = {pair['correlation']:.2f}".replace("-", "\N{MINUS SIGN}")
    size = 9.5 if cell.width * wide > 80 else 7.5
    roomy = cell.height * high > 44
    ax.text(x, y, words, ha="center", va="bottom" if roomy else "center", fontsize=size)
    if roomy and np.isfinite(pair["model"]):
        model = f"model {pair['model']:.2f}".replace("-", "\N{MINUS SIGN}")
        ax.text(x, y, model, ha="center", va="top", fontsize=7.5, color=palette.muted)


PLOT = Plot(
    name="eta_matrix",
    title="Pairs of random effects",
    diagnostics=("random_effects", "eta_correlations"),
    draw=draw,
    alt="Scatter plots of every pair of random effects, their histograms, and their correlations "
    "beside those of the model",
    group="random effects",
    margins=Margins(),
)

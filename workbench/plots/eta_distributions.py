"""Random effects against the normal distribution that the model gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workbench.plots._base import Drawn, Label, Margins, Plot, whole
from workbench.plots._cells import Cell, frames, name, number_x, pixels, split
from workbench.plots._histograms import (
    FLOOR,
    WIDE_TITLE,
    bars,
    histogram,
    most_bars,
    panels_shape,
    rug,
)
from workbench.plots._individuals import MANY_EACH, beside, draw_words
from workbench.plots._marks import belongs, highlight, points, say
from workbench.plots.theme import Palette


def draw(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    *,
    units: Mapping[str, str],  # noqa: ARG001  eta has none on the normal scale
    palette: Palette,
    selected: Label | None = None,
) -> Drawn:
    """Draw one histogram per parameter with the density N(0, omega²) and a mark per subject.

    EBEs and conditional means, which shrink, pile up around 0; draws follow the density where the
    model holds.
    """
    table = tables["random_effects"]
    names = list(dict.fromkeys(table["parameter"]))
    if not names:
        say(ax, "This model has no random effects: all subjects share one curve.", palette)
        return Drawn()
    if not np.isfinite(table["eta"].to_numpy(float)).any():
        say(ax, "No random effects could be computed for this fit.", palette)
        return Drawn()
    reach = _reach(whole(tables, "random_effects"))
    rows, columns = panels_shape(ax, len(names))
    cells = split(ax, rows, columns, palette, gap=(18, 58))[: len(names)]
    hits = []
    for i, parameter in enumerate(names):
        part = table[(table["parameter"] == parameter).to_numpy()]
        cells[i], found = _panel(ax, cells[i], part, reach[parameter], palette, selected)
        hits.append(found)
        number_x(ax, cells[i], palette, f"η {parameter}{beside(part)}")
        narrow = cells[i].width * pixels(ax)[0] < WIDE_TITLE
        name(ax, cells[i], _title(part, short=narrow), size=8.5 if narrow else 9.5)
    frames(ax, [replace(cell, xticks=cell.xticks[:0]) for cell in cells], palette, upright=False)
    return Drawn(pd.concat(hits, ignore_index=True))


def _reach(table: pd.DataFrame) -> dict[str, float]:
    """Return how far to either side of 0 each parameter's panel goes."""
    reach = {}
    for parameter, part in table.groupby("parameter", sort=False):
        far = part["eta"].abs().to_numpy(float)
        far = far[np.isfinite(far)]
        most = 1.08 * float(far.max()) if len(far) else 0.0
        reach[str(parameter)] = max(3.0 * _spread(part), most) or 1.0
    return reach


def _spread(rows: pd.DataFrame) -> float:
    """Return the omega (as SD) of one parameter, 0 where it is unknown."""
    spread = float(rows["omega_sd"].iloc[0])
    return spread if np.isfinite(spread) else 0.0


def _panel(
    ax: Axes,
    cell: Cell,
    rows: pd.DataFrame,
    reach: float,
    palette: Palette,
    selected: Label | None,
) -> tuple[Cell, pd.DataFrame]:
    """Draw one parameter; return the cell with its scale, and the hit points."""
    eta = rows["eta"].to_numpy(float)
    seen = eta[np.isfinite(eta)]
    spread = _spread(rows)
    counts, edges = histogram(seen, -reach, reach, most=most_bars(ax, cell))
    grid = np.linspace(-reach, reach, 161)
    density = np.empty(0)
    if spread > 0:
        density = np.exp(-0.5 * (grid / spread) ** 2) / (spread * np.sqrt(2 * np.pi))
    top = 1.05 * max([*counts, *density], default=0.0) or 1.0
    scale = (-1.04 * reach, 1.04 * reach), (-FLOOR * top, top)
    cell = replace(cell.scaled(*scale, most=(0, 0)), xticks=_ticks(reach))
    bars(ax, cell, counts, edges, palette)
    if spread > 0:
        ax.plot(cell.x(grid), cell.y(density), color=palette.line, linewidth=1.4, zorder=3)
    x, y = cell.x(eta), cell.y(np.full(len(eta), -0.5 * FLOOR * top))
    rug(ax, x, y, palette)
    mine = belongs(rows["ID"], selected)
    highlight(ax, x[mine], y[mine], palette, size=6.5 if mine.sum() < MANY_EACH else 4)
    parameter = rows["parameter"].iloc[0]
    tips = [
        f"{who} · η {parameter} {value:.3g}"
        for who, value in zip(draw_words(rows), eta.tolist(), strict=True)
    ]
    return cell, points(x, y, rows["ID"], tips)


def _ticks(reach: float) -> np.ndarray:
    """Return 0 and one round number to either side, well within the panel."""
    power = 10.0 ** np.floor(np.log10(0.8 * reach))
    inside = [m * power for m in (1, 1.5, 2, 3, 4, 5, 6, 8) if m * power <= 0.8 * reach]
    return np.array([-inside[-1], 0.0, inside[-1]])


def _title(rows: pd.DataFrame, *, short: bool) -> str:
    """Return the shrinkage (SD definition), which may be negative."""
    shrinkage = float(rows["shrinkage_sd"].iloc[0])
    if float(rows["omega_sd"].iloc[0]) == 0:
        return "ω = 0"
    if not np.isfinite(shrinkage):
        return ""
    return f"{'shrink.' if short else 'shrinkage'} {round(shrinkage) + 0:d} %".replace(
        "-", "\N{MINUS SIGN}"
    )


PLOT = Plot(
    name="eta_distributions",
    title="Random effects",
    diagnostics=("random_effects",),
    draw=draw,
    alt="Histograms of the random effects with the normal density of the model, and shrinkage",
    group="random effects",
    margins=Margins(left=16, right=16),
    shape=2.8,
)

"""Individual parameters against the distribution that the model gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workbench.plots._base import Drawn, Label, Margins, Plot
from workbench.plots._cells import Cell, frames, name, number_x, split, ticks_for
from workbench.plots._histograms import FLOOR, bars, histogram, most_bars, panels_shape, rug
from workbench.plots._individuals import (
    MANY_EACH,
    beside,
    draw_words,
    of_parameter,
    parameters_of,
)
from workbench.plots._marks import belongs, highlight, labelled, points, quantity, say
from workbench.plots.theme import DASHED, Palette

TAIL = 0.004  # share of the density's peak below which it is left out of the limits


def draw(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    *,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None = None,
) -> Drawn:
    """Draw one histogram per parameter with the population density and the typical value (dashed).

    The density is that of the model at its estimates, log-normal or what the parameter is.
    """
    table, densities = tables["individual_parameters"], tables["population_density"]
    names = parameters_of(table)
    if not names:
        say(ax, "This model has no random effects: all subjects share one curve.", palette)
        return Drawn()
    cells = split(ax, *panels_shape(ax, len(names)), palette, gap=(18, 58))[: len(names)]
    hits = []
    for i, parameter in enumerate(names):
        rows = of_parameter(table, parameter)
        density = of_parameter(densities, parameter)
        cells[i], found = _panel(ax, cells[i], rows, density, units, palette, selected)
        hits.append(found)
        number_x(
            ax, cells[i], palette, labelled(f"{parameter}{beside(rows)}", units.get(parameter))
        )
        typical = float(rows["typical"].iloc[0])
        name(ax, cells[i], f"typical {typical:.3g}", size=8.5, weight="normal")
    frames(ax, [replace(cell, xticks=cell.xticks[:0]) for cell in cells], palette, upright=False)
    return Drawn(pd.concat(hits, ignore_index=True))


def _panel(
    ax: Axes,
    cell: Cell,
    rows: pd.DataFrame,
    density: pd.DataFrame,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None,
) -> tuple[Cell, pd.DataFrame]:
    """Draw one parameter; return the cell with its scale, and the hit points."""
    values, typical = rows["value"].to_numpy(float), float(rows["typical"].iloc[0])
    seen = values[np.isfinite(values)]
    grid, height = density["value"].to_numpy(float), density["density"].to_numpy(float)
    shown = grid[height > TAIL * height.max()] if len(height) else grid
    low, high = _limits(np.concatenate([seen, shown, [typical]]))
    counts, edges = histogram(seen, low, high, most=most_bars(ax, cell))
    top = 1.05 * max([*counts, *height], default=0.0) or 1.0
    cell = cell.scaled((low, high), (-FLOOR * top, top), most=(ticks_for(ax, cell)[0], 0))
    bars(ax, cell, counts, edges, palette)
    inside = (grid >= low) & (grid <= high)
    ax.plot(
        cell.x(grid[inside]), cell.y(height[inside]), color=palette.line, linewidth=1.4, zorder=3
    )
    ax.plot(
        cell.x(np.full(2, typical)),
        cell.y(np.array([0.0, top])),
        color=palette.population,
        linewidth=1.0,
        linestyle=DASHED,
        zorder=2.5,
    )
    x, y = cell.x(values), cell.y(np.full(len(values), -0.5 * FLOOR * top))
    rug(ax, x, y, palette)
    mine = belongs(rows["ID"], selected)
    highlight(ax, x[mine], y[mine], palette, size=6.5 if mine.sum() < MANY_EACH else 4)
    parameter = str(rows["parameter"].iloc[0])
    tips = [
        f"{who} · {parameter} {quantity(value, units.get(parameter))}"
        for who, value in zip(draw_words(rows), values.tolist(), strict=True)
    ]
    return cell, points(x, y, rows["ID"], tips)


def _limits(values: np.ndarray) -> tuple[float, float]:
    """Return limits that show all values, with some air."""
    low, high = float(values.min()), float(values.max())
    air = 0.04 * (high - low) or 0.1 * abs(high) or 1.0
    return low - air, high + air


PLOT = Plot(
    name="parameter_distributions",
    title="Individual parameters",
    diagnostics=("individual_parameters", "population_density"),
    draw=draw,
    alt="Histograms of the individual parameters with the population density of the model",
    group="random effects",
    margins=Margins(left=16, right=16),
)

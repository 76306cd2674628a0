"""One subject's fit where there are several endpoints: one cell for each, below each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.text import Text

from workbench.plots._base import Drawn, Label
from workbench.plots._cells import Cell, frames, name, number_x, number_y, split, ticks_for
from workbench.plots._endpoints import endpoints_of, of_endpoint
from workbench.plots._marks import dosing, labelled, observation_tips, points, room
from workbench.plots._subjects import Subjects
from workbench.plots.theme import Palette

GAP = 26  # CSS pixels between the cells; the endpoint's name stands there


@dataclass(frozen=True, slots=True)
class Lines:
    """The artists of one endpoint that turn from subject to subject."""

    population: Line2D
    individual: Line2D
    observed: Line2D
    doses: Line2D


@dataclass(frozen=True, slots=True)
class Stacked:
    """Cells whose scales are those of all subjects, so that only the lines change.

    Attributes
    ----------
    cells, lines : of each endpoint
    title : names the subject
    """

    cells: Mapping[str, Cell]
    lines: Mapping[str, Lines]
    title: Text
    subjects: Subjects
    units: Mapping[str, str]
    palette: Palette

    def artists(self) -> list[Artist]:
        """Return what is drawn anew for every subject."""
        found: list[Artist] = [self.title]
        for lines in self.lines.values():
            found += [lines.population, lines.individual, lines.doses, lines.observed]
        return found

    def update(self, label: Label | None) -> pd.DataFrame:
        """Turn to a subject (the first, if none is selected or it is unknown)."""
        known = label if label in self.subjects.labels else self.subjects.labels[0]
        rows = self.subjects.rows(known)
        doses = rows[(rows["KIND"] == "dose").to_numpy()]
        color = self.palette.selected if known == label else self.palette.point
        hits = []
        for endpoint, cell in self.cells.items():
            mine, lines = of_endpoint(rows, endpoint), self.lines[endpoint]
            curve = mine[(mine["KIND"] == "curve").to_numpy()]
            observed = mine[(mine["KIND"] == "observation").to_numpy()]
            times = cell.x(curve["TIME"].to_numpy())
            lines.population.set_data(times, cell.y(curve["PRED"].to_numpy()))
            lines.individual.set_data(times, cell.y(curve["IPRED"].to_numpy()))
            x, y = cell.x(observed["TIME"].to_numpy()), cell.y(observed["DV"].to_numpy())
            lines.observed.set_data(x, y)
            lines.observed.set_markerfacecolor(color)
            given = cell.x(doses["TIME"].to_numpy())
            lines.doses.set_data(given, np.full(len(given), cell.bottom + 0.03 * cell.height))
            tips = observation_tips(observed, "DV", self.units)
            hits.append(points(x, y, observed["ID"], tips))
        self.title.set_text(f"ID {known}{dosing(doses, self.units)}")
        return pd.concat(hits, ignore_index=True)


def stack(
    ax: Axes,
    table: pd.DataFrame,
    lines: Mapping[str, Lines],
    *,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None,
) -> Drawn:
    """Draw one subject, every endpoint in a cell of its own.

    Parameters
    ----------
    table : the table `individual`
    lines : the artists of each endpoint, without data
    """
    endpoints = endpoints_of(table)
    times = table["TIME"].to_numpy(float)
    start, end = min(0.0, float(times.min())), float(times.max())
    air = 0.02 * (end - start) or 1.0
    cells = {}
    empty = split(ax, len(endpoints), 1, palette, gap=(0, GAP), reserve=(0, GAP - 8))
    for endpoint, cell in zip(endpoints, empty, strict=True):
        values = of_endpoint(table, endpoint)[["DV", "PRED", "IPRED"]].to_numpy(float)
        low, high = room(values.ravel(), share=0.08)
        value = (low - 0.06 * (high - low), high)
        most = ticks_for(ax, cell)
        cells[endpoint] = cell.scaled((start - air, end + air), value, most=most)
        number_y(ax, cells[endpoint], palette, labelled("DV", units.get("DV")))
        name(ax, cells[endpoint], endpoint, above=3, size=8.5)
    frames(ax, list(cells.values()), palette)
    number_x(ax, cells[endpoints[-1]], palette, labelled("Time", units.get("TIME")))
    view = Stacked(cells, lines, ax.set_title(""), Subjects(table), units, palette)
    hits = view.update(selected)
    return Drawn(hits, view.artists(), view.update)

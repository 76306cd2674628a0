"""One subject: observations, doses, population and individual curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.text import Text

from workbench.plots._base import Drawn, Label, Plot, no_points
from workbench.plots._cells import pixels
from workbench.plots._endpoints import endpoints_of
from workbench.plots._marks import dosing, labelled, observation_tips, points, room, say
from workbench.plots._stacked import Lines, stack
from workbench.plots._subjects import Subjects
from workbench.plots.theme import DASHED, Palette, dress

LEGEND_FROM = 330  # CSS pixels of width from which title and legend fit beside each other


@dataclass(frozen=True, slots=True)
class _View:
    """The artists that turn from subject to subject."""

    ax: Axes
    lines: Lines
    title: Text
    subjects: Subjects
    units: Mapping[str, str]
    palette: Palette

    def artists(self) -> list[Artist]:
        """Return what is drawn anew for every subject, the axes' ticks included."""
        mine = self.lines
        drawn: list[Artist] = [mine.population, mine.individual, mine.doses, mine.observed]
        return [self.ax.xaxis, self.ax.yaxis, *drawn, self.title]

    def update(self, label: Label | None) -> pd.DataFrame:
        """Turn to a subject (the first, if none is selected or it is unknown)."""
        known = label if label in self.subjects.labels else self.subjects.labels[0]
        rows = self.subjects.rows(known)
        curve, observed, doses = (rows[rows["KIND"] == k] for k in ("curve", "observation", "dose"))
        self.lines.population.set_data(curve["TIME"], curve["PRED"])
        self.lines.individual.set_data(curve["TIME"], curve["IPRED"])
        self.lines.observed.set_data(observed["TIME"], observed["DV"])
        mine = self.palette.selected if known == label else self.palette.point
        self.lines.observed.set_markerfacecolor(mine)
        values = np.concatenate([curve["PRED"], curve["IPRED"], observed["DV"]]).astype(float)
        low, high = room(values, share=0.08)
        self.ax.set_ylim(low - 0.05 * (high - low), high)
        times = rows["TIME"].to_numpy(float)
        start, end = min(0.0, float(times.min())), float(times.max())
        air = 0.02 * (end - start) or 1.0
        self.ax.set_xlim(start - air, end + air)
        self.lines.doses.set_data(doses["TIME"], np.full(len(doses), low - 0.025 * (high - low)))
        self.title.set_text(f"ID {known}{dosing(doses, self.units)}")
        return points(
            observed["TIME"].to_numpy(),
            observed["DV"].to_numpy(),
            observed["ID"],
            observation_tips(observed, "DV", self.units),
        )


def draw(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    *,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None = None,
) -> Drawn:
    """Draw PRED (dashed), IPRED, observations and doses (triangles) of one subject.

    Everything that belongs to the subject, axis limits included, is dynamic: `Drawn.update` turns
    it to another subject. Several endpoints stand in cells below each other, on scales that hold
    all subjects.
    """
    table = tables["individual"]
    if table.empty:
        say(ax, "There is no subject to draw.", palette)
        return Drawn(no_points())
    endpoints = endpoints_of(table)
    if len(endpoints) > 1:
        lines = {endpoint: _lines(ax, palette) for endpoint in endpoints}
        drawn = stack(ax, table, lines, units=units, palette=palette, selected=selected)
    else:
        dress(ax, palette)
        ax.set_xlabel(labelled("Time", units.get("TIME")))
        ax.set_ylabel(labelled("DV", units.get("DV")))
        lines = {"": _lines(ax, palette)}
        view = _View(ax, lines[""], ax.set_title(""), Subjects(table), units, palette)
        hits = view.update(selected)
        drawn = Drawn(hits, view.artists(), view.update)
    if pixels(ax)[0] >= LEGEND_FROM:
        _legend(ax, palette, lines[endpoints[0]])
    return drawn


def _lines(ax: Axes, palette: Palette) -> Lines:
    """Return the artists of one endpoint, without data."""
    (population,) = ax.plot(
        [], [], color=palette.population, linewidth=1.3, linestyle=DASHED, label="PRED", zorder=3
    )
    (individual,) = ax.plot([], [], color=palette.line, linewidth=1.6, label="IPRED", zorder=4)
    (observed,) = ax.plot(
        [],
        [],
        "o",
        markersize=5.8,
        markeredgecolor=palette.outline,
        markeredgewidth=0.8,
        label="DV",
        zorder=6,
    )
    (doses,) = ax.plot(
        [],
        [],
        "^",
        markersize=5,
        color=palette.muted,
        markeredgecolor="none",
        label="dose",
        zorder=5,
    )
    return Lines(population, individual, observed, doses)


def _legend(ax: Axes, palette: Palette, lines: Lines) -> None:
    """Put the legend in the title's line, where no data can lie under it."""
    ax.legend(
        handles=[lines.population, lines.individual, lines.observed, lines.doses],
        loc="lower right",
        bbox_to_anchor=(1.005, 0.985),
        ncols=4,
        columnspacing=1.0,
        handlelength=1.7,
        handletextpad=0.45,
        borderaxespad=0,
        labelcolor=palette.muted,
        frameon=False,
        fontsize=7.5,
    )


PLOT = Plot(
    name="individual_fit",
    title="Individual fit",
    diagnostics=("individual",),
    draw=draw,
    alt="Observations of one subject with the population and the individual curve, and the doses",
    group="individuals",
    one_subject=True,
)

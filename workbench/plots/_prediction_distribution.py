"""The predicted distribution over time, the observations over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from workbench.errors import OptionError
from workbench.plots._base import Drawn, Label
from workbench.plots._cells import Cell
from workbench.plots._checks import CheckPlot, figure_of, sight_of
from workbench.plots._lens import Lens
from workbench.plots._marks import (
    belongs,
    cloud,
    highlight,
    labelled,
    observation_tips,
    points,
    room,
    say,
)
from workbench.plots._panels import (
    YScale,
    facets,
    headline,
    lowest,
    of_panel,
    panel,
    panel_keys,
    panel_name,
    y_scale,
)
from workbench.plots._parts import Sight
from workbench.plots.theme import DASHED, Palette

if TYPE_CHECKING:
    from workbench.diagnostics import PredictionDistribution

WORDS = {"observation": "with residual error", "individual": "without residual error"}


def prediction_distribution(
    found: PredictionDistribution,
    *,
    colour_by: str | None = None,
    where: Mapping[str, Any] | None = None,
    kind: str = "observation",
    log: bool = False,
    theme: str | Palette = "light",
    selected: Label | None = None,
    ax: Axes | None = None,
    size: tuple[float, float] = (640, 380),
) -> Figure | Axes:
    """Draw the predicted distribution over time.

    Shades are intervals between percentiles, darkest about the median; dashed lines are the outer
    percentiles of the other kind.

    Parameters
    ----------
    found : of `wb.prediction_distribution`; subjects are chosen and split there, by `groups=`
    colour_by : by which the observations are coloured, see `show`
    where : conditions on TIME or ENDPOINT, see `show`
    kind : "observation" (shades with residual error) or "individual" (without)
    log : a logarithmic scale; what is not above 0 is not shown
    theme : "light", "dark" or a Palette
    selected : subject to highlight
    ax : axes to draw on instead of a new figure; it is returned
    size : CSS pixels of a new figure

    Raises
    ------
    UnknownNameError, OptionError
        There is no such variable, or a condition is on subjects.
    """
    sight = sight_of(found.source, Lens.of(colour_by, None, where=where))
    on_subjects = [c.column for c in sight.lens.where if c not in sight.rows]
    if on_subjects:
        raise OptionError(
            f"{on_subjects[0]} is of the subjects: the distribution is of those that were "
            "simulated. Choose them there, by wb.prediction_distribution(fit, groups="
            f"wb.plots.groups(fit, where={{{on_subjects[0]!r}: ...}}))."
        )
    return figure_of(
        DISTRIBUTION,
        within(found, sight),
        sight,
        theme=theme,
        ax=ax,
        size=size,
        selected=selected,
        kind=kind,
        log=log,
    )


def within(found: PredictionDistribution, sight: Sight) -> PredictionDistribution:
    """Return a distribution at the times, and of the endpoints, that a sight keeps."""
    if not sight.rows:
        return found
    table, seen = found.table[sight.mask(found.table)], found.points[sight.mask(found.points)]
    return replace(found, table=table.reset_index(drop=True), points=seen.reset_index(drop=True))


def draw_distribution(
    ax: Axes,
    found: PredictionDistribution,
    *,
    palette: Palette,
    kind: str = "observation",
    log: bool = False,
    selected: Label | None = None,
) -> Drawn:
    """Draw a distribution on an axes, for whoever makes it react."""
    table, seen, units = found.table, found.points, found.units
    if table.empty:
        say(ax, "There is no time at which anything could be predicted.", palette)
        return Drawn()
    keys = panel_keys(table)
    cells, across = facets(ax, len(keys), palette)
    hits = []
    for k, (key, cell) in enumerate(zip(keys, cells, strict=True)):
        mine, own = of_panel(table, key), of_panel(seen, key)
        same = table["ENDPOINT"] == key[1]
        of = seen.loc[seen["ENDPOINT"] == key[1], "DV"].to_numpy(float)
        values = np.concatenate([table.loc[same, "VALUE"].to_numpy(float), of])
        scale = y_scale(values, log=log)
        if log:  # noise about 0 has no end on a logarithmic scale
            low = min(of[of > 0].min(initial=np.inf), mine["VALUE"].median())
            scale = replace(scale, low=max(scale.low, 0.3 * low))
        place = panel(
            ax,
            cell,
            palette,
            x=room(np.concatenate([mine["TIME"], own["TIME"]]), share=0.03),
            y=scale,
            labels=(
                labelled("Time", units.get("TIME")) if lowest(k, len(keys), across) else "",
                labelled("DV", units.get("DV")) if k % across == 0 else "",
            ),
            title=panel_name(key, keys),
        )
        _shades(ax, place, scale, mine, kind, palette)
        hits.append(_observations(ax, place, scale, own, units, palette, selected))
    other = next(name for name in WORDS if name != kind)
    outer = f"{table['PERCENTILE'].min():g}–{table['PERCENTILE'].max():g} %"
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=palette.ink, linewidth=1.5, label="median"),
        Patch(color=palette.point, alpha=0.4, linewidth=0, label=f"{outer} {WORDS[kind]}"),
        Line2D([], [], color=palette.muted, linewidth=1.0, linestyle=DASHED, label=WORDS[other]),
    ]
    headline(ax, "Prediction distribution", handles, palette, several=len(keys) > 1)
    return Drawn(pd.concat(hits, ignore_index=True))


def _shades(
    ax: Axes, place: Cell, scale: YScale, table: pd.DataFrame, kind: str, palette: Palette
) -> None:
    """Draw intervals between percentiles, and the outermost of the other kind."""
    wide = table.pivot_table(index="TIME", columns=["KIND", "PERCENTILE"], values="VALUE")
    x = place.x(wide.index.to_numpy(float))
    percents = sorted(table["PERCENTILE"].unique())
    pairs = [(low, 100.0 - low) for low in percents if low < 50 and 100.0 - low in percents]
    opacity = 0.9 / (len(pairs) + 1)
    for low, high in pairs:
        bottom, top = (place.y(scale(wide[kind, p].to_numpy(float))) for p in (low, high))
        ax.fill_between(x, bottom, top, color=palette.point, alpha=opacity, linewidth=0, zorder=1.5)
    if 50.0 in percents:
        middle = place.y(scale(wide[kind, 50.0].to_numpy(float)))
        ax.plot(x, middle, color=palette.ink, linewidth=1.5, zorder=3)
    other = next(name for name in WORDS if name != kind)
    for p in (percents[0], percents[-1]):
        y = place.y(scale(wide[other, p].to_numpy(float)))
        ax.plot(x, y, color=palette.muted, linewidth=1.0, linestyle=DASHED, zorder=2.5)


def _observations(
    ax: Axes,
    place: Cell,
    scale: YScale,
    seen: pd.DataFrame,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None,
) -> pd.DataFrame:
    """Draw the observations; return them as points to hit."""
    dv = seen["DV"].to_numpy(float)
    rows = seen[np.isfinite(dv) & ((dv > 0) | (not scale.log))]
    x = place.x(rows["TIME"].to_numpy(float))
    y = place.y(scale(rows["DV"].to_numpy(float)))
    cloud(ax, x, y, replace(palette, point=palette.ink, point_alpha=0.55))
    mine = belongs(rows["ID"], selected)
    highlight(ax, x[mine], y[mine], palette)
    if seen["ENDPOINT"].nunique() < 2:
        rows = rows.drop(columns="ENDPOINT")
    return points(x, y, rows["ID"], observation_tips(rows, "DV", units))


DISTRIBUTION = CheckPlot(
    "prediction_distribution",
    "Percentiles of the predicted distribution over time, with the observations",
    draw_distribution,
    lambda found: found.points,
)

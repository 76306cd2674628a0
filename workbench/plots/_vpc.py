"""The visual predictive check: observed percentiles over the bands of the simulated ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from workbench.plots._base import Drawn, Label
from workbench.plots._cells import Cell, pixels
from workbench.plots._checks import CheckPlot, figure_of, seen, sight_of
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
from workbench.plots._scatter import X_NAMES
from workbench.plots.theme import DASHED, DOTTED, Palette

if TYPE_CHECKING:
    from workbench.diagnostics import Vpc

TITLES = {
    "none": "VPC",
    "prediction": "Prediction-corrected VPC",
    "variance": "Prediction- and variability-corrected VPC",
}
BAND = 0.26  # opacity
SHARE = 0.30  # of a panel's height for the values below the limit of quantification


def vpc(
    check: Vpc,
    *,
    colour_by: str | None = None,
    split_by: str | None = None,
    cut: int | str | Collection[float] = "median",
    where: Mapping[str, Any] | None = None,
    log: bool = False,
    theme: str | Palette = "light",
    selected: Label | None = None,
    ax: Axes | None = None,
    size: tuple[float, float] = (640, 380),
) -> Figure | Axes:
    """Draw a visual predictive check.

    Bands hold the percentiles of the simulated data sets (the middle one in its own colour), lines
    are the percentiles of the observations, solid for the median. Where a line leaves its band the
    area between them is filled, and the bin marked. Short lines at the bottom are the edges of
    the bins. Each stratum and endpoint has a panel of its own, with the share of values below the
    limit of quantification beneath it if there is a limit.

    Parameters
    ----------
    check : of `wb.vpc`
    colour_by : by which the observations are coloured, see `show`
    split_by, cut, where : see `show`. Observed and simulated values of what is kept, and of each
        part, are compared by themselves (`through`)
    log : a logarithmic scale; what is not above 0 is not shown, and counted in the title
    theme : "light", "dark" or a Palette
    selected : subject to highlight
    ax : axes to draw on instead of a new figure; it is returned
    size : CSS pixels of a new figure

    Raises
    ------
    UnknownNameError, OptionError
        There is no such variable, or a filter cannot be understood.
    """
    sight = sight_of(check.simulated.source, Lens.of(colour_by, split_by, cut, where))
    return figure_of(
        VPC,
        seen(check, sight),
        sight,
        theme=theme,
        ax=ax,
        size=size,
        selected=selected,
        log=log,
    )


def draw_vpc(
    ax: Axes,
    check: Vpc,
    *,
    palette: Palette,
    selected: Label | None = None,
    log: bool = False,
    units: Mapping[str, str] | None = None,
) -> Drawn:
    """Draw a check on an axes, for whoever makes it react."""
    table, seen = check.table, check.points
    if table.empty:
        say(ax, "There is no observation in any bin to compare with the simulations.", palette)
        return Drawn()
    units = dict(check.simulated.units if units is None else units)
    keys = panel_keys(table)
    blq, several = check.blq, len(keys) > 1
    cells, across = facets(ax, len(keys), palette)
    hits, hidden = [], 0
    for k, (key, cell) in enumerate(zip(keys, cells, strict=True)):
        mine, own = of_panel(table, key), of_panel(seen, key)
        own = own[own["BIN"] > 0]
        ends = _x_limits(mine, own)
        top, bottom = (cell, None) if of_panel(blq, key).empty else _divide(ax, cell)
        same = table["ENDPOINT"] == key[1]  # one scale for all strata of an endpoint
        of = seen["ENDPOINT"] == key[1]
        scale = _scale(table[same], seen[of & (seen["BIN"] > 0)], log=log)
        x_words = _x_words(check.x, units) if lowest(k, len(keys), across) else ""
        y_words = labelled(_y_words(check), units.get("DV")) if k % across == 0 else ""
        place = panel(
            ax,
            top,
            palette,
            x=ends,
            y=scale,
            labels=("" if bottom else x_words, y_words),
            title=panel_name(key, keys) if several else "",
            numbered=bottom is None,
        )
        limit = float(of_panel(blq, key)["LLOQ"].max()) if bottom else None
        hidden += _marks(ax, place, scale, own, palette, selected)
        _bands(ax, place, scale, mine, palette, limit)
        _edges(ax, place, mine, palette)
        hits.append(_hits(place, scale, own, units))
        if bottom is not None:
            words = (x_words, "BLQ (%)" if k % across == 0 else "")
            _shares(ax, bottom, of_panel(blq, key), ends, words, palette)
    _head(ax, check, hidden, palette, several=several)
    return Drawn(pd.concat(hits, ignore_index=True))


def _x_words(x: str, units: Mapping[str, str]) -> str:
    unit = units.get("TIME" if x in X_NAMES else "DV" if x == "PRED" else x)
    return labelled(X_NAMES.get(x, x), unit)


def _y_words(check: Vpc) -> str:
    return {"none": "DV", "prediction": "pcDV", "variance": "pvcDV"}[check.correction.kind]


def _x_limits(table: pd.DataFrame, seen: pd.DataFrame) -> tuple[float, float]:
    """Return limits that show all observations, and the edges of bins nearby."""
    x = seen["X"].to_numpy(float)
    low, high = float(x.min()), float(x.max())
    edges = table[["X_LOW", "X_HIGH"]].to_numpy(float).ravel()
    far = 0.1 * (high - low)
    near = edges[np.isfinite(edges) & (edges >= low - far) & (edges <= high + far)]
    return room(np.concatenate([x, near]), share=0.03)


def _scale(table: pd.DataFrame, seen: pd.DataFrame, *, log: bool) -> YScale:
    """Return the vertical scale for all observations, percentiles and bands."""
    values = [seen["DV"].to_numpy(float)]
    values += [table[name].to_numpy(float) for name in ("OBSERVED", "LOWER", "UPPER")]
    return y_scale(np.concatenate(values), log=log)


def _divide(ax: Axes, cell: Cell) -> tuple[Cell, Cell]:
    """Return a cell's part for the percentiles, and below it that for the shares."""
    between = 12 / pixels(ax)[1]
    low = SHARE * (cell.height - between)
    bottom = Cell(cell.left, cell.bottom, cell.width, low)
    above = cell.bottom + low + between
    return Cell(cell.left, above, cell.width, cell.bottom + cell.height - above), bottom


def _marks(
    ax: Axes,
    place: Cell,
    scale: YScale,
    seen: pd.DataFrame,
    palette: Palette,
    selected: Label | None,
) -> int:
    """Draw the observations; return how many the scale cannot show."""
    dv = seen["DV"].to_numpy(float)
    shown = np.isfinite(dv) & ((dv > 0) | (not scale.log))
    x, y = place.x(seen["X"].to_numpy(float)), place.y(scale(dv))
    faint = replace(palette, point=palette.muted, point_alpha=0.45)
    cloud(ax, x[shown], y[shown], faint)
    mine = belongs(seen["ID"], selected) & shown
    highlight(ax, x[mine], y[mine], palette)
    return int((np.isfinite(dv) & ~shown).sum())


def _bands(
    ax: Axes,
    place: Cell,
    scale: YScale,
    table: pd.DataFrame,
    palette: Palette,
    limit: float | None,
) -> None:
    """Draw bands and observed lines of each percentile, and where they part."""
    percents = np.unique(table["PERCENTILE"])
    middle = float(percents[np.abs(percents - 50.0).argmin()])
    for percent in percents:
        rows = table[table["PERCENTILE"] == percent]
        one = _drawn_out(rows)
        low, high, data = (one[name].to_numpy(float) for name in ("LOWER", "UPPER", "OBSERVED"))
        if limit is not None:  # a band that reaches below the limit begins there
            low = np.where(np.isnan(low) & np.isfinite(high), limit, low)
        x = place.x(one["X_MEDIAN"].to_numpy(float))
        low, high, data = (place.y(scale(part)) for part in (low, high, data))
        main = percent == middle
        color = palette.trend if main else palette.point
        opacity = 1.5 * BAND if main else BAND
        ax.fill_between(x, low, high, color=color, alpha=opacity, linewidth=0, zorder=3)
        for edge, more in ((high, data > high), (low, data < low)):
            ax.fill_between(
                x, data, edge, where=more, interpolate=True, color=palette.alert,
                alpha=0.75, linewidth=0, zorder=3.5,
            )  # fmt: skip
        ax.plot(
            x, data, color=palette.ink, linewidth=1.5 if main else 1.1,
            linestyle="-" if main else DASHED, zorder=4,
        )  # fmt: skip
        far = rows["OUTSIDE"].to_numpy(bool) & rows["OBSERVED"].notna().to_numpy()
        ax.plot(
            place.x(rows["X_MEDIAN"].to_numpy(float)[far]),
            place.y(scale(rows["OBSERVED"].to_numpy(float)[far])),
            "o", markersize=4.2, color=palette.alert, markeredgecolor=palette.ink,
            markeredgewidth=0.7, zorder=5,
        )  # fmt: skip
    if limit is not None and scale.low <= limit <= scale.high:
        y = float(place.y(scale(np.array([limit])))[0])
        ax.plot(
            [place.left, place.left + place.width], [y, y], color=palette.muted,
            linewidth=0.9, linestyle=DOTTED, zorder=2.5,
        )  # fmt: skip


def _drawn_out(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows; of a single bin twice, at its edges, so that there is something to see."""
    if len(rows) > 1:
        return rows
    one = rows.iloc[0]
    ends = [one["X_LOW"], one["X_HIGH"]]
    if not np.isfinite(ends).all() or ends[0] == ends[1]:
        width = 0.02 * abs(one["X_MEDIAN"]) or 0.02
        ends = [one["X_MEDIAN"] - width, one["X_MEDIAN"] + width]
    return pd.concat([rows, rows], ignore_index=True).assign(X_MEDIAN=ends)


def _edges(ax: Axes, place: Cell, table: pd.DataFrame, palette: Palette) -> None:
    """Mark the edges of the bins at the bottom."""
    edges = np.unique(table[["X_LOW", "X_HIGH"]].to_numpy(float))
    edges = edges[(edges >= place.xlim[0]) & (edges <= place.xlim[1])]
    height = 6 / pixels(ax)[1]
    x = place.x(edges)
    ax.vlines(x, place.bottom, place.bottom + height, color=palette.ink, linewidth=0.9, zorder=2.2)


def _hits(place: Cell, scale: YScale, seen: pd.DataFrame, units: Mapping[str, str]) -> pd.DataFrame:
    """Return the observations as points to hit."""
    shown = seen["DV"].notna() & ((seen["DV"] > 0) | (not scale.log))
    rows = seen[shown.to_numpy(bool)]
    if rows["ENDPOINT"].nunique() < 2:
        rows = rows.drop(columns="ENDPOINT")
    y = place.y(scale(rows["DV"].to_numpy(float)))
    tips = observation_tips(rows, "DV", units)
    return points(place.x(rows["X"].to_numpy(float)), y, rows["ID"], tips)


def _shares(
    ax: Axes,
    cell: Cell,
    table: pd.DataFrame,
    x: tuple[float, float],
    words: tuple[str, str],
    palette: Palette,
) -> None:
    """Draw the share of values below the limit of quantification."""
    percent = table.assign(**{c: 100 * table[c] for c in ("OBSERVED", "LOWER", "UPPER")})
    top = max(5.0, float(percent[["OBSERVED", "UPPER"]].to_numpy(float).max()))
    scale = YScale(-0.03 * top, 1.08 * top)
    place = panel(ax, cell, palette, x=x, y=scale, labels=words)
    one = _drawn_out(percent)
    at = place.x(one["X_MEDIAN"].to_numpy(float))
    low, high, data = (place.y(one[c].to_numpy(float)) for c in ("LOWER", "UPPER", "OBSERVED"))
    ax.fill_between(at, low, high, color=palette.point, alpha=BAND, linewidth=0, zorder=3)
    for edge, more in ((high, data > high), (low, data < low)):
        ax.fill_between(
            at, data, edge, where=more, interpolate=True, color=palette.alert, alpha=0.75,
            linewidth=0, zorder=3.5,
        )  # fmt: skip
    ax.plot(at, data, color=palette.ink, linewidth=1.3, zorder=4)


def _head(ax: Axes, check: Vpc, hidden: int, palette: Palette, *, several: bool) -> None:
    """Write the title and the legend."""
    wide = pixels(ax)[0]
    title = TITLES[check.correction.kind]
    if wide < 640 and check.correction.kind != "none":
        title = {"prediction": "pcVPC", "variance": "pvcVPC"}[check.correction.kind]
    note = f" · {hidden} at or below 0 not shown" if hidden else ""
    words = "/".join(f"{p:g}" for p in check.percents)
    ink = {"color": palette.ink, "linewidth": 1.3}
    handles: list[Line2D | Patch] = [
        Line2D([], [], label=f"observed {words} %", **ink),  # type: ignore[arg-type]
        Patch(
            color=palette.point, alpha=0.45, linewidth=0, label=f"simulated, {100 * check.ci:g} %"
        ),
    ]
    if check.table["OUTSIDE"].any():
        handles.append(Patch(color=palette.alert, alpha=0.75, linewidth=0, label="outside"))
    headline(ax, f"{title}{note}", handles, palette, several=several)


VPC = CheckPlot(
    "vpc",
    "Percentiles of the observations over bands of the percentiles of simulated data",
    draw_vpc,
    lambda check: check.simulated.points,
)

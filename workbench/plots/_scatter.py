"""The two scatter plots that most diagnostics are made of, in an axes or in a cell of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator

from workbench.plots._band import trend
from workbench.plots._base import Drawn, Label
from workbench.plots._cells import (
    STEPS,
    Cell,
    Whole,
    frames,
    log_values,
    log_words,
    name,
    number_x,
    number_y,
    pixels,
    split,
    ticks_for,
)
from workbench.plots._endpoints import called, endpoints_of, of_endpoint
from workbench.plots._marks import (
    Values,
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
from workbench.plots.theme import DASHED, DOTTED, Palette, dress

RESIDUAL_NAMES = {
    "CWRES": "conditional weighted residual",
    "IWRES": "individual weighted residual",
    "WRES": "weighted residual",
    "PWRES": "population weighted residual",
    "CWRESI": "conditional weighted residual with interaction",
    "NPD": "normalised prediction discrepancy",
    "NPDE": "normalised prediction distribution error",
}
X_NAMES = {"TIME": "Time", "TAD": "Time after dose"}
TREND, BAND = "trend", "band"  # gid of the smooth curves, and of what surrounds them
NO_PREDICTION = "There is no observation with a prediction to draw."
NONE_ABOVE_0 = (
    "No observation and prediction are both above 0: a logarithmic scale cannot show them."
)


def finite(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return the rows in which every one of the columns is a number."""
    seen = np.isfinite(table[list(columns)].to_numpy(float)).all(axis=1)
    return table if seen.all() else table[seen]


def x_label(column: str, units: Mapping[str, str]) -> str:
    """Return ``"Time (h)"`` or ``"PRED (mg/L)"``."""
    return labelled(X_NAMES.get(column, column), units.get("TIME" if column in X_NAMES else "DV"))


def scatter(
    ax: Axes,
    place: Cell | Whole,
    x: Values,
    y: Values,
    labels: pd.Series,
    *,
    palette: Palette,
    selected: Label | None,
    side: Values | None = None,
) -> tuple[Values, Values]:
    """Draw points, their trend with its band, and the selected subject; return where points lie.

    On logarithmic scales the trend is that of the logarithms.

    Parameters
    ----------
    side : (n,)  not 0 where y is only a limit (`sides`); the trend leaves these out
    """
    px, py = place.x(x), place.y(y)
    if side is not None and side.any():
        known = side == 0
        cloud(ax, px[known], py[known], palette)
        censored_points(ax, px, py, side, palette)
        _trend(ax, place, x[known], y[known], labels[known], palette)
    else:
        cloud(ax, px, py, palette)
        _trend(ax, place, x, y, labels, palette)
    mine = belongs(labels, selected)
    highlight(ax, px[mine], py[mine], palette)
    return px, py


def _trend(
    ax: Axes, place: Cell | Whole, x: Values, y: Values, labels: pd.Series, palette: Palette
) -> None:
    """Draw the smooth curve, and its band within the limits of the place."""
    found = trend(np.log10(x), np.log10(y), labels) if place.log else trend(x, y, labels)
    if not len(found.places):
        return

    def back(values: Values) -> Values:
        return np.asarray(10.0**values) if place.log else values

    places = place.x(back(found.places))
    (line,) = ax.plot(places, place.y(back(found.curve)), color=palette.trend, linewidth=1.5)
    line.set(zorder=4, gid=TREND)
    if len(found.low):
        low, high = (np.clip(back(end), *place.ylim) for end in (found.low, found.high))
        band = ax.fill_between(places, place.y(low), place.y(high), color=palette.trend)
        band.set(alpha=0.22, linewidth=0, zorder=3, gid=BAND)


def above_zero(rows: pd.DataFrame, *columns: str) -> tuple[pd.DataFrame, int]:
    """Return the rows that a logarithmic scale can show, and how many it cannot."""
    seen = np.min(rows[list(columns)].to_numpy(float), axis=1) > 0
    return rows[seen], int((~seen).sum())


def log_room(values: Values) -> tuple[float, float]:
    """Return limits with some air on a logarithmic scale."""
    seen = values[np.isfinite(values) & (values > 0)]
    low, high = (float(seen.min()), float(seen.max())) if len(seen) else (0.1, 1.0)
    air = max(high / low, 2.0) ** 0.06
    return low / air, high * air


def say_hidden(ax: Axes, hidden: int, palette: Palette, x: float = 0.98, y: float = 0.03) -> None:
    """Say how many observations a logarithmic scale leaves out, at the bottom right."""
    if hidden:
        ax.text(
            x,
            y,
            f"{hidden} at or below 0 not shown",
            transform=ax.transAxes,
            ha="right",
            va="bottom",
            fontsize=7.5,
            color=palette.muted,
            zorder=7,
        )


def _reference(
    ax: Axes, place: Cell | Whole, x: Sequence[float], y: Sequence[float], palette: Palette
) -> None:
    """Draw a dashed line that says what a perfect model would give."""
    px, py = place.x(np.array(x)), place.y(np.array(y))
    ax.plot(px, py, color=palette.muted, linewidth=0.9, linestyle=DASHED, zorder=1)


def against_prediction(
    ax: Axes,
    place: Cell | Whole,
    rows: pd.DataFrame,
    column: str,
    *,
    palette: Palette,
    selected: Label | None,
) -> tuple[Values, Values]:
    """Draw DV against a prediction with the line of identity; return where the points lie."""
    _reference(ax, place, place.xlim, place.xlim, palette)
    x, y, side = rows[column].to_numpy(float), rows["DV"].to_numpy(float), sides(rows)
    return scatter(ax, place, x, y, rows["ID"], palette=palette, selected=selected, side=side)


def residuals_against(
    ax: Axes,
    place: Cell | Whole,
    rows: pd.DataFrame,
    columns: tuple[str, str],
    *,
    palette: Palette,
    selected: Label | None,
) -> tuple[Values, Values]:
    """Draw residuals against a column with 0 and, dotted, ±1.96; return where the points lie."""
    _reference(ax, place, place.xlim, (0, 0), palette)
    for value in (-1.96, 1.96):
        ax.plot(
            place.x(np.array(place.xlim)),
            place.y(np.full(2, value)),
            color=palette.muted,
            linewidth=0.8,
            linestyle=DOTTED,
            zorder=1,
        )
    x, y = (rows[column].to_numpy(float) for column in columns)
    return scatter(ax, place, x, y, rows["ID"], palette=palette, selected=selected)


def residual_limits(*residuals: pd.Series[float]) -> tuple[float, float]:
    """Return symmetric limits that show every residual, and ±1.96 in any case."""
    seen = np.abs(np.concatenate([np.asarray(values, float) for values in residuals]))
    seen = seen[np.isfinite(seen)]
    top = max(2.6, 1.08 * float(seen.max())) if len(seen) else 2.6
    return -top, top


def why_no_residuals(table: pd.DataFrame, residual: str) -> str | None:
    """Return the sentence that explains why a residual cannot be drawn, or None."""
    if residual not in table or table.empty:
        return f"This fit has no {residual}."
    if not np.isfinite(table[residual].to_numpy(float)).any():
        name = RESIDUAL_NAMES.get(residual, residual)
        reasons = table.attrs.get("notes", ())
        return " ".join([f"No {residual} ({name}) could be computed for this fit.", *reasons])
    return None


def name_trend(ax: Axes, palette: Palette, *, least: float = 1.5) -> None:
    """Say, in its colour, what the smooth curve is, if there is one.

    Parameters
    ----------
    least : width of the axes in inches below which the word would meet another title
    """
    wide = ax.get_window_extent().width / ax.figure.get_dpi() >= least
    if wide and any(line.get_gid() == TREND for line in ax.lines):
        ax.set_title("trend", loc="right", fontsize=7.5, fontweight="normal", color=palette.trend)


def draw_prediction(
    ax: Axes,
    table: pd.DataFrame,
    column: str,
    *,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None,
    log: bool = False,
    limits_of: pd.DataFrame | None = None,
) -> Drawn:
    """Draw DV against a prediction in an axes of its own, or several endpoints side by side.

    Parameters
    ----------
    log : both scales logarithmic; how many observations they cannot show is said
    limits_of : the table whose values the limits hold, where that is more than `table`
    """
    rows, hidden = finite(table, "DV", column), 0
    if log and len(rows):
        rows, hidden = above_zero(rows, "DV", column)
    if rows.empty:
        say(ax, NONE_ABOVE_0 if hidden else NO_PREDICTION, palette)
        return Drawn()
    every = table if limits_of is None else limits_of
    if len(endpoints_of(every)) > 1:
        drawn = _predictions_by_endpoint(
            ax, rows, column, every, units=units, palette=palette, selected=selected, log=log
        )
        say_hidden(ax, hidden, palette)
        return drawn
    dress(ax, palette)
    limits = (log_room if log else room)(every[["DV", column]].to_numpy(float).ravel())
    place = Whole(limits, limits, log)
    _scale(ax, place)
    x, y = against_prediction(ax, place, rows, column, palette=palette, selected=selected)
    ax.set(xlim=limits, ylim=limits)
    say_hidden(ax, hidden, palette)
    ax.set_xlabel(x_label(column, units))
    ax.set_ylabel(labelled("DV", units.get("DV")))
    ax.set_title(f"DV vs {column}")
    name_trend(ax, palette)
    return Drawn(points(x, y, rows["ID"], observation_tips(rows, "DV", units)))


def _scale(ax: Axes, place: Whole) -> None:
    """Set scales and ticks of an axes whose sides mean the same."""
    if not place.log:
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(7, steps=STEPS))
        return
    ax.set(xscale="log", yscale="log")
    wide, high = pixels(ax)
    for axis, most in ((ax.xaxis, wide // 40), (ax.yaxis, high // 24)):
        ticks = log_values(place.xlim, int(np.clip(most, 2, 8)))
        axis.set_major_locator(FixedLocator(ticks.tolist()))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FixedFormatter(log_words(ticks)))


def _predictions_by_endpoint(
    ax: Axes,
    rows: pd.DataFrame,
    column: str,
    every: pd.DataFrame,
    *,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None,
    log: bool,
) -> Drawn:
    """Draw DV against a prediction, each endpoint on a scale of its own."""
    endpoints, hits = endpoints_of(every), []
    empty = split(ax, 1, len(endpoints), palette, gap=(36, 0))
    for cell, endpoint in zip(empty, endpoints, strict=True):
        mine = of_endpoint(rows, endpoint)
        values = of_endpoint(every, endpoint)[["DV", column]].to_numpy(float).ravel()
        limits = (log_room if log else room)(values)
        place = cell.scaled(limits, limits, most=ticks_for(ax, cell), log=log)
        frames(ax, [place], palette)
        first = endpoint == endpoints[0]
        number_y(ax, place, palette, labelled("DV", units.get("DV")) if first else "")
        number_x(ax, place, palette, x_label(column, units))
        name(ax, place, called(endpoint, f"DV vs {column}"))
        x, y = against_prediction(ax, place, mine, column, palette=palette, selected=selected)
        hits.append(points(x, y, mine["ID"], observation_tips(mine, "DV", units)))
    name_trend(ax, palette, least=3.0)
    return Drawn(pd.concat(hits, ignore_index=True))


def draw_residuals(
    ax: Axes,
    table: pd.DataFrame,
    columns: tuple[str, str],
    *,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None,
    limits_of: pd.DataFrame | None = None,
) -> Drawn:
    """Draw a residual against time or a prediction in an axes of its own.

    `limits_of`: the table whose values the limits hold, where that is more than `table`.
    """
    column, residual = columns
    every = table if limits_of is None else limits_of
    missing = why_no_residuals(table, residual)
    if missing:
        say(ax, missing, palette)
        return Drawn()
    dress(ax, palette)
    rows = finite(table, *columns)
    shown = finite(every, *columns)
    whole = Whole(room(every[column].to_numpy(float)), residual_limits(shown[residual]))
    x, y = residuals_against(ax, whole, rows, columns, palette=palette, selected=selected)
    ax.set(xlim=whole.xlim, ylim=whole.ylim)
    ax.set_xlabel(x_label(column, units))
    ax.set_ylabel(residual)
    ax.set_title(f"{residual} vs {'time' if column == 'TIME' else column}")
    name_trend(ax, palette)
    return Drawn(points(x, y, rows["ID"], observation_tips(rows, residual, units)))

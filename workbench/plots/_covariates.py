"""Numbers of single subjects against their covariates: scatter plots with a trend, or boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection

from workbench.errors import OptionError
from workbench.plots._base import Drawn, Label
from workbench.plots._cells import (
    TICK_GAP,
    TICK_SIZE,
    Cell,
    frames,
    number_x,
    number_y,
    pixels,
    split,
    ticks_for,
)
from workbench.plots._individuals import (
    MANY_EACH,
    TITLE_LETTER,
    draw_words,
    of_parameter,
    parameters_of,
    titled,
)
from workbench.plots._lowess import lowess
from workbench.plots._marks import belongs, cloud, highlight, labelled, points, say
from workbench.plots.theme import DASHED, LABEL_BELOW, Palette

MOST_COLUMNS, MOST_ROWS, MOST_LEVELS = 6, 8, 12
NARROWEST = 74  # CSS pixels of a cell
HALF_BOX = 0.3  # of the distance of two categories
JITTER = 0.18


def against_covariates(
    ax: Axes,
    effects: pd.DataFrame,
    covariates: pd.DataFrame,
    column: str,
    title: str,
    *,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None,
    covariate: str | None,
) -> Drawn:
    """Draw a matrix: one row per parameter, one column per covariate (or a single one).

    Parameters
    ----------
    effects : long, with ID, DRAW, individual, parameter and `column`
    covariates : as the diagnostic of that name gives them
    column : "eta", drawn against 0, or "value", drawn against its typical value
    title : what is drawn, such as "Random effects"
    covariate : draw only this one

    Raises
    ------
    OptionError
        The data have no such covariate.
    """
    rows = parameters_of(effects)[:MOST_ROWS]
    if not rows:
        say(ax, "This model has no random effects: all subjects share one curve.", palette)
        return Drawn()
    shown, notes = _chosen(covariates, covariate, ax)
    if not shown:
        why = f" {'; '.join(notes)}." if notes else ""
        say(ax, f"There is no covariate that differs between subjects.{why}", palette)
        return Drawn()
    cells = split(ax, len(rows), len(shown), palette, gap=(10, 10), reserve=(0, 8))
    cells, hits = list(cells), []
    for i, parameter in enumerate(rows):
        part = of_parameter(effects, parameter)
        limits = _value_limits(part, column)
        for j, one in enumerate(shown):
            at, bottom = i * len(shown) + j, i == len(rows) - 1
            cell, found = _panel(ax, cells[at], part, one, column, limits, palette, selected)
            cells[at] = cell
            hits.append(found)
            if j == 0:
                label = f"η {parameter}" if column == "eta" else parameter
                unit = None if column == "eta" else units.get(parameter)
                number_y(ax, cell, palette, labelled(label, unit))
            if bottom:
                _number_covariate(ax, cell, one, units, palette)
    frames(ax, cells, palette)
    _title(ax, titled(ax, title, effects), "; ".join(notes), palette)
    return Drawn(pd.concat(hits, ignore_index=True))


def _title(ax: Axes, text: str, more: str, palette: Palette) -> None:
    """Write the title, and after it, as far as it fits, what is not drawn."""
    wide = pixels(ax)[0]
    ax.set_title(text)
    room_for = int((wide - TITLE_LETTER * len(text) - 8) / 5.4)
    if more and room_for > 20:
        short = more if len(more) <= room_for else more[: room_for - 2] + " …"
        ax.set_title(short, loc="right", fontsize=7.5, fontweight="normal", color=palette.muted)


def _chosen(
    covariates: pd.DataFrame, wanted: str | None, ax: Axes
) -> tuple[list[pd.DataFrame], list[str]]:
    """Return the covariates that can be drawn, and what is to be said of the others."""
    known = list(dict.fromkeys(covariates["covariate"]))
    if wanted is not None and wanted not in known:
        listed = ", ".join(map(str, known)) or "none"
        raise OptionError(f"There is no covariate {wanted!r}. The data have: {listed}.")
    shown, notes = [], []
    for name in known if wanted is None else [wanted]:
        rows = covariates[np.asarray(covariates["covariate"] == name, dtype=bool)]
        kind = rows["kind"].iloc[0]
        levels = rows["level"].dropna().nunique()
        if kind == "constant":
            notes.append(f"{name} is {rows['level'].dropna().iloc[0]} for all")
        elif kind == "missing":
            notes.append(f"{name} is missing")
        elif kind == "categorical" and levels > MOST_LEVELS:
            notes.append(f"{name} has {levels} categories")
        else:
            shown.append(rows)
    most = max(1, min(MOST_COLUMNS, int(pixels(ax)[0] // NARROWEST)))
    notes += [f"{rows['covariate'].iloc[0]} not shown" for rows in shown[most:]]
    return shown[:most], notes


def _value_limits(rows: pd.DataFrame, column: str) -> tuple[float, float]:
    """Return limits for all cells of a row: symmetric for eta."""
    values = rows[column].to_numpy(float)
    if column != "eta":
        return _limits(values)
    seen = np.abs(values[np.isfinite(values)])
    top = 1.12 * (float(seen.max()) if len(seen) else 0.0) or 1.0
    return -top, top


def _limits(values: np.ndarray) -> tuple[float, float]:
    """Return limits that show all values, with some air."""
    seen = values[np.isfinite(values)]
    if not len(seen):
        return 0.0, 1.0
    low, high = float(seen.min()), float(seen.max())
    air = 0.07 * (high - low) or 0.1 * abs(high) or 1.0
    return low - air, high + air


def _panel(
    ax: Axes,
    empty: Cell,
    rows: pd.DataFrame,
    covariate: pd.DataFrame,
    column: str,
    limits: tuple[float, float],
    palette: Palette,
    selected: Label | None,
) -> tuple[Cell, pd.DataFrame]:
    """Draw one parameter against one covariate; return the scaled cell and the hit points."""
    place = pd.Index(covariate["ID"], dtype=object).get_indexer(pd.Index(rows["ID"], dtype=object))
    levels = _levels(covariate)
    if levels:
        code = {level: k for k, level in enumerate(levels)}
        number = np.array([code.get(level, np.nan) for level in covariate["level"]])
        span = -0.6, len(levels) - 0.4
    else:
        number = covariate["value"].to_numpy(float)
        span = _limits(number)
    exact, y = number[place], rows[column].to_numpy(float)
    x = exact + JITTER * _spread(len(y)) if levels else exact
    cell = empty.scaled(span, limits, most=ticks_for(ax, empty))
    if levels:
        cell = replace(cell, xticks=np.empty(0))
    middle = 0.0 if column == "eta" else float(rows["typical"].iloc[0])
    ax.plot(
        cell.x(np.array(span)),
        cell.y(np.full(2, middle)),
        color=palette.muted,
        linewidth=0.9,
        linestyle=DASHED,
        zorder=1,
    )
    px, py = cell.x(x), cell.y(y)
    cloud(ax, px, py, palette)
    if levels:
        _boxes(ax, cell, exact, y, len(levels), palette)
    else:
        places, curve = lowess(x, y)
        ax.plot(cell.x(places), cell.y(curve), color=palette.trend, linewidth=1.5, zorder=4)
    mine = belongs(rows["ID"], selected)
    highlight(ax, px[mine], py[mine], palette, size=6 if mine.sum() < MANY_EACH else 4)
    return cell, points(px, py, rows["ID"], _tips(rows, covariate, place, column))


def _levels(covariate: pd.DataFrame) -> list[str]:
    """Return the categories in order, numbers by size and words by alphabet; none if continuous."""
    if covariate["kind"].iloc[0] != "categorical":
        return []
    known = covariate.dropna(subset="level").drop_duplicates("level")
    return [str(level) for level in known.sort_values(["value", "level"], kind="stable")["level"]]


def _spread(n: int) -> np.ndarray:
    """Return n numbers from -1 to 1 that neighbours do not share: the golden ratio's."""
    return 2.0 * ((np.arange(n) * 0.6180339887498949) % 1.0) - 1.0


def _boxes(ax: Axes, cell: Cell, code: np.ndarray, y: np.ndarray, n: int, palette: Palette) -> None:
    """Draw median and quartiles, and whiskers to the farthest value within 1.5 of their range."""
    boxes, medians, whiskers = [], [], []
    for k in range(n):
        mine = y[(code == k) & np.isfinite(y)]
        if not len(mine):
            continue
        low, middle, high = np.quantile(mine, [0.25, 0.5, 0.75])
        reach = 1.5 * (high - low)
        ends = mine[(mine >= low - reach) & (mine <= high + reach)]
        left, right, centre = cell.x(np.array([k - HALF_BOX, k + HALF_BOX, k]))
        bottom, median, top, least, most = cell.y(
            np.array([low, middle, high, ends.min(), ends.max()])
        )
        boxes.append([(left, bottom), (right, bottom), (right, top), (left, top)])
        medians.append([(left, median), (right, median)])
        whiskers += [[(centre, least), (centre, bottom)], [(centre, top), (centre, most)]]
    ax.add_collection(
        PolyCollection(boxes, facecolors="none", edgecolors=palette.line, linewidths=0.9, zorder=4),
        autolim=False,
    )
    for lines, width in ((medians, 1.8), (whiskers, 0.9)):
        ax.add_collection(
            LineCollection(lines, colors=palette.line, linewidths=width, zorder=4), autolim=False
        )


def _number_covariate(
    ax: Axes, cell: Cell, covariate: pd.DataFrame, units: Mapping[str, str], palette: Palette
) -> None:
    """Write numbers or categories below a cell, and the covariate's name."""
    name = str(covariate["covariate"].iloc[0])
    label = labelled(name, units.get(name))
    if bool(covariate["varies"].iloc[0]):
        label += ", first value"
    levels = _levels(covariate)
    wide, high = pixels(ax)
    if not levels:
        number_x(ax, cell, palette, edge=4)
    else:
        fits = max(2, int(cell.width * wide / max(len(levels), 1) / 5.2))
        for x, word in zip(cell.x(np.arange(len(levels))), _short(levels, fits), strict=True):
            ax.text(
                x,
                cell.bottom - TICK_GAP / high,
                word,
                ha="center",
                va="top",
                fontsize=TICK_SIZE,
                color=palette.muted,
            )
    if len(label) > cell.width * wide / 5.2:
        label = label.removesuffix(", first value")
    ax.text(
        cell.left + cell.width / 2, cell.bottom - LABEL_BELOW / high, label, ha="center", va="top"
    )


def _short(words: Sequence[str], most: int) -> list[str]:
    """Return words of at most so many letters."""
    return [word if len(word) <= most else f"{word[: most - 1]}…" for word in words]


def _tips(rows: pd.DataFrame, covariate: pd.DataFrame, place: np.ndarray, column: str) -> list[str]:
    """Return one text per row, such as ``"ID 5 · WT 64.2 · η cl 0.12"``."""
    name, parameter = covariate["covariate"].iloc[0], rows["parameter"].iloc[0]
    known = [
        str(level) if pd.notna(level) else f"{value:.4g}"
        for level, value in zip(covariate["level"], covariate["value"], strict=True)
    ]
    what = f"η {parameter}" if column == "eta" else parameter
    return [
        f"{who} · {name} {known[k]} · {what} {value:.3g}"
        for who, k, value in zip(draw_words(rows), place.tolist(), rows[column], strict=True)
    ]

"""What the cells of the individual fits hold: curves, bands, observations, doses, limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from workbench.plots._base import Label
from workbench.plots._cells import Cell
from workbench.plots._individuals import kind_of
from workbench.plots._marks import belongs, observation_tips, points
from workbench.plots._subjects import Subjects
from workbench.plots.theme import DASHED, DOTTED, Palette

IPRED = {"ebe": "IPRED", "mean": "IPRED (mean)", "draws": "IPRED (mean of draws)"}
BAND = {
    "ebe": "residual error",
    "mean": "residual error",
    "draws": "residual error and draws of η",
}


def draw_subjects(
    ax: Axes,
    cells: Sequence[Cell],
    subjects: Subjects,
    page: Sequence[Label],
    endpoint: str,
    *,
    selected: Label | None,
    units: Mapping[str, str],
    palette: Palette,
) -> pd.DataFrame:
    """Draw everybody's curves, observations and doses, one artist a kind; return hit points."""
    population, individual, bands, limits, found, doses = [], [], [], [], [], []
    for cell, label in zip(cells, page, strict=True):
        rows = subjects.rows(label)
        if endpoint:
            rows = rows[(rows["ENDPOINT"].isin([endpoint]) | (rows["KIND"] == "dose")).to_numpy()]
        kind = rows["KIND"].to_numpy(object)
        x = cell.x(rows["TIME"].to_numpy())
        curve, observed = kind == "curve", kind == "observation"
        lines = {name: cell.y(inside(cell, rows[name])) for name in ("PRED", "IPRED")}
        population.append(np.column_stack([x, lines["PRED"]])[curve])
        individual.append(np.column_stack([x, lines["IPRED"]])[curve])
        bands += _band(cell, x[curve], rows[curve])
        limits += _limit(cell, rows[observed])
        times = x[kind == "dose"]
        doses.append(
            np.column_stack([times, np.full(len(times), cell.bottom + 0.03 * cell.height)])
        )
        y = cell.y(rows["DV"].to_numpy())[observed]
        tips = observation_tips(rows[observed], "DV", units)
        censored = rows["CENSORED"].to_numpy(bool)[observed]
        tips = [f"{tip} · censored" if c else tip for tip, c in zip(tips, censored, strict=True)]
        found.append(points(x[observed], y, rows["ID"][observed], tips))
    if bands:
        fill = PolyCollection(bands, facecolors=palette.bar, edgecolors="none", alpha=0.5, zorder=2)
        ax.add_collection(fill, autolim=False)
    for drawn, color, width, style in (
        (population, palette.population, 1.0, DASHED),
        (individual, palette.line, 1.2, "solid"),
        (limits, palette.muted, 0.9, DOTTED),
    ):
        ax.add_collection(
            LineCollection(drawn, colors=color, linewidths=width, linestyles=style, zorder=3),
            autolim=False,
        )
    hits = pd.concat(found, ignore_index=True)
    _observations(ax, hits, selected, palette)
    marks = np.concatenate(doses)
    ax.plot(*marks.T, "^", markersize=3, color=palette.muted, markeredgecolor="none", zorder=3.5)
    return hits


def inside(cell: Cell, values: pd.Series) -> np.ndarray:
    """Return values that end at the sides of the cell."""
    return np.clip(values.to_numpy(float), *cell.ylim)


def _band(cell: Cell, x: np.ndarray, curve: pd.DataFrame) -> list[np.ndarray]:
    """Return the outline of a subject's band; none where it has none."""
    if not np.isfinite(curve["UPPER"].to_numpy(float)).any():
        return []
    low, high = (cell.y(inside(cell, curve[name])) for name in ("LOWER", "UPPER"))
    outline = np.column_stack([np.concatenate([x, x[::-1]]), np.concatenate([high, low[::-1]])])
    return [outline[np.isfinite(outline).all(axis=1)]]


def _limit(cell: Cell, observed: pd.DataFrame) -> list[list[tuple[float, float]]]:
    """Return the line of the limit of quantification, where it is known and in view."""
    known = observed["LLOQ"].dropna()
    if known.empty or not cell.ylim[0] < float(known.iloc[0]) < cell.ylim[1]:
        return []
    y = float(cell.y(np.array([known.iloc[0]]))[0])
    return [[(cell.left, y), (cell.left + cell.width, y)]]


def _observations(ax: Axes, hits: pd.DataFrame, selected: Label | None, palette: Palette) -> None:
    """Draw the observations, the selected subject's larger and outlined, censored ones hollow."""
    mine = belongs(hits["ID"], selected)
    censored = hits["tip"].str.endswith(" · censored").to_numpy(bool)
    for rows, marker, size, face, edge, order in (
        (hits[~mine & ~censored], "o", 3.2, palette.point, "none", 3.6),
        (hits[~mine & censored], "v", 4.2, palette.background, palette.point, 3.6),
        (hits[mine & ~censored], "o", 5.2, palette.selected, palette.outline, 6),
        (hits[mine & censored], "v", 6.0, palette.selected, palette.outline, 6),
    ):
        ax.plot(
            rows["x"],
            rows["y"],
            marker,
            markersize=size,
            markerfacecolor=face,
            markeredgecolor=edge,
            markeredgewidth=0.8,
            zorder=order,
        )


def outline(ax: Axes, cells: Sequence[Cell], palette: Palette) -> None:
    """Draw the frame of the selected subject's cells."""
    boxes = []
    for cell in cells:
        right, top = cell.left + cell.width, cell.bottom + cell.height
        corners = [(cell.left, cell.bottom), (right, cell.bottom), (right, top), (cell.left, top)]
        boxes.append([*corners, corners[0], corners[1]])
    ax.add_collection(
        LineCollection(boxes, colors=palette.selected, linewidths=1.5, zorder=5.5, clip_on=False),
        autolim=False,
    )


def legend(ax: Axes, table: pd.DataFrame, palette: Palette, *, space: float) -> None:
    """Say at the end of the title's line what is drawn, or as much of it as has room there.

    What cannot be guessed comes first: what the band is, then what the hollow triangles and the
    dotted line are. `space`: CSS pixels.
    """
    known = [
        _line("PRED", palette.population, linestyle=DASHED),
        _line(IPRED[kind_of(table)], palette.line),
        _line("DV", palette.point, marker="o", linestyle="none", markersize=4),
        _line("dose", palette.muted, marker="^", linestyle="none", markersize=3.5),
    ]
    special = []
    if table["CENSORED"].any():
        hollow = {"markerfacecolor": palette.background, "markersize": 4.5}
        special.append(_line("censored", palette.point, marker="v", linestyle="none", **hollow))
    if table["LLOQ"].notna().any():
        special.append(_line("LLOQ", palette.muted, linestyle=DOTTED))
    bands = _of_band(table, palette)
    choices = ([*known, *special, *bands], [*special, *bands], bands, special)
    fitting = (each for each in choices if sum(map(_width, each)) <= space)
    handles = next(fitting, [])
    if handles:
        ax.legend(
            handles=handles,
            loc="lower right",
            bbox_to_anchor=(1.003, 1.0),
            ncols=len(handles),
            columnspacing=0.9,
            handlelength=1.5,
            handletextpad=0.4,
            borderaxespad=0,
            borderpad=0.3,
            labelcolor=palette.muted,
            frameon=False,
            fontsize=7.5,
        )


def _of_band(table: pd.DataFrame, palette: Palette) -> list[Artist]:
    """Return the band's entry, if there is a band."""
    share = float(table["band"].iloc[0])
    if not np.isfinite(share):
        return []
    words = f"{100 * share:.3g} % of new DV: {BAND[kind_of(table)]}"
    return [Patch(facecolor=palette.bar, edgecolor="none", alpha=0.5, label=words)]


def _width(entry: Artist) -> float:
    """Return about how many CSS pixels an entry of the legend takes."""
    return 33 + 5.2 * len(str(entry.get_label()))


def _line(label: str, color: str, **style: object) -> Artist:
    """Return an entry of the legend."""
    return Line2D([], [], color=color, label=label, linewidth=1.2, **style)  # type: ignore[arg-type]

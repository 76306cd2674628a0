"""The numerical predictive check: observations outside their prediction intervals."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from workbench.plots._base import Drawn, Label
from workbench.plots._cells import Cell
from workbench.plots._checks import CheckPlot, figure_of, seen, sight_of
from workbench.plots._lens import Lens
from workbench.plots._marks import points, say
from workbench.plots._panels import (
    YScale,
    facets,
    headline,
    lowest,
    of_panel,
    panel,
    panel_keys,
    panel_name,
)
from workbench.plots.theme import DASHED, Palette

if TYPE_CHECKING:
    from workbench.diagnostics import Vpc


def npc(
    check: Vpc,
    *,
    split_by: str | None = None,
    cut: int | str | Collection[float] = "median",
    where: Mapping[str, Any] | None = None,
    theme: str | Palette = "light",
    ax: Axes | None = None,
    size: tuple[float, float] = (640, 320),
) -> Figure | Axes:
    """Draw how many observations lie below and above their prediction intervals.

    As a ratio to how many are expected (1: as the model says), with the range of the ratio in
    simulated data sets.

    Parameters
    ----------
    check : of `wb.vpc`
    split_by, cut, where : see `show`; what is kept, and each part, is counted by itself
    theme : "light", "dark" or a Palette
    ax : axes to draw on instead of a new figure; it is returned
    size : CSS pixels of a new figure

    Raises
    ------
    UnknownNameError, OptionError
        There is no such variable, or a filter cannot be understood.
    """
    sight = sight_of(check.simulated.source, Lens.of(None, split_by, cut, where))
    return figure_of(NPC, seen(check, sight), sight, theme=theme, ax=ax, size=size)


def draw_npc(
    ax: Axes,
    check: Vpc,
    *,
    palette: Palette,
    selected: Label | None = None,  # noqa: ARG001  no subject is told apart
) -> Drawn:
    """Draw a check on an axes, for whoever makes it react."""
    table = check.npc
    if table.empty:
        say(ax, "There is no observation to compare with the simulations.", palette)
        return Drawn()
    keys = panel_keys(table)
    ratio = table.assign(
        **{c: table[c] / table["EXPECTED"] for c in ("OBSERVED", "LOWER", "UPPER")}
    )
    top = float(ratio[["OBSERVED", "UPPER"]].to_numpy(float).max())
    scale = YScale(0.0, max(2.0, 1.06 * min(top, 5.0)))
    cells, _ = facets(ax, 2 * len(keys), palette, columns=2, gap=(34, 40))
    hits = []
    for k, cell in enumerate(cells):
        key, side = keys[k // 2], ("below", "above")[k % 2]
        mine = of_panel(ratio, key)
        name = panel_name(key, keys)
        place = panel(
            ax,
            cell,
            palette,
            x=(-4.0, 99.0),
            y=scale,
            labels=(
                "Prediction interval (%)" if lowest(k, len(cells), 2) else "",
                "obs. / expected" if k % 2 == 0 else "",
            ),
            title=f"{name} · {side}" if name else f"{side} the interval",
        )
        hits.append(_side(ax, place, mine[mine["SIDE"] == side], palette))
    handles: list[Line2D | Patch] = [
        Line2D(
            [], [], marker="o", linestyle="-", color=palette.ink, markersize=4, label="observed"
        ),
        Patch(
            color=palette.point, alpha=0.4, linewidth=0, label=f"simulated, {100 * check.ci:g} %"
        ),
    ]
    if table["OUTSIDE"].any():
        style = {"marker": "o", "color": palette.alert, "markersize": 5, "linestyle": "none"}
        handles.append(Line2D([], [], label="outside", **style))  # type: ignore[arg-type]
    headline(ax, "Numerical predictive check", handles, palette, several=True)
    return Drawn(pd.concat(hits, ignore_index=True))


def _side(ax: Axes, place: Cell, rows: pd.DataFrame, palette: Palette) -> pd.DataFrame:
    """Draw one side; return its points to hit."""
    top = place.ylim[1]
    x = place.x(rows["INTERVAL"].to_numpy(float))
    low, high, data = (
        place.y(np.minimum(rows[c].to_numpy(float), top)) for c in ("LOWER", "UPPER", "OBSERVED")
    )
    one = place.y(np.array([1.0, 1.0]))
    ends = [place.left, place.left + place.width]
    ax.plot(ends, one, color=palette.muted, linewidth=0.9, linestyle=DASHED, zorder=2)
    ax.fill_between(x, low, high, color=palette.point, alpha=0.26, linewidth=0, zorder=1.5)
    ax.plot(x, data, color=palette.ink, linewidth=1.2, zorder=3)
    far = rows["OUTSIDE"].to_numpy(bool)
    for which, color, size in ((~far, palette.ink, 4.0), (far, palette.alert, 5.0)):
        ax.plot(
            x[which], data[which], "o", markersize=size, color=color,
            markeredgecolor=palette.ink, markeredgewidth=0.7, zorder=4,
        )  # fmt: skip
    columns = ("INTERVAL", "OBSERVED", "EXPECTED", "SIDE")
    tips = [
        f"{interval:g} % interval · {ratio * expected:.3g} % {side} (expected {expected:g} %)"
        for interval, ratio, expected, side in zip(*(rows[c] for c in columns), strict=True)
    ]
    return points(x, data, [None] * len(rows), tips)


NPC = CheckPlot(
    "npc",
    "Share of the observations outside their prediction intervals, over what is expected",
    draw_npc,
    lambda check: check.simulated.points,
)

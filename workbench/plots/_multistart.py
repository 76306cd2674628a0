"""Where each of many starts ended: the objectives in order, and the way of two parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from workbench.errors import OptionError
from workbench.plots._base import Margins
from workbench.plots._figures import Picture
from workbench.plots._marks import labelled
from workbench.plots.theme import Palette, dress, palette_of, rc

if TYPE_CHECKING:
    from workbench.workflows.multistart import Multistart

SAME = 0.01  # difference in OFV that counts as none
MOST_COUNTS = 8  # places whose number of ends is written
DOUBTFUL = "#E69F00"  # Okabe & Ito's orange


def multistart(
    result: Multistart,
    parameters: tuple[str, str] | None = None,
    *,
    theme: str | Palette = "light",
    ax: Axes | None = None,
    size: tuple[float, float] = (900, 380),
) -> Figure | Axes:
    """Draw where each start ended.

    At the left the differences in OFV from the best, in order (a flat line at the bottom is
    agreement, steps are other minima); at the right an arrow from where each start began to where
    it ended, for two parameters.

    Parameters
    ----------
    result : of `wb.multistart`
    parameters : names of the two; by default those typical values whose ends differ most
    theme : "light", "dark" or a Palette
    ax : draw the left picture on this axes only, and return it
    size : CSS pixels of a new figure

    Raises
    ------
    OptionError
        A parameter is not in the table.
    """
    palette = palette_of(theme)
    pair = _pair(result, parameters)
    with rc_context(rc(palette)):
        if ax is not None:
            _waterfall(ax, result.table, palette)
            return ax
        figure = Picture(*size, palette)
        margins = Margins(left=62, bottom=44)
        left = figure.room(0, 0, size[0] / 2, size[1], margins)
        right = figure.room(size[0] / 2, 0, size[0] / 2, size[1], margins)
        _waterfall(left, result.table, palette)
        _ways(right, result, pair, palette)
    return figure


def _pair(result: Multistart, parameters: tuple[str, str] | None) -> tuple[str, ...]:
    """Return the names of the two parameters; one where the model has no more."""
    table = result.table
    known = [n for n in table.columns if f"{n}_start" in table.columns]
    if parameters is not None:
        for name in parameters:
            if name not in known:
                raise OptionError(
                    f"There is no estimated parameter {name!r}. Known: {', '.join(known)}."
                )
        return tuple(parameters)
    thetas = [name for name in known if name in result.best.theta.index] or known
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = [float(np.nanstd(np.log(np.abs(table[name].to_numpy(float))))) for name in thetas]
    order = np.argsort(-np.nan_to_num(np.round(spread, 6)), kind="stable")
    chosen = sorted(int(k) for k in order[:2])
    return tuple(thetas[k] for k in chosen)


def _styles(palette: Palette) -> dict[str, dict[str, object]]:
    """Return how an end is marked by its verdict: by colour and by shape."""
    return {
        "converged": {"marker": "o", "color": palette.point, "markeredgecolor": "none"},
        "doubtful": {
            "marker": "D",
            "markerfacecolor": palette.background,
            "markeredgecolor": DOUBTFUL,
            "markeredgewidth": 1.3,
        },
        "failed": {"marker": "x", "markeredgecolor": palette.muted, "markeredgewidth": 1.3},
    }


def _waterfall(ax: Axes, table: pd.DataFrame, palette: Palette) -> None:
    """Draw the differences from the best in order, on a scale that is linear up to SAME."""
    dress(ax, palette, grid="y")
    ended = table[np.isfinite(table["difference"])].sort_values("difference", kind="stable")
    lost = len(table) - len(ended)
    rank = np.arange(1, len(ended) + 1)
    # Differences far below SAME are rounding.
    height = np.maximum(ended["difference"].to_numpy(float), 0.0)
    top = max(float(height.max(initial=0.0)), 10 * SAME)
    ax.set_yscale("symlog", linthresh=SAME, linscale=0.6)
    ticks = [0.0, SAME, *(10.0**k for k in range(-1, int(np.ceil(np.log10(top))) + 1))]
    ax.set_ylim(-0.3 * SAME, top * 3)
    shown = [tick for tick in ticks if tick <= top * 3]
    ax.set_yticks(shown, [f"{tick:g}" for tick in shown])
    ax.set_yticks([], minor=True)
    ax.axhspan(-0.3 * SAME, SAME, color=palette.grid, zorder=0)
    for verdict, style in _styles(palette).items():
        mine = (ended["verdict"] == verdict).to_numpy()
        count = int(mine.sum()) + (lost if verdict == "failed" else 0)
        if count:
            ax.plot(
                rank[mine],
                height[mine],
                linestyle="none",
                markersize=5,
                label=f"{verdict} ({count})",
                **style,  # type: ignore[arg-type]
            )
    if lost:
        ax.plot(
            np.arange(len(ended) + 1, len(table) + 1),
            np.full(lost, top * 1.8),
            linestyle="none",
            markersize=5,
            **_styles(palette)["failed"],  # type: ignore[arg-type]
        )
    ax.set_xlim(0.2, len(table) + 0.8)
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.set_xlabel("Starts, in order of where they ended")
    ax.set_ylabel("OFV − best OFV")
    ax.set_title("OFV")
    ax.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 0.995),
        ncols=3,
        borderaxespad=0,
        handletextpad=0.2,
        columnspacing=1.0,
        labelcolor=palette.ink,
        fontsize=7.5,
        frameon=False,
    )


def _ways(ax: Axes, result: Multistart, pair: tuple[str, ...], palette: Palette) -> None:
    """Draw an arrow from each start to its end."""
    dress(ax, palette, grid="both")
    if len(pair) < 2:
        ax.set_axis_off()
        return
    table, units = result.table, result.best.units
    begin = np.column_stack([table[f"{name}_start"].to_numpy(float) for name in pair])
    end = np.column_stack([table[name].to_numpy(float) for name in pair])
    ended = np.isfinite(end).all(axis=1)
    faint = float(np.clip(12.0 / max(len(table), 1), 0.15, 0.7))
    for (x0, y0), (x1, y1) in zip(begin[ended], end[ended], strict=True):
        ax.annotate(
            "",
            xy=(x1, y1),
            xytext=(x0, y0),
            arrowprops={
                "arrowstyle": "-|>,head_width=0.12,head_length=0.3",
                "color": palette.muted,
                "alpha": faint,
                "linewidth": 0.7,
                "shrinkA": 0,
                "shrinkB": 4,
            },
        )
    ax.plot(begin[:, 0], begin[:, 1], ".", color=palette.muted, markersize=3, alpha=0.8)
    styles = _styles(palette)
    for verdict in ("converged", "doubtful"):
        mine = ended & (table["verdict"] == verdict).to_numpy()
        if mine.any():
            ax.plot(
                end[mine, 0],
                end[mine, 1],
                linestyle="none",
                markersize=6,
                zorder=5,
                **styles[verdict],  # type: ignore[arg-type]
            )
    _count_ends(ax, result, pair, palette)
    lost = begin[~ended]
    ax.plot(
        lost[:, 0],
        lost[:, 1],
        linestyle="none",
        markersize=5,
        **styles["failed"],  # type: ignore[arg-type]
    )
    for axis, k in ((ax.xaxis, 0), (ax.yaxis, 1)):
        values = np.concatenate([begin[:, k], end[ended, k]])
        _scale(ax, axis.axis_name, values)
    ax.set_xlabel(labelled(pair[0], units.get(pair[0])))
    ax.set_ylabel(labelled(pair[1], units.get(pair[1])))
    ax.set_title("From start (·) to end")


def _count_ends(ax: Axes, result: Multistart, pair: tuple[str, ...], palette: Palette) -> None:
    """Write beside each place where starts ended how many did."""
    counts: dict[tuple[float, ...], int] = {}
    for row in result.minima.to_dict("records"):
        # Ends that differ in other parameters only lie on top of each other.
        place = tuple(float(f"{row[name]:.2g}") for name in pair)
        counts[place] = counts.get(place, 0) + row["starts"]
    for place, count in sorted(counts.items(), key=lambda item: -item[1])[:MOST_COUNTS]:
        ax.annotate(
            f"{count}",
            xy=(place[0], place[1]),
            xytext=(7, 6),
            textcoords="offset points",
            fontsize=8.5,
            fontweight="bold",
            color=palette.ink,
            zorder=6,
        )


def _scale(ax: Axes, which: str, values: np.ndarray) -> None:
    """Set a logarithmic axis for positive values, with few and plain ticks."""
    low, high = float(values.min()), float(values.max())
    limit, scale, ticks_at = (
        (ax.set_xlim, ax.set_xscale, ax.set_xticks)
        if which == "x"
        else (ax.set_ylim, ax.set_yscale, ax.set_yticks)
    )
    if low <= 0:
        air = 0.05 * (high - low) or 1.0
        limit(low - air, high + air)
        return
    scale("log")
    limit(low / 1.25, high * 1.25)
    decades = range(int(np.floor(np.log10(low))) - 1, int(np.ceil(np.log10(high))) + 1)
    steps = (1, 2, 5) if high / low < 100 else (1, 3) if high / low < 1000 else (1,)
    ticks = [
        m * 10.0**k for k in decades for m in steps if low / 1.25 <= m * 10.0**k <= high * 1.25
    ]
    ticks_at(ticks, [f"{tick:g}" for tick in ticks])
    ticks_at([], minor=True)

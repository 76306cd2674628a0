"""How much the estimates hang on each subject: Cook's distance, and what it is made of."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from workbench.errors import OptionError
from workbench.plots._base import Drawn, Label, Margins, Plot, whole
from workbench.plots._cells import pixels
from workbench.plots._facets import Task, draw_through
from workbench.plots._figures import Picture
from workbench.plots._lens import Lens
from workbench.plots._marks import Values, belongs, cloud, highlight, points, room, say
from workbench.plots._parts import Sight, look
from workbench.plots.theme import Palette, dress, palette_of, rc

if TYPE_CHECKING:
    from workbench.workflows.influence import Influence

DOUBTFUL = "#E69F00"  # Okabe & Ito's orange
LOWER, HIGHER = "#0072B2", "#E69F00"  # of a change: blue down, orange up
MOST_NAMED = 6  # highest distances whose subject is written
MOST_ROWS = 18  # subjects of the table of changes
FEW = 25  # subjects whose labels all fit below the axis
STEMS = 120
LETTER = 6.2  # CSS pixels of a letter of a label, about
IN_ORDER = "Subjects left out, in the order of the data"
STRONG = 0.6  # share of the largest change from which the ground decides the colour of a number


def influence(
    result: Influence,
    *,
    colour_by: str | None = None,
    split_by: str | None = None,
    cut: int | str | Collection[float] = "median",
    where: Mapping[str, Any] | None = None,
    theme: str | Palette = "light",
    selected: Label | None = None,
    ax: Axes | None = None,
    size: tuple[float, float] = (900, 400),
) -> Figure | Axes:
    """Draw what each subject does to the estimates.

    At the left Cook's distance of each subject, in the order of the data, the highest named; at
    the right the changes in units of the standard error, (without the subject - with) / SE, of
    the subjects with the highest distances.

    Parameters
    ----------
    result : of `wb.influence`
    colour_by, split_by, cut, where : of the distances, see `show`; of the changes the filter only
    theme : "light", "dark" or a Palette
    selected : subject to highlight
    ax : draw the left picture on this axes only, and return it
    size : CSS pixels of a new figure

    Raises
    ------
    OptionError
        The selected subject is not among those that were left out.
    """
    palette = palette_of(theme)
    if selected is not None and selected not in set(result.table["ID"]):
        raise OptionError(f"Subject {selected!r} is not among those that were left out.")
    sight = look(Lens.of(colour_by, split_by, cut, where), result.fit)
    distances = influence_task(result, "distances", sight, palette, selected)
    with rc_context(rc(palette)):
        if ax is not None:
            draw_through(ax, distances)
            return ax
        figure = Picture(*size, palette)
        half = 0.5 * size[0]
        left = figure.room(0, 0, half, size[1], DISTANCES.margins)
        changes = influence_task(result, "changes", sight, palette, selected)
        right = figure.room(half, 0, half, size[1], changes.plot.margins)
        draw_through(left, distances)
        draw_through(right, changes)
    return figure


def influence_task(
    result: Influence, part: str, sight: Sight, palette: Palette, selected: Label | None
) -> Task:
    """Return what is to be drawn of a result.

    Parameters
    ----------
    part : "distances" or "changes"
    sight : of the fit of all subjects
    """
    if part == "distances":
        tables = {"influence": result.table}
        return Task(DISTANCES, tables, sight, {}, palette, selected, {})
    changes = result.changes.reset_index(drop=True)
    tables = {"changes": pd.concat([result.table[["ID", "verdict", "cook"]], changes], axis=1)}
    beside = float(np.clip(30 + 5.5 * max(map(len, map(str, result.table["ID"]))), 44, 120))
    plot = replace(CHANGES, margins=replace(CHANGES.margins, left=beside))
    lens = replace(sight.lens, colour_by="", split_by="")
    sight = replace(sight, lens=lens, parts=(), notes=())
    return Task(plot, tables, sight, {}, palette, selected, {})


def _draw_distances(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    *,
    units: Mapping[str, str],  # noqa: ARG001  there are none
    palette: Palette,
    selected: Label | None = None,
) -> Drawn:
    """Draw Cook's distance by subject; without one, the change of the objective."""
    table, everybody = tables["influence"], whole(tables, "influence")
    column, words = "cook", "Cook's distance"
    if not np.isfinite(everybody["cook"].to_numpy(float)).any():
        column, words = "delta_ofv", "ΔOFV of the others"
    y = table[column].to_numpy(float)
    ended = np.isfinite(y)
    if not ended.any():
        say(ax, "No fit without a subject ended: the table says why.", palette)
        return Drawn()
    dress(ax, palette, grid="y")
    x = np.arange(1.0, len(table) + 1)
    if len(table) <= STEMS:
        ax.vlines(x[ended], 0.0, y[ended], color=palette.grid, linewidth=1.2, zorder=1.5)
    cloud(ax, x[ended], y[ended], palette)
    low, high = room(np.append(y[ended], 0.0), share=0.12)
    ax.set_ylim(min(low, 0.0), high)
    doubtful = ended & (table["verdict"] == "doubtful").to_numpy()
    ax.plot(
        x[doubtful],
        y[doubtful],
        "D",
        markersize=8,
        markerfacecolor="none",
        markeredgecolor=DOUBTFUL,
        markeredgewidth=1.3,
        zorder=4,
    )
    lost = ~ended
    top = high - 0.03 * (high - min(low, 0.0))
    ax.plot(x[lost], np.full(lost.sum(), top), "x", color=palette.muted, markersize=5, zorder=4)
    mine = belongs(table["ID"], selected) & ended
    highlight(ax, x[mine], y[mine], palette)
    ax.set_xlim(1 - 0.03 * len(table) - 0.4, len(table) + 0.03 * len(table) + 0.4)
    _subject_axis(ax, table["ID"], x)
    _name_highest(ax, table["ID"], x, np.where(ended, y, -np.inf), palette)
    ax.set_ylabel(words)
    ax.set_title(words)
    said = [f"◇ {doubtful.sum()} doubtful"] * bool(doubtful.any())
    said += [f"× {lost.sum()} failed"] * bool(lost.any())
    if (table["verdict"] == "predicted").all():
        said = ["predicted by one step"]
    if said:
        text = " · ".join(said)
        ax.set_title(text, loc="right", fontsize=7.5, fontweight="normal", color=palette.muted)
    tips = [
        f"ID {label} · {words} {value:.3g}" for label, value in zip(table["ID"], y, strict=True)
    ]
    return Drawn(points(x, y, table["ID"], tips))


def _subject_axis(ax: Axes, labels: pd.Series, x: Values) -> None:
    words = [str(label) for label in labels]
    wide, _ = pixels(ax)
    if len(words) <= FEW and sum(len(word) for word in words) * 5.2 + 7 * len(words) <= wide:
        ax.set_xticks(x, words)
        ax.set_xlabel("Subject left out (ID)")
    else:
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        long = wide >= len(IN_ORDER) * LETTER
        ax.set_xlabel(IN_ORDER if long else "Subjects left out")


def _name_highest(ax: Axes, labels: pd.Series, x: Values, y: Values, palette: Palette) -> None:
    """Write the subjects above the highest points, unless another name is too near."""
    placed: list[Values] = []
    size = np.array(pixels(ax))
    origin = np.array([ax.get_xlim()[0], ax.get_ylim()[0]])
    span = np.array([ax.get_xlim()[1], ax.get_ylim()[1]]) - origin
    for k in np.argsort(-y, kind="stable")[:MOST_NAMED]:
        if not np.isfinite(y[k]):
            break
        word = str(labels.iloc[k])
        place = (np.array([x[k], y[k]]) - origin) / span * size
        if any(
            abs(place[0] - p[0]) < 7 + 3 * len(word) and abs(place[1] - p[1]) < 12 for p in placed
        ):
            continue
        placed.append(place)
        ax.annotate(
            word,
            (x[k], y[k]),
            xytext=(0, 5),
            textcoords="offset points",
            ha="center",
            fontsize=7.5,
            fontweight="bold",
            color=palette.ink,
        )


def _draw_changes(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    *,
    units: Mapping[str, str],  # noqa: ARG001  there are none
    palette: Palette,
    selected: Label | None = None,
) -> Drawn:
    """Draw the changes as a table of colours: a row per subject, a column per parameter."""
    table = tables["changes"]
    names = table.columns.drop(["ID", "verdict", "cook"])
    changes = table[names].to_numpy(float)
    if not np.isfinite(changes).any():
        failed = (table["verdict"] == "failed").all()
        no_scale = "The fit has no standard errors, so changes have no scale."
        say(ax, "No fit ended." if failed else no_scale, palette)
        return Drawn()
    rank = table["cook"].fillna(-1.0).to_numpy(float)
    order = np.argsort(-rank, kind="stable")
    order = order[np.isfinite(changes[order]).any(axis=1)][:MOST_ROWS]
    shown, labels = changes[order], table["ID"].iloc[order]
    dress(ax, palette, grid=None)
    colours = LinearSegmentedColormap.from_list("change", [LOWER, palette.background, HIGHER])
    top = max(1.0, float(np.nanmax(np.abs(shown))))
    ax.imshow(shown, cmap=colours, vmin=-top, vmax=top, aspect="auto", interpolation="nearest")
    ax.set_xticks(range(shown.shape[1]), _short(names), rotation=35)
    for word in ax.get_xticklabels():
        word.set(ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(labels)), [str(label) for label in labels])
    for word, label in zip(ax.get_yticklabels(), labels, strict=True):
        if label == selected:
            word.set(color=palette.selected, fontweight="bold")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    _numbers(ax, shown, top, palette)
    ax.set_ylabel("")
    ax.set_title("Change ÷ SE")
    if len(order) < len(changes):
        text = f"{len(order)} highest of {len(changes)}"
        ax.set_title(text, loc="right", fontsize=7.5, fontweight="normal", color=palette.muted)
    return Drawn()


def _short(names: pd.Index) -> list[str]:
    """Return names of parameters as an axis holds them: ``ω² ka`` for ``omega[ka]``."""
    words = [str(name).removesuffix("]") for name in names]
    for long, short in (("beta[", "β "), ("omega[", "ω² "), ("sigma[", "σ "), ("corr[", "ρ ")):
        words = [short + w.removeprefix(long) if w.startswith(long) else w for w in words]
    return words


def _numbers(ax: Axes, shown: Values, top: float, palette: Palette) -> None:
    """Write the changes into their cells, where there is room."""
    wide, high = pixels(ax)
    if wide / shown.shape[1] < 26 or high / shown.shape[0] < 11:
        return
    for (row, column), value in np.ndenumerate(shown):
        if np.isfinite(value):
            text = f"{value:.1f}".replace("-0.0", "0.0").replace("-", "\N{MINUS SIGN}")
            # Blue is a dark ground and orange a bright one, in both themes.
            strong = abs(value) > STRONG * top
            color = palette.ink if not strong else "white" if value < 0 else "black"
            ax.text(column, row, text, ha="center", va="center", fontsize=7, color=color)


DISTANCES = Plot(
    "influence",
    "Influence of each subject",
    (),
    _draw_distances,
    "Cook's distance of each subject, in the order of the data",
    "individuals",
    Margins(left=62, bottom=42),
)
CHANGES = Plot(
    "changes",
    "Changes without each subject",
    (),
    _draw_changes,
    "Changes of the estimates without each subject, in standard errors, the most influential first",
    "individuals",
    Margins(left=62, right=14, bottom=74),
)

"""What each subject contributes to the objective, in order, and whose residuals are unusual."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from workbench.plots._base import Drawn, Label, Margins, Plot
from workbench.plots._cells import pixels
from workbench.plots._marks import Values, belongs, cloud, highlight, points, room, say
from workbench.plots.theme import DASHED, Palette, dress

#: Variant: column of the table, label of the axis.
SHOWN = {
    "OFV": ("ofv", "OFV of the subject"),
    "per observation": ("ofv_per_obs", "OFV ÷ observations"),
    "by observations": ("ofv", "OFV of the subject"),
    "squared CWRES": ("squares", "Mean CWRES²"),
}
FLAG = "#E69F00"  # Okabe & Ito's orange
FLAGGED = "flagged"  # gid of the marks of unusual subjects
MOST_NAMED = 4  # highest points whose subject is written beside them
FEW = 30  # subjects whose labels all fit below the axis
STEMS = 120  # subjects up to which a line leads down to the axis


def draw(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    *,
    units: Mapping[str, str],  # noqa: ARG001  an objective has none
    palette: Palette,
    selected: Label | None = None,
    variant: str = "OFV",
) -> Drawn:
    """Draw one point per subject, the highest at the left; diamonds are unusual ones."""
    column, label = SHOWN[variant]
    table = tables["individual_ofv"]
    if column == "squares":
        table = table.assign(squares=table["squares"] / table["n_obs"])
    rows = table[np.isfinite(table[column].to_numpy(float))]
    if rows.empty:
        what = "CWRES" if column == "squares" else "objective of each subject"
        say(ax, f"This fit has no {what} to show.", palette)
        return Drawn()
    rows = rows.sort_values(column, ascending=False, kind="stable", ignore_index=True)
    y = rows[column].to_numpy(float)
    by_count = variant == "by observations"
    x = rows["n_obs"].to_numpy(float) if by_count else np.arange(1.0, len(rows) + 1)
    dress(ax, palette, grid="both" if by_count else "y")
    base = 1.0 if column == "squares" else 0.0
    ax.axhline(base, color=palette.muted, linewidth=0.9, linestyle=DASHED, zorder=1)
    if not by_count and len(rows) <= STEMS:
        ax.vlines(x, base, y, color=palette.grid, linewidth=1.2, zorder=1.5)
    cloud(ax, x, y, palette)
    flagged = rows["flagged"].to_numpy(bool)
    _flags(ax, x[flagged], y[flagged], palette)
    mine = belongs(rows["ID"], selected)
    highlight(ax, x[mine], y[mine], palette)
    _axes(ax, rows["ID"], x, np.append(y, base), by_count=by_count)
    ax.set_ylabel(label)
    ax.set_title("Contributions to the OFV" if column != "squares" else "Squared CWRES")
    _names(ax, rows["ID"], x, y, palette, beside=by_count)
    return Drawn(points(x, y, rows["ID"], _tips(rows)))


def _flags(ax: Axes, x: Values, y: Values, palette: Palette) -> None:
    """Mark subjects whose residuals are unlikely, and say what the mark means."""
    if not len(x):
        return
    ax.plot(
        x,
        y,
        "D",
        markersize=8,
        markerfacecolor="none",
        markeredgecolor=FLAG,
        markeredgewidth=1.4,
        zorder=5,
        gid=FLAGGED,
    )
    if pixels(ax)[0] > 300:
        words = "◇ unlikely residuals"
        ax.set_title(words, loc="right", fontsize=7.5, fontweight="normal", color=palette.muted)


def _axes(ax: Axes, labels: pd.Series, x: Values, y: Values, *, by_count: bool) -> None:
    low, high = room(y, share=0.09)
    ax.set_ylim(low, high)
    air = max(0.06 * (float(x.max()) - float(x.min())), 0.4)
    if x.max() == x.min():
        air = 1.5  # so that whole numbers stand on the axis
    ax.set_xlim(float(x.min()) - air, float(x.max()) + air)
    ax.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    if by_count:
        ax.set_xlabel("Observations of the subject")
        return
    words = [str(label) for label in labels]
    wide, _ = pixels(ax)
    room_for_words = sum(len(word) for word in words) * 5.2 + 7 * len(words) <= wide
    if len(words) <= FEW and room_for_words:
        ax.set_xticks(x, words)
        ax.set_xlabel("Subject (ID), the highest first")
    else:
        ax.set_xlabel("Subjects, the highest first")


def _names(
    ax: Axes, labels: pd.Series, x: Values, y: Values, palette: Palette, *, beside: bool
) -> None:
    """Write the subjects of the highest points beside them, where the axis does not."""
    if ax.get_xlabel().startswith("Subject (ID)"):
        return
    _, height = pixels(ax)
    low, high = ax.get_ylim()
    last = np.inf
    for k in range(min(MOST_NAMED, len(x))):
        place = (y[k] - low) / (high - low) * height
        if last - place < 10:
            continue
        last = place
        # In order, the others lie below to the right: there is room above.
        right = (x[k] - ax.get_xlim()[0]) / (ax.get_xlim()[1] - ax.get_xlim()[0]) > 0.75
        ax.annotate(
            f"ID {labels.iloc[k]}",
            (x[k], y[k]),
            xytext=(
                -8 if right else 8 if beside else 6,
                0 if beside else 5,
            ),
            textcoords="offset points",
            va="center",
            ha="right" if right else "left",
            fontsize=7.5,
            color=palette.ink,
        )


def _tips(rows: pd.DataFrame) -> list[str]:
    tips = []
    for row in rows.itertuples():
        tip = f"ID {row.ID} · {row.n_obs} observations · OFV {row.ofv:.4g}"
        if np.isfinite(float(row.p_value)):  # type: ignore[arg-type]
            tip += f" · p of CWRES {row.p_value:.2g}"
        tips.append(tip)
    return tips


PLOT = Plot(
    name="individual_ofv",
    title="Contributions",
    diagnostics=("individual_ofv",),
    draw=draw,
    alt="Each subject's part of the objective function, in order, unusual subjects marked",
    group="individuals",
    margins=Margins(left=62),
    variants=tuple(SHOWN),
)

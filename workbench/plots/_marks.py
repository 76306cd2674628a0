"""What several plots draw alike: point clouds, the selected subject, labels, tips, sentences."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from workbench.plots._base import Label
from workbench.plots.theme import Palette, dress

Values = NDArray[Any]

MANY = 1500  # points from which marks get smaller, fainter and, in vector files, a bitmap


def labelled(name: str, unit: str | None) -> str:
    """Return ``"DV (mg/L)"``, or ``"DV"`` where the unit is unknown."""
    return f"{name} ({unit})" if unit else name


def quantity(value: float, unit: str | None) -> str:
    """Return ``"11.89 mg/L"``."""
    return f"{value:.4g} {unit}" if unit else f"{value:.4g}"


def dosing(doses: pd.DataFrame, units: Mapping[str, str]) -> str:
    """Return what a subject was given, in short, as the end of a title: ``" · 2 × 320 mg"``."""
    if doses.empty:
        return ""
    amounts = doses["AMT"].unique()
    if len(amounts) > 1:
        return f" · {len(doses)} doses"
    given = quantity(float(amounts[0]), units.get("AMT"))
    return f" · {given}" if len(doses) == 1 else f" · {len(doses)} × {given}"


def observation_tips(table: pd.DataFrame, column: str, units: Mapping[str, str]) -> list[str]:
    """Return one text per row, such as ``"ID 5 · 2 h · DV 11.89 mg/L"``.

    Where the table names endpoints, ``"ID 5 · 2 h · cp · DV 11.89 mg/L"``.
    """
    unit = {name: f" {units[name]}" if units.get(name) else "" for name in ("TIME", "DV")}
    has_unit = column in ("DV", "PRED", "IPRED")
    form = f"ID %s · %s · {column} %.4g{unit['DV'] if has_unit else ''}"
    times, which = np.unique(table["TIME"].to_numpy(float), return_inverse=True)
    stem = f"%.4g{unit['TIME']}" if unit["TIME"] else "TIME %.4g"
    words = [stem % time for time in times.tolist()]
    rows = zip(
        table["ID"].tolist(),
        [words[i] for i in which.tolist()],
        table[column].tolist(),
        strict=True,
    )
    tips = [form % row for row in rows]
    if "ENDPOINT" not in table:
        return tips
    sought = f" · {column} "
    return [
        f" · {endpoint}{sought}".join(tip.rsplit(sought, 1))
        for tip, endpoint in zip(tips, table["ENDPOINT"], strict=True)
    ]


def points(
    x: Values, y: Values, labels: pd.Series | list[Label | None], tips: list[str]
) -> pd.DataFrame:
    """Return the table of hit points, without those that have no place."""
    who = labels.to_numpy(object) if isinstance(labels, pd.Series) else list(labels)
    frame = pd.DataFrame(
        {
            "x": np.asarray(x, float),
            "y": np.asarray(y, float),
            "ID": pd.Series(who, dtype=object),
            "tip": pd.Series(tips, dtype=object),
        }
    )
    seen = np.isfinite(frame["x"].to_numpy()) & np.isfinite(frame["y"].to_numpy())
    return frame if seen.all() else frame[seen].reset_index(drop=True)


def cloud(ax: Axes, x: Values, y: Values, palette: Palette) -> None:
    """Draw many observations: smaller and fainter the more there are."""
    n = len(x)
    size = float(np.clip(4.4 - 0.5 * np.log10(max(n, 100) / 100), 2.0, 4.4))
    opacity = palette.point_alpha * min(1.0, (MANY / n) ** 0.4 if n else 1.0)
    ax.plot(
        x,
        y,
        "o",
        markersize=size,
        markerfacecolor=palette.point,
        markeredgecolor="none",
        alpha=opacity,
        rasterized=n > MANY,
        zorder=2,
    )


def censored_points(ax: Axes, x: Values, y: Values, side: Values, palette: Palette) -> None:
    """Draw values known only to lie beyond a limit: hollow triangles that point where they are.

    Parameters
    ----------
    side : 1 below the limit, -1 above it
    """
    for sign, marker in ((1, "v"), (-1, "^")):
        mine = side == sign
        if mine.any():
            ax.plot(
                x[mine],
                y[mine],
                marker,
                markersize=4.5,
                color=palette.background,
                markeredgecolor=palette.point,
                linestyle="none",
                zorder=2.5,
                gid="censored",
            )


def sides(rows: pd.DataFrame) -> Values:
    """Return 1 for values below their limit, -1 above it, 0 measured."""
    return rows["CENS"].to_numpy(float) if "CENS" in rows else np.zeros(len(rows))


def highlight(ax: Axes, x: Values, y: Values, palette: Palette, *, size: float = 6.5) -> None:
    """Draw the selected subject: vermilion, larger, outlined (so not by colour alone)."""
    if len(x):
        ax.plot(
            x,
            y,
            "o",
            markersize=size,
            markerfacecolor=palette.selected,
            markeredgecolor=palette.outline,
            markeredgewidth=0.9 if size > 5 else 0.4,
            zorder=6,
        )


def belongs(labels: pd.Series, selected: Label | None) -> NDArray[np.bool_]:
    """Return which rows are the selected subject's."""
    if selected is None:
        return np.zeros(len(labels), dtype=bool)
    return np.asarray(labels == selected, dtype=bool)


def room(values: Values, *, share: float = 0.05) -> tuple[float, float]:
    """Return axis limits with some air; from 0 where positive values come near it."""
    seen = np.asarray(values, float)
    seen = seen[np.isfinite(seen)]
    if not len(seen):
        return 0.0, 1.0
    low, high = float(seen.min()), float(seen.max())
    if high > 0 and 0 <= low <= 0.6 * high:
        return (0.0 if low > 0.02 * high else -0.02 * high), high * (1 + share)
    air = share * (high - low) or 0.1 * abs(high) or 1.0
    return low - air, high + air


def say(ax: Axes, sentence: str, palette: Palette) -> None:
    """Write why there is nothing to draw, in the place of the drawing."""
    dress(ax, palette, grid=None)
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ax.set_axis_off()
    ax.text(
        0.5,
        0.5,
        textwrap.fill(sentence, 46),
        ha="center",
        va="center",
        fontsize=8.5,
        linespacing=1.5,
        color=palette.muted,
    )

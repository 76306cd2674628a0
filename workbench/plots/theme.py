"""The look of every figure: colours for light and dark, and how an axes is dressed in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import ScalarFormatter
from matplotlib.transforms import ScaledTranslation

from workbench.registry import unknown_name


@dataclass(frozen=True, slots=True)
class Palette:
    """Colour tokens of one theme. Data colours are Okabe & Ito's (jfly.uni-koeln.de/color).

    Attributes
    ----------
    name : "light" or "dark"
    background, ink, muted : surface; text; secondary text and reference lines
    grid, axis : grid lines; spines and tick marks
    point, point_alpha : one observation among many, and its opacity
    line : individual prediction and fitted densities, the line to look at
    population : population prediction, dashed
    bar : histogram bars
    trend : smooth curve through a cloud of points
    selected, outline : the selected subject, and the ring that sets it off from what lies below
    alert : what is not as the model says
    categories : colours of the levels of a variable, in order; vermilion is the selection's
    sequential : matplotlib's name of a sequential colour map, and which part of it (fractions)
        stands out on the background
    """

    name: str
    background: str
    ink: str
    muted: str
    grid: str
    axis: str
    point: str
    point_alpha: float
    line: str
    population: str
    bar: str
    trend: str
    selected: str
    outline: str
    categories: tuple[str, ...]
    sequential: tuple[str, float, float]
    alert: str = "#E69F00"


LIGHT = Palette(
    name="light",
    background="#ffffff",
    ink="#1f2933",
    muted="#5f6c7b",
    grid="#e6eaee",
    axis="#b4bfca",
    point="#0072B2",
    point_alpha=0.55,
    line="#1f2933",
    population="#5f6c7b",
    bar="#a9cfe8",
    trend="#CC79A7",
    selected="#D55E00",
    outline="#ffffff",
    categories=("#0072B2", "#E69F00", "#009E73", "#56B4E9", "#CC79A7", "#1f2933"),
    sequential=("viridis", 0.0, 0.9),
)

DARK = Palette(
    name="dark",
    background="#14191f",
    ink="#e6edf3",
    muted="#9aa8b6",
    grid="#252d36",
    axis="#4a5763",
    point="#56B4E9",
    point_alpha=0.6,
    line="#e6edf3",
    population="#9aa8b6",
    bar="#2c5470",
    trend="#CC79A7",
    selected="#D55E00",
    outline="#ffffff",
    categories=("#56B4E9", "#E69F00", "#009E73", "#F0E442", "#CC79A7", "#e6edf3"),
    sequential=("viridis", 0.2, 1.0),
)

PALETTES: Mapping[str, Palette] = {"light": LIGHT, "dark": DARK}

#: Distance of the axis labels from the axes, in CSS pixels (1/100 inch).
LABEL_BELOW = 20
LABEL_BESIDE = 40

DASHED = (0, (5, 3))
DOTTED = (0, (1, 2.5))


def palette_of(theme: str | Palette) -> Palette:
    """Return the palette of a theme's name, or the palette itself."""
    if isinstance(theme, Palette):
        return theme
    if theme not in PALETTES:
        raise unknown_name("theme", theme, PALETTES)
    return PALETTES[theme]


def rc(palette: Palette) -> dict[str, Any]:
    """Return matplotlib settings for ``matplotlib.rc_context``; nothing global is touched.

    Keep the context open while the figure is drawn too: matplotlib makes ticks only then.
    """
    return {
        "figure.facecolor": palette.background,
        "savefig.facecolor": palette.background,
        "savefig.edgecolor": "none",
        "axes.facecolor": palette.background,
        "axes.edgecolor": palette.axis,
        "axes.linewidth": 0.8,
        "axes.labelcolor": palette.ink,
        "axes.labelsize": 8.5,
        "axes.labelpad": 3.0,
        "axes.titlesize": 9.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlecolor": palette.ink,
        "axes.titlepad": 6.0,
        "axes.titley": 1.0,  # a fixed place: matplotlib need not measure every tick label for it
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.xmargin": 0.02,
        "axes.ymargin": 0.04,
        "axes.unicode_minus": True,
        "axes.formatter.useoffset": False,
        "axes.formatter.limits": (-4, 5),
        "axes.formatter.use_mathtext": False,  # mathtext makes every tick ten times as slow
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": 8.5,
        "mathtext.fontset": "dejavusans",
        "text.color": palette.ink,
        "xtick.labelsize": 7.5,
        "ytick.labelsize": 7.5,
        "legend.fontsize": 7.5,
        "legend.frameon": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "workbench",
    }


def dress(ax: Axes, palette: Palette, *, grid: str | None = "both") -> None:
    """Give one axes the theme's colours, whoever made it and whatever the global settings are."""
    ax.set_facecolor(palette.background)
    ax.spines[["top", "right"]].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set(color=palette.axis, linewidth=0.8)
    ax.tick_params(
        color=palette.axis, labelcolor=palette.muted, labelsize=7.5, length=3, width=0.8, pad=2.5
    )
    ax.set_axisbelow(True)
    _fix_labels(ax)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(CompactFormatter())
    ax.grid(False)
    if grid is not None:
        ax.grid(True, axis=grid, color=palette.grid, linewidth=0.7, linestyle="-")  # type: ignore[arg-type]


def tick_words(values: Any) -> list[str]:
    """Return tick labels of at most some five characters: very large and very small as 1.5e5."""
    ticks = np.asarray(values, float)
    if not len(ticks):
        return []
    top = float(np.abs(ticks).max())
    if top >= 1e5 or 0 < top < 0.01 or (top >= 1e4 and ticks.min() < 0):
        words = [f"{tick:.3g}" if tick == 0 else _power(float(tick)) for tick in ticks]
    else:
        step = float(np.diff(ticks).min()) if len(ticks) > 1 else top or 1.0
        places = max(0, min(6, int(np.ceil(-np.log10(abs(step) or 1.0) - 1e-9))))
        rough = step * 10**places
        places += abs(rough - round(rough)) > 1e-6 * abs(rough)
        words = [f"{tick + 0.0:.{places}f}" for tick in ticks]
    return [word.replace("-", "\N{MINUS SIGN}") for word in words]


def _power(value: float) -> str:
    """Return ``"1.5e5"``."""
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


class CompactFormatter(ScalarFormatter):
    """Tick labels that fit the fixed margins, without an offset in a corner."""

    def __init__(self) -> None:
        super().__init__(useOffset=False, useMathText=False)

    def format_ticks(self, values: Any) -> list[str]:
        """Return the labels of all ticks at once."""
        return tick_words(values)

    def get_offset(self) -> str:
        """Return nothing: the labels say it all."""
        return ""


def _fix_labels(ax: Axes) -> None:
    """Put the axis labels at fixed distances, so that no tick label is measured for them."""
    inches = ax.get_figure(root=True).dpi_scale_trans  # type: ignore[union-attr]
    below = ax.transAxes + ScaledTranslation(0, -LABEL_BELOW / 100, inches)
    beside = ax.transAxes + ScaledTranslation(-LABEL_BESIDE / 100, 0, inches)
    ax.xaxis.set_label_coords(0.5, 0.0, transform=below)
    ax.yaxis.set_label_coords(0.0, 0.5, transform=beside)

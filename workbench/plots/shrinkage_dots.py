"""Shrinkage as it came out beside the one that the design leads to."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workbench.plots._base import Drawn, Label, Margins, Plot
from workbench.plots._cells import pixels
from workbench.plots._marks import points, say
from workbench.plots.theme import DOTTED, Palette, dress

LIMIT = 30.0  # percent, from which plots of EBEs are said to mislead (Savic & Karlsson 2009)
ROOMY = 300  # CSS pixels of width from which the title fits before the legend
COLUMNS = {"SD": "shrinkage_sd", "variance": "shrinkage_var"}
#: Definition → name, marker and whether it is filled.
MARKS = {
    "ebe": ("realised (EBE)", "o", True),
    "ebv": ("conditional variance (EBV)", "s", False),
    "ebv_sampled": ("conditional variance (EBV)", "s", False),
    "predicted": ("predicted from the design", "D", False),
    "iwres": ("realised (IWRES)", "o", True),
}


def draw(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    *,
    units: Mapping[str, str],  # noqa: ARG001  percent
    palette: Palette,
    selected: Label | None = None,  # noqa: ARG001  nobody's in particular
    variant: str = "SD",
) -> Drawn:
    """Draw one line per random effect, and one for the residual error, with a mark per definition.

    Dotted at 30 %: from there on plots of EBEs or of IPRED mislead. Realised far above predicted
    says that omega is too large for these subjects, or that the fit is bad.
    """
    table, column = tables["shrinkage"], COLUMNS[variant]
    rows = table[table["definition"].isin(MARKS) & np.isfinite(table[column].to_numpy(float))]
    if rows.empty:
        say(ax, "No shrinkage could be computed for this fit.", palette)
        return Drawn()
    dress(ax, palette, grid="x")
    names = list(dict.fromkeys(rows["parameter"]))
    height = {name: -float(k) for k, name in enumerate(names)}
    y = np.array([height[name] for name in rows["parameter"]])
    x = rows[column].to_numpy(float)
    for level in height.values():
        ax.axhline(level, color=palette.grid, linewidth=0.7, zorder=0.5)
    ax.axvline(0.0, color=palette.axis, linewidth=0.8, zorder=0.8)
    ax.axvline(LIMIT, color=palette.muted, linewidth=1.0, linestyle=DOTTED, zorder=0.9)
    _marks(ax, rows["definition"].tolist(), x, y, palette)
    low, high = min(-5.0, float(x.min()) - 4.0), max(45.0, float(x.max()) + 6.0)
    ax.set(xlim=(low, high), ylim=(-len(names) + 0.4, 0.6))
    ax.set_yticks([height[name] for name in names])
    shown = [_called(name) for name in names]
    ax.set_yticklabels(shown, color=palette.ink)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(f"Shrinkage, {variant} definition (%)")
    ax.set_title("Shrinkage" if pixels(ax)[0] >= ROOMY else "")
    _legend(ax, rows["definition"].tolist(), palette)
    tips = [
        f"{_called(row.parameter)} · {MARKS[row.definition][0]} · {value:.1f} %"
        for row, value in zip(rows.itertuples(), x.tolist(), strict=True)
    ]
    return Drawn(points(x, y, [None] * len(rows), tips))


def _called(parameter: str) -> str:
    """Return what a line is called."""
    if not parameter.startswith("epsilon"):
        return f"η {parameter}"
    output = parameter.removeprefix("epsilon").strip("[]")
    return f"ε {output}".strip()


def _style(definition: str, palette: Palette) -> dict[str, object]:
    """Return marker, face and edge of a definition."""
    _, marker, filled = MARKS[definition]
    color = palette.point if marker == "o" else palette.line
    return {
        "marker": marker,
        "markersize": 7 if marker != "D" else 6,
        "markerfacecolor": color if filled else "none",
        "markeredgecolor": color,
        "markeredgewidth": 1.3,
        "linestyle": "none",
    }


def _marks(
    ax: Axes, definitions: list[str], x: np.ndarray, y: np.ndarray, palette: Palette
) -> None:
    """Draw the marks of each definition."""
    of = np.array(definitions, dtype=object)
    for definition in dict.fromkeys(definitions):
        mine = of == definition
        ax.plot(x[mine], y[mine], **_style(definition, palette), zorder=3)  # type: ignore[arg-type]


def _legend(ax: Axes, definitions: list[str], palette: Palette) -> None:
    """Put the legend above the axes, in the title's line."""
    lines, names = [], []
    for definition in dict.fromkeys(definitions):
        if definition == "iwres" and "ebe" in definitions:
            continue
        (line,) = ax.plot([], [], **_style(definition, palette))  # type: ignore[arg-type]
        lines.append(line)
        names.append("realised" if definition in ("ebe", "iwres") else MARKS[definition][0])
    short = {"conditional variance (EBV)": "EBV", "predicted from the design": "predicted"}
    ax.legend(
        lines,
        [short.get(name, name) for name in names],
        loc="lower right",
        bbox_to_anchor=(1.005, 0.985),
        ncols=3,
        columnspacing=1.0,
        handletextpad=0.2,
        borderaxespad=0,
        labelcolor=palette.muted,
        frameon=False,
        fontsize=7.5,
    )


PLOT = Plot(
    name="shrinkage_dots",
    title="Shrinkage",
    diagnostics=("shrinkage",),
    draw=draw,
    alt="Shrinkage of each random effect: realised, by conditional variances, and predicted from "
    "the design, with a line at 30 percent",
    group="estimation",
    margins=Margins(left=84),
    variants=("SD", "variance"),
)

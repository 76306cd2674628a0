"""Random effects against the normal distribution that the model gives them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from workbench.plots._base import Drawn, Label, Margins, Plot
from workbench.plots._marks import MANY, belongs, highlight, points, say
from workbench.plots._panels import Panel, split
from workbench.plots.theme import Palette

NARROWEST = 150  # CSS pixels a panel needs to be read


def draw(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    *,
    units: Mapping[str, str],  # noqa: ARG001  eta has none on the normal scale
    palette: Palette,
    selected: Label | None = None,
) -> Drawn:
    """Draw one histogram per parameter with the density N(0, omega²) and a mark per subject."""
    table = tables["random_effects"]
    names = list(dict.fromkeys(table["parameter"]))
    if not names:
        say(ax, "This model has no random effects: all subjects share one curve.", palette)
        return Drawn()
    rows, columns = _shape(ax, len(names))
    panels = split(ax, rows, columns, palette, gap=(16, 52), grid=None)
    for spare in panels[len(names) :]:
        spare.axes.set_axis_off()
    hits = [
        _panel(panel, table[table["parameter"] == name], str(name), palette, selected)
        for panel, name in zip(panels, names, strict=False)
    ]
    found = pd.concat(hits, ignore_index=True)
    return Drawn(points(found["x"], found["y"], found["ID"], found["tip"]))


def _shape(ax: Axes, n: int) -> tuple[int, int]:
    """Return rows and columns of panels: as few rows as the width allows."""
    width = ax.get_window_extent().width / (ax.get_figure(root=True).dpi / 100)  # type: ignore[union-attr]
    columns = max(1, min(n, int(width // NARROWEST)))
    rows = -(-n // columns)
    return rows, -(-n // rows)


def _panel(
    panel: Panel, rows: pd.DataFrame, name: str, palette: Palette, selected: Label | None
) -> pd.DataFrame:
    """Draw one parameter; return its hit points in the parent's coordinates."""
    ax = panel.axes
    eta = rows["eta"].to_numpy(float)
    seen = eta[np.isfinite(eta)]
    spread = float(rows["omega_sd"].iloc[0])
    reach = max(3.0 * spread, 1.08 * float(np.abs(seen).max()) if len(seen) else 0.0) or 1.0
    top = _histogram(ax, seen, reach, palette)
    if spread > 0:
        grid = np.linspace(-reach, reach, 161)
        density = np.exp(-0.5 * (grid / spread) ** 2) / (spread * np.sqrt(2 * np.pi))
        ax.plot(grid, density, color=palette.line, linewidth=1.4, zorder=3)
        top = max(top, float(density.max()))
    top = 1.08 * top or 1.0
    floor = -0.12 * top
    ax.axhline(0, color=palette.axis, linewidth=0.8, zorder=1)
    height = np.full(len(eta), 0.5 * floor)
    _marks(ax, eta, height, palette)
    mine = belongs(rows["ID"], selected)
    highlight(ax, eta[mine], height[mine], palette)
    ax.set(xlim=(-reach, reach), ylim=(floor, top), yticks=[])
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(4, min_n_ticks=3))
    ax.set_xlabel(f"η {name}")
    ax.set_title(_title(rows))
    x, y = panel.place(eta, height)
    tips = [
        f"ID {label} · η {name} {value:.3g}"
        for label, value in zip(rows["ID"].tolist(), eta.tolist(), strict=True)
    ]
    return pd.DataFrame({"x": x, "y": y, "ID": rows["ID"].to_numpy(object), "tip": tips})


def _histogram(ax: Axes, seen: np.ndarray, reach: float, palette: Palette) -> float:
    """Draw bars of density; return the highest. All-equal values make no histogram."""
    if len(seen) < 2 or np.ptp(seen) <= 1e-12 * reach:
        return 0.0
    bins = int(np.clip(2 * np.ceil(len(seen) ** 0.5), 8, 40))
    counts, edges = np.histogram(seen, bins=bins, range=(-reach, reach), density=True)
    ax.bar(
        edges[:-1],
        counts,
        width=np.diff(edges),
        align="edge",
        color=palette.bar,
        edgecolor=palette.background,
        linewidth=0.7,
        zorder=2,
    )
    return float(counts.max())


def _marks(ax: Axes, eta: np.ndarray, height: np.ndarray, palette: Palette) -> None:
    """Draw one upright mark per subject below the histogram."""
    ax.plot(
        eta,
        height,
        "|",
        markersize=8,
        markeredgewidth=1.1,
        markeredgecolor=palette.point,
        alpha=float(np.clip(8 / max(len(eta), 1) ** 0.5, 0.15, 0.85)),
        rasterized=len(eta) > MANY,
        zorder=2,
    )


def _title(rows: pd.DataFrame) -> str:
    """Return the shrinkage (SD definition), which may be negative."""
    shrinkage = float(rows["shrinkage_sd"].iloc[0])
    return f"shrinkage {shrinkage:.0f} %".replace("-", "−") if np.isfinite(shrinkage) else ""


PLOT = Plot(
    name="eta_distributions",
    title="Random effects",
    diagnostics=("random_effects",),
    draw=draw,
    alt="Histograms of the random effects with the normal density of the model, and shrinkage",
    group="random effects",
    margins=Margins(left=16, right=16),
)

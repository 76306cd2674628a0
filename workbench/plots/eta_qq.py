"""Quantiles of the random effects against those of the normal distribution."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workbench.plots._base import Drawn, Label, Plot
from workbench.plots._cells import Cell, frames, name, number_x, number_y, split, ticks_for
from workbench.plots._histograms import panels_shape
from workbench.plots._individuals import MANY_EACH, beside, draw_words, of_parameter, parameters_of
from workbench.plots._marks import belongs, cloud, highlight, points, say
from workbench.plots.theme import DASHED, Palette

Z = 1.959963984540054


def draw(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    *,
    units: Mapping[str, str],  # noqa: ARG001  eta has none on the normal scale
    palette: Palette,
    selected: Label | None = None,
) -> Drawn:
    r"""Draw eta / omega, in order, against normal quantiles at (i - 1/2) / n, a panel a parameter.

    The line of identity is N(0, omega²): EBEs that shrink lie flatter. The band is where 95 % of
    N independent values would lie at each place, N subjects:

    .. math:: z \pm 1.96 \sqrt{p (1 - p) / N} \,/\, \varphi(z)

    (Fox 2016, Applied Regression Analysis, section 3.1.3). Draws of one subject are not
    independent: the band then says what so many subjects can say at most.
    """
    table = tables["random_effects"]
    names = [n for n in parameters_of(table) if of_parameter(table, n)["omega_sd"].iloc[0] > 0]
    if not names:
        sentence = "This model has no random effects: all subjects share one curve."
        if len(table):
            sentence = "All omegas are 0: there are no random effects to compare with a normal."
        say(ax, sentence, palette)
        return Drawn()
    shape = panels_shape(ax, len(names))
    cells, hits = split(ax, *shape, palette, gap=(30, 58))[: len(names)], []
    reach = _reach(table)
    for i, (parameter, empty) in enumerate(zip(names, cells, strict=True)):
        rows = of_parameter(table, parameter)
        cell = cells[i] = empty.scaled(reach, reach, most=ticks_for(ax, empty))
        hits.append(_panel(ax, cell, rows, palette, selected))
        number_x(ax, cell, palette, "Normal quantile")
        first = i % shape[1] == 0
        number_y(ax, cell, palette, f"η / ω{beside(rows)}" if first else "")
        name(ax, cell, parameter)
    frames(ax, cells, palette)
    return Drawn(pd.concat(hits, ignore_index=True))


def _reach(table: pd.DataFrame) -> tuple[float, float]:
    """Return limits that show every value, the same for both directions."""
    seen = np.abs(table["standardised"].to_numpy(float))
    seen = seen[np.isfinite(seen)]
    top = 1.08 * max(2.6, float(seen.max()) if len(seen) else 0.0)
    return -top, top


def _panel(
    ax: Axes, cell: Cell, rows: pd.DataFrame, palette: Palette, selected: Label | None
) -> pd.DataFrame:
    """Draw one parameter; return the hit points."""
    rows = rows[np.isfinite(rows["standardised"].to_numpy(float))]
    rows = rows.sort_values("standardised", kind="stable")
    value = rows["standardised"].to_numpy(float)
    normal, n = NormalDist(), len(value)
    p = (np.arange(n) + 0.5) / n
    z = np.array([normal.inv_cdf(x) for x in p.tolist()])
    _band(ax, cell, rows["ID"].nunique(), palette)
    x, y = cell.x(z), cell.y(value)
    cloud(ax, x, y, palette)
    mine = belongs(rows["ID"], selected)
    highlight(ax, x[mine], y[mine], palette, size=6.5 if mine.sum() < MANY_EACH else 4)
    parameter = rows["parameter"].iloc[0] if n else ""
    tips = [
        f"{who} · η {parameter} = {v:.2f} ω"
        for who, v in zip(draw_words(rows), value.tolist(), strict=True)
    ]
    return points(x, y, rows["ID"], tips)


def _band(ax: Axes, cell: Cell, n_sub: int, palette: Palette) -> None:
    """Draw the line of identity and the band of so many subjects."""
    ends = np.array(cell.xlim)
    ax.plot(
        cell.x(ends), cell.y(ends), color=palette.muted, linewidth=0.9, linestyle=DASHED, zorder=1
    )
    if n_sub < 3:
        return
    normal = NormalDist()
    last = normal.inv_cdf((n_sub - 0.5) / n_sub)
    z = np.linspace(-last, last, 60)
    p = np.array([normal.cdf(x) for x in z.tolist()])
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    half = Z * np.sqrt(p * (1 - p) / n_sub) / density
    low, high = (np.clip(side, *cell.ylim) for side in (z - half, z + half))
    ax.fill_between(
        cell.x(z), cell.y(low), cell.y(high), color=palette.bar, alpha=0.35, linewidth=0, zorder=0.8
    )


PLOT = Plot(
    name="eta_qq",
    title="QQ plot of random effects",
    diagnostics=("random_effects",),
    draw=draw,
    alt="Quantiles of the standardised random effects against normal quantiles, with the line of "
    "identity and a 95 % band",
    group="random effects",
)

"""Goodness of fit as one figure: what of the gallery belongs together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.plots._base import Label, Margins
from workbench.plots._facets import STRIP, Box, Frame, draw_through, write_strip
from workbench.plots._figures import Picture, check_call, plots, show, task_of
from workbench.plots._lens import Lens
from workbench.plots._parts import look
from workbench.plots.theme import Palette, palette_of, rc
from workbench.registry import unknown_name

if TYPE_CHECKING:
    from workbench.results import FitResult

#: What `gof` draws: name and options of each plot, where it is registered, and in how many columns.
GALLERIES: Mapping[str, tuple[int, tuple[tuple[str, str], ...]]] = {
    "linear": (
        2,
        (("dv_pred", ""), ("dv_ipred", ""), ("residuals_time", ""), ("residuals_pred", "")),
    ),
    "log": (
        2,
        (("dv_pred", "log"), ("dv_ipred", "log"), ("residuals_time", ""), ("residuals_pred", "")),
    ),
    "full": (
        3,
        (
            ("dv_pred", ""),
            ("dv_ipred", ""),
            ("dv_ipred", "log"),
            ("residuals_time", ""),
            ("residuals_tad", ""),
            ("residuals_pred", ""),
            ("iwres_pred", ""),
            ("residual_distribution", ""),
            ("eta_distributions", ""),
        ),
    ),
}


def gof(
    fit: FitResult,
    variant: str = "linear",
    *,
    colour_by: str | None = None,
    split_by: str | None = None,
    cut: int | str | Collection[float] = "median",
    where: Mapping[str, Any] | None = None,
    theme: str | Palette = "light",
    selected: Label | None = None,
    ax: Axes | None = None,
    size: tuple[float, float] | None = None,
) -> Figure | Axes:
    """Draw goodness of fit: DV vs PRED, DV vs IPRED, CWRES vs time, CWRES vs PRED.

    Parameters
    ----------
    variant : "linear"; "log" for logarithmic scales of DV; "full" for more residuals too
    colour_by, split_by, cut, where : see `show`
    theme, selected : see `show`
    ax : draw only DV vs PRED and IPRED, on this axes, and return it
    size : CSS pixels of a new figure; by default what the number of plots needs

    Raises
    ------
    UnknownNameError, OptionError
        As `show`.
    """
    if variant not in GALLERIES:
        raise unknown_name("variant of gof", variant, GALLERIES)
    if ax is not None:
        return show(
            "dv_predictions",
            fit,
            colour_by=colour_by,
            split_by=split_by,
            cut=cut,
            where=where,
            theme=theme,
            selected=selected,
            ax=ax,
            variant="log" if variant == "log" else "linear",
        )
    columns, wanted = GALLERIES[variant]
    chosen = [(plots.get(name), how) for name, how in wanted if name in plots.names()]
    rows = -(-len(chosen) // columns)
    wide, high = size or (450 * columns, 320 * rows)
    palette = palette_of(theme)
    check_call(chosen[0][0], fit, selected, {})
    sight = look(Lens.of(colour_by, split_by, cut, where), fit)
    with rc_context(rc(palette)):
        figure = Picture(wide, high, palette)
        strip = 0 if sight.lens.plain else STRIP
        width, height = wide / columns, (high - strip) / rows
        tasks = [
            task_of(plot, fit, sight, palette, selected, {"variant": how} if how else {})
            for plot, how in chosen
        ]
        for i, task in enumerate(tasks):
            row, column = divmod(i, columns)
            margins = task.plot.margins
            place = figure.room(column * width, row * height, width, height, margins)
            draw_through(place, task, strip=False)
        if strip:
            none = Margins(0, 0, 0, 0)
            ground = Frame(figure.room(0, 0, wide, high, none), none, palette)
            write_strip(ground.strip(Box(0, 0, wide, STRIP)), tasks[0], sight.notes)
    return figure

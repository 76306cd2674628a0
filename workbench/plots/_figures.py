"""Figures for notebooks and scripts: one function per picture, each returns what it drew on."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from workbench.diagnostics import Individual, diagnostics, table, tables
from workbench.errors import OptionError
from workbench.plots._base import Label, Margins, Plot
from workbench.plots._endpoints import endpoints_of
from workbench.plots._pages import pages
from workbench.plots.theme import Palette, palette_of, rc
from workbench.registry import Registry

if TYPE_CHECKING:
    from workbench.data import Dataset
    from workbench.results import FitResult

plots: Registry[Plot] = Registry("workbench.plots", "PLOT", Plot, "plot", besides=("theme",))

DPI = 100  # one CSS pixel is 1/100 inch
SHARP = 2  # pixels per CSS pixel in notebooks


class Picture(Figure):
    """A figure that shows itself in a notebook without pyplot, in the theme it was drawn with."""

    def __init__(self, width: float, height: float, palette: Palette) -> None:
        super().__init__(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=palette.background)
        FigureCanvasAgg(self)
        self.palette = palette

    def room(self, left: float, top: float, width: float, height: float, margins: Margins) -> Axes:
        """Add an axes with its margins inside a box given in CSS pixels from the top left."""
        wide, high = self.get_size_inches() * DPI
        return self.add_axes(
            (
                (left + margins.left) / wide,
                1 - (top + height - margins.bottom) / high,
                (width - margins.left - margins.right) / wide,
                (height - margins.top - margins.bottom) / high,
            )
        )

    def savefig(self, *args: Any, **kwargs: Any) -> None:
        """Save as matplotlib does, with the theme's settings while it is drawn."""
        with rc_context(rc(self.palette)):
            super().savefig(*args, **kwargs)

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """Return the picture and the size to show it at."""
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=SHARP * DPI)
        width, height = (int(side * DPI) for side in self.get_size_inches())
        return buffer.getvalue(), {"width": width, "height": height}


def all_units(source: FitResult | Dataset) -> dict[str, str]:
    """Return the units of the data and, for a fit, of its parameters."""
    return {**_data(source).units, **source.units}


def _data(source: FitResult | Dataset) -> Dataset:
    """Return the data, of a fit too."""
    return cast("Dataset", getattr(source, "data", source))


def show(
    name: str,
    source: FitResult | Dataset,
    *,
    size: tuple[float, float] = (640, 380),
    theme: str | Palette = "light",
    selected: Label | None = None,
    ax: Axes | None = None,
    individual: Individual = "ebe",
    **options: Any,
) -> Figure | Axes:
    """Draw any registered plot of a fit (or of a dataset, for plots of data).

    Parameters
    ----------
    name : as in ``plots.names()``
    size : CSS pixels (1/100 inch) of a new figure
    theme : "light", "dark" or a Palette
    selected : subject to highlight
    ax : axes to draw on instead of a new figure; it is returned
    individual : "ebe", "mean" or "draws": what stands for a subject, see `FitResult.etas_by`
    options : what the plot itself takes, e.g. ``variant="IWRES"``
    """
    plot = plots.get(name)
    palette = palette_of(theme)
    _check(plot, source, selected, options)
    with rc_context(rc(palette)):
        figure = Picture(*size, palette) if ax is None else ax
        place = figure if isinstance(figure, Axes) else figure.room(0, 0, *size, plot.margins)
        _draw(plot, source, place, palette, selected, options, individual)
    return figure


def _check(
    plot: Plot, source: FitResult | Dataset, selected: Label | None, options: dict[str, Any]
) -> None:
    """Refuse an unknown variant or subject."""
    variant = options.get("variant")
    if variant is not None and variant not in plot.variants:
        known = ", ".join(repr(name) for name in plot.variants) or "none"
        raise OptionError(f"The plot {plot.name!r} has no variant {variant!r}. Known: {known}.")
    subjects = _data(source).subjects
    if selected is not None and selected not in subjects:
        shown = ", ".join(str(label) for label in subjects[:12])
        more = f" … ({len(subjects)} in all)" if len(subjects) > 12 else ""
        raise OptionError(f"There is no subject {selected!r}. Subjects: {shown}{more}.")


def _draw(
    plot: Plot,
    source: FitResult | Dataset,
    ax: Axes,
    palette: Palette,
    selected: Label | None,
    options: dict[str, Any],
    individual: Individual = "ebe",
) -> None:
    """Make the tables and draw."""
    found = tables(plot.diagnostics, source, individual=individual)
    plot.draw(ax, found, units=all_units(source), palette=palette, selected=selected, **options)


def gof(
    fit: FitResult,
    *,
    theme: str | Palette = "light",
    selected: Label | None = None,
    ax: Axes | None = None,
    size: tuple[float, float] = (900, 640),
) -> Figure | Axes:
    """Draw goodness of fit: DV vs PRED, DV vs IPRED, CWRES vs time, CWRES vs PRED.

    With `ax`, only DV vs PRED and IPRED, on that axes.
    """
    if ax is not None:
        return show("dv_predictions", fit, theme=theme, selected=selected, ax=ax)
    names = ("dv_pred", "dv_ipred", "residuals_time", "residuals_pred")
    palette = palette_of(theme)
    _check(plots.get(names[0]), fit, selected, {})
    with rc_context(rc(palette)):
        figure = Picture(*size, palette)
        width, height = size[0] / 2, size[1] / 2
        for i, name in enumerate(names):
            row, column = divmod(i, 2)
            plot = plots.get(name)
            place = figure.room(column * width, row * height, width, height, plot.margins)
            _draw(plot, fit, place, palette, selected, {})
    return figure


def residuals(
    fit: FitResult,
    *,
    variant: str = "CWRES and IWRES",
    theme: str | Palette = "light",
    selected: Label | None = None,
    ax: Axes | None = None,
    size: tuple[float, float] = (900, 520),
) -> Figure | Axes:
    """Draw weighted residuals against time and against PRED (`variant`: both, CWRES or IWRES)."""
    return show(
        "residual_panels", fit, size=size, theme=theme, selected=selected, ax=ax, variant=variant
    )


def etas(
    fit: FitResult,
    *,
    individual: Individual = "ebe",
    theme: str | Palette = "light",
    selected: Label | None = None,
    ax: Axes | None = None,
    size: tuple[float, float] = (900, 300),
) -> Figure | Axes:
    """Draw the random effects against N(0, omega²), with shrinkage (`individual`: see `show`)."""
    return show(
        "eta_distributions",
        fit,
        size=size,
        theme=theme,
        selected=selected,
        ax=ax,
        individual=individual,
    )


def individual(
    fit: FitResult,
    subject: Label,
    *,
    theme: str | Palette = "light",
    ax: Axes | None = None,
    size: tuple[float, float] = (640, 380),
) -> Figure | Axes:
    """Draw one subject: observations, doses, PRED and IPRED."""
    return show("individual_fit", fit, size=size, theme=theme, selected=subject, ax=ax)


def individual_fits(
    fit: FitResult,
    subjects: Iterable[Label] | None = None,
    columns: int = 4,
    *,
    page: int = 1,
    per_page: int = 60,
    sort_by: str = "ID",
    descending: bool = False,
    band: bool | float = False,
    individual: Individual = "ebe",
    log: bool = False,
    theme: str | Palette = "light",
    selected: Label | None = None,
    ax: Axes | None = None,
    width: float = 900,
) -> Figure | Axes:
    """Draw small multiples, one cell per subject and endpoint (by default the first 60).

    Parameters
    ----------
    subjects : to choose from; all by default
    columns : cells in a row
    page, per_page : which page of how many subjects, counted from 1
    sort_by : "ID" (the order of the data), a quantity of the diagnostic `subjects`:
        an individual parameter (``"cl"``), a random effect (``"eta_cl"``), a covariate
        (``"WT"``), ``"ofv_per_obs"`` or ``"rms_iwres"``
    descending : from the largest to the smallest
    band : draw where 90 % (or another share) of new observations of the subject would lie, see
        `FitResult.curves`
    individual : "ebe", "mean" or "draws"; with draws the band holds the uncertainty of eta
    log : logarithmic scale of DV

    Raises
    ------
    OptionError, UnknownNameError
        There is no such page, subject or quantity.
    """
    plot = plots.get("individual_grid")
    _check(plot, fit, selected, {})
    known = table("subjects", fit, individual=individual)
    if subjects is not None:
        wanted = list(subjects)
        for label in wanted:
            _check(plot, fit, label, {})
        known = known[known["ID"].isin(wanted)]
    ordered = pages(known, per_page, sort_by=sort_by, descending=descending)
    shown = ordered.page(page)
    level = 0.9 if band is True else (band or None)
    long = diagnostics.get("individual").table(
        fit, individual=individual, subjects=shown, band=level
    )
    palette = palette_of(theme)
    rows = max(1, -(-len(shown) // columns)) * len(endpoints_of(long))
    size = (width, 64 + rows * max(110.0, 0.62 * (width - 62) / columns))
    with rc_context(rc(palette)):
        target = ax or Picture(*size, palette)
        place = target if isinstance(target, Axes) else target.room(0, 0, *size, plot.margins)
        plot.draw(
            place,
            {"individual": long},
            units=all_units(fit),
            palette=palette,
            selected=selected,
            variant="log" if log else "linear",
            columns=columns,
            page=shown,
            title=ordered.title(page),
            notes=ordered.notes,
        )
    return target


def data(
    dataset: Dataset,
    *,
    variant: str = "linear",
    theme: str | Palette = "light",
    selected: Label | None = None,
    ax: Axes | None = None,
    size: tuple[float, float] = (640, 380),
) -> Figure | Axes:
    """Draw the raw data, one line per subject, doses marked (`variant`: "linear" or "log")."""
    return show(
        "raw_data", dataset, size=size, theme=theme, selected=selected, ax=ax, variant=variant
    )


def trace(
    fit: FitResult,
    *,
    theme: str | Palette = "light",
    ax: Axes | None = None,
    size: tuple[float, float] = (900, 320),
) -> Figure | Axes:
    """Draw objective and parameters by iteration."""
    return show("iterations", fit, size=size, theme=theme, ax=ax)

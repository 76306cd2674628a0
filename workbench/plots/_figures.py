"""Figures for notebooks and scripts: one function per picture, each returns what it drew on."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from workbench.diagnostics import Individual, diagnostics, table, tables
from workbench.errors import OptionError
from workbench.plots._base import Label, Margins, Plot
from workbench.plots._endpoints import endpoints_of
from workbench.plots._facets import Task, draw_through
from workbench.plots._lens import Lens
from workbench.plots._pages import pages
from workbench.plots._parts import Sight, look
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
    colour_by: str | None = None,
    split_by: str | None = None,
    cut: int | str | Collection[float] = "median",
    where: Mapping[str, Any] | None = None,
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
    colour_by : covariate, individual parameter ("cl") or random effect ("eta[cl]") by which the
        points are coloured
    split_by : the same, for one part of the picture for each level
    cut : where a continuous variable is cut to split by it: "median", "tertiles", "quartiles",
        a number of parts of equal size, or the points themselves. The cuts are those of all
        subjects, whatever `where` leaves out.
    where : what to keep, by name of a variable, of "ID", or of the rows' TIME, TAD or ENDPOINT:
        a level, a list of levels, or a pair (low, high) with None for no end
    size : CSS pixels (1/100 inch) of a new figure
    theme : "light", "dark" or a Palette
    selected : subject to highlight
    ax : axes to draw on instead of a new figure; it is returned
    individual : "ebe", "mean" or "draws": what stands for a subject, see `FitResult.etas_by`
    options : what the plot itself takes, e.g. ``variant="IWRES"``

    Raises
    ------
    UnknownNameError
        There is no such plot or variable.
    OptionError
        There is no such variant or subject, or the cut or a filter cannot be understood.

    Notes
    -----
    What is of the population stays so: omega, shrinkage and PRED are those of the fit to all
    subjects. Trends are of the points that are shown.
    """
    plot = plots.get(name)
    palette = palette_of(theme)
    check_call(plot, source, selected, options)
    sight = look(Lens.of(colour_by, split_by, cut, where), source)
    task = task_of(plot, source, sight, palette, selected, options, individual)
    with rc_context(rc(palette)):
        if ax is not None:
            draw_through(ax, task)
            return ax
        figure = Picture(*size, palette)
        draw_through(figure.room(0, 0, *size, plot.margins), task)
    return figure


def task_of(
    plot: Plot,
    source: FitResult | Dataset,
    sight: Sight,
    palette: Palette,
    selected: Label | None,
    options: Mapping[str, Any],
    individual: Individual = "ebe",
) -> Task:
    """Make the tables."""
    found = tables(plot.diagnostics, source, individual=individual)
    return Task(plot, found, sight, all_units(source), palette, selected, options)


def check_call(
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
    check_call(plot, fit, selected, {})
    known = table("subjects", fit, individual=individual)
    if subjects is not None:
        wanted = list(subjects)
        for label in wanted:
            check_call(plot, fit, label, {})
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

"""Checks by simulation through a lens: what is left out and split is looked at by itself.

Percentiles are of many subjects, so a filter or a split is no matter of the picture: the check is
made anew of the observations that are kept, group by group. Only colours are painted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.errors import OptionError
from workbench.plots._base import Drawn, Label, Margins, Plot
from workbench.plots._facets import Task, draw_through
from workbench.plots._figures import Picture
from workbench.plots._lens import Lens
from workbench.plots._parts import Sight, look
from workbench.plots.theme import Palette, palette_of, rc

if TYPE_CHECKING:
    from workbench.diagnostics import Vpc
    from workbench.results import FitResult

MARGINS = Margins(top=30)


def groups(
    fit: FitResult,
    *,
    split_by: str | None = None,
    cut: int | str | Collection[float] = "median",
    where: Mapping[str, Any] | None = None,
) -> dict[Label, str] | pd.Categorical:
    """Return the group of each subject, or of each observation, as `show` filters and splits.

    For ``Vpc.group`` and for ``groups=`` of `wb.prediction_distribution` and
    `wb.variance_decomposition`.

    Parameters
    ----------
    split_by, cut, where : see `show`

    Returns
    -------
    dict or Categorical
        name of the group ("" for the only one) by subject, without those that are left out; where
        a condition is on rows (TIME, TAD, ENDPOINT) one for each observation, missing for those
        that are left out

    Raises
    ------
    UnknownNameError, OptionError
    """
    return groups_of(fit, look(Lens.of(None, split_by, cut, where), fit))


def groups_of(fit: FitResult, sight: Sight) -> dict[Label, str] | pd.Categorical:
    """Return the groups that a sight of a fit makes, see `groups`."""
    return observation_groups(fit.predictions, sight) if sight.rows else sight.groups()


def through(
    check: Vpc,
    *,
    split_by: str | None = None,
    cut: int | str | Collection[float] = "median",
    where: Mapping[str, Any] | None = None,
) -> Vpc:
    """Return a visual predictive check of what is kept, with a panel for each part.

    Nothing is simulated again: the observations that are kept are compared with their own
    simulated twins, in bins of their own. ``wb.plots.vpc(check, split_by=...)`` draws it.

    Parameters
    ----------
    check : of `wb.vpc`
    split_by, cut, where : see `show`

    Raises
    ------
    UnknownNameError, OptionError
    """
    return seen(check, sight_of(check.simulated.source, Lens.of(None, split_by, cut, where)))


def sight_of(source: Any, lens: Lens) -> Sight:
    """Turn a lens on what a check was simulated from.

    Raises
    ------
    UnknownNameError, OptionError
    """
    if source is None and not lens.plain:
        raise OptionError(
            "It is not known what was simulated, so it cannot be coloured, split or filtered. "
            "Make the check by wb.vpc or Vpc.from_arrays."
        )
    return look(lens, source) if source is not None else Sight(lens, {}, (), frozenset(), (), ())


def seen(check: Vpc, sight: Sight) -> Vpc:
    """Return a check of what a sight keeps, with a panel for each of its parts."""
    if not (sight.parts or sight.rows) and len(sight.kept) == len(sight.subjects):
        return check
    return check.group(observation_groups(check.simulated.points, sight))


def observation_groups(points: pd.DataFrame, sight: Sight) -> pd.Categorical:
    """Return the group of each observation, missing where it is left out; parts in order.

    Parameters
    ----------
    points : one row per observation: ID, and TIME, TAD and ENDPOINT where they may be filtered
    """
    known, kept = sight.groups(), sight.mask(points)
    pairs = zip(points["ID"].tolist(), kept.tolist(), strict=True)
    found = [known.get(subject) if keep else None for subject, keep in pairs]
    return pd.Categorical(found, categories=list(dict.fromkeys(known.values())))


@dataclass(frozen=True, slots=True)
class CheckPlot:
    """A picture of a check.

    Attributes
    ----------
    name, alt : as of a `Plot`
    draw : ``draw(ax, found, *, palette, selected, **options) -> Drawn``
    observations : table of what is drawn, with ID where it tells subjects apart
    """

    name: str
    alt: str
    draw: Callable[..., Drawn]
    observations: Callable[[Any], pd.DataFrame]


def draw_seen(
    ax: Axes,
    plot: CheckPlot,
    found: Any,
    sight: Sight,
    *,
    palette: Palette,
    selected: Label | None = None,
    **options: Any,
) -> Drawn:
    """Draw a check that is filtered and split already; colour it, and say what is left out.

    Parameters
    ----------
    found : the check
    sight : that it was filtered and split by
    options : what the picture itself takes
    """

    def draw(ax: Axes, _tables: object, *, units: object, **given: Any) -> Drawn:
        del units  # a check knows its own
        return plot.draw(ax, found, **given, **options)

    if sight.lens.plain and not sight.notes:
        return plot.draw(ax, found, palette=palette, selected=selected, **options)
    drawing = Plot(plot.name, plot.name, (), draw, plot.alt, "checks", MARGINS)
    tables = {"observations": plot.observations(found)}
    whole = replace(sight, parts=())  # it has its parts already, as panels
    task = Task(drawing, tables, whole, {}, palette, selected, {})
    return draw_through(ax, task)


def figure_of(
    plot: CheckPlot,
    found: Any,
    sight: Sight,
    *,
    theme: str | Palette,
    ax: Axes | None,
    size: tuple[float, float],
    **options: Any,
) -> Figure | Axes:
    """Draw a check on an axes, or as a figure of its own; return which."""
    palette = palette_of(theme)
    with rc_context(rc(palette)):
        target = ax if ax is not None else Picture(*size, palette)
        place = target if isinstance(target, Axes) else target.room(0, 0, *size, MARGINS)
        draw_seen(place, plot, found, sight, palette=palette, **options)
    return target

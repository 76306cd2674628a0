"""What every plot file exports, and what drawing it gives back."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.collections import LineCollection

#: Columns of `Drawn.points`.
POINT_COLUMNS = ("x", "y", "ID", "tip")

#: A subject's label as it stands in the ID column.
Label = Hashable


def no_points() -> pd.DataFrame:
    """Return the table of hit points of a picture that has none."""
    return pd.DataFrame({name: pd.Series(dtype=object) for name in POINT_COLUMNS}).astype(
        {"x": float, "y": float}
    )


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a plot has drawn, for whoever makes it react.

    Attributes
    ----------
    points : one row per thing that can be pointed at: x, y in data coordinates of the axes that
        was passed to `draw` (also when the picture is made of small panels inside it), ID the
        subject's label, tip the text to show, e.g. ``"ID 5 · 2 h · DV 11.89 mg/L"``
    dynamic : artists that change with the selection, to be drawn over a saved background;
        None where the picture stays as it is and only the highlight moves
    update : turns the dynamic artists to another subject and returns the new `points`. It may
        change the limits of the axes: transform the points after the call, not before.
    paths : collections of one line per subject with the subjects, to be coloured as their points
    """

    points: pd.DataFrame = field(default_factory=no_points)
    dynamic: list[Artist] | None = None
    update: Callable[[Label | None], pd.DataFrame] | None = None
    paths: tuple[tuple[LineCollection, tuple[Label, ...]], ...] = ()


class PartTables(dict[str, pd.DataFrame]):
    """The tables of one part of a split picture, with those of all its parts."""

    def __init__(self, part: Mapping[str, pd.DataFrame], whole: Mapping[str, pd.DataFrame]) -> None:
        super().__init__(part)
        self.whole = whole


def whole(tables: Mapping[str, pd.DataFrame], name: str) -> pd.DataFrame:
    """Return the table from which the limits are taken: of all parts, so that they compare."""
    return getattr(tables, "whole", tables)[name]


@dataclass(frozen=True, slots=True)
class Margins:
    """Room round the axes, in CSS pixels: fixed, so that no layout has to be solved."""

    left: float = 58
    right: float = 12
    top: float = 26
    bottom: float = 38


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture: which tables it needs and how it is drawn.

    Attributes
    ----------
    name : registry key; equals the file name
    title : what a person reads in a picker
    diagnostics : names of the diagnostic tables that `draw` finds in `tables`
    draw : ``draw(ax, tables, *, units, palette, selected=None) -> Drawn``; a plot with `variants`
        also takes ``variant=``. It draws into the axes it is given and changes nothing else:
        the tables stay as they are. `units` maps TIME, DV, AMT and parameters to units ("" when
        unknown). The selected subject is drawn highlighted.
    alt : one sentence for people who cannot see the picture
    group : where a picker lists it: "goodness of fit", "residuals", "random effects",
        "individuals", "estimation" or "data"
    margins : room that the labels need round the axes
    variants : what can be shown in the same place (first = default), e.g. ``("CWRES", "IWRES")``
    shape : width over height at which the axes reads best; parts of a split picture stand so
    one_subject : whether it shows one subject at a time, so that there is nothing to split
    """

    name: str
    title: str
    diagnostics: tuple[str, ...]
    draw: Callable[..., Drawn]
    alt: str
    group: str
    margins: Margins = Margins()
    variants: tuple[str, ...] = ()
    shape: float = 1.3
    one_subject: bool = False

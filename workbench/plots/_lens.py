"""What a person looks through: by what to colour and split a picture, and what to leave out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from workbench.errors import OptionError
from workbench.plots._marks import Values
from workbench.plots._variables import ROW_COLUMNS, level_word
from workbench.registry import unknown_name

CUTS = {"median": 2, "tertiles": 3, "quartiles": 4}


@dataclass(frozen=True, slots=True)
class Condition:
    """What rows or subjects to keep: those with one of the levels, or within a range.

    Attributes
    ----------
    column : a variable of the subjects, "ID", or TIME, TAD or ENDPOINT of the rows
    levels : the levels to keep; None where a range is meant
    low, high : ends of the range, both kept; None for no end
    """

    column: str
    levels: tuple[Any, ...] | None = None
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, column: str, wanted: Any) -> Condition:
        """Return the condition that a person writes.

        Parameters
        ----------
        wanted : a level, a list of levels, or a pair ``(low, high)`` of numbers or None

        Raises
        ------
        OptionError
            It is none of these.
        """
        if isinstance(wanted, tuple) and len(wanted) == 2 and all(map(_is_end, wanted)):
            low, high = (None if end is None else float(end) for end in wanted)
            if low is not None and high is not None and low > high:
                raise OptionError(f"The filter {column} from {low:g} to {high:g} keeps nothing.")
            return cls(column, None, low, high)
        if isinstance(wanted, str) or not isinstance(wanted, Collection):
            wanted = [wanted]
        if isinstance(wanted, Mapping) or not len(wanted):
            raise OptionError(
                f"The filter of {column} is {wanted!r}. Give a level, a list of levels, or a "
                "pair (low, high) with None for no end."
            )
        return cls(column, tuple(wanted))

    def keep(self, values: Values) -> Values:
        """Return which values meet the condition; a missing one never does."""
        if self.levels is None:
            numbers = np.asarray(values, float)
            low = -np.inf if self.low is None else self.low
            high = np.inf if self.high is None else self.high
            return (numbers >= low) & (numbers <= high)
        wanted = {level_word(_plain(level)) for level in self.levels}
        words = [level_word(_plain(value)) for value in values]
        return np.array([word in wanted for word in words], dtype=bool)

    def __str__(self) -> str:
        """Return it as a person reads it, such as ``"WT 50 to 70"``."""
        if self.levels is not None:
            words = [level_word(_plain(level)) for level in self.levels]
            more = f" and {len(words) - 4} more" if len(words) > 5 else ""
            return f"{self.column} {', '.join(words[:4] if more else words)}{more}"
        if self.low is None and self.high is None:
            return f"{self.column} known"
        if self.low is None:
            return f"{self.column} ≤ {self.high:g}"
        if self.high is None:
            return f"{self.column} ≥ {self.low:g}"
        return f"{self.column} {self.low:g} to {self.high:g}"

    @property
    def wanted(self) -> Any:
        """What a person would write for it."""
        return list(self.levels) if self.levels is not None else (self.low, self.high)


def _is_end(value: Any) -> bool:
    """Return whether a value can be the end of a range."""
    return value is None or (
        isinstance(value, int | float | np.number) and not isinstance(value, bool)
    )


def _plain(value: Any) -> Any:
    """Return numbers as floats, so that 1, 1.0 and "1" are the same level."""
    return float(value) if isinstance(value, int | float | np.number) else value


@dataclass(frozen=True, slots=True)
class Lens:
    """How to look at a plot: the same for every plot, none of which needs to know.

    Attributes
    ----------
    colour_by : name of a covariate, an individual parameter ("cl") or a random effect
        ("eta[cl]"); "" for one colour
    split_by : the same, for one part of the picture for each level; "" for one picture
    cut : into how many parts of equal size a continuous variable is cut, or where it is cut
    where : what to keep; all of it holds
    """

    colour_by: str = ""
    split_by: str = ""
    cut: int | tuple[float, ...] = 2
    where: tuple[Condition, ...] = field(default=())

    @classmethod
    def of(
        cls,
        colour_by: str | None = None,
        split_by: str | None = None,
        cut: int | str | Collection[float] = "median",
        where: Mapping[str, Any] | None = None,
    ) -> Lens:
        """Return the lens that a person describes; see `workbench.plots.show`.

        Raises
        ------
        OptionError
            The cut or a filter is none.
        """
        conditions = tuple(Condition.of(name, wanted) for name, wanted in (where or {}).items())
        return cls(colour_by or "", split_by or "", _cut(cut), conditions)

    @property
    def plain(self) -> bool:
        """Whether it changes nothing."""
        return not (self.colour_by or self.split_by or self.where)

    @property
    def names(self) -> tuple[str, ...]:
        """The variables and columns that it uses."""
        used = (self.colour_by, self.split_by, *(c.column for c in self.where))
        return tuple(name for name in used if name)

    def check(self, known: Collection[str]) -> None:
        """Refuse a name that is no variable of the subjects, nor a column of the rows.

        Raises
        ------
        UnknownNameError
        """
        rows = ("ID", *ROW_COLUMNS)
        for name in self.names:
            allowed = [*known, *rows] if name not in (self.colour_by, self.split_by) else known
            if name not in allowed:
                raise unknown_name("variable", name, allowed)

    def known(self, known: Collection[str]) -> tuple[Lens, tuple[str, ...]]:
        """Return the lens without the names that are unknown, and these names."""
        rows = ("ID", *ROW_COLUMNS)
        lost = tuple(name for name in self.names if name not in known and name not in rows)
        if not lost:
            return self, ()
        where = tuple(c for c in self.where if c.column not in lost)
        colour, split = ("" if n in lost else n for n in (self.colour_by, self.split_by))
        return replace(self, colour_by=colour, split_by=split, where=where), lost

    def arguments(self) -> dict[str, Any]:
        """Return what a person would pass to `workbench.plots.show` for it."""
        said: dict[str, Any] = {}
        if self.colour_by:
            said["colour_by"] = self.colour_by
        if self.split_by:
            said["split_by"] = self.split_by
            if self.cut != 2:
                said["cut"] = self.cut
        if self.where:
            said["where"] = {c.column: c.wanted for c in self.where}
        return said


def _cut(cut: int | str | Collection[float]) -> int | tuple[float, ...]:
    """Return the number of parts, or the points to cut at."""
    if isinstance(cut, str):
        if cut not in CUTS:
            raise unknown_name("cut", cut, CUTS)
        return CUTS[cut]
    if isinstance(cut, int | np.integer):
        if not 2 <= cut <= 6:
            raise OptionError(f"cut= is {cut}. A variable can be cut into 2 to 6 parts.")
        return int(cut)
    points = tuple(sorted(float(point) for point in cut))
    if not 1 <= len(points) <= 5:
        raise OptionError(f"cut= has {len(points)} points. Give 1 to 5.")
    return points

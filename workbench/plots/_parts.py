"""A lens turned on the subjects of a source: who is kept, who stands in which part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from workbench.plots._base import Label
from workbench.plots._lens import Condition, Lens
from workbench.plots._marks import Values
from workbench.plots._variables import MISSING, ROW_COLUMNS, Variable, level_word, variables
from workbench.registry import unknown_name

if TYPE_CHECKING:
    from workbench.data import Dataset
    from workbench.results import FitResult

MOST_PARTS = 6

Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the subjects, and what they have in common: ``"SEX F"``, ``"WT > 70"``."""

    name: str
    subjects: frozenset[Label]


@dataclass(frozen=True, slots=True)
class Sight:
    """What a lens makes of one source.

    Attributes
    ----------
    lens : as it is used, without names that the source does not know
    known : the variables of the subjects
    subjects : all of them
    kept : those that the filter keeps
    parts : of a split picture, none of them empty; of a whole one, none
    notes : what has to be said about it
    """

    lens: Lens
    known: Mapping[str, Variable]
    subjects: tuple[Label, ...]
    kept: frozenset[Label]
    parts: tuple[Part, ...]
    notes: tuple[str, ...]

    @property
    def rows(self) -> tuple[Condition, ...]:
        """The conditions on rows of the tables."""
        return tuple(c for c in self.lens.where if self._of_rows(c))

    def _of_rows(self, condition: Condition) -> bool:
        return condition.column in ROW_COLUMNS and condition.column not in self.known

    def tables(self, tables: Tables, part: Part | None = None) -> dict[str, pd.DataFrame]:
        """Return the rows that are kept (of a part's subjects); tables without ID as they are."""
        who = self.kept if part is None else part.subjects
        return {name: self._rows(table, who) for name, table in tables.items()}

    def _rows(self, table: pd.DataFrame, who: frozenset[Label]) -> pd.DataFrame:
        if "ID" not in table:
            return table
        keep = self.mask(table)
        if len(who) < len(self.subjects):
            keep &= table["ID"].isin(who).to_numpy()
        return table if keep.all() else table[keep].reset_index(drop=True)

    def mask(self, table: pd.DataFrame) -> Values:
        """Return which rows of a table meet the conditions on rows."""
        keep = np.ones(len(table), dtype=bool)
        for condition in self.rows:
            if condition.column in table and applies(condition, table):
                values = table[condition.column]
                keep &= condition.keep(values.to_numpy()) | _unnamed(condition, values)
        return keep

    def groups(self) -> dict[Label, str]:
        """Return the name of the part of each subject that is kept, parts in order."""
        if not self.parts:
            return {subject: "" for subject in self.subjects if subject in self.kept}
        return {subject: part.name for part in self.parts for subject in part.subjects}

    def say(self, tables: Tables) -> str:
        """Return what was filtered, in a few words."""
        words = [str(condition) for condition in self.lens.where]
        if not words:
            return ""
        for condition in self.rows:
            if not any(condition.column in t and applies(condition, t) for t in tables.values()):
                words[words.index(str(condition))] += " (does not apply here)"
        n = len(self.subjects)
        who = f" · {len(self.kept)} of {n} subjects" if len(self.kept) < n else ""
        return ", ".join(words) + who


def applies(condition: Condition, table: pd.DataFrame) -> bool:
    """Return whether a table knows the levels; those of data and of outputs may differ."""
    if condition.levels is None:
        return True
    return bool(condition.keep(table[condition.column].dropna().unique()).any())


def _unnamed(condition: Condition, values: pd.Series[Any]) -> Values:
    """Return the rows without a level, such as doses: they belong to every endpoint."""
    if condition.levels is None:
        return np.zeros(len(values), dtype=bool)
    return values.isna().to_numpy()


def look(lens: Lens, source: FitResult | Dataset, *, strict: bool = True) -> Sight:
    """Turn a lens on a source.

    Parameters
    ----------
    strict : refuse unknown names; else they are left out, and the notes say so

    Raises
    ------
    UnknownNameError
    """
    known = variables(source)
    notes: list[str] = []
    if strict:
        lens.check(known)
        _check_endpoints(lens, source)
    else:
        lens, lost = lens.known(known)
        if lost:
            notes.append(f"no {', '.join(lost)} here")
    subjects = tuple(cast("Any", getattr(source, "data", source)).subjects)
    kept = _kept(lens, subjects, known)
    parts: tuple[Part, ...] = ()
    if lens.split_by:
        variable = known[lens.split_by]
        parts = _parts(variable, lens.cut, kept)
        if len(parts) < 2:
            one = variable.why or "the same in all subjects shown"
            notes.append(f"not split: {variable.name} is {one}")
            parts = ()
    if lens.colour_by and known[lens.colour_by].why:
        notes.append(f"{lens.colour_by} is {known[lens.colour_by].why}")
    return Sight(lens, known, subjects, kept, parts, tuple(notes))


def endpoint_names(source: FitResult | Dataset) -> tuple[Any, ...]:
    """Return what an ENDPOINT may be called: outputs of a fit, else labels of the data."""
    predictions = getattr(source, "predictions", None)
    if predictions is not None and "ENDPOINT" in predictions:
        return tuple(predictions["ENDPOINT"].dropna().unique())
    return tuple(getattr(getattr(source, "data", source), "endpoints", ()))


def _check_endpoints(lens: Lens, source: FitResult | Dataset) -> None:
    """Refuse a filter of an endpoint that is not there."""
    names = endpoint_names(source)
    for condition in lens.where:
        if condition.column == "ENDPOINT" and condition.levels:
            for level in condition.levels:
                if not Condition("ENDPOINT", (level,)).keep(np.array(names, object)).any():
                    raise unknown_name("endpoint", str(level), map(str, names))


def _kept(
    lens: Lens, subjects: tuple[Label, ...], known: Mapping[str, Variable]
) -> frozenset[Label]:
    """Return the subjects that meet the conditions on subjects."""
    labels = np.array([*subjects, None], dtype=object)[:-1]
    keep = np.ones(len(labels), dtype=bool)
    for condition in lens.where:
        if condition.column in known:
            keep &= condition.keep(known[condition.column].of(labels))
        elif condition.column == "ID":
            keep &= condition.keep(labels)
    return frozenset(labels[keep].tolist())


def _parts(
    variable: Variable, cut: int | tuple[float, ...], kept: frozenset[Label]
) -> tuple[Part, ...]:
    """Return the parts with at least one subject that is kept."""
    groups = _levels(variable) if variable.categorical else _ranges(variable, cut)
    labels = variable.values.index.to_numpy()
    groups.append((f"{variable.name} {MISSING}", variable.values.isna().to_numpy()))
    found = [Part(name, frozenset(labels[mine].tolist()) & kept) for name, mine in groups]
    return tuple(part for part in found if part.subjects)


def _levels(variable: Variable) -> list[tuple[str, Values]]:
    """Return name and subjects of each level; the rarest share a part where there are many."""
    values, levels = variable.values, list(variable.levels)
    if len(levels) > MOST_PARTS:
        counts = values.value_counts()
        ranked = sorted(levels, key=lambda level: -int(counts.get(level, 0)))
        levels = [level for level in levels if level in ranked[: MOST_PARTS - 1]]
    groups = [
        (f"{variable.name} {level_word(level)}", (values == level).to_numpy()) for level in levels
    ]
    rest = values.notna().to_numpy() & ~values.isin(levels).to_numpy()
    return [*groups, (f"{variable.name} other", rest)]


def _ranges(variable: Variable, cut: int | tuple[float, ...]) -> list[tuple[str, Values]]:
    """Return name and subjects of each range of a continuous variable.

    Cut into parts by the quantiles of all subjects: they do not move when a filter is set.
    """
    values = variable.values.to_numpy(float)
    seen = values[np.isfinite(values)]
    if isinstance(cut, tuple):
        points = np.array(cut)
    else:
        points = np.quantile(seen, np.arange(1, cut) / cut) if len(seen) else np.empty(0)
    points = np.unique(points)
    with np.errstate(invalid="ignore"):
        part = np.where(np.isfinite(values), np.searchsorted(points, values, side="left"), -1)
    words = _point_words(points, seen)
    unit = f" {variable.unit}" if variable.unit else ""
    name = variable.name
    groups = []
    for i in range(len(points) + 1):
        if i == 0:
            text = f"{name} ≤ {words[0]}{unit}" if words else name
        elif i == len(points):
            text = f"{name} > {words[-1]}{unit}"
        else:
            text = f"{words[i - 1]} < {name} ≤ {words[i]}{unit}"
        groups.append((text, part == i))
    return groups


def _point_words(points: Values, seen: Values) -> list[str]:
    """Return cut points with as few digits as keep every subject on the right side of them."""
    for digits in range(3, 8):
        words = [f"{point:.{digits}g}" for point in points]
        told = np.array([float(word) for word in words])
        if (np.searchsorted(told, seen) == np.searchsorted(points, seen)).all():
            break
    return [word.replace("-", "\N{MINUS SIGN}") for word in words] if len(points) else []

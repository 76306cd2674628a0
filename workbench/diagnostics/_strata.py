"""Groups of observations: by covariates, or of one's own."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.errors import OptionError
from workbench.registry import unknown_name

Ints = NDArray[np.int64]
#: A group's name by subject, or of each observation; None (or no entry) for those left out. In
#: order of appearance, or of the categories.
Groups = Mapping[Hashable, str | None] | pd.Series | pd.Categorical | Sequence[str | None]
Labels = tuple[NDArray[np.object_], list[str]]

MOST_VALUES = 6  # different numbers up to which a covariate has a group for each


@dataclass(frozen=True, slots=True)
class Stratum:
    """A covariate that observations are grouped by.

    Attributes
    ----------
    name : of the covariate
    cuts : where a continuous one is cut: a number of quantile groups, or the cut points; None for
        a group per value, or two groups cut at the median where there are more than 6
    """

    name: str
    cuts: int | tuple[float, ...] | None = None


def stratum(name: str, known: Sequence[str], cuts: int | Sequence[float] | None) -> Stratum:
    """Return a stratum after checking it.

    Raises
    ------
    OptionError, UnknownNameError
        The covariate is not there, or the cuts are no cuts.
    """
    if name not in known:
        if not known:
            raise OptionError("The data have no covariate to stratify by.")
        raise unknown_name("covariate", name, known)
    if cuts is None:
        return Stratum(name)
    if isinstance(cuts, int) and not isinstance(cuts, bool):
        if cuts < 2:
            raise OptionError(f"cuts= must be 2 groups or more, or a list of cut points: {cuts}.")
        return Stratum(name, cuts)
    points = tuple(float(value) for value in cuts)  # type: ignore[union-attr]
    if not points or any(b <= a for a, b in pairwise(points)):
        raise OptionError(f"cuts= must be ascending cut points, such as [60, 80], not {cuts!r}.")
    return Stratum(name, points)


def labels(points: pd.DataFrame, strata: Sequence[Stratum], groups: Labels | None = None) -> Labels:
    """Return the label of each observation's stratum, and all labels in order.

    Parameters
    ----------
    points : one row per observation, with ID and the covariates
    groups : labels to begin with, see `grouped`; None is the label of what is left out
    """
    label, order = groups or (np.full(len(points), "", dtype=object), [""])
    for one in strata:
        mine, names = _of_one(points, one)
        pairs = zip(label, mine, strict=True)
        label = np.array([_joined(a, b) for a, b in pairs] + [None], dtype=object)[:-1]
        order = [f"{a}, {b}" if a else b for a in order for b in names]
    present = set(label)
    return label, [name for name in order if name in present]


def _joined(first: str | None, second: str) -> str | None:
    return None if first is None else f"{first}, {second}" if first else second


def grouped(points: pd.DataFrame, groups: Groups | None) -> Labels | None:
    """Return the label of each observation by groups of one's own, and the labels in order.

    Parameters
    ----------
    points : one row per observation, with ID
    groups : by subject, or one for each observation; None for no groups

    Raises
    ------
    OptionError
        There are not as many labels as observations.
    """
    if groups is None:
        return None
    if isinstance(groups, Mapping | pd.Series):
        known = dict(groups)
        found = [known.get(subject) for subject in points["ID"].tolist()]
    elif len(groups) == len(points):
        found = list(groups)
    else:
        raise OptionError(
            f"groups= has {len(groups)} labels for {len(points)} observations. Give one for each "
            "observation, or a mapping of subjects to labels."
        )
    words = [None if _is_missing(label) else str(label) for label in found]
    given = found
    if isinstance(groups, Mapping | pd.Series):
        given = list(dict(groups).values())
    elif isinstance(groups, pd.Categorical):
        given = list(groups.categories)
    order = dict.fromkeys(str(label) for label in given if not _is_missing(label))
    return np.array([*words, None], dtype=object)[:-1], list(order)


def _is_missing(label: Any) -> bool:
    return label is None or label != label


def _of_one(points: pd.DataFrame, one: Stratum) -> tuple[list[str], list[str]]:
    """Return the label of each observation by one covariate, and the labels in order."""
    column, missing = points[one.name], f"{one.name} missing"
    is_number = pd.api.types.is_numeric_dtype(column)
    if one.cuts is not None and not is_number:
        raise OptionError(f"{one.name} holds labels, which cannot be cut: leave cuts= out.")
    known = column.dropna()
    if not is_number or (one.cuts is None and known.nunique() <= MOST_VALUES):
        values = sorted(known.unique()) if is_number else list(dict.fromkeys(known))
        word = {value: f"{one.name} {_word(value)}" for value in values}
        found = [word.get(value, missing) for value in column.tolist()]
        return found, [*word.values(), missing]
    cuts = _cut_points(points, one)
    names = _interval_names(one.name, cuts)
    numbers = column.to_numpy(float)
    group = np.searchsorted(cuts, numbers, side="right")
    found = [missing if np.isnan(v) else names[g] for v, g in zip(numbers, group, strict=True)]
    return found, [*names, missing]


def _word(value: object) -> str:
    return f"{value:g}" if isinstance(value, float | int) else str(value)


def _cut_points(points: pd.DataFrame, one: Stratum) -> list[float]:
    """Return where a continuous covariate is cut: at quantiles of the subjects' first values."""
    if isinstance(one.cuts, tuple):
        return list(one.cuts)
    groups = one.cuts or 2
    first = points.dropna(subset=[one.name]).drop_duplicates("ID")[one.name].to_numpy(float)
    shares = np.arange(1, groups) / groups
    return [float(v) for v in np.unique(np.quantile(first, shares))]


def _interval_names(name: str, cuts: Sequence[float]) -> list[str]:
    """Return names of the intervals between cut points, closed at the left."""
    words = [f"{cut:.4g}" for cut in cuts]
    between = [f"{name} {a} to {b}" for a, b in pairwise(words)]
    return [f"{name} < {words[0]}", *between, f"{name} ≥ {words[-1]}"]

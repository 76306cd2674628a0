"""Missing covariates: who misses what, and one value for each subject."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.data.doses import first_rows

FEW = 5  # distinct whole numbers up to which a covariate counts as categorical

Mask = npt.NDArray[np.bool_]
Values = npt.NDArray[Any]

COLUMNS = ("covariate", "n_missing", "percent", "subjects", "all_missing", "time_varying")


def missing_table(
    table: pd.DataFrame, names: Sequence[str], time_varying: Sequence[str]
) -> pd.DataFrame:
    """Return one row per covariate that is missing for anybody, see `Dataset.missing_covariates`.

    Parameters
    ----------
    table : of a data set, subjects in blocks
    names : its covariates
    time_varying : those that change within a subject
    """
    labels = table["ID"].to_numpy()[first_rows(table)].tolist()
    rows = []
    for name in names:
        gone = missing_subjects(table, name)
        if gone.any():
            who = tuple(label for label, is_gone in zip(labels, gone, strict=True) if is_gone)
            every = bool(table[name].isna().all())
            share = 100.0 * len(who) / len(labels)
            rows.append((name, len(who), share, who, every, name in time_varying))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def missing_subjects(table: pd.DataFrame, name: str) -> Mask:
    """Mark the subjects with a row where the covariate is missing, (n_sub,)."""
    starts = np.flatnonzero(first_rows(table))
    gone = table[name].isna().to_numpy(dtype=bool)
    return np.asarray(np.logical_or.reduceat(gone, starts))


def subject_values(table: pd.DataFrame, name: str) -> Values:
    """Return a covariate that is constant within subjects, (n_sub,)."""
    return table[name].to_numpy()[first_rows(table)]


def is_categorical(values: Values) -> bool:
    """Return whether a covariate is text, or whole numbers of few different values.

    Few are at most five, each of them in two subjects on average.
    """
    if not pd.api.types.is_numeric_dtype(values.dtype):
        return True
    known = values[~pd.isna(values)]
    levels = np.unique(known)
    few = len(levels) <= FEW and 2 * len(levels) <= len(known)
    return few and bool((levels == np.round(levels)).all())


def typical_value(values: Values) -> Any:
    """Return the median of the known values, or the most frequent one of a categorical covariate.

    Of values that are equally frequent the first in order.
    """
    known = values[~pd.isna(values)]
    if not is_categorical(values):
        return float(np.median(known))
    levels, counts = np.unique(known.astype(object), return_counts=True)
    return levels[int(np.argmax(counts))]

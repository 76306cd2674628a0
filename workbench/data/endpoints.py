"""Endpoints: what DVID, or the compartment of an observation, tells apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.data.draft import Draft
from workbench.data.numbers import is_missing, text_with_gaps, to_numbers

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

ONLY = "DV"  # the label of the endpoint of data that name none


def observed_places(draft: Draft) -> tuple[str, npt.NDArray[Any], Mask]:
    """Return the column that tells endpoints apart, its labels, and where they are given.

    The column is DVID if any observation has one, else CMT.
    """
    if draft.has("DVID"):
        values = draft.raw.columns["DVID"]
        given = ~is_missing(values)
        if np.any(given & draft.is_observed):
            numbers, words = to_numbers(values)
            return "DVID", (text_with_gaps(values) if words.any() else numbers), given
    place = draft.compartment
    given = place != ("0" if place.dtype == object else 0)
    if not np.any(given & draft.is_observed):
        given = np.ones(draft.n, dtype=bool)
    return "CMT", place, given


def endpoint_labels(table: pd.DataFrame, observed: Mask) -> tuple[Any, ...]:
    """Return the labels of the endpoints: numbers ascending, or text as it first appears.

    Parameters
    ----------
    table : canonical
    observed : (n,)  the rows that are observations
    """
    column = _column(table, observed)
    if column is None:
        return (ONLY,)
    labels = pd.unique(_labels(column)[observed])
    found = [label for label in labels if not pd.isna(label) and label not in (0, "0")]
    if column.name == "DVID":
        found = [label for label in labels if not pd.isna(label)]
    if all(isinstance(label, str) for label in found):
        return tuple(found)
    numbers = sorted(float(label) for label in found)
    return tuple(int(n) if n.is_integer() else n for n in numbers)


def endpoint_numbers(table: pd.DataFrame, observed: Mask, endpoints: tuple[Any, ...]) -> Ints:
    """Return the 0-based endpoint of each row, 0 where a row names none of them.

    Parameters
    ----------
    table, observed : as for `endpoint_labels`
    endpoints : labels in order
    """
    column = _column(table, observed)
    if column is None or len(endpoints) == 1:
        return np.zeros(len(table), dtype=np.int64)
    index = pd.Index(list(endpoints)).get_indexer(pd.Index(_labels(column)))
    return np.maximum(index, 0).astype(np.int64)


def _column(table: pd.DataFrame, observed: Mask) -> pd.Series[Any] | None:
    """Return the column of the table that tells endpoints apart, None if there is none."""
    if "DVID" in table and table["DVID"][observed].notna().any():
        return table["DVID"]
    if "CMT" in table:
        places = table["CMT"].to_numpy()[observed]
        if np.any((places != 0) & (places != "0")):
            return table["CMT"]
    return None


def _labels(column: pd.Series[Any]) -> npt.NDArray[Any]:
    """Return the labels as an array of numbers or of objects."""
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype=np.float64)
    return column.to_numpy(dtype=object)

"""Text to numbers: what counts as missing, decimal commas, and what is not a number."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

MISSING = ("", ".", "NA", "N/A", "na", "n/a", "NaN", "nan", "null", "NULL", "None", "#N/A")

_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")
_CLOCK = re.compile(r"\d{1,2}:\d{2}|\d{4}-\d{2}-\d{2}|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}")


def is_number(text: str) -> bool:
    """Tell whether a cell holds a number (or stands for a missing one)."""
    if text in MISSING:
        return True
    try:
        float(text)
    except ValueError:
        return False
    return True


def is_clock(text: str) -> bool:
    """Tell whether a cell holds a clock time or a date."""
    return bool(_CLOCK.search(text))


def is_missing(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Mark missing cells of a column of numbers or of text."""
    if values.dtype != object:
        return np.isnan(values)
    return pd.Series(values, dtype=object).isin(MISSING).to_numpy()


def to_numbers(
    values: npt.NDArray[Any],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return the column as numbers (missing: NaN) and the mask of cells that are text.

    Parameters
    ----------
    values : (n,) float64, or object of stripped text
    """
    if values.dtype != object:
        return values.astype(np.float64), np.zeros(len(values), dtype=bool)
    numbers = np.full(len(values), np.nan)
    present = ~is_missing(values)
    try:
        numbers[present] = values[present].astype(np.float64)
    except ValueError:
        codes, distinct = pd.factorize(values)
        parsed = np.array([_parse(text) for text in distinct])
        numbers = np.where(present, parsed[codes], np.nan)
        return numbers, present & np.isnan(numbers)
    return numbers, np.zeros(len(values), dtype=bool)


def all_whole(numbers: npt.NDArray[np.float64]) -> bool:
    """Tell whether the numbers that are there are whole and small enough to be exact."""
    present = numbers[~np.isnan(numbers)]
    exact = np.abs(present) < 2.0**53
    return bool(exact.all() and np.all(np.mod(present, 1) == 0))


def text_with_gaps(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a column of text with None where it is missing."""
    text = values.copy()
    text[is_missing(values)] = None
    return text


def decimal_commas(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Mark the cells written like 1,5."""
    return _matches(values, _COMMA)


def decimal_points(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Mark the cells written like 1.5."""
    return _matches(values, _POINT)


def replace_commas(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the column with decimal commas written as points."""
    commas = decimal_commas(values)
    changed = values.copy()
    changed[commas] = [text.replace(",", ".") for text in values[commas]]
    return changed


def _matches(values: npt.NDArray[Any], pattern: re.Pattern[str]) -> npt.NDArray[np.bool_]:
    """Mark the cells that the pattern matches entirely; a column of numbers has none."""
    if values.dtype != object:
        return np.zeros(len(values), dtype=bool)
    codes, distinct = pd.factorize(values)
    hits = np.array([bool(pattern.fullmatch(text)) for text in distinct], dtype=bool)
    found: npt.NDArray[np.bool_] = hits[codes]
    return found


def _parse(text: str) -> float:
    """Return the number, NaN if the text is none."""
    try:
        return float(text)
    except ValueError:
        return np.nan

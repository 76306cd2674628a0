"""Blocks of constant covariates: over which rows which values hold."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

INTERPOLATIONS = ("nocb", "locf")


class Blocks(NamedTuple):
    """Stretches of a subject's rows with the same covariates.

    Attributes
    ----------
    start : (n_sub + 1,)  offsets of the subjects' blocks
    values : (n_blocks, n_cov)
    of_row : (n,)  block of each row, from 0 within the subject
    """

    start: Ints
    values: Floats
    of_row: Ints


def make_blocks(values: Floats, first: Mask) -> Blocks:
    """Group rows that have the same covariates as the row before them.

    Parameters
    ----------
    values : (n, n_cov)  NaN where missing
    first : (n,)  the first row of each subject
    """
    opens = first | changes(values)
    number = np.cumsum(opens) - 1
    base = number[first]
    start = np.append(base, number[-1] + 1).astype(np.int64)
    of_row = number - base[np.cumsum(first) - 1]
    return Blocks(start, values[opens], of_row.astype(np.int64))


def changes(values: Floats) -> Mask:
    """Mark the rows that differ from the row before (missing = missing)."""
    differs = np.zeros(len(values), dtype=bool)
    if values.shape[1]:
        now, before = values[1:], values[:-1]
        both_gone = np.isnan(now) & np.isnan(before)
        differs[1:] = np.any((now != before) & ~both_gone, axis=1)
    return differs

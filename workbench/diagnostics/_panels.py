"""Panels and bins: which observations are looked at together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.diagnostics._binning import bin_edges, bin_numbers
from workbench.diagnostics._strata import Labels

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BIN_COLUMNS = ("STRATUM", "ENDPOINT", "BIN", "X_LOW", "X_HIGH", "X_MEDIAN", "N")


@dataclass(frozen=True, slots=True)
class Bin:
    """Observations that are taken together.

    Attributes
    ----------
    stratum, endpoint : labels
    number : from 1
    low, high : edges
    rows : (n,)  observations
    """

    stratum: str
    endpoint: str
    number: int
    low: float
    high: float
    rows: Ints

    def place(self, x: Floats) -> list[Any]:
        """Return the values of `BIN_COLUMNS`, given x of all observations."""
        middle = float(np.median(x[self.rows]))
        where = [self.stratum, self.endpoint, self.number, self.low, self.high]
        return [*where, middle, len(self.rows)]


def endpoint_names(points: pd.DataFrame) -> list[str]:
    """Return the endpoints that were observed, in the model's order (else as they appear)."""
    column = points["ENDPOINT"]
    present = dict.fromkeys(column.astype(str))
    if isinstance(column.dtype, pd.CategoricalDtype):
        return [str(name) for name in column.cat.categories if str(name) in present]
    return list(present)


def panels(points: pd.DataFrame, strata: Labels) -> list[tuple[str, str, Ints]]:
    """Return stratum, endpoint and observations of each panel that has any.

    Parameters
    ----------
    points : one row per observation
    strata : the label of each, and the labels in order
    """
    label, order = strata
    of = points["ENDPOINT"].astype(str).to_numpy()
    found = [
        (name, endpoint, np.flatnonzero((label == name) & (of == endpoint)))
        for name in order
        for endpoint in endpoint_names(points)
    ]
    return [panel for panel in found if len(panel[2])]


def make_bins(
    points: pd.DataFrame,
    x: str,
    strata: Labels,
    method: str,
    n: int | None = None,
    edges: Sequence[float] | None = None,
) -> list[Bin]:
    """Return the bins that hold observations; each panel has its own, unless they are given."""
    values, found = points[x].to_numpy(float), []
    for stratum, endpoint, mine in panels(points, strata):
        rows = mine[np.isfinite(values[mine])]
        if not len(rows):
            continue
        own = bin_edges(values[rows], method, n) if edges is None else np.asarray(edges, float)
        number = bin_numbers(values[rows], own)
        for k in np.unique(number[number >= 0]):
            low, high = float(own[k]), float(own[k + 1])
            found.append(Bin(stratum, endpoint, int(k) + 1, low, high, rows[number == k]))
    return found

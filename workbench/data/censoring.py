"""Observations known only to lie beyond a limit, and what is done with those below it.

A row with CENS 1 is below its DV, one with CENS -1 above it; a LIMIT on such a row is the other
bound, so that the value lies between the two (Monolix's convention). The methods for values below
the limit of quantification are those of Beal (2001, J Pharmacokinet Pharmacodyn 28:481).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.core.residuals import ABOVE, BELOW, BELOW_TRUNCATED, BETWEEN, OBSERVED, TRUNCATED
from workbench.data.findings import count
from workbench.errors import DataError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Limit = float | Mapping[Any, float]

#: The methods for values below the limit of quantification, and what each does with them.
BLQ_METHODS: Mapping[str, str] = {
    "M1": "discarded",
    "M2": "discarded, and the likelihood of the others is that of a value above the limit",
    "M3": "used by the likelihood of being below the limit",
    "M4": "used by the likelihood of being below the limit, given that every value is above 0",
    "M5": "replaced by half the limit",
    "M6": "replaced by half the limit where they are the first of a run, later ones discarded",
    "M7": "replaced by 0",
}
LIKELIHOOD = ("M2", "M3", "M4")  # methods under which some observation is not a plain one


@dataclass(frozen=True, slots=True)
class Handled:
    """What the rows of a table are as observations; every array is (n_rows,).

    Attributes
    ----------
    observed : whether it is an observation
    dv : its value, or the limit it lies beyond
    kind : see `core.residuals`
    limit : the other limit of kinds that have one, else dv
    """

    observed: Mask
    dv: Floats
    kind: Ints
    limit: Floats


def flags(table: pd.DataFrame) -> Ints:
    """Return CENS of every row: 1 below DV, -1 above it, 0 observed."""
    if "CENS" not in table:
        return np.zeros(len(table), dtype=np.int64)
    return table["CENS"].fillna(0).to_numpy(dtype=np.int64)


def handle(
    table: pd.DataFrame, observed: Mask, method: str, limit: Limit | None, places: npt.NDArray[Any]
) -> Handled:
    """Say what every row of a table is under a method for values below the limit.

    Parameters
    ----------
    observed : (n_rows,)  rows with a DV that counts
    method : of `BLQ_METHODS`; "" where no row is below a limit
    limit : of M2 and M4, see `Dataset.with_blq`; None is 0
    places : (n_rows,)  label of the endpoint of each row

    Raises
    ------
    DataError
        The method does not go with these data.
    """
    dv = table["DV"].to_numpy(dtype=np.float64).copy()
    other = table["LIMIT"].to_numpy(dtype=np.float64) if "LIMIT" in table else np.nan * dv
    cens = np.where(observed, flags(table), 0)
    kind = np.select([cens > 0, cens < 0], [BELOW, ABOVE], OBSERVED)
    two = (cens != 0) & ~np.isnan(other)
    kind[two] = BETWEEN
    bounds = np.where(two, other, dv)
    below, used = cens == 1, observed.copy()
    if method in ("M1", "M2"):
        used &= ~below
    elif method in ("M5", "M7"):
        dv[below] = dv[below] / 2.0 if method == "M5" else 0.0
    elif method == "M6":
        dv[below] /= 2.0
        used &= ~_later_of_a_run(table, observed, below, places)
    if method in ("M5", "M6", "M7"):
        kind[below] = OBSERVED
        bounds[below] = dv[below]
    if method in ("M2", "M4"):
        bounds = _truncate(table, used, kind, cens, dv, _bounds(limit, places))
    return Handled(used, dv, kind.astype(np.int64), bounds)


def _later_of_a_run(
    table: pd.DataFrame, observed: Mask, below: Mask, places: npt.NDArray[Any]
) -> Mask:
    """Mark the rows below the limit whose subject's observation before was below it too."""
    rows = np.flatnonzero(observed)
    frame = pd.DataFrame(
        {"subject": table["ID"].to_numpy()[rows], "place": places[rows], "below": below[rows]}
    )
    before = frame.groupby(["subject", "place"], sort=False)["below"].shift(1, fill_value=False)
    later = np.zeros(len(table), dtype=bool)
    later[rows] = frame["below"].to_numpy() & before.to_numpy(dtype=bool)
    return later


def _bounds(limit: Limit | None, places: npt.NDArray[Any]) -> Floats:
    """Return the limit of each row at which its distribution is cut off, NaN where it is not."""
    if not isinstance(limit, Mapping):
        return np.full(len(places), 0.0 if limit is None else float(limit))
    out = np.full(len(places), np.nan)
    known = {str(place) for place in pd.unique(pd.Series(places))}
    for label, value in limit.items():
        if str(label) in known:
            out[[str(place) == str(label) for place in places]] = value
    return out


def _truncate(
    table: pd.DataFrame, used: Mask, kind: Ints, cens: Ints, dv: Floats, bound: Floats
) -> Floats:
    """Turn observations into truncated ones, in `kind`; return the other limits."""
    given = used & ~np.isnan(bound)
    text = "A value cannot be conditional on being above a limit that it is below"
    _refuse(table, given & (cens == 0) & (dv < bound), dv, text)
    _refuse(table, given & (cens == 1) & (dv <= bound), dv, text)
    text = "M2 and M4 are for observed values and values below a limit; this one is above one"
    _refuse(table, given & (cens == -1), dv, text)
    kind[given & (cens == 0)] = TRUNCATED
    kind[given & (cens == 1)] = BELOW_TRUNCATED
    return np.where(given, bound, dv)


def _refuse(table: pd.DataFrame, at: Mask, dv: Floats, text: str) -> None:
    rows = np.flatnonzero(at)
    if not len(rows):
        return
    first = int(rows[0])
    more = f" and {count(len(rows) - 1, 'more row')}" if len(rows) > 1 else ""
    raise DataError(
        f"{text}: DV {dv[first]:g} at row {table['ROW'].iloc[first]} "
        f"(ID {table['ID'].iloc[first]}){more}. Use M3, another limit=, or correct the row."
    )

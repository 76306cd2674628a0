"""The covariates of every subject, told apart by what can be drawn of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.diagnostics._base import Diagnostic

if TYPE_CHECKING:
    from workbench.data import Dataset

COLUMNS = ("ID", "covariate", "kind", "value", "level", "varies")
FEW = 5  # distinct numbers up to which a covariate counts as categorical


def table(data: Dataset) -> pd.DataFrame:
    """Return one row per covariate and subject: ID, covariate, kind, value, level, varies.

    `kind` is "continuous", "categorical" (text, or whole numbers with at most five distinct
    values, each of two subjects or more on average), "constant" (the same for all) or "missing".
    `value` is the number, `level` the text of a category; what a kind does not have, and what the
    subject lacks, is missing. A covariate that changes within subjects (`varies`) has the value
    of the subject's first row.
    """
    first = ~data.table["ID"].duplicated()
    rows = data.table.loc[first]
    parts = [
        _one(rows["ID"], name, rows[name], name in data.time_varying)
        for name in data.covariate_names
    ]
    if not parts:
        empty = {name: pd.Series(dtype=object) for name in COLUMNS}
        return pd.DataFrame(empty).astype({"value": float, "varies": bool})
    return pd.concat(parts, ignore_index=True)


def _one(labels: pd.Series, name: str, column: pd.Series, varies: bool) -> pd.DataFrame:
    """Return the rows of one covariate."""
    numeric = pd.api.types.is_numeric_dtype(column)
    seen = column.dropna()
    distinct = seen.nunique()
    kind = "continuous" if numeric else "categorical"
    if distinct <= 1:
        kind = "constant" if distinct else "missing"
    elif numeric and distinct <= FEW and 2 * distinct <= len(seen) and (seen % 1 == 0).all():
        kind = "categorical"
    values = column.to_numpy(float) if numeric else np.full(len(column), np.nan)
    levels = np.full(len(column), None, dtype=object)
    if kind != "continuous":
        levels[:] = [None if pd.isna(v) else _word(v) for v in column]
    return pd.DataFrame(
        {
            "ID": pd.Series(labels.to_numpy(object), dtype=object),
            "covariate": name,
            "kind": kind,
            "value": values,
            "level": pd.Series(levels, dtype=object),
            "varies": varies,
        }
    )


def _word(value: object) -> str:
    """Return a category as text."""
    return f"{value:g}" if isinstance(value, int | float | np.number) else str(value)


DIAGNOSTIC = Diagnostic(name="covariates", title="Covariates", table=table, needs="dataset")

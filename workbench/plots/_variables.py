"""What is known of each subject, to colour, split and filter by: covariates, parameters, etas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from workbench.plots._base import Label
from workbench.plots._marks import Values

if TYPE_CHECKING:
    from workbench.data import Dataset
    from workbench.results import FitResult

COVARIATE, PARAMETER, EFFECT = "covariate", "individual parameter", "random effect"
MOST_NUMBERS = 6  # whole numbers with at most so many different values are taken as levels
MISSING = "missing"
#: Columns of tables, not of subjects, that a filter may name.
ROW_COLUMNS = ("TIME", "TAD", "ENDPOINT")


@dataclass(frozen=True, slots=True)
class Variable:
    """One value for each subject.

    Attributes
    ----------
    name, unit : of the column; the unit is "" where unknown
    kind : `COVARIATE`, `PARAMETER` or `EFFECT`
    values : by subject (the index); numbers, or text with None where missing
    levels : of a categorical variable, in order; empty for a continuous one
    why : why it tells no subjects apart, in a word; "" where it does
    """

    name: str
    unit: str
    kind: str
    values: pd.Series[Any]
    levels: tuple[Any, ...] = ()
    why: str = ""

    @property
    def categorical(self) -> bool:
        """Whether it has levels."""
        return bool(self.levels)

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers, levels or not."""
        return self.values.dtype != object

    def of(self, labels: Values) -> Values:
        """Return the values of these subjects, missing for those that have none."""
        return self.values.reindex(pd.Index(labels, dtype=object)).to_numpy()


def level_word(level: object) -> str:
    """Return a level as a person writes it: ``"1"`` for 1.0."""
    return f"{level:g}" if isinstance(level, float) else str(level)


def variables(source: FitResult | Dataset) -> dict[str, Variable]:
    """Return what is known of each subject, by name.

    Covariates by their own names (those that change in time as they were at the subject's first
    record), individual parameters of a fit by theirs, its random effects as ``"eta[cl]"``.
    """
    data = cast("Any", getattr(source, "data", source))
    found: dict[str, Variable] = {}
    for name, values in _covariates(data).items():
        found[name] = _variable(name, data.units.get(name, ""), COVARIATE, values)
    phi, eta = (getattr(source, name, None) for name in ("individual_parameters", "etas"))
    units = getattr(source, "units", {})
    if phi is not None:
        for name in phi.columns:
            if str(name) not in found:
                values = phi[name].astype(float)
                found[str(name)] = _variable(str(name), units.get(name, ""), PARAMETER, values)
    if eta is not None:
        for name in eta.columns:
            key = f"eta[{name}]"
            found[key] = _variable(key, "", EFFECT, eta[name].astype(float))
    return found


def _covariates(data: Any) -> dict[str, pd.Series[Any]]:
    """Return the covariates by name, each by subject."""
    table = getattr(data, "covariates", None)
    if table is None:
        return {}
    columns = {name: table[name] for name in table.columns if name != "ID"}
    index = pd.Index(table["ID"], dtype=object)
    changing = getattr(data, "time_varying", ())
    if changing:
        first = data.table.drop_duplicates("ID")
        columns |= {name: first[name] for name in changing}
    order = [n for n in getattr(data, "covariate_names", columns) if n in columns]
    return {name: pd.Series(columns[name].to_numpy(), index=index) for name in order}


def _variable(name: str, unit: str, kind: str, values: pd.Series[Any]) -> Variable:
    """Return a variable with its levels, if it is categorical, and whether it says anything."""
    values = values.set_axis(pd.Index(values.index, dtype=object))
    if pd.api.types.is_numeric_dtype(values.dtype):
        values = values.astype(float)
        seen = np.unique(values[np.isfinite(values)])
        whole = kind == COVARIATE and bool((seen == np.round(seen)).all())
        levels = tuple(seen.tolist()) if whole and len(seen) <= MOST_NUMBERS else ()
    else:
        values = values.astype(object)
        known = values[values.notna()]
        seen = np.unique(known.astype(str))
        levels = tuple(seen.tolist())
        values = values.map(lambda level: None if pd.isna(level) else str(level)).astype(object)
    if not len(seen):
        why = MISSING
    elif len(seen) == 1 and not _some_missing(values):
        why = "constant"
    else:
        why = ""
    return Variable(name, unit, kind, values, levels, why)


def _some_missing(values: pd.Series[Any]) -> bool:
    return bool(values.isna().any())


def missing_label(value: Label) -> bool:
    """Return whether a subject's value is missing."""
    return value is None or value != value

"""Compartments of doses, by number or by name, against those that a model has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.data.columns import did_you_mean
from workbench.data.doses import dose_rows
from workbench.errors import DataError

Ints = npt.NDArray[np.int64]


def resolve_compartments(
    table: pd.DataFrame, names: Sequence[str], *, source: str, model: str
) -> Ints:
    """Return the 1-based compartment of each dose row of the table; 0 on other rows.

    Parameters
    ----------
    table : canonical; CMT holds numbers, or text where the data name compartments
    names : the compartments that the model has, in order
    source, model : what messages call the data and the model

    Raises
    ------
    DataError
        A dose goes into a compartment that the model does not have.
    """
    place = table["CMT"]
    dose = dose_rows(table)
    if pd.api.types.is_numeric_dtype(place):
        number = place.to_numpy(dtype=np.int64)
    else:
        codes, distinct = pd.factorize(place.to_numpy(dtype=object))
        number = np.array([_number(str(label), names) for label in distinct])[codes]
    wrong = dose & ((number < 1) | (number > len(names)))
    if wrong.any():
        k = int(np.flatnonzero(wrong)[0])
        row, subject, time, label = (table[c].iloc[k] for c in ("ROW", "ID", "TIME", "CMT"))
        more = int(wrong.sum()) - 1
        others = f" and on {more} more" if more else ""
        listed = ", ".join(f"{n} = {name}" for n, name in enumerate(names, start=1))
        hint = "" if number[k] > 0 else did_you_mean(str(label), names).split("There are")[0]
        raise DataError(
            f"{source}: a dose goes into compartment {label}, which {model} does not have "
            f"(row {row}, ID {subject}, TIME {time:g}{others}). {hint}Its compartments are "
            f"{listed}. Correct CMT, or choose a structure with that compartment."
        )
    return np.where(dose, number, 0).astype(np.int64)


def _number(label: str, names: Sequence[str]) -> int:
    """Return the number of a compartment written as a number or a name; -1 if it is neither."""
    if label.isdigit():
        return int(label)
    if label in names:
        return list(names).index(label) + 1
    folded = [name.casefold() for name in names]
    return folded.index(label.casefold()) + 1 if folded.count(label.casefold()) == 1 else -1

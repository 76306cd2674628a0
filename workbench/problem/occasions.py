"""Occasions: which rows of a subject belong to which, and who has how many.

A subject's occasions are numbered as they first appear. Rows with the same label belong to the same
occasion wherever they stand, as with NONMEM code that tests OCC.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.data.columns import did_you_mean
from workbench.data.dataset import Dataset
from workbench.data.doses import dose_rows, first_rows
from workbench.errors import DataError, ModelError
from workbench.models.endpoints import label_key
from workbench.models.model import Model

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

RESET, DOSE = "reset", "dose"  # occasions that follow from the records


@dataclass(frozen=True, slots=True)
class Occasions:
    """The occasions of a data set.

    Attributes
    ----------
    labels : of each subject's occasions, as they first appear
    of_row : (n_rows,)  number of the occasion of each row of the table, from 0 in each subject
    used : (n_sub, n_occ)  which numbers a subject has, up to the most that anybody has
    """

    labels: tuple[tuple[Any, ...], ...]
    of_row: Ints
    used: Bools

    @property
    def most(self) -> int:
        """Most occasions of one subject."""
        return self.used.shape[1]


def count_random_effects(model: Model, data: Dataset | None) -> int:
    """Return how many random effects the subject with most occasions has, kappas included.

    Raises
    ------
    DataError, ModelError
        As `find_occasions`.
    """
    occasions = None if data is None else find_occasions(model, data)
    return len(model.etas) + len(model.iov) * (0 if occasions is None else occasions.most)


def find_occasions(model: Model, data: Dataset, *, estimable: bool = False) -> Occasions | None:
    """Return the occasions by which a model's parameters vary; None where none does.

    Parameters
    ----------
    estimable : refuse data from which the variance between occasions cannot be told

    Raises
    ------
    DataError, ModelError
        There is no such column, a row has no occasion, or every subject has a single one.
    """
    if not model.iov:
        return None
    labels = _labels(model.occasion, data)
    first = first_rows(data.table)
    subject = np.cumsum(first) - 1
    of_row = np.zeros(len(labels), dtype=np.int64)
    known: list[dict[Any, int]] = [{} for _ in range(data.n_sub)]
    for row, (i, label) in enumerate(zip(subject, labels, strict=True)):
        of_row[row] = known[i].setdefault(label, len(known[i]))
    counts = np.array([len(own) for own in known])
    if estimable and counts.max(initial=0) < 2:
        _refuse_single(model, data)
    used = np.arange(counts.max(initial=1)) < counts[:, None]
    return Occasions(tuple(tuple(own) for own in known), of_row, used)


def single_observations(model: Model, data: Dataset, occasions: Occasions | None) -> list[str]:
    """Return a sentence where no occasion has more than one observation.

    What varies between such occasions varies from one observation to the next, as the residual
    error does.
    """
    if occasions is None or occasions.most < 2:
        return []
    rows = data.population.obs_row
    subject = np.cumsum(first_rows(data.table)) - 1
    place = subject[rows] * occasions.most + occasions.of_row[rows]
    if np.bincount(place, minlength=1).max(initial=0) > 1:
        return []
    return [
        f"No occasion ({model.occasion}) has more than one observation, so the variability of "
        f"{', '.join(model.iov)} between occasions can hardly be told from the residual error. Is "
        f"{model.occasion} the right column? occasion= names another."
    ]


def _labels(occasion: str, data: Dataset) -> list[Any]:
    """Return the label of the occasion of every row."""
    table = data.table
    if occasion in (RESET, DOSE):
        opens = np.isin(table["EVID"], (3, 4)) if occasion == RESET else dose_rows(table)
        count = pd.Series(opens.astype(np.int64)).groupby(np.cumsum(first_rows(table))).cumsum()
        # What stands before the first dose belongs to it; before the first reset it is its own.
        return list(count.clip(lower=1) if occasion == DOSE else count + 1)
    if occasion not in table.columns:
        columns = [name for name in ("OCC", *data.covariate_names) if name in table.columns]
        advice = did_you_mean(occasion, columns) if columns else "It has no column of that kind."
        raise DataError(
            f"{data.name} has no column {occasion!r}, which says the occasion of each row. "
            f"{advice} Name the column with wb.Model(..., occasion=...), or let occasions begin at "
            f'resets (occasion="{RESET}") or at doses (occasion="{DOSE}").'
        )
    values = table[occasion]
    missing = np.flatnonzero(values.isna())
    if len(missing):
        row, who = (table[name].iloc[missing[0]] for name in ("ROW", "ID"))
        raise DataError(
            f"{data.name}: {occasion} is missing on {len(missing)} rows, first on row {row} "
            f"(ID {who}), and the model has variability between occasions. Give the occasion of "
            "every row, dose rows included."
        )
    return [label_key(value) for value in values]


def _refuse_single(model: Model, data: Dataset) -> None:
    """Refuse variability between occasions where nobody has two."""
    names = [n for n in model.iov if "iov" not in model.parameters[n].fixed]
    if not names:
        return
    raise ModelError(
        f"Every subject of {data.name} has one occasion only ({model.occasion}), so the "
        f"variability of {', '.join(names)} between occasions cannot be told from that between "
        "subjects. Drop iov=, fix it (wb.Fixed), or name another column (occasion=...)."
    )

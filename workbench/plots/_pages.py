"""Subjects in an order of one's choice, cut into pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.errors import OptionError
from workbench.plots._base import Label
from workbench.registry import unknown_name

BY_ID = "ID"


@dataclass(frozen=True, slots=True)
class Pages:
    """Subjects in order, so many a page.

    Attributes
    ----------
    labels : of all subjects, in order
    per_page : subjects of a page
    notes : by subject, what it was sorted by, such as ``"cl 2.81"``; empty by ID
    """

    labels: tuple[Label, ...]
    per_page: int
    notes: Mapping[Label, str]

    def __len__(self) -> int:
        """Return the number of pages, at least 1."""
        return max(1, -(-len(self.labels) // self.per_page))

    def page(self, number: int) -> list[Label]:
        """Return the subjects of a page, counted from 1.

        Raises
        ------
        OptionError
            There is no such page.
        """
        if isinstance(number, bool) or number != int(number) or not 1 <= number <= len(self):
            raise OptionError(f"There is no page {number}: pages are 1 to {len(self)}.")
        first = (int(number) - 1) * self.per_page
        return list(self.labels[first : first + self.per_page])

    def page_of(self, label: Label) -> int:
        """Return the number of the page that a subject is on; 1 for one that there is not."""
        if label not in self.labels:
            return 1
        return self.labels.index(label) // self.per_page + 1

    def title(self, number: int) -> str:
        """Return ``"Individual fits · subjects 25 to 36 of 100"``, or what is needed of it."""
        if len(self) == 1:
            return "Individual fits"
        first = (number - 1) * self.per_page + 1
        last = min(first + self.per_page - 1, len(self.labels))
        return f"Individual fits · subjects {first} to {last} of {len(self.labels)}"


def sort_keys(subjects: pd.DataFrame) -> list[str]:
    """Return what subjects can be sorted by: ID, then the quantities of the table."""
    return [BY_ID, *(str(name) for name in dict.fromkeys(subjects["quantity"]))]


def pages(
    subjects: pd.DataFrame, per_page: int, *, sort_by: str = BY_ID, descending: bool = False
) -> Pages:
    """Return the subjects of the diagnostic `subjects` in an order, in pages.

    Parameters
    ----------
    per_page : subjects of a page
    sort_by : "ID" for the order of the data, or a quantity of the table. Subjects without a
        value come last
    descending : from the largest to the smallest

    Raises
    ------
    OptionError, UnknownNameError
        The number is below 1, or there is no such quantity.
    """
    if isinstance(per_page, bool) or per_page != int(per_page) or per_page < 1:
        raise OptionError(f"A page holds a whole number of subjects of at least 1, not {per_page}.")
    if sort_by not in sort_keys(subjects):
        raise unknown_name("quantity to sort subjects by", sort_by, sort_keys(subjects))
    labels = list(dict.fromkeys(subjects["ID"]))
    if sort_by == BY_ID:
        return Pages(tuple(labels[::-1] if descending else labels), int(per_page), {})
    rows = subjects[np.asarray(subjects["quantity"] == sort_by, dtype=bool)]
    value = rows["value"].to_numpy(float)
    order = np.argsort(-value if descending else value, kind="stable")  # NaN is last either way
    shown = sort_by.replace("_per_obs", " per observation").replace("rms_iwres", "RMS IWRES")
    shown = "η " + shown.removeprefix("eta_") if rows["kind"].iloc[0] == "eta" else shown
    notes = {
        label: f"{shown} {level if isinstance(level, str) else f'{number:.3g}'}"
        for label, number, level in zip(rows["ID"], value.tolist(), rows["level"], strict=True)
        if np.isfinite(number)
    }
    return Pages(tuple(rows["ID"].iloc[order]), int(per_page), notes)

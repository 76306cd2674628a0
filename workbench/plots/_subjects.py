"""Quick access to the rows of one subject in a long table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.plots._base import Label


class Subjects:
    """The rows of each subject, found once and then looked up.

    Parameters
    ----------
    table : has a column ID; the order of the subjects is that of their first rows
    """

    def __init__(self, table: pd.DataFrame) -> None:
        codes, labels = pd.factorize(table["ID"].to_numpy(object))
        self.labels: list[Label] = list(labels)
        self._table = table
        self._order = np.argsort(codes, kind="stable")
        self._start = np.searchsorted(codes[self._order], np.arange(len(labels) + 1))
        self._place = {label: i for i, label in enumerate(self.labels)}

    def split(self, values: np.ndarray) -> list[np.ndarray]:
        """Return values that run along the table, cut into one array per subject."""
        return np.split(values[self._order], self._start[1:-1])

    def rows(self, label: Label) -> pd.DataFrame:
        """Return the rows of one subject, in the table's order."""
        i = self._place[label]
        return self._table.iloc[self._order[self._start[i] : self._start[i + 1]]]

    def select(self, labels: list[Label]) -> pd.DataFrame:
        """Return the rows of several subjects, subject after subject."""
        places = [self._place[label] for label in labels]
        parts = [self._order[self._start[i] : self._start[i + 1]] for i in places]
        return self._table.iloc[np.concatenate(parts)]

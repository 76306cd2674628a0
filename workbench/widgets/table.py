"""A table with one row per subject that takes part in the selection."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path

import anywidget
import pandas as pd
from traitlets import Int, List, Unicode

from workbench.widgets.markup import number

NOBODY = -1


class SubjectTable(anywidget.AnyWidget):
    """Rows by subject, in the order of the dataset; clicking one selects it everywhere."""

    _esm = Path(__file__).with_name("table.js")

    head = List(Unicode()).tag(sync=True)
    rows = List(List(Unicode())).tag(sync=True)
    labels = List(Unicode()).tag(sync=True)
    selected = Int(NOBODY).tag(sync=True)
    alt = Unicode("Individual parameters; a row selects its subject").tag(sync=True)

    def set_subjects(self, subjects: Sequence[Hashable]) -> None:
        """Tell the table who there is to select; its rows are empty until `show`."""
        self._codes = {label: code for code, label in enumerate(subjects)}
        self.labels = [str(label) for label in subjects]
        self.rows = []

    def code(self, label: Hashable) -> int:
        """Return the number by which the browser knows a subject."""
        return NOBODY if label is None else self._codes.get(label, NOBODY)

    def show(self, table: pd.DataFrame, heads: Sequence[str]) -> None:
        """Show one row per subject; `table` is indexed by subject, in the dataset's order."""
        self.head = ["ID", *heads]
        self.rows = [
            [str(label), *(number(float(value)) for value in row)]
            for label, row in zip(table.index, table.to_numpy(), strict=True)
        ]

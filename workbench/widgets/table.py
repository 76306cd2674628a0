"""A table with one row per subject that takes part in the selection."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path

import pandas as pd
from traitlets import List, Unicode

from workbench.widgets.markup import fixed, number
from workbench.widgets.selectable import SelectableView


class SubjectTable(SelectableView):
    """Rows by subject, in the order of the dataset; clicking one selects it everywhere."""

    _esm = Path(__file__).with_name("table.js")

    head = List(Unicode()).tag(sync=True)
    rows = List(List(Unicode())).tag(sync=True)
    alt = Unicode("Individual parameters; a row selects its subject").tag(sync=True)

    def set_subjects(self, subjects: Sequence[Hashable]) -> None:
        """Tell the table who there is to select; its rows are empty until `show`."""
        super().set_subjects(subjects)
        self.rows = []

    def show(
        self, table: pd.DataFrame, heads: Sequence[str], *, decimals: int | None = None
    ) -> None:
        """Show one row per subject; `table` is indexed by subject, in the dataset's order.

        Numbers have four significant digits, or so many decimals.
        """
        written = number if decimals is None else lambda value: fixed(value, decimals)
        self.head = ["ID", *heads]
        self.rows = [
            [str(label), *(written(float(value)) for value in row)]
            for label, row in zip(table.index, table.to_numpy(), strict=True)
        ]

"""Pages of individual fits, as the state asks for them."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import pandas as pd

from workbench.data import Dataset
from workbench.diagnostics import table
from workbench.plots import Pages, pages, sort_keys
from workbench.widgets.state import WorkbenchState

# The table that subjects are sorted by, of the fits that still exist.
_tables: WeakKeyDictionary[Any, dict[str, pd.DataFrame]] = WeakKeyDictionary()


def pages_in(dataset: Dataset | None, per_page: int) -> int:
    """Return how many pages the subjects of a dataset fill, at least 1."""
    return 1 if dataset is None else max(1, -(-dataset.n_sub // per_page))


def subjects_table(state: WorkbenchState) -> pd.DataFrame:
    """Return what subjects of the fit can be sorted by, made once for each fit and kind."""
    known = _tables.setdefault(state.fit, {})
    if state.individual not in known:
        known[state.individual] = table("subjects", state.fit, individual=state.individual)
    return known[state.individual]


def subject_pages(state: WorkbenchState) -> Pages:
    """Return the subjects of the fit in the order that the pager asks for.

    A quantity that this fit does not have counts as ID.
    """
    known, pager = subjects_table(state), state.pager
    by = pager.sort_by if pager.sort_by in sort_keys(known) else "ID"
    return pages(known, pager.per_page, sort_by=by, descending=pager.descending)

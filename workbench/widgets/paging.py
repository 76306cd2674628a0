"""Pages of individual fits, as the state asks for them."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import pandas as pd

from workbench.diagnostics import table
from workbench.plots import Pages, look, pages, sort_keys
from workbench.widgets.state import WorkbenchState

# The table that subjects are sorted by, of the fits that still exist.
_tables: WeakKeyDictionary[Any, dict[str, pd.DataFrame]] = WeakKeyDictionary()


def n_pages(state: WorkbenchState, per_page: int) -> int:
    """Return how many pages the subjects fill that the filters keep, at least 1."""
    if state.dataset is None:
        return 1
    n_sub = state.dataset.n_sub
    if state.fit is not None and state.lens.where:
        n_sub = len(look(state.lens, state.fit, strict=False).kept)
    return max(1, -(-n_sub // per_page))


def subjects_table(state: WorkbenchState) -> pd.DataFrame:
    """Return what subjects of the fit can be sorted by, made once for each fit and kind."""
    known = _tables.setdefault(state.fit, {})
    if state.individual not in known:
        known[state.individual] = table("subjects", state.fit, individual=state.individual)
    return known[state.individual]


def subject_pages(state: WorkbenchState) -> Pages:
    """Return the subjects that the filters keep in the order that the pager asks for.

    A quantity that this fit does not have counts as ID.
    """
    known, pager = subjects_table(state), state.pager
    if state.lens.where:
        kept = look(state.lens, state.fit, strict=False).kept
        known = known[known["ID"].isin(kept)]
    by = pager.sort_by if pager.sort_by in sort_keys(known) else "ID"
    return pages(known, pager.per_page, sort_by=by, descending=pager.descending)

"""The data as they were read: what is missing or below a limit, what looks odd, every row."""

from __future__ import annotations

from html import escape

import ipywidgets as W
import pandas as pd

from workbench.widgets.markup import NOTHING, html, styled, table
from workbench.widgets.panels._base import Panel, PanelView
from workbench.widgets.panels._below_limit import BelowLimitSection
from workbench.widgets.panels._missing_covariates import MissingCovariates
from workbench.widgets.session import Session

ROWS = 1_000  # rows of the data shown at once
AUDIT_ROWS = 500
NAME = "data_table"


def build(session: Session) -> PanelView:
    """Make the tab."""
    state = session.state
    missing, below = MissingCovariates(session), BelowLimitSection(session)
    audit, rows = html(), html()
    shown: list[object] = []

    def follow(_change: object = None) -> None:
        dataset = state.dataset
        if state.tab != NAME or dataset is None or dataset in shown:
            return
        shown[:] = [dataset]
        audit.value = audit_table(dataset.audit)
        rows.value = data_table(dataset.name, dataset.table, dataset.units)

    state.observe(follow, ["dataset", "tab"])
    follow()
    return PanelView(styled(W.VBox([missing.widget, below.widget, audit, rows]), "wb-document"))


def audit_table(audit: pd.DataFrame) -> str:
    """Return the audit as HTML."""
    if audit.empty:
        return "<h2>Audit</h2><p>Nothing had to be repaired, and nothing looks odd.</p>"
    cells = [
        [_plain(row.LEVEL), _plain(row.ROW), _plain(row.ID), _plain(row.COLUMN), str(row.MESSAGE)]
        for row in audit.head(AUDIT_ROWS).itertuples()
    ]
    more = _more(len(audit), AUDIT_ROWS)
    head = ("Level", "Row", "ID", "Column", "Message")
    return f"<h2>Audit</h2>{table(head, cells, words=5)}{more}"


def data_table(name: str, data: pd.DataFrame, units: dict[str, str]) -> str:
    """Return the data as HTML, units in the heads of the columns."""
    head = [f"{key} ({units[key]})" if units.get(key) else str(key) for key in data.columns]
    cells = [[_plain(value) for value in row] for row in data.head(ROWS).to_numpy(object)]
    title = f"<h2>{escape(name)}</h2>"
    return f"{title}{table(head, cells, words=0)}{_more(len(data), ROWS)}"


def _plain(value: object) -> str:
    """Return one cell; a missing value is a dash."""
    if isinstance(value, str):
        return value or NOTHING
    if pd.isna(value):  # type: ignore[call-overload]
        return NOTHING
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _more(n: int, shown: int) -> str:
    return f"<p>The first {shown} of {n} rows.</p>" if n > shown else ""


PANEL = Panel(NAME, "Data", "tab", 50, build)

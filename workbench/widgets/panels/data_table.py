"""The data as they were read: what is missing or below a limit, what looks odd, every row."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as W
import pandas as pd

from workbench.data.findings import grouped
from workbench.widgets.markup import NOTHING, html, styled, table
from workbench.widgets.panels._base import Panel, PanelView
from workbench.widgets.panels._below_limit import BelowLimitSection
from workbench.widgets.panels._missing_covariates import MissingCovariates
from workbench.widgets.session import Session

ROWS = 1_000  # rows of the data shown at once
AUDIT_LINES = 200
MOST_PLACES = 6  # rows and subjects of one line
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
    """Return the audit as HTML, equal findings in one line."""
    if audit.empty:
        return "<h2>Audit</h2><p>Nothing had to be repaired, and nothing looks odd.</p>"
    lines = grouped(audit)
    cells = [
        [
            _plain(row.LEVEL),
            _plain(row.COLUMN),
            str(row.MESSAGE),
            str(row.N or NOTHING),
            _where(row),
        ]
        for row in lines.head(AUDIT_LINES).itertuples()
    ]
    more = _more(len(lines), AUDIT_LINES)
    head = ("Level", "Column", "Message", "Rows", "Where")
    return f"<h2>Audit</h2><div class='wb-audit'>{table(head, cells, words=5)}</div>{more}"


def _count(n: Any) -> str:
    return str(n) if n else NOTHING


def _where(line: Any) -> str:
    """Return file rows and subjects of a finding: the first of many."""
    if not line.N:
        return "whole data"
    runs: list[list[int]] = []
    for row in sorted(line.ROWS):
        if runs and row == runs[-1][1] + 1:
            runs[-1][1] = row
        else:
            runs.append([row, row])
    said = [str(first) if first == last else f"{first}–{last}" for first, last in runs]
    ids = [str(label) for label in line.IDS]
    rows = ("row " if line.N == 1 else "rows ") + _first(said, len(line.ROWS) < line.N)
    return f"{rows} (ID {_first(ids, len(line.ROWS) < line.N)})" if ids else rows


def _first(words: list[str], more: bool) -> str:
    """Return the first of many words."""
    return ", ".join(words[:MOST_PLACES]) + (" …" if more or len(words) > MOST_PLACES else "")


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

"""What the checks find: problems that refuse the data, and lines of the audit."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.errors import DataError

ERROR, REPAIR, WARNING, NOTE = "error", "repair", "warning", "note"
AUDIT_COLUMNS = ("ROW", "ID", "COLUMN", "LEVEL", "MESSAGE")

MAX_PROBLEMS = 5  # problems spelt out in one DataError
MAX_PLACES = 3  # rows spelt out in one problem
MAX_AUDIT_ROWS = 100  # audit lines of one rule; the last line then says how many more there are

_REST = re.compile(r" \(and (\d+) more rows?\)$")  # how `_audit_lines` ends the last line of many

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's verdict: level, column, sentence, and the file rows and subjects it is about."""

    level: str
    column: str
    message: str
    rows: tuple[int, ...] = ()
    ids: tuple[Any, ...] = ()


class Findings:
    """Collects findings; tells rows and subjects from the position in the table.

    Parameters
    ----------
    source : what messages call the data, e.g. the file's name
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.items: list[Finding] = []
        self._rows: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._ids: npt.NDArray[Any] = np.empty(0, dtype=object)

    def locate(self, rows: npt.NDArray[np.int64], ids: npt.NDArray[Any]) -> None:
        """Tell which file row and subject each position of the table is."""
        self._rows, self._ids = rows, ids

    def refuse(self, column: str, what: str, at: Mask | None = None, advice: str = "") -> None:
        """Add a problem with the rows in `at` (none marked: no problem), or with the whole file."""
        rows, ids = self._places(at)
        if at is not None and not rows:
            return
        text = f"{what} {_where(rows, ids)}" if rows else what
        self.items.append(Finding(ERROR, column, f"{text}. {advice}".strip(), rows, ids))

    def add(self, level: str, column: str, message: str, at: Mask | None = None) -> None:
        """Add a line to the audit for every row in `at` (one line for the file if None)."""
        rows, ids = self._places(at)
        if rows or at is None:
            self.items.append(Finding(level, column, message, rows, ids))

    def stop_if_refused(self) -> None:
        """Raise one DataError that lists the first problems and counts all of them."""
        problems = [item for item in self.items if item.level == ERROR]
        if problems:
            raise DataError(_list_problems(problems, self.source))

    def audit(self) -> pd.DataFrame:
        """Return the repairs, warnings and notes, one line per file row, in file order.

        ROW is 0 where a line is about the whole file.
        """
        lines: list[tuple[Any, ...]] = []
        for item in self.items:
            lines.extend(_audit_lines(item))
        frame = pd.DataFrame(lines, columns=list(AUDIT_COLUMNS))
        frame["ROW"] = frame["ROW"].astype(np.int64)
        return frame.sort_values("ROW", kind="stable", ignore_index=True)

    def _places(self, at: Mask | None) -> tuple[tuple[int, ...], tuple[Any, ...]]:
        """Return file rows and subjects of the marked positions."""
        if at is None:
            return (), ()
        index = np.flatnonzero(at)
        rows = tuple(self._rows[index].tolist())
        return rows, tuple(self._ids[index].tolist()) if self._ids.size else ("",) * len(rows)


def grouped(audit: pd.DataFrame) -> pd.DataFrame:
    """Return an audit with one line for equal findings.

    Columns are LEVEL, COLUMN, MESSAGE, N (rows), ROWS and IDS (tuples, none of them twice); N is 0
    and the tuples are empty where a line is about the whole data.
    """
    found: dict[tuple[str, str, str], _Group] = {}
    columns = (audit[name].tolist() for name in AUDIT_COLUMNS)
    for row, label, column, level, text in zip(*columns, strict=True):
        rest = _REST.search(text)
        group = found.setdefault((level, column, _REST.sub("", text)), _Group())
        group.n += (row > 0) + (int(rest[1]) - 1 if rest else 0)
        if row > 0:
            group.rows[row] = None
        if label not in ("", None):
            group.ids[label] = None
    lines = [(*key, g.n, tuple(g.rows), tuple(g.ids)) for key, g in found.items()]
    return pd.DataFrame(lines, columns=["LEVEL", "COLUMN", "MESSAGE", "N", "ROWS", "IDS"])


@dataclass(slots=True)
class _Group:
    """How many rows an equal finding is about, and which of them the audit lists."""

    n: int = 0
    rows: dict[int, None] = field(default_factory=dict)
    ids: dict[Any, None] = field(default_factory=dict)


def with_note(audit: pd.DataFrame, column: str, text: str, what: str) -> pd.DataFrame:
    """Return an audit with one more note about the whole data, ``what: text.``."""
    line = pd.DataFrame([(0, "", column, NOTE, f"{what}: {text}.")], columns=list(AUDIT_COLUMNS))
    return pd.concat([audit, line], ignore_index=True)


def count(n: int, noun: str) -> str:
    """Return "1 row" or "2 rows"."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def not_in(values: Floats, allowed: tuple[float, ...]) -> Mask:
    """Mark the given values that are none of the allowed ones."""
    return ~np.isnan(values) & ~np.isin(values, allowed)


def first_value(values: Floats, at: Mask) -> str:
    """Return the first marked value, for a message."""
    return f"{values[at][0]:g}" if at.any() else ""


def _where(rows: tuple[int, ...], ids: tuple[Any, ...]) -> str:
    """Return "at row 4 (ID 1), row 9 (ID 2) and 3 more rows"."""
    places = [
        f"row {row} (ID {label})" if label not in ("", None) else f"row {row}"
        for row, label in zip(rows[:MAX_PLACES], ids, strict=False)
    ]
    more = len(rows) - len(places)
    tail = f" and {count(more, 'more row')}" if more else ""
    return "at " + ", ".join(places) + tail


def _list_problems(problems: list[Finding], source: str) -> str:
    """Return the text of a DataError: one problem as it is, several as a numbered list."""
    if len(problems) == 1:
        return f"{source}: {problems[0].message}"
    shown = problems[:MAX_PROBLEMS]
    lines = [f"  {k}. {item.message}" for k, item in enumerate(shown, start=1)]
    more = len(problems) - len(shown)
    if more:
        lines.append(f"  … and {more} more.")
    return f"{source}: {len(problems)} problems.\n" + "\n".join(lines)


def _audit_lines(item: Finding) -> list[tuple[Any, ...]]:
    """Return one audit line per row; past a limit, one line counts the rest."""
    if item.level == ERROR:
        return []
    if not item.rows:
        return [(0, "", item.column, item.level, item.message)]
    lines = [
        (row, label, item.column, item.level, item.message)
        for row, label in zip(item.rows[:MAX_AUDIT_ROWS], item.ids, strict=False)
    ]
    more = len(item.rows) - len(lines)
    if more:
        text = f"{item.message} (and {count(more, 'more row')})"
        lines.append((item.rows[MAX_AUDIT_ROWS], "", item.column, item.level, text))
    return lines

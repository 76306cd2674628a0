"""Findings of the checks, and equal ones in one line."""

import numpy as np

from workbench.data.findings import MAX_AUDIT_ROWS, NOTE, WARNING, Findings, grouped


def findings(n):
    found = Findings("file")
    found.locate(np.arange(2, n + 2), np.repeat(np.arange(1, n // 4 + 2), 4)[:n])
    return found


def test_equal_findings_are_one_line_with_rows_and_subjects():
    found = findings(12)
    at = np.isin(np.arange(12), [0, 1, 5])
    found.add(WARNING, "WT", "WT is missing.", at)
    found.add(NOTE, "CENS", "Something of the whole.")
    found.add(WARNING, "AGE", "WT is missing.", at)
    lines = grouped(found.audit()).set_index("COLUMN")
    assert len(lines) == 3
    assert lines.loc["WT", ["N", "ROWS", "IDS"]].tolist() == [3, (2, 3, 7), (1, 2)]
    assert lines.loc["CENS", ["N", "ROWS", "IDS"]].tolist() == [0, (), ()]


def test_rows_beyond_the_limit_of_the_audit_are_counted():
    n = MAX_AUDIT_ROWS + 21
    found = findings(n)
    found.add(WARNING, "WT", "WT is missing.", np.ones(n, dtype=bool))
    (line,) = grouped(found.audit()).itertuples()
    assert n == line.N
    assert line.MESSAGE == "WT is missing."


def test_nothing_found():
    assert grouped(findings(4).audit()).empty

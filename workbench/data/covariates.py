"""Covariates: every column without a NONMEM name; numbers or labels, constant or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.data.columns import NONMEM
from workbench.data.doses import first_rows
from workbench.data.draft import Draft
from workbench.data.findings import NOTE, REPAIR, WARNING, Findings, count
from workbench.data.numbers import is_missing, text_with_gaps, to_numbers

Floats = npt.NDArray[np.float64]

# Numbers that other programs write where a covariate is missing.
_CODES = (-9.0, -99.0, -999.0)

_MEANING = {
    "nocb": (
        "A row's value holds from the time of the row before up to its own (next observation "
        'carried backward, as in NONMEM; the other way is covariate_interpolation="locf").'
    ),
    "locf": (
        "A row's value holds up to the time of the next row (last observation carried forward)."
    ),
}


def take_covariates(
    draft: Draft, order: npt.NDArray[np.intp], interpolation: str, findings: Findings
) -> dict[str, npt.NDArray[Any]]:
    """Return the covariates by name, in file order: float64, or text with None where missing.

    A value missing on some rows of a subject is taken from the subject's other rows (a repair).
    A subject's missing values are reported by row; they refuse nothing here, for most models use
    no covariate.

    Parameters
    ----------
    draft : checked
    order : the order of the rows by subject and time
    interpolation : "nocb" fills gaps from the next value, "locf" from the last
    findings : receives repairs, warnings and notes
    """
    names = [name for name in draft.raw.columns if name not in NONMEM]
    return {name: _take(name, draft, order, interpolation, findings) for name in names}


def constants(table: pd.DataFrame, names: Sequence[str]) -> dict[str, Floats]:
    """Return the numeric covariates that are constant in every subject, one value a subject."""
    first = first_rows(table)
    varying = varying_names(table, names)
    return {
        name: table[name].to_numpy(dtype=np.float64)[first]
        for name in numeric_names(table, names)
        if name not in varying
    }


def numeric_names(table: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Return the covariates that are numbers."""
    return [name for name in names if pd.api.types.is_numeric_dtype(table[name])]


def varying_names(table: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Return the covariates, numbers or labels, that change within a subject."""
    same = ~first_rows(table)
    return [name for name in names if _changes(table[name].to_numpy(), same).any()]


def unusable(name: str) -> str:
    """Return what the audit says of a subject without a value."""
    return f"{name} is missing: a model that uses {name} will refuse this subject."


def _take(
    name: str,
    draft: Draft,
    order: npt.NDArray[np.intp],
    interpolation: str,
    findings: Findings,
) -> npt.NDArray[Any]:
    """Return one covariate, with its findings."""
    raw = draft.raw.columns[name]
    numbers, text = to_numbers(raw)
    missing = is_missing(raw)
    if not text.any():
        values: npt.NDArray[Any] = numbers
        _infinite(name, numbers, findings)
        _codes(name, numbers, findings)
    else:
        values = text_with_gaps(raw)
        _mixed(name, raw, text, missing, findings)
    if missing.all():
        findings.add(WARNING, name, f"{name} is missing on all rows: no model can use it.")
        return values
    values = _fill(name, values, missing, draft, order, interpolation, findings)
    same = np.zeros(draft.n, dtype=bool)
    same[1:] = draft.block[1:] == draft.block[:-1]
    changed = order[_changes(values[order], same)]
    if changed.size:
        first = int(changed[0])
        n = len(np.unique(draft.block[changed]))
        findings.add(
            NOTE,
            name,
            f"{name} changes within {count(n, 'subject')}, first at row {draft.raw.rows[first]} "
            f"(ID {draft.ids[first]}). {_MEANING[interpolation]}",
        )
    return values


def _changes(values: npt.NDArray[Any], same: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Mark rows of `same` whose value differs from the row before (missing = missing)."""
    differs = np.zeros(len(values), dtype=bool)
    gone = np.asarray(pd.isna(values))
    differs[1:] = (values[1:] != values[:-1]) & ~(gone[1:] & gone[:-1])
    return differs & same


def _fill(
    name: str,
    values: npt.NDArray[Any],
    missing: npt.NDArray[np.bool_],
    draft: Draft,
    order: npt.NDArray[np.intp],
    interpolation: str,
    findings: Findings,
) -> npt.NDArray[Any]:
    """Fill gaps from the subject's other rows; report the gaps that stay."""
    if not missing.any():
        return values
    last, following = _neighbours(~missing[order], draft.block[order])
    first, second = (last, following) if interpolation == "locf" else (following, last)
    source = np.where(first >= 0, first, second)
    gap = missing[order] & (source >= 0)
    filled = values.copy()
    filled[order[gap]] = values[order[source[gap]]]
    known = pd.Series(values[~missing]).groupby(draft.block[~missing]).nunique()
    same = pd.Series(draft.block).map(known).eq(1).to_numpy()
    marks = {"same": gap & same[order], "first": gap & ~same[order] & (first >= 0)}
    marks["second"] = gap & ~marks["same"] & ~marks["first"]
    words = ("next", "last") if interpolation == "nocb" else ("last", "next")
    used = {
        "same": "the value of the subject's other rows",
        "first": f"the {words[0]} value of the subject",
        "second": f"the {words[1]} value of the subject (there is no {words[0]} one)",
    }
    for mark, at in marks.items():
        repaired = np.zeros(draft.n, dtype=bool)
        repaired[order[at]] = True
        text = f"{name} is missing here: {used[mark]} was used."
        findings.add(REPAIR, name, text, repaired)
    stays = missing.copy()
    stays[order[gap]] = False
    findings.add(WARNING, name, unusable(name), stays)
    return filled


def _neighbours(
    present: npt.NDArray[np.bool_], block: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the nearest present row before and after each row in its block, -1 without one."""
    n = len(present)
    place = np.arange(n)
    last = np.maximum.accumulate(np.where(present, place, -1))
    following = np.minimum.accumulate(np.where(present, place, n)[::-1])[::-1]
    last[(last >= 0) & (block[np.maximum(last, 0)] != block)] = -1
    following[(following < n) & (block[np.minimum(following, n - 1)] != block)] = n
    following[following == n] = -1
    return last, following


def _infinite(name: str, numbers: Floats, findings: Findings) -> None:
    """Refuse infinite covariates."""
    advice = "Correct it, or write '.' where it is not known."
    findings.refuse(name, f"{name} is infinite", np.isinf(numbers), advice)


def _codes(name: str, numbers: Floats, findings: Findings) -> None:
    """Point out numbers that look like codes for a missing value."""
    for code in _CODES:
        text = f"{name} is {code:g}: if this stands for a missing value, write '.' instead."
        findings.add(WARNING, name, text, numbers == code)


def _mixed(
    name: str,
    raw: npt.NDArray[Any],
    text: npt.NDArray[np.bool_],
    missing: npt.NDArray[np.bool_],
    findings: Findings,
) -> None:
    """Say that a column is kept as labels; name the words in a column that is mostly numbers."""
    n_numbers = int(np.sum(~text & ~missing))
    if n_numbers > int(text.sum()):
        word = str(raw[text][0])
        message = f"{name} is mostly numbers, but holds text here: kept as labels ({word!r} …)."
        findings.add(WARNING, name, message, text)
    else:
        findings.add(NOTE, name, f"{name} holds text: kept as labels.")

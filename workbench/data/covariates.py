"""Covariates: every column without a NONMEM name; numbers or labels, constant or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.data.columns import NONMEM
from workbench.data.draft import Draft
from workbench.data.findings import NOTE, REPAIR, WARNING, Findings, count
from workbench.data.numbers import is_missing, text_with_gaps, to_numbers

Floats = npt.NDArray[np.float64]

# Numbers that other programs write where a covariate is missing.
_CODES = (-9.0, -99.0, -999.0)


def take_covariates(draft: Draft, findings: Findings) -> dict[str, npt.NDArray[Any]]:
    """Return the covariates by name, in file order: float64, or text with None where missing.

    A value missing on some rows of a subject whose other rows agree is filled in (a repair).
    Missing and time-varying values are reported by row and subject; they refuse nothing here,
    for most models use no covariate.
    """
    names = [name for name in draft.raw.columns if name not in NONMEM]
    return {name: _take(name, draft, findings) for name in names}


def constants(table: pd.DataFrame, names: Sequence[str]) -> dict[str, Floats]:
    """Return the numeric covariates that are constant in every subject, one value a subject."""
    ids = table["ID"].to_numpy()
    first = np.ones(len(ids), dtype=bool)
    first[1:] = ids[1:] != ids[:-1]
    found = {}
    for name in names:
        values = table[name]
        if pd.api.types.is_numeric_dtype(values) and not _changes(values.to_numpy(), ~first).any():
            found[name] = values.to_numpy(dtype=np.float64)[first]
    return found


def constant_names(table: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Return the covariates, numeric or text, that are constant in every subject."""
    ids = table["ID"].to_numpy()
    same = np.zeros(len(ids), dtype=bool)
    same[1:] = ids[1:] == ids[:-1]
    return [name for name in names if not _changes(table[name].to_numpy(), same).any()]


def _take(name: str, draft: Draft, findings: Findings) -> npt.NDArray[Any]:
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
    values = _fill(name, values, missing, draft, findings)
    same_block = np.zeros(draft.n, dtype=bool)
    same_block[1:] = draft.block[1:] == draft.block[:-1]
    changes = _changes(values, same_block)
    if changes.any():
        first = int(np.flatnonzero(changes)[0])
        n = len(np.unique(draft.block[changes]))
        findings.add(
            WARNING,
            name,
            f"{name} changes within {count(n, 'subject')}, first at row {draft.raw.rows[first]} "
            f"(ID {draft.ids[first]}). Covariates that vary in time are kept in the table but "
            "cannot be used in a model yet.",
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
    findings: Findings,
) -> npt.NDArray[Any]:
    """Fill gaps of subjects whose other rows agree; report the gaps that stay."""
    if not missing.any():
        return values
    grouped = pd.Series(values[~missing]).groupby(draft.block[~missing])
    known = grouped.first()[grouped.nunique().eq(1)]
    fill = pd.Series(draft.block[missing]).map(known).to_numpy()
    filled = values.copy()
    got = ~pd.isna(fill)
    index = np.flatnonzero(missing)
    filled[index[got]] = fill[got]
    repaired = np.zeros(draft.n, dtype=bool)
    repaired[index[got]] = True
    text = f"{name} is missing here: the value of the subject's other rows was used."
    findings.add(REPAIR, name, text, repaired)
    text = f"{name} is missing: a model that uses {name} will refuse this subject."
    findings.add(WARNING, name, text, missing & ~repaired)
    return filled


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

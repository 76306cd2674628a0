"""From a checked draft to the canonical table: sorted, labelled, with covariates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.data.columns import CONSUMED, NONMEM
from workbench.data.covariates import take_covariates
from workbench.data.draft import LABELS, Draft
from workbench.data.findings import NOTE, REPAIR, WARNING, Findings
from workbench.data.numbers import all_whole, text_with_gaps, to_numbers

_WHOLE = ("EVID", "MDV", "CMT", "ADDL", "SS", "CENS")


def assemble(
    draft: Draft,
    findings: Findings,
    *,
    interpolation: str = "nocb",
    keep_unobserved: bool = False,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the canonical table and the names of the covariates.

    Parameters
    ----------
    draft : checked
    findings : receives repairs, warnings and notes
    interpolation : "nocb" or "locf", how gaps in covariates are filled
    keep_unobserved : keep subjects without observations

    Raises
    ------
    DataError
        A covariate is infinite.
    """
    order = _time_order(draft, findings)
    covariates = take_covariates(draft, order, interpolation, findings)
    findings.stop_if_refused()
    labels = _unique_labels(draft, findings)
    findings.stop_if_refused()
    columns: dict[str, Any] = {"ROW": draft.raw.rows, "ID": labels}
    columns |= _nonmem_columns(draft)
    columns |= covariates
    table = pd.DataFrame(columns, copy=False)
    table["ID"] = table["ID"].astype(object) if _is_text(labels) else table["ID"].astype(np.int64)
    keep = np.ones(draft.n, dtype=bool)
    if not keep_unobserved and not draft.design:
        keep = _with_observations(draft, findings)
    table = table.iloc[order[keep[order]]].reset_index(drop=True)
    return table, tuple(covariates)


def canonical_units(
    given: Mapping[str, str],
    read: Mapping[str, str],
    covariates: tuple[str, ...],
    endpoints: tuple[str, ...],
) -> dict[str, str]:
    """Return the units of TIME, DV, AMT and the covariates; the caller's win over the file's.

    Those of endpoints are there where they are given.
    """
    names = ("TIME", "DV", "AMT", *covariates)
    units = {name: str(given.get(name, read.get(name, ""))) for name in names}
    return units | {label: str(given[label]) for label in endpoints if label in given}


def _is_text(labels: npt.NDArray[Any]) -> bool:
    """Tell whether the labels are text."""
    return isinstance(labels[0], str)


def _nonmem_columns(draft: Draft) -> dict[str, npt.NDArray[Any]]:
    """Return the NONMEM columns that are there or derived, defaults filled in."""
    default = ("0", "1") if draft.compartment.dtype == object else (0.0, 1.0)
    no_place = draft.is_dose & (draft.compartment == default[0])
    derived = {
        "TIME": draft.given["TIME"],
        "DV": draft.given["DV"],
        "AMT": draft.filled("AMT"),
        "EVID": draft.evid,
        "MDV": draft.mdv,
        "CMT": np.where(no_place, default[1], draft.compartment),
    }
    if draft.has("RATE") or np.any(draft.rate):
        derived["RATE"] = draft.rate
    columns: dict[str, npt.NDArray[Any]] = {}
    for name in NONMEM[1:]:
        if name in derived:
            columns[name] = derived[name]
        elif name in CONSUMED:
            continue
        elif name in LABELS and draft.has(name):
            columns[name] = _label_column(draft.raw.columns[name])
        elif draft.has(name):
            columns[name] = draft.given[name] if name == "LIMIT" else draft.filled(name)
        if name in _WHOLE and name in columns and columns[name].dtype != object:
            columns[name] = columns[name].astype(np.int64)
    return columns


def _label_column(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return DVID or OCC: whole numbers where all are, else numbers or text."""
    numbers, text = to_numbers(values)
    if text.any():
        return text_with_gaps(values)
    if all_whole(numbers) and not np.isnan(numbers).any():
        return numbers.astype(np.int64)
    return numbers


def _unique_labels(draft: Draft, findings: Findings) -> npt.NDArray[Any]:
    """Return one label per block of rows: an ID that comes again is labelled "1 (2)"."""
    first = np.ones(draft.n, dtype=bool)
    first[1:] = draft.block[1:] != draft.block[:-1]
    blocks = pd.Series(draft.ids[first])
    visit = blocks.groupby(blocks).cumcount().to_numpy() + 1
    if not np.any(visit > 1):
        return draft.ids
    named = [
        f"{label} ({k})" if k > 1 else str(label) for label, k in zip(blocks, visit, strict=True)
    ]
    at = np.zeros(draft.n, dtype=bool)
    at[np.flatnonzero(first)[visit > 1]] = True
    text = (
        "The ID comes again after other subjects: the block of rows counts as another subject, "
        "labelled with a number in brackets."
    )
    scattered = len(blocks) > 2 * len(set(blocks))
    findings.add(WARNING if scattered else NOTE, "ID", text, at)
    unique = pd.Series(named)
    findings.refuse(
        "ID",
        "Two blocks of rows would both be called by the ID",
        unique.duplicated().to_numpy()[draft.block] & first,
        "Rename it, or put the rows of each subject together.",
    )
    return unique.to_numpy(dtype=object)[draft.block]


def _time_order(draft: Draft, findings: Findings) -> npt.NDArray[np.intp]:
    """Return the order by subject and time; rows that had to move are a repair.

    At a reset (EVID 3 or 4) TIME may start again, as in NONMEM: the rows from there on stay
    behind those before.
    """
    time = draft.given["TIME"]
    back = np.zeros(draft.n, dtype=bool)
    back[1:] = (time[1:] < time[:-1]) & (draft.block[1:] == draft.block[:-1])
    restart = back & np.isin(draft.evid, (3, 4))
    text = "TIME starts again at this reset: the rows from here on come after those before."
    findings.add(NOTE, "TIME", text, restart)
    back &= ~restart
    _refuse_behind_restart(draft, restart, findings)
    if back.any() and draft.has("OCC"):
        occ = draft.raw.columns["OCC"]
        again = back.copy()
        again[1:] &= occ[1:] != occ[:-1]
        text = (
            "TIME starts again with a new occasion (OCC): the rows were sorted by TIME, which "
            "mixes the occasions. Give times that go on, a reset (EVID 3 or 4) at the start of "
            "each occasion, or an ID per occasion."
        )
        findings.add(WARNING, "TIME", text, again)
    findings.add(REPAIR, "TIME", "TIME goes back here: the subject's rows were sorted.", back)
    return np.lexsort((np.arange(draft.n), time, np.cumsum(restart), draft.block))


def _refuse_behind_restart(
    draft: Draft, restart: npt.NDArray[np.bool_], findings: Findings
) -> None:
    """Refuse rows below a reset that starts TIME again, but of an earlier time."""
    if not restart.any():
        return
    time, stretch = draft.given["TIME"], np.cumsum(restart)
    begins = np.concatenate([[-np.inf], time[restart]])[stretch]
    block = np.concatenate([[-1], draft.block[restart]])[stretch]
    findings.refuse(
        "TIME",
        "TIME is before that of the reset above, at which it starts again",
        (time < begins) & (draft.block == block),
        "Put the row above the reset, or correct its TIME.",
    )


def _with_observations(draft: Draft, findings: Findings) -> npt.NDArray[np.bool_]:
    """Mark the rows of subjects with observations; the other subjects are left out."""
    n_blocks = int(draft.block[-1]) + 1
    observed = np.bincount(draft.block, weights=draft.is_observed, minlength=n_blocks) > 0
    keep: npt.NDArray[np.bool_] = observed[draft.block]
    first = np.ones(draft.n, dtype=bool)
    first[1:] = draft.block[1:] != draft.block[:-1]
    text = (
        "The subject has no observation and adds nothing to a fit: it was left out "
        "(keep_unobserved=True keeps it)."
    )
    findings.add(WARNING, "ID", text, first & ~keep)
    return keep

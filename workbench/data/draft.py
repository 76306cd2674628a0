"""The table while it is being checked: NONMEM columns as numbers, EVID and MDV derived."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.data.columns import NONMEM
from workbench.data.findings import NOTE, REPAIR, Findings, count
from workbench.data.numbers import (
    all_whole,
    decimal_commas,
    decimal_points,
    is_clock,
    is_missing,
    replace_commas,
    to_numbers,
)
from workbench.data.reader import RawTable

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

LABELS = ("ID", "DVID", "OCC")  # NONMEM columns that may be text


@dataclass(slots=True)
class Draft:
    """The columns of one data set, still in file order.

    Columns that the file lacks are filled with NaN in `given` and with the defaults in the
    derived arrays, so that a rule never has to ask whether a column is there.
    """

    raw: RawTable
    ids: npt.NDArray[np.object_]  # labels: str, or int where every ID is a whole number
    block: npt.NDArray[np.int64]  # number of the contiguous block of rows, from 0
    given: dict[str, Floats]  # what the file says, NaN where it says nothing
    evid: Floats
    mdv: Floats

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.raw.rows)

    def has(self, name: str) -> bool:
        """Tell whether the file brought this column."""
        return name in self.raw.columns

    def filled(self, name: str) -> Floats:
        """Return a column with 0 where nothing is given."""
        return np.nan_to_num(self.given[name], nan=0.0, posinf=np.inf, neginf=-np.inf)

    @property
    def is_dose(self) -> Mask:
        """Mark the dose rows."""
        return (self.evid == 1) | (self.evid == 4)

    @property
    def is_observed(self) -> Mask:
        """Mark the rows whose DV enters the likelihood."""
        return (self.evid == 0) & (self.mdv == 0)


def make_draft(raw: RawTable, findings: Findings) -> Draft:
    """Convert the columns to numbers and derive EVID and MDV.

    Raises
    ------
    DataError
        Cells that should be numbers are text, or an ID is missing.
    """
    _decimal_commas(raw, findings)
    ids = _labels(raw.columns["ID"])
    findings.locate(raw.rows, ids)
    findings.refuse("ID", "ID is missing", is_missing(raw.columns["ID"]), "Give the subject.")
    given = {name: _numbers(raw, name, findings) for name in NONMEM if name not in LABELS}
    findings.stop_if_refused()
    block = np.zeros(len(ids), dtype=np.int64)
    block[1:] = np.cumsum(ids[1:] != ids[:-1])
    draft = Draft(raw, ids, block, given, np.empty(0), np.empty(0))
    _derive_evid(draft, findings)
    _derive_mdv(draft, findings)
    return draft


def _decimal_commas(raw: RawTable, findings: Findings) -> None:
    """Repair decimal commas; a mixture of 1,5 and 1.5 is refused.

    Only in files separated by semicolons, tabs or blanks: in a comma-separated file a quoted
    "1,234" may as well be one thousand two hundred and thirty-four.
    """
    if raw.separator not in (";", "\t", " "):
        return
    commas = {name: decimal_commas(values) for name, values in raw.columns.items()}
    changed = [name for name, mask in commas.items() if mask.any()]
    if not changed:
        return
    findings.locate(raw.rows, np.empty(0, dtype=object))
    for name, values in raw.columns.items():
        points = decimal_points(values)
        if points.any():
            findings.refuse(
                name,
                f"Both decimal signs are used: a comma in {changed[0]} "
                f"({raw.columns[changed[0]][commas[changed[0]]][0]!r}), a point in {name}",
                points,
                "Use one of them everywhere.",
            )
            break
    findings.stop_if_refused()
    for name in changed:
        raw.columns[name] = replace_commas(raw.columns[name])
        findings.add(REPAIR, name, f"Decimal commas in {name} were read as decimal points.")


def _labels(values: npt.NDArray[np.generic]) -> npt.NDArray[np.object_]:
    """Return subject labels: int where all are whole numbers without leading zeros, else text."""
    numbers, text = to_numbers(values)
    whole = not text.any() and all_whole(numbers)
    if values.dtype == object:
        whole = whole and not any(
            len(str(v)) > 1 and str(v)[0] == "0" and str(v)[1].isdigit() for v in set(values)
        )
    labels = np.empty(len(values), dtype=object)
    if whole:
        missing = np.isnan(numbers)
        labels[:] = np.where(missing, 0, numbers).astype(np.int64).tolist()
        labels[missing] = ""
    else:
        labels[:] = [str(v) for v in values.tolist()]
    return labels


def _numbers(raw: RawTable, name: str, findings: Findings) -> Floats:
    """Return one NONMEM column as numbers; text in it is a problem."""
    if name not in raw.columns:
        return np.full(len(raw.rows), np.nan)
    values = raw.columns[name]
    numbers, text = to_numbers(values)
    if text.any():
        shown = str(values[text][0])[:40]
        advice = _advice(name, shown)
        findings.refuse(name, f"{name} is not a number ({shown!r})", text, advice)
    infinite = np.isinf(numbers)
    if infinite.any():
        findings.refuse(name, f"{name} is infinite", infinite, "Correct it, or write '.'.")
    return numbers


def _advice(name: str, shown: str) -> str:
    """Return what to do about a text in a column of numbers."""
    if is_clock(shown):
        return (
            "Clock times and dates are not supported yet: give the time elapsed since the "
            "subject's first record, for example in hours."
        )
    if "," in shown:
        return "Write numbers with a decimal point and without thousands separators."
    if name == "DV":
        return (
            "Write '.' (with MDV 1) where there is no measurement; values below the limit of "
            "quantification cannot be used yet."
        )
    return "Write a number, or '.' where there is none."


def _derive_evid(draft: Draft, findings: Findings) -> None:
    """Fill EVID where it is not given: 1 with an amount, else 0."""
    derived = np.where(draft.filled("AMT") != 0, 1.0, 0.0)
    given = draft.given["EVID"]
    blank = np.isnan(given)
    draft.evid = np.where(blank, derived, given)
    if draft.has("EVID"):
        findings.add(NOTE, "EVID", "EVID is blank: derived from AMT.", blank)
    elif draft.has("AMT"):
        n = int(np.sum(draft.evid == 1))
        findings.add(NOTE, "EVID", f"No EVID column: {count(n, 'row')} with an AMT taken as doses.")


def _derive_mdv(draft: Draft, findings: Findings) -> None:
    """Fill MDV where it is not given: 1 unless the row is an observation with a DV."""
    missing = np.isnan(draft.given["DV"])
    observation = draft.evid == 0
    given = draft.given["MDV"]
    blank = np.isnan(given)
    draft.mdv = np.where(blank, np.where(observation & ~missing, 0.0, 1.0), given)
    text = "DV is missing: the row is not used as an observation (MDV set to 1)."
    findings.add(NOTE, "DV", text, blank & missing & observation)
    contradictory = ~observation & (draft.mdv == 0)
    draft.mdv[contradictory] = 1.0
    text = "MDV is 0 on a row that is not an observation: MDV was set to 1."
    findings.add(REPAIR, "MDV", text, contradictory)

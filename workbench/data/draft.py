"""The table while it is being checked: NONMEM columns as numbers, EVID and MDV derived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.data.columns import DATES, NONMEM
from workbench.data.findings import NOTE, REPAIR, Findings, count
from workbench.data.numbers import (
    all_whole,
    decimal_commas,
    decimal_points,
    is_missing,
    replace_commas,
    to_numbers,
)
from workbench.data.reader import RawTable
from workbench.data.times import read_time

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

LABELS = ("ID", "DVID", "OCC", *DATES)  # NONMEM columns that may be text


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
    rate: Floats  # from RATE or the duration of the infusion; 0 where neither is given
    compartment: npt.NDArray[Any]  # CMT as numbers, or as text where any is a name; 0 or "0": none
    design: bool = False  # no observations are needed: rows with EVID 0 or 2 are to be predicted

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
        """Mark the rows whose DV enters the likelihood (design: those to be predicted)."""
        if self.design:
            return (self.evid == 0) | (self.evid == 2)
        return (self.evid == 0) & (self.mdv == 0)

    @property
    def is_constant(self) -> Mask:
        """Mark infusions at steady state that have gone on for ever: SS, RATE and no AMT."""
        endless = (self.rate > 0) | (self.rate == -1)
        no_amount = (self.filled("AMT") == 0) & (self.filled("SS") > 0)
        return self.is_dose & no_amount & endless


def make_draft(
    raw: RawTable,
    findings: Findings,
    *,
    units: Mapping[str, str] | None = None,
    design: bool = False,
) -> Draft:
    """Convert the columns to numbers and derive EVID, MDV, RATE and TIME.

    Parameters
    ----------
    raw : the named columns
    findings : knows rows and subjects afterwards
    units : the caller's, which clock times are converted to
    design : no observations are needed

    Raises
    ------
    DataError
        Cells that should be numbers are text, or an ID is missing.
    """
    _decimal_commas(raw, findings)
    ids = _labels(raw.columns["ID"])
    findings.locate(raw.rows, ids)
    findings.refuse("ID", "ID is missing", is_missing(raw.columns["ID"]), "Give the subject.")
    block = np.zeros(len(ids), dtype=np.int64)
    block[1:] = np.cumsum(ids[1:] != ids[:-1])
    given = {
        name: _numbers(raw, name, findings)
        for name in NONMEM
        if name != "TIME" and name not in LABELS
    }
    time = read_time(raw, block, units or {}, findings)
    if time is not None:
        advice = "Correct it, or write '.'."
        findings.refuse("TIME", "TIME is infinite", np.isinf(time), advice)
    findings.stop_if_refused()
    given["TIME"] = np.full(len(ids), np.nan) if time is None else time
    empty = np.empty(0)
    place = _compartments(raw, given["CMT"])
    draft = Draft(raw, ids, block, given, empty, empty, empty, place, design)
    _derive_evid(draft, findings)
    _derive_mdv(draft, findings)
    _derive_rate(draft)
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
    if text.any() and name != "CMT":  # a compartment may have a name
        shown = str(values[text][0])[:40]
        advice = _advice(name, shown)
        findings.refuse(name, f"{name} is not a number ({shown!r})", text, advice)
    infinite = np.isinf(numbers)
    if name == "LIMIT":  # no bound at all
        return np.where(infinite, np.nan, numbers)
    if infinite.any():
        findings.refuse(name, f"{name} is infinite", infinite, "Correct it, or write '.'.")
    return numbers


def _advice(name: str, shown: str) -> str:
    """Return what to do about a text in a column of numbers."""
    if "," in shown:
        return "Write numbers with a decimal point and without thousands separators."
    if name == "DV":
        return (
            "Write '.' (with MDV 1) where there is no measurement; where a value is below the "
            "limit of quantification, the limit, with 1 in a column CENS."
        )
    return "Write a number, or '.' where there is none."


def _compartments(raw: RawTable, numbers: Floats) -> npt.NDArray[Any]:
    """Return CMT as numbers (0 where missing), or as text ("0") where any is a name."""
    filled = np.nan_to_num(numbers)
    if "CMT" not in raw.columns:
        return filled
    values = raw.columns["CMT"]
    named = np.isnan(numbers) & ~is_missing(values)
    if not named.any():
        return filled
    return np.where(named, values, np.array([f"{number:g}" for number in filled], dtype=object))


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
    if draft.design:
        draft.mdv[missing] = 1.0
    else:
        text = "DV is missing: the row is not used as an observation (MDV set to 1)."
        findings.add(NOTE, "DV", text, blank & missing & observation)
    contradictory = ~observation & (draft.mdv == 0)
    draft.mdv[contradictory] = 1.0
    text = "MDV is 0 on a row that is not an observation: MDV was set to 1."
    findings.add(REPAIR, "MDV", text, contradictory)


def _derive_rate(draft: Draft) -> None:
    """Fill RATE from the amount and the duration of the infusion where only these are given."""
    rate, duration = draft.filled("RATE"), draft.filled("TINF")
    told = draft.is_dose & (duration > 0) & (rate == 0)
    draft.rate = rate.copy()
    draft.rate[told] = draft.filled("AMT")[told] / duration[told]

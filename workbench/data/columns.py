"""Which column of the file is which: the caller's map, exact names, then common aliases."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.data.findings import ERROR, NOTE, WARNING, Findings, count
from workbench.data.numbers import decimal_commas, is_clock, is_missing, to_numbers
from workbench.data.reader import RawTable, describe_units, units_of_row
from workbench.errors import OptionError

DATES = ("DATE", "DAT1", "DAT2", "DAT3")
# Read and turned into other columns (TIME, RATE): they are not in the table.
CONSUMED = ("TINF", *DATES)
NONMEM = (
    "ID", "TIME", "DV", "AMT", "EVID", "MDV", "CMT", "RATE",
    "II", "ADDL", "SS", "DVID", "CENS", "LIMIT", "OCC", *CONSUMED,
)  # fmt: skip
REQUIRED = ("ID", "TIME", "DV")

# Written without blanks, underscores, points and hyphens, in capitals.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "ID": ("SUBJ", "SUBJECT", "SUBJID", "SUBJECTID", "USUBJID", "PATIENT", "PATIENTID", "ANIMAL"),
    "TIME": ("TAFD", "TIMEH", "TIMEHR", "TIMEHRS", "TIMEHOURS", "HOURS"),
    "DV": (
        "CONC", "CONCENTRATION", "Y", "LIDV", "OBS", "OBSERVATION", "RESPONSE", "CP", "DEPVAR",
    ),
    "AMT": ("AMOUNT", "DOSEAMT", "DOSEAMOUNT"),
    "EVID": ("EVENTID",),
    "MDV": ("MISSINGDV",),
    "CMT": ("COMPARTMENT",),
    "RATE": ("INFUSIONRATE", "INFRATE"),
    "II": ("INTERVAL", "TAU", "DOSEINTERVAL"),
    "ADDL": ("ADDITIONALDOSES", "NADDL"),
    "SS": ("STEADYSTATE",),
    "DVID": ("YTYPE", "DVTYPE"),
    "CENS": ("CENSORED", "BLQ", "BLOQ", "BQL", "LLOQFLAG"),
    "LIMIT": (),
    "OCC": ("OCCASION",),
    "TINF": ("INFUSIONDURATION", "INFDUR", "DURINF", "INFUSIONTIME"),
    "DATE": (),
    "DAT1": (),
    "DAT2": (),
    "DAT3": (),
}  # fmt: skip

# Columns of ours: a file that brings them along has them replaced.
DERIVED = ("ROW", "TAD")
# Columns whose meaning is not honoured here, and which would otherwise pass for covariates.
_UNUSED = {"L2": "correlated observations (L2) are not supported yet"}

# "Time (h)", but not NONMEM's "ETA(1)".
_UNIT = re.compile(r"^(.*\S)\s*[\(\[]([^\)\]]*[^\d,\)\]][^\)\]]*)[\)\]]$")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint at the nearest name, then the names there are."""
    names = list(known)
    folded = {other.upper(): other for other in names}
    near = difflib.get_close_matches(name.upper(), folded, n=1)
    hint = f"Did you mean {folded[near[0]]!r}? " if near else ""
    return f"{hint}There are: {', '.join(names[:30])}{' …' if len(names) > 30 else ''}."


def assign_columns(
    raw: RawTable,
    chosen: Mapping[str, str] | None,
    findings: Findings,
    *,
    design: bool = False,
) -> None:
    """Give the NONMEM columns their canonical names, in place.

    Parameters
    ----------
    raw : the table as read
    chosen : canonical name -> name in the file; wins over every guess
    findings : receives a note for each name that was guessed
    design : DV may be absent

    Raises
    ------
    OptionError
        `chosen` has a key that is no NONMEM column.
    DataError
        A chosen column is not in the file, a guess is ambiguous, or ID, TIME or DV is missing.
    """
    _drop_ignored_rows(raw, findings)
    _units_in_names(raw, findings)
    _drop_derived(raw, chosen, findings)
    _apply_choice(raw, chosen or {}, findings)
    taken = set(chosen or {})
    for target in NONMEM:
        if target not in taken:
            _guess(raw, target, taken, findings)
    _units_below_header(raw, findings)
    _guess_dose_column(raw, findings)
    _guess_duration_column(raw, findings)
    _warn_of_unused(raw, findings)
    _require(raw, findings, [name for name in REQUIRED if name != "DV" or not design])
    findings.stop_if_refused()
    if "DV" not in raw.columns:
        raw.columns["DV"] = np.full(len(raw.rows), np.nan)


def _drop_ignored_rows(raw: RawTable, findings: Findings) -> None:
    """Leave out the rows marked C in a first column C (NONMEM's IGNORE=C)."""
    first = next(iter(raw.columns))
    values = raw.columns[first]
    if first != "C" or values.dtype != object:
        return
    marked = values == "C"
    if np.any(to_numbers(values)[1] & ~marked):
        return
    del raw.columns[first]
    if marked.any():
        listed = ", ".join(str(row) for row in raw.rows[marked][:5])
        text = f"{count(int(marked.sum()), 'row')} marked C in the first column left out: {listed}"
        findings.add(NOTE, first, text + ("…" if marked.sum() > 5 else "") + ".")
        raw.keep(~marked)


def _units_in_names(raw: RawTable, findings: Findings) -> None:
    """Read a header like "Time (h)" as the column Time in h."""
    renamed: dict[str, str] = {}
    for name in raw.columns:
        match = _UNIT.match(name)
        bare = match.group(1) if match else name
        if match and bare not in raw.columns and bare not in renamed.values():
            renamed[name] = bare
            raw.units[bare] = match.group(2)
            findings.add(NOTE, bare, f"The header {name!r} was read as {bare} in {match.group(2)}.")
    raw.columns = {renamed.get(name, name): values for name, values in raw.columns.items()}


def _drop_derived(raw: RawTable, chosen: Mapping[str, str] | None, findings: Findings) -> None:
    """Leave out the columns that are computed here anyway."""
    for name in DERIVED:
        if name in raw.columns and name not in (chosen or {}).values():
            del raw.columns[name]
            findings.add(NOTE, name, f"The file's own column {name} is not used: it is computed.")


def _rename(raw: RawTable, source: str, target: str) -> None:
    """Rename a column in place, keeping the order and its unit."""
    raw.columns = {target if n == source else n: values for n, values in raw.columns.items()}
    if source in raw.units:
        raw.units[target] = raw.units.pop(source)


def _apply_choice(raw: RawTable, chosen: Mapping[str, str], findings: Findings) -> None:
    """Rename what the caller's map names."""
    for target in chosen:
        if target not in NONMEM:
            raise OptionError(f"columns= maps to {target!r}, which is no column of the "
                              f"NONMEM layout. {did_you_mean(target, NONMEM)}")  # fmt: skip
    for target, source in chosen.items():
        if source not in raw.columns:
            advice = did_you_mean(str(source), raw.columns)
            findings.refuse(target, f"columns= takes {target} from {source!r}, which is not in "
                            "the data", advice=advice)  # fmt: skip
    sources = list(chosen.values())
    for source in {s for s in sources if sources.count(s) > 1}:
        targets = ", ".join(t for t, s in chosen.items() if s == source)
        findings.refuse(source, f"columns= uses {source!r} for more than one column ({targets})")
    findings.stop_if_refused()
    for target, source in chosen.items():
        if target in raw.columns and target not in sources:
            del raw.columns[target]
            text = f"The file's own column {target} is not used: columns= takes it from {source}."
            findings.add(NOTE, target, text)
    picked = {source: target for target, source in chosen.items()}
    raw.columns = {picked.get(name, name): values for name, values in raw.columns.items()}
    raw.units = {picked.get(name, name): unit for name, unit in raw.units.items()}


def _guess(raw: RawTable, target: str, taken: set[str], findings: Findings) -> None:
    """Find one NONMEM column by its exact name, its name in another case, or an alias."""
    if target in raw.columns:
        return
    free = [name for name in raw.columns if name not in NONMEM and name not in taken]
    same = [name for name in free if name.upper() == target]
    alias = [name for name in free if re.sub(r"[\s_.\-]", "", name.upper()) in ALIASES[target]]
    found = same or alias
    if len(found) > 1:
        findings.refuse(
            target,
            f"{target} could be any of the columns {', '.join(found)}",
            advice=f'Say which: columns={{"{target}": "{found[0]}"}}.',
        )
    elif found:
        _rename(raw, found[0], target)
        findings.add(NOTE, target, f"The column {found[0]} was taken as {target}.")


def _guess_dose_column(raw: RawTable, findings: Findings) -> None:
    """Take DOSE as AMT only where it is filled on rows that are no observations.

    Many files repeat the subject's dose on every row; taking that column as AMT would turn
    each observation into a dose.
    """
    found = [name for name in raw.columns if name.upper() in ("DOSE", "DOSES")]
    told = {"DV", "EVID", "MDV"} & set(raw.columns)
    if "AMT" in raw.columns or len(found) != 1 or not told:
        return
    dose, text = to_numbers(raw.columns[found[0]])
    given = np.nan_to_num(dose) != 0
    if text.any() or not given.any():
        return
    if np.any(given & _is_observed(raw)):
        findings.add(
            WARNING,
            found[0],
            f"{found[0]} is filled on observation rows too, so it was taken as a covariate and "
            "not as dose amounts. Doses need rows of their own, with AMT.",
        )
        return
    _rename(raw, found[0], "AMT")
    findings.add(NOTE, "AMT", f"The column {found[0]} was taken as AMT.")


def _guess_duration_column(raw: RawTable, findings: Findings) -> None:
    """Take DUR or DURATION as the infusion's (TINF) only where it is filled on doses alone."""
    found = [name for name in raw.columns if name.upper() in ("DUR", "DURATION")]
    if "TINF" in raw.columns or "AMT" not in raw.columns or len(found) != 1:
        return
    duration, text = to_numbers(raw.columns[found[0]])
    given = np.nan_to_num(duration) != 0
    if text.any() or not given.any():
        return
    if np.any(given & (np.nan_to_num(to_numbers(raw.columns["AMT"])[0]) == 0)):
        findings.add(
            WARNING,
            found[0],
            f"{found[0]} is filled on rows without AMT too, so it was taken as a covariate and "
            f'not as the duration of infusions. If it is: columns={{"TINF": "{found[0]}"}}.',
        )
        return
    _rename(raw, found[0], "TINF")
    findings.add(NOTE, "TINF", f"The column {found[0]} was taken as the duration of infusions.")


def _is_observed(raw: RawTable) -> npt.NDArray[np.bool_]:
    """Mark the rows that look like observations, by EVID, MDV or a filled DV."""
    if "EVID" in raw.columns:
        return np.nan_to_num(to_numbers(raw.columns["EVID"])[0]) == 0
    if "MDV" in raw.columns:
        return np.nan_to_num(to_numbers(raw.columns["MDV"])[0]) == 0
    dv, text = to_numbers(raw.columns["DV"])
    return text | (np.nan_to_num(dv) != 0)


def _units_below_header(raw: RawTable, findings: Findings) -> None:
    """Read the first row as units where its TIME and DV are words without digits."""
    first = [raw.columns[name][0] for name in ("TIME", "DV") if name in raw.columns]
    if len(raw.rows) < 2 or not first or any(not _is_word(cell) for cell in first):
        return
    cells = [str(values[0]) if values.dtype == object else "" for values in raw.columns.values()]
    units = units_of_row(list(raw.columns), cells)
    raw.units.update(units)
    findings.add(NOTE, "", f"Row {raw.rows[0]} was read as units: {describe_units(units)}.")
    raw.keep(np.arange(len(raw.rows)) > 0)


def _is_word(cell: Any) -> bool:
    """Tell whether a cell is text without a digit, such as a unit."""
    return (
        isinstance(cell, str)
        and bool(re.fullmatch(r"\D*[^\W\d_]\D*", cell))
        and not is_missing(np.array([cell], dtype=object))[0]
        and not is_clock(cell)
        and not decimal_commas(np.array([cell], dtype=object))[0]
    )


def _warn_of_unused(raw: RawTable, findings: Findings) -> None:
    """Say which columns have a meaning elsewhere that is not honoured here."""
    for name in raw.columns:
        if name.upper() in _UNUSED:
            findings.add(WARNING, name, f"{name} is not used: {_UNUSED[name.upper()]}.")


def _require(raw: RawTable, findings: Findings, required: list[str]) -> None:
    """Refuse data without ID, TIME or DV."""
    ambiguous = {item.column for item in findings.items if item.level == ERROR}
    for target in required:
        if target not in raw.columns and target not in ambiguous:
            hint = did_you_mean(target, raw.columns)
            findings.refuse(
                target,
                f"There is no column {target}",
                advice=f'Name it with columns={{"{target}": "…"}}. {hint}',
            )

"""TIME from clock times and dates: hours (minutes, days) since the subject's first record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.data.columns import DATES, did_you_mean
from workbench.data.dates import DATE_PATTERN, Dates, date_order, read_dates, since_first
from workbench.data.findings import NOTE, WARNING, Findings
from workbench.data.numbers import is_missing, to_numbers
from workbench.data.reader import RawTable
from workbench.errors import OptionError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_SECONDS = {"min": 60.0, "h": 3600.0, "day": 86400.0}
_SPELLINGS = {
    "min": ("min", "mins", "minute", "minutes"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "day": ("d", "day", "days"),
}

_MOMENT = re.compile(
    rf"(?:({DATE_PATTERN})(?:[T: ]\s*|$))?(?:(\d{{1,2}}):(\d{{2}})(?::(\d{{2}}(?:\.\d*)?))?)?"
)
NUMBER, CLOCK, DATE, MOMENT, OTHER = range(5)
_KINDS = ("a number", "a clock time", "a date", "a date with a clock time", "something else")


def read_time(
    raw: RawTable, block: Ints, units: Mapping[str, str], findings: Findings
) -> Floats | None:
    """Return TIME as numbers; None if it holds text that is no time, or cannot be used.

    Clock times and dates become the time since the first record of the block of rows, in
    `raw.units["TIME"]`. What cannot be used is refused (but not raised) here.

    Parameters
    ----------
    raw : columns TIME and perhaps one of DATES
    block : (n,)  number of the subject's block of rows
    units : the caller's; "TIME" and "DATE" (the order of day, month and year) are read

    Raises
    ------
    OptionError
        `units` names a unit that clock times cannot be converted to.
    """
    values = raw.columns["TIME"]
    numbers, text = to_numbers(values)
    named = [name for name in DATES if name in raw.columns]
    order = date_order(units.get("DATE"), raw.units.get("DATE"))
    if not text.any():
        if not named:
            return numbers
        return _with_dates(raw, numbers, block, named, order, units, findings)
    kind, dates, seconds = _parse(values)
    kind[~text & ~is_missing(values)] = NUMBER
    if not _one_kind(values, kind, raw, findings):
        return None
    missing = is_missing(values)
    form = int(kind[~missing][0])
    if form == CLOCK and not named:
        seconds += 86400.0 * _days_gone(seconds, block, findings)
    else:
        if form == CLOCK:
            days = _day_of(raw, named, order, block, findings)
        else:
            days = _taken(read_dates(dates, "TIME", order, block), "TIME", findings)
            _unused(named, "TIME holds the dates itself", NOTE, findings)
        if days is None:
            return None
        seconds = np.where(missing, np.nan, np.nan_to_num(seconds) + 86400.0 * days)
    unit = _unit(units, raw.units)
    raw.units["TIME"] = unit
    with_date = f" with the dates in {named[0]}" if form == CLOCK and named else ""
    findings.add(
        NOTE,
        "TIME",
        f"TIME is {_KINDS[form]} ({values[~missing][0]!r}){with_date}: converted to {unit} since "
        "the first record of each subject.",
    )
    return since_first(seconds, block) / _SECONDS[_normal(unit)]


def _parse(
    values: npt.NDArray[Any],
) -> tuple[Ints, npt.NDArray[np.object_], Floats]:
    """Return the kind of each cell, its date part ("" without) and its seconds of the day."""
    codes, distinct = pd.factorize(values)
    kind = np.full(len(distinct), OTHER)
    dates = np.full(len(distinct), "", dtype=object)
    seconds = np.full(len(distinct), np.nan)
    for k, cell in enumerate(distinct):
        found = _MOMENT.fullmatch(cell) if isinstance(cell, str) and cell else None
        if found is None:
            continue
        date, hour, minute, second = found.groups()
        dates[k] = date or ""
        if hour is None:
            kind[k] = DATE
            continue
        at = 3600.0 * int(hour) + 60.0 * int(minute) + float(second or 0)
        if int(minute) < 60 and float(second or 0) < 60.0 and at <= 86400.0:
            kind[k], seconds[k] = (MOMENT if date else CLOCK), at
    return kind[codes], dates[codes], seconds[codes]


def _one_kind(values: npt.NDArray[Any], kind: Ints, raw: RawTable, findings: Findings) -> bool:
    """Refuse what is no time, and times written in several ways; tell whether all is well."""
    present = ~is_missing(values)
    wrong = present & (kind == OTHER)
    if wrong.any():
        shown = str(values[wrong][0])[:40]
        findings.refuse("TIME", f"TIME is not a time ({shown!r})", wrong, _advice(shown))
        return False
    counts = np.bincount(kind[present], minlength=OTHER)
    if np.count_nonzero(counts) == 1:
        return True
    main = int(np.argmax(counts))
    odd = present & (kind != main)
    usual = int(np.flatnonzero(present & (kind == main))[0])
    first = int(np.flatnonzero(odd)[0])
    findings.refuse(
        "TIME",
        f"TIME is written in several ways: {_KINDS[kind[first]]} ({values[first]!r}) here, but "
        f"{_KINDS[main]} in row {raw.rows[usual]} ({values[usual]!r}); found",
        odd,
        "Write all times in one way: numbers (elapsed time), HH:MM, or 2024-03-01 08:30.",
    )
    return False


def _advice(shown: str) -> str:
    """Return what to do about a text in TIME."""
    if re.search(r"[ap]\.?m\.?$", shown, re.IGNORECASE):
        return "Write the hours from 0 to 24, as in 20:30."
    if re.search(r"(Z|[+-]\d{2}:?\d{2})$", shown) and ":" in shown:
        return "Leave out the time zone (all times of a subject need the same one)."
    if "days" in shown:
        return "Give a duration as a number: column.dt.total_seconds() / 3600 is in hours."
    if ":" in shown:
        return (
            "A clock time is HH:MM or HH:MM:SS, from 00:00 to 24:00; longer times are decimal "
            "numbers of hours."
        )
    if "," in shown:
        return "Write numbers with a decimal point and without thousands separators."
    return "Write elapsed time as a number, a clock time as 08:30, or a date as 2024-03-01 08:30."


def _days_gone(seconds: Floats, block: Ints, findings: Findings) -> Floats:
    """Return the midnights passed since each subject's first row, where the clock goes back."""
    back = np.zeros(len(seconds), dtype=bool)
    back[1:] = (seconds[1:] < seconds[:-1]) & (block[1:] == block[:-1])
    text = "The clock goes back here and there is no date: the row was put on the next day."
    findings.add(NOTE, "TIME", text, back)
    passed = np.cumsum(back)
    first = np.ones(len(seconds), dtype=bool)
    first[1:] = block[1:] != block[:-1]
    return (passed - passed[first][np.cumsum(first) - 1]).astype(np.float64)


def _day_of(
    raw: RawTable, named: list[str], order: str, block: Ints, findings: Findings
) -> Floats | None:
    """Return the day of each row from the column of dates, None if it cannot be used."""
    if len(named) > 1:
        text = f"The date of TIME could be in any of {', '.join(named)}"
        findings.refuse("DATE", text, advice="Keep one of these columns.")
        return None
    name = named[0]
    days = _taken(read_dates(raw.columns[name], name, order, block), name, findings)
    if days is not None and np.isnan(days).any():
        advice = "Give the date of every row."
        findings.refuse(name, f"{name} is missing", np.isnan(days), advice)
        return None
    return days


def _taken(dates: Dates, name: str, findings: Findings) -> Floats | None:
    """Return the days, with a note on how they were read; refuse what cannot be read."""
    if dates.problem:
        findings.refuse(name, dates.problem, dates.at, dates.advice)
        return None
    if dates.note:
        findings.add(NOTE, name, dates.note)
    return dates.days


def _with_dates(
    raw: RawTable,
    time: Floats,
    block: Ints,
    named: list[str],
    order: str,
    units: Mapping[str, str],
    findings: Findings,
) -> Floats | None:
    """Return TIME that is numbers beside a column of dates: elapsed time, or hours of the day.

    As in NONMEM, TIME counts hours of the day where there are dates; but where all the dates
    agree with TIME as elapsed time, it is that.
    """
    dates = read_dates(raw.columns[named[0]], named[0], order, block)
    unit = units.get("TIME", raw.units.get("TIME", "h"))
    hours = time * _SECONDS.get(_normal(unit), 3600.0) / 3600.0
    if len(named) > 1 or dates.problem or np.isnan(dates.days).any() or np.isnan(time).any():
        _unused(named, "TIME was taken as elapsed time", WARNING, findings)
        return time
    days = dates.days
    ahead = 24.0 * since_first(days, block) - since_first(hours, block)
    agrees = bool(np.all(np.abs(ahead) < 24.0))
    of_day = bool(np.all((time >= 0) & (time <= 24.0)))
    changes = bool(np.any(since_first(days, block) > 0))
    from_zero = not np.any(pd.Series(time).groupby(block).min() > 0)
    if not of_day or not changes or (agrees and from_zero):
        level = NOTE if agrees else WARNING
        unlike = "" if agrees else ", with which the dates do not agree"
        _unused(named, f"TIME was taken as elapsed time{unlike}", level, findings)
        return time
    raw.units["TIME"] = _unit(units, raw.units)
    if dates.note:
        findings.add(NOTE, named[0], dates.note)
    findings.add(
        NOTE,
        "TIME",
        f"TIME was taken as hours of the day, with the dates in {named[0]} (as in NONMEM), and "
        f"converted to {raw.units['TIME']} since the first record of each subject. If it is "
        f"elapsed time, leave {named[0]} out.",
    )
    seconds = 86400.0 * days + 3600.0 * time
    return since_first(seconds, block) / _SECONDS[_normal(raw.units["TIME"])]


def _unused(named: list[str], why: str, level: str, findings: Findings) -> None:
    """Say that columns of dates are not used."""
    for name in named:
        findings.add(level, name, f"{name} is not used: {why}.")


def _normal(unit: str) -> str:
    """Return min, h or day; "" for another unit."""
    for name, spellings in _SPELLINGS.items():
        if unit.strip().lower() in spellings:
            return name
    return ""


def _unit(given: Mapping[str, str], read: Mapping[str, str]) -> str:
    """Return the unit to convert clock times to: the caller's, the header's, or hours."""
    if "TIME" in given:
        if not _normal(given["TIME"]):
            raise OptionError(
                f"units= asks for TIME in {given['TIME']!r}, but TIME holds clock times or dates, "
                f"which are converted. {did_you_mean(given['TIME'], _SECONDS)}"
            )
        return given["TIME"]
    unit = read.get("TIME", "h")
    return unit if _normal(unit) else "h"

"""Calendar dates in their several orders, as days that can be subtracted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.data.numbers import is_missing, to_numbers
from workbench.errors import OptionError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

DATE_PATTERN = r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}[-/ ]?[A-Za-z]{3}[-/ ]?\d{2,4}"
_THREE = re.compile(r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})")
_TWO = re.compile(r"(\d{1,2})[-/.](\d{1,2})")
_NAMED = re.compile(r"(\d{1,2})[-/ ]?([A-Za-z]{3})[-/ ]?(\d{2}|\d{4})")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")

# How the order of day, month and year is written in messages and options.
ORDERS = {
    "mdy": "month/day/year",
    "dmy": "day/month/year",
    "ymd": "year/month/day",
    "ydm": "year/day/month",
}
_OF_COLUMN = {"DAT1": "dmy", "DAT2": "ymd", "DAT3": "ydm"}  # as in NONMEM

# Years of two digits: 00…50 are 2000…2050, as with NONMEM's LAST20=50.
_LAST20 = 50
_NO_YEAR = 2001


@dataclass(frozen=True, slots=True)
class Dates:
    """Dates as days since 1970 (NaN: missing), or why they cannot be read."""

    days: Floats
    note: str = ""
    problem: str = ""
    at: Mask | None = None
    advice: str = ""


def date_order(given: str | None, read: str | None) -> str:
    """Return "dmy", "mdy", "ymd" or "ydm" from an option or a header, "" where none is told.

    Raises
    ------
    OptionError
        The option names no order.
    """
    for text in (given, read):
        letters = "".join(word[0] for word in re.findall(r"[a-z]+", (text or "").lower()))
        if letters in ORDERS:
            return letters
        if text is not None and text is given:
            raise OptionError(
                f"units= gives {text!r} for DATE. Say the order: {', '.join(ORDERS.values())}."
            )
    return ""


def read_dates(values: npt.NDArray[Any], column: str, order: str, block: Ints) -> Dates:
    """Read a column of dates.

    Parameters
    ----------
    values : (n,)  text, or numbers (days, or 20240301)
    column : its name; DAT1, DAT2 and DAT3 say the order
    order : the order that the caller gave, "" for none
    block : (n,)  number of the subject's block of rows: an order that cannot be told does not
        matter where the days between a subject's rows are the same in all
    """
    missing = is_missing(values)
    numbers, text = to_numbers(values)
    if not text.any():
        return _numeric(numbers, missing, column)
    codes, distinct = pd.factorize(values)
    parts, form = _split(distinct)
    blank = is_missing(np.asarray(distinct, dtype=object))
    unread = (form == "") & ~blank
    if unread.any():
        shown = str(distinct[unread][0])[:40]
        return _refused(
            values,
            f"{column} is not a date ({shown!r})",
            unread[codes],
            "Write dates as 2024-03-01.",
        )
    kinds = set(form[~blank].tolist())
    if len(kinds) > 1:
        main = max(sorted(kinds), key=lambda kind: int(np.sum((form == kind)[codes])))
        odd = (form != main)[codes] & ~missing
        shown, usual = str(values[odd][0]), str(values[(form == main)[codes]][0])
        text_of = f"{column} is written in several ways ({shown!r} here, {usual!r} elsewhere)"
        return _refused(values, text_of, odd, "Write all dates as 2024-03-01.")
    kind = kinds.pop()
    tried = {
        name: _days(parts, kind, name)
        for name in _orders(kind, order or _OF_COLUMN.get(column, ""))
    }
    fits = {name: days for name, days in tried.items() if not np.isnan(days[~blank]).any()}
    if not fits:
        bad = np.isnan(next(iter(tried.values()))) & ~blank
        shown = str(distinct[bad][0])
        orders = " or ".join(_spelt(name, kind) for name in tried)
        return _refused(
            values,
            f"{column} holds no date of the form {orders} ({shown!r})",
            bad[codes],
            "Write dates as 2024-03-01.",
        )
    return _chosen(values, codes, fits, kind, column, block)


def _chosen(
    values: npt.NDArray[Any],
    codes: npt.NDArray[np.intp],
    fits: dict[str, Floats],
    kind: str,
    column: str,
    block: Ints,
) -> Dates:
    """Return the days in the one order that fits; several matter only if they differ."""
    days = {name: found[codes] for name, found in fits.items()}
    first, *others = days.values()
    apart = since_first(first, block)
    if any(not np.array_equal(apart, since_first(d, block), equal_nan=True) for d in others):
        names = [_spelt(name, kind) for name in fits]
        at = np.zeros(len(values), dtype=bool)
        at[int(np.flatnonzero(~is_missing(values))[0])] = True
        return _refused(
            values,
            f"{column} could be {' or '.join(names)} ({values[at][0]!r})",
            at,
            f'Say which: units={{"DATE": "{ORDERS[next(iter(fits))]}"}}, or write dates as '
            "2024-03-01.",
        )
    if kind == "none":
        back = np.zeros(len(values), dtype=bool)
        back[1:] = (first[1:] < first[:-1]) & (block[1:] == block[:-1])
        if back.any():
            return _refused(values, f"{column} has no year and goes back", back, "Give the year.")
    note = (
        ""
        if kind in ("iso", "named") or others
        else f"{column} was read as {_spelt(next(iter(fits)), kind)}."
    )
    return Dates(first, note)


def _numeric(numbers: Floats, missing: Mask, column: str) -> Dates:
    """Read a column of numbers: 20240301, or a count of days."""
    given = numbers[~missing]
    whole = bool(np.all(np.mod(given, 1) == 0))
    if whole and given.size and np.all((given > 18_000_000) & (given < 22_000_000)):
        parts = np.zeros((len(numbers), 3))
        filled = np.where(missing, 20000101, numbers)
        parts[:, 0], parts[:, 1], parts[:, 2] = filled // 10000, filled // 100 % 100, filled % 100
        days = np.where(missing, np.nan, _calendar(parts[:, 0], parts[:, 1], parts[:, 2]))
        bad = np.isnan(days) & ~missing
        if bad.any():
            text = f"{column} is no date ({numbers[bad][0]:.0f})"
            return Dates(numbers, problem=text, at=bad, advice="Write dates as 2024-03-01.")
        return Dates(days, f"{column} was read as year, month and day (yyyymmdd).")
    if not whole:
        bad = (np.mod(numbers, 1) != 0) & ~missing
        text = f"{column} is neither a date nor a number of days ({numbers[bad][0]:g})"
        return Dates(numbers, problem=text, at=bad, advice="Write dates as 2024-03-01.")
    return Dates(numbers, f"{column} was read as a count of days.")


def _split(distinct: npt.NDArray[Any]) -> tuple[Floats, npt.NDArray[np.object_]]:
    """Return the three numbers of each date as written, and its form.

    Forms: "iso" (a year of four digits first), "last" (last), "short" (two digits), "none" (no
    year), "named" (01-MAR-2024), "" (no date).
    """
    parts = np.full((len(distinct), 3), np.nan)
    form = np.full(len(distinct), "", dtype=object)
    for k, cell in enumerate(distinct):
        text = str(cell)
        if found := _THREE.fullmatch(text):
            a, b, c = found.groups()
            lengths = (len(a), len(c))
            kind = {4: "iso"}.get(lengths[0], {4: "last"}.get(lengths[1], "short"))
            if max(lengths) <= 4 and 3 not in lengths and lengths != (4, 4):
                parts[k], form[k] = (int(a), int(b), int(c)), kind
        elif found := _NAMED.fullmatch(text):
            day, month, year = found.groups()
            if month.upper() in _MONTHS:
                parts[k] = int(day), _MONTHS.index(month.upper()) + 1, int(year)
                form[k] = "named"
        elif found := _TWO.fullmatch(text):
            parts[k], form[k] = (int(found[1]), int(found[2]), _NO_YEAR), "none"
    return parts, form


def _orders(kind: str, told: str) -> tuple[str, ...]:
    """Return the orders to try."""
    if kind == "named":
        return ("dmy",)
    if kind == "iso":
        return ("ydm",) if told == "ydm" else ("ymd",)
    if kind == "short":
        return (told,) if told else ("mdy", "dmy", "ymd")
    if told:  # the year is last or absent: only day and month can change places
        return ("dmy",) if told.index("d") < told.index("m") else ("mdy",)
    return ("mdy", "dmy")


def _days(parts: Floats, kind: str, order: str) -> Floats:
    """Return days since 1970 of dates in one order; NaN where there is no such day."""
    year, month, day = (parts[:, order.index(letter)] for letter in "ymd")
    if kind in ("short", "named"):
        two = year < 100
        year = np.where(two, np.where(year > _LAST20, year + 1900, year + 2000), year)
    return _calendar(year, month, day)


def _calendar(year: Floats, month: Floats, day: Floats) -> Floats:
    """Return days since 1970; NaN where there is no such day."""
    known = np.isfinite(year) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    months = (np.where(known, year, 1970) - 1970) * 12 + np.where(known, month, 1) - 1
    start = months.astype(np.int64).astype("datetime64[M]")
    first = start.astype("datetime64[D]").astype(np.int64)
    length = (start + 1).astype("datetime64[D]").astype(np.int64) - first
    return np.where(known & (day <= length), first + day - 1.0, np.nan)


def since_first(values: Floats, block: Ints) -> Floats:
    """Return the values less the smallest of the block of rows."""
    smallest = pd.Series(values).groupby(block).transform("min").to_numpy()
    since: Floats = values - smallest
    return since


def _spelt(order: str, kind: str) -> str:
    """Return an order in words."""
    return ORDERS[order].removesuffix("/year") if kind == "none" else ORDERS[order]


def _refused(values: npt.NDArray[Any], text: str, at: Mask, advice: str) -> Dates:
    """Return dates that cannot be read, with the reason."""
    return Dates(np.full(len(values), np.nan), problem=text, at=at, advice=advice)

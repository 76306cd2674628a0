"""Every single dose, additional ones included, and the time since the last of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

# An additional dose computed as TIME + k·II may miss a row's time by rounding; within this
# relative distance it counts as the same time and so comes first.
SAME_TIME = 1e-9


def numeric(table: pd.DataFrame, name: str) -> Floats:
    """Return a column as numbers; zeros where the table has none."""
    if name not in table:
        return np.zeros(len(table))
    return np.nan_to_num(table[name].to_numpy(dtype=np.float64))


def first_rows(table: pd.DataFrame) -> Mask:
    """Mark the first row of each subject."""
    ids = table["ID"].to_numpy()
    first = np.ones(len(ids), dtype=bool)
    first[1:] = ids[1:] != ids[:-1]
    return first


def time_shift(table: pd.DataFrame) -> Floats:
    """Return what to add to TIME so that it never goes back within a subject.

    TIME may start again at a reset (EVID 3 or 4); the reset is then put at the time of the row
    before. Zeros otherwise.
    """
    time = numeric(table, "TIME")
    back = np.zeros(len(time))
    back[1:] = np.maximum(time[:-1] - time[1:], 0.0)
    first = first_rows(table)
    back[first] = 0.0
    total = np.cumsum(back)
    shift: Floats = total - total[first][np.cumsum(first) - 1]
    return shift


def dose_rows(table: pd.DataFrame) -> Mask:
    """Mark the rows that give a dose (EVID 1 or 4)."""
    return np.isin(table["EVID"].to_numpy(), (1, 4))


def _runs(table: pd.DataFrame) -> Ints:
    """Number the stretches of rows that no subject, reset or SS 1 dose divides.

    As in NONMEM, a reset and a steady-state dose with SS 1 cancel the additional doses to come.
    """
    evid = table["EVID"].to_numpy()
    fresh = first_rows(table) | np.isin(evid, (3, 4))
    fresh |= (evid == 1) & (numeric(table, "SS") == 1)
    return (np.cumsum(fresh) - 1).astype(np.int64)


def dose_table(table: pd.DataFrame) -> tuple[Ints, Floats, Ints]:
    """Return every single dose: its row in the table, its time, and its number since that row.

    Additional doses that a reset or an SS 1 dose cancels are left out.
    """
    dose = np.flatnonzero(dose_rows(table))
    addl = numeric(table, "ADDL")[dose].astype(np.int64)
    row = np.repeat(dose, addl + 1)
    start = np.cumsum(addl + 1) - (addl + 1)
    count = np.arange(len(row)) - np.repeat(start, addl + 1)
    later = count * numeric(table, "II")[row]
    if addl.any():
        clock = numeric(table, "TIME") + time_shift(table)
        given = (count == 0) | _still_given(table, clock, row, clock[row] + later)
        row, count, later = row[given], count[given], later[given]
    return row.astype(np.int64), numeric(table, "TIME")[row] + later, count


def _still_given(table: pd.DataFrame, clock: Floats, row: Ints, time: Floats) -> Mask:
    """Tell which additional doses come before what cancels them, or at the time of a row above it.

    Parameters
    ----------
    clock : (n,)  time of each row of the table, never going back
    row, time : (n_doses,)  of each dose
    """
    run = _runs(table)
    opens = np.flatnonzero(np.diff(run) > 0) + 1  # first row of each stretch but the first
    ends = np.full(int(run[-1]) + 1, np.inf)
    same = opens[~first_rows(table)[opens]]
    ends[run[same] - 1] = clock[same]
    last = clock[np.append(opens - 1, len(clock) - 1)]
    margin = SAME_TIME * np.maximum(np.abs(time), 1.0)
    given: Mask = (time < ends[run[row]] - margin) | (time <= last[run[row]] + margin)
    return given


def single_doses(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per dose in order of time: ROW ID TIME AMT CMT RATE DURATION SS.

    DURATION is 0 for a bolus and missing where the model gives it (RATE -1, -2) or where an
    infusion at steady state has no beginning. Additional doses have SS 0.
    """
    row, time, count = dose_table(table)
    doses = table.iloc[row][["ROW", "ID", "TIME", "AMT", "CMT"]].reset_index(drop=True)
    doses["TIME"] = time
    rate, amount = numeric(table, "RATE")[row], numeric(table, "AMT")[row]
    doses["RATE"] = rate
    duration = np.where(rate == 0, 0.0, np.nan)
    doses["DURATION"] = np.divide(amount, rate, out=duration, where=(rate > 0) & (amount > 0))
    doses["SS"] = np.where(count == 0, numeric(table, "SS")[row], 0.0).astype(np.int64)
    subject = np.cumsum(first_rows(table))[row]
    order = np.lexsort((np.arange(len(row)), time + time_shift(table)[row], subject))
    return doses.iloc[order].reset_index(drop=True)


def time_after_dose(table: pd.DataFrame, rows: Ints) -> Floats:
    """Return the time since the last dose, NaN before the first and after a reset without one.

    Additional doses count; a dose counts for the rows of its own time that stand below it.

    Parameters
    ----------
    table : canonical
    rows : (n,)  positions in the table, ascending
    """
    run = _runs(table)
    shift = time_shift(table)
    clock = numeric(table, "TIME") + shift
    dosed, time, count = dose_table(table)
    given = time + shift[dosed]
    # Additional doses come before the rows of the same time, in spite of rounding.
    early = given - np.where(count > 0, SAME_TIME * np.maximum(np.abs(given), 1.0), 0.0)
    position = np.concatenate([dosed, rows])
    own = np.concatenate([count == 0, np.ones(len(rows), dtype=bool)])
    at = np.concatenate([early, clock[rows]])
    order = np.lexsort((position, own, at, run[position]))
    is_dose = order < len(dosed)
    place = np.arange(len(order))
    last = np.maximum.accumulate(np.where(is_dose, place, -1))
    source = order[np.maximum(last, 0)]
    known = (last >= 0) & (run[position[source]] == run[position[order]])
    exact = np.concatenate([given, clock[rows]])
    tad = np.where(known, np.maximum(exact[order] - exact[source], 0.0), np.nan)
    out = np.empty(len(order))
    out[order] = tad
    return out[len(dosed) :]

"""Dense grids in place of observations, for curves."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.core import records as rec
from workbench.core.packed import Subjects
from workbench.problem.space import frozen

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def of_output(subjects: Subjects, output: int) -> Subjects:
    """Return subjects of whom one output is observed."""
    records = subjects.records.copy()
    records[:, rec.ENDPOINT] = output
    number = np.full(len(subjects.dv), output, dtype=np.int64)
    return subjects._replace(records=frozen(records), endpoint=frozen(number))


def on_a_grid(subjects: Subjects, shift: Floats, n: int) -> tuple[Subjects, Ints, Floats]:
    """Replace the observations by a dense grid; return also subject and time of each point.

    Parameters
    ----------
    shift : (n_rec,)  what was added to each record's TIME, which may start again at a reset
    n : equal steps from the first to the last record; all record times are points too
    """
    n_sub = len(subjects.record_start) - 1
    blocks, counts, obs_counts, shifts = [], [], [], []
    for first, last in pairwise(subjects.record_start):
        points = _dense(subjects.records[first:last], n)
        blocks.append(points)
        counts.append(len(points))
        observed = points[:, rec.KIND] == rec.OBSERVATION
        obs_counts.append(int(observed.sum()))
        times = subjects.records[first:last, rec.TIME]
        place = np.searchsorted(times, points[observed, rec.TIME], "right") - 1
        shifts.append(shift[first:last][np.maximum(place, 0)])
    records = np.concatenate(blocks)
    observed = records[:, rec.KIND] == rec.OBSERVATION
    start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    obs_start = np.concatenate([[0], np.cumsum(obs_counts)]).astype(np.int64)
    dense = subjects._replace(
        record_start=frozen(start),
        records=frozen(records),
        obs_start=frozen(obs_start),
        **plain(int(observed.sum())),
    )
    who = np.repeat(np.arange(n_sub), obs_counts)
    return dense, who, records[observed, rec.TIME] - np.concatenate(shifts)


def plain(n_obs: int) -> dict[str, Any]:
    """Return the fields of `Subjects` of points that only predictions are wanted of."""
    zeros = frozen(np.zeros(n_obs))
    kind = frozen(np.zeros(n_obs, dtype=np.int64))
    return {"dv": zeros, "limit": zeros, "kind": kind, "kinds": 0}


MARGIN = 0.05  # of a subject's time under observation, by which common times may go beyond it


def on_times(
    subjects: Subjects, shift: Floats, times: Floats, output: int
) -> tuple[Subjects, Ints, Ints]:
    """Replace the observations by one output at common times, while each subject is observed.

    That is from its first record to 5 % of its time after the last: nobody is left out at the end
    because samples are not taken to the minute.

    Parameters
    ----------
    shift : (n_rec,)  what was added to each record's TIME, which may start again at a reset
    times : (n,)  ascending, without shift. At the time of a dose: after it
    output : number of the output

    Returns
    -------
    subjects, who, which
        The subject and the number of the time of each new observation.
    """
    blocks, whos, numbers = [], [], []
    for i, (first, last) in enumerate(pairwise(subjects.record_start)):
        rows, moved = subjects.records[first:last], shift[first:last]
        number = [
            np.flatnonzero((times >= own.min()) & (times <= own.max() + MARGIN * np.ptp(own)))
            for own in (rows[moved == by, rec.TIME] - by for by in np.unique(moved))
        ]
        by = np.repeat(np.unique(moved), [len(part) for part in number])
        which = np.concatenate(number)
        given = rows[np.isin(rows[:, rec.KIND], (rec.DOSE, rec.RESET, rec.RESET_DOSE))]
        points = np.zeros((len(given) + len(which), rec.N_COLUMNS))
        points[: len(given)] = given
        points[len(given) :, rec.KIND] = rec.OBSERVATION
        points[len(given) :, rec.TIME] = times[which] + by
        points[len(given) :, rec.ENDPOINT] = output
        points = points[np.argsort(points[:, rec.TIME], kind="stable")]
        position = np.searchsorted(rows[:, rec.TIME], points[:, rec.TIME])
        points[:, rec.BLOCK] = rows[np.minimum(position, len(rows) - 1), rec.BLOCK]
        blocks.append(points)
        whos.append(np.full(len(which), i))
        numbers.append(which)
    sizes = ([len(block) for block in blocks], [len(who) for who in whos])
    starts = [np.concatenate([[0], np.cumsum(size)]).astype(np.int64) for size in sizes]
    n_obs = int(starts[1][-1])
    dense = subjects._replace(
        record_start=frozen(starts[0]),
        records=frozen(np.concatenate(blocks)),
        obs_start=frozen(starts[1]),
        **plain(n_obs),
        endpoint=frozen(np.full(n_obs, output, dtype=np.int64)),
    )
    return dense, np.concatenate(whos).astype(np.int64), np.concatenate(numbers).astype(np.int64)


def _dense(rows: Floats, n: int) -> Floats:
    """Replace one subject's observations by a grid with one point more before each dose."""
    times = rows[:, rec.TIME]
    doses = rows[np.isin(rows[:, rec.KIND], (rec.DOSE, rec.RESET, rec.RESET_DOSE))]
    given = [times]
    for dose in doses[doses[:, rec.ADDL] > 0]:
        added = dose[rec.TIME] + dose[rec.II] * np.arange(1, dose[rec.ADDL] + 1)
        given.append(added[added <= times.max()])
    grid = np.union1d(np.linspace(times.min(), times.max(), n), np.concatenate(given))
    before = np.intersect1d(grid, doses[:, rec.TIME])  # a point before, as a trough sample
    points = np.zeros((len(before) + len(doses) + len(grid), rec.N_COLUMNS))
    points[:, rec.KIND] = rec.OBSERVATION
    points[: len(before), rec.TIME] = before
    points[len(before) : len(before) + len(doses)] = doses
    points[len(before) + len(doses) :, rec.TIME] = grid
    points = points[np.argsort(points[:, rec.TIME], kind="stable")]
    position = np.searchsorted(times, points[:, rec.TIME])
    points[:, rec.BLOCK] = rows[np.minimum(position, len(rows) - 1), rec.BLOCK]
    return points

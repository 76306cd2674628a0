"""A structural model and its subjects' records, packed into what its kernel reads."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from workbench.core import events as ev
from workbench.core import frame
from workbench.core import records as rec
from workbench.core.arrivals import EVENTS, N_COUNTERS, N_QUEUE
from workbench.core.jets import parts_of
from workbench.core.packed import Subjects
from workbench.core.schedule import R_ALWAYS, R_CMT, R_F, R_LAG, build, capacity
from workbench.models.structural import StructuralModel
from workbench.problem.space import frozen

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def pack_context(
    model: StructuralModel,
    records: Floats,
    start: Ints,
    n_blocks: int = 1,
    *,
    p: int | None = None,
    ready: bool = False,
) -> tuple[Ints, int]:
    """Return the context of `core.frame`, and how many numbers of scratch the kernel needs.

    Parameters
    ----------
    records : (n, records.N_COLUMNS)  of all subjects
    start : (n_sub + 1,)  offsets of the subjects
    n_blocks : the most blocks of one subject
    p : number of directions; None for the number of parameters
    ready : whether the kernel is given events in the place of records, see `ready_made`
    """
    family, n_phi = model.family, len(model.parameters)
    rooms = [capacity(records[first:last], family.routes) for first, last in pairwise(start)]
    room = np.max(rooms, axis=0) if rooms else np.ones(3)
    head = np.array([n_phi, *room, int(ready), len(family.routes)])
    context = np.concatenate([head, family.routes.ravel(), family.context(n_blocks)]).astype(
        np.int64
    )
    parts = parts_of(2, n_phi if p is None else p)
    return context, frame.work_size(context, parts) + family.work_size(parts, n_blocks)


def ready_made(routes: Ints, subjects: Subjects) -> Subjects | None:
    """Return subjects with their events in place of their records, if no parameter moves them.

    Scheduling is a third of the cost of a closed form at a few observations; where no lag,
    bioavailability, rate or duration is modelled, it gives the same events every time.
    """
    records, start = subjects.records, subjects.record_start
    doses = records[np.isin(records[:, rec.KIND], (rec.DOSE, rec.RESET_DOSE))]
    used = routes[np.isin(routes[:, R_CMT], doses[:, rec.CMT])]
    moved = (used[:, [R_LAG, R_F]] >= 0).any() or (used[:, R_ALWAYS] == 1).any()
    if moved or (doses[:, rec.RATE] < 0).any():
        return None
    parts = []
    for first, last in pairwise(start):
        own = frozen(records[first:last])
        n_events, n_jets, n_queue = capacity(own, routes)
        events, count = np.zeros((n_events, ev.N_COLUMNS)), np.zeros(N_COUNTERS, np.int64)
        jets, queue = np.zeros((n_jets, 1)), np.zeros((n_queue, N_QUEUE))
        params = frozen(np.zeros((1, 1)))
        status = build(0, 0, 1, routes, params, own, jets, events, queue, count)
        if status != 0:
            return None
        parts.append(events[: count[EVENTS]])
    counts = [len(part) for part in parts]
    rows = np.zeros((sum(counts), rec.N_COLUMNS))
    rows[:, : ev.N_COLUMNS] = np.concatenate(parts) if parts else 0.0
    rows[:, rec.ENDPOINT] = rows[:, ev.ENDPOINT]  # observations look as they do in records
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return subjects._replace(record_start=frozen(offsets), records=frozen(rows))

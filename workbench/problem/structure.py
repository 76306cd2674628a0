"""A structural model and its subjects' records, packed into what its kernel reads."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from workbench.core import frame
from workbench.core.jets import parts_of
from workbench.core.schedule import capacity
from workbench.models.structural import StructuralModel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def pack_context(
    model: StructuralModel, records: Floats, start: Ints, n_blocks: int = 1
) -> tuple[Ints, int]:
    """Return the context of `core.frame`, and how many numbers of scratch the kernel needs.

    Parameters
    ----------
    records : (n, records.N_COLUMNS)  of all subjects
    start : (n_sub + 1,)  offsets of the subjects
    n_blocks : the most sets of covariate values of one subject
    """
    family, n_phi = model.family, len(model.parameters)
    rooms = [capacity(records[first:last], family.routes) for first, last in pairwise(start)]
    room = np.max(rooms, axis=0) if rooms else np.ones(3)
    head = np.array([n_phi, *room, len(family.routes)])
    context = np.concatenate([head, family.routes.ravel(), family.context(n_blocks)]).astype(
        np.int64
    )
    parts = parts_of(2, n_phi)
    return context, frame.work_size(context, parts) + family.work_size(parts, n_blocks)

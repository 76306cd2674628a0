"""Why a prediction does not exist: which subject, when, with which parameters."""

from __future__ import annotations

from math import isfinite

import numpy as np
from numpy.typing import NDArray

from workbench.core.jets import parts_of
from workbench.core.packed import Structure, Subjects
from workbench.core.status import Status
from workbench.models.model import Model
from workbench.problem.space import frozen

Floats = NDArray[np.float64]


def why_not(
    model: Model, structure: Structure, subjects: Subjects, labels: tuple[object, ...], phi: Floats
) -> str:
    """Return a sentence about the first subject without predictions, "" if all have them.

    Parameters
    ----------
    labels : (n_sub,)
    phi : (n_blocks, n_phi)  parameters of every subject's blocks
    """
    family, p = model.structure.family, len(structure.eta_index)
    parts = parts_of(2, p)
    work = np.zeros(structure.n_work)
    for i, label in enumerate(labels):
        records = subjects.records[subjects.record_start[i] : subjects.record_start[i + 1]]
        blocks = subjects.covariates[subjects.block_start[i] : subjects.block_start[i + 1]]
        own = phi[subjects.block_start[i] : subjects.block_start[i + 1]]
        if not len(subjects.mix_start):
            own = own[:1]
        params = np.zeros((own.size, parts))
        params[:, 0] = own.ravel()
        out = np.zeros((int(subjects.obs_start[i + 1] - subjects.obs_start[i]), parts))
        status = family.kernel()(
            0,
            p,
            structure.context,
            structure.settings,
            frozen(params),
            frozen(blocks),
            frozen(records),
            out,
            work,
        )
        if status == Status.OK:
            continue
        values = ", ".join(f"{n} = {v:.4g}" for n, v in zip(model.parameters, own[0], strict=True))
        when = f", TIME {work[0]:.4g}" if isfinite(work[0]) else ""
        return f"{Status(status).message} (ID {label}{when}; {values})"
    return ""

"""The data as they are: observations and doses; no fit is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.diagnostics._base import Diagnostic

if TYPE_CHECKING:
    from workbench.data import Dataset

COLUMNS = ["ID", "KIND", "TIME", "TAD", "DV", "AMT", "DURATION", "ROW", "CENS"]


def table(data: Dataset) -> pd.DataFrame:
    """Return one row per observation, then one per dose: ID KIND TIME TAD DV AMT DURATION ROW CENS.

    KIND is "observation" or "dose"; additional doses are written out. TAD is the time after the
    last dose. CENS is 1 where the value is below DV, -1 where it is above, else 0. What a kind does
    not have is missing. ENDPOINT, the last column, is the label of an
    observation's endpoint where the data have several.
    """
    parts = {"observation": data.observations, "dose": data.doses}
    long = pd.concat(
        [
            frame.reindex(columns=COLUMNS).assign(KIND=kind, ID=frame["ID"].astype(object))
            for kind, frame in parts.items()
        ],
        ignore_index=True,
    )
    numbers = [name for name in COLUMNS if name not in ("ID", "KIND")]
    long[numbers] = long[numbers].astype(float)
    long["CENS"] = long["CENS"].fillna(0.0)
    if len(data.endpoints) > 1:
        labels = np.array(data.endpoints, dtype=object)[data.population.obs_endpoint]
        doses = np.full(len(parts["dose"]), None)
        long["ENDPOINT"] = pd.Series(np.concatenate([labels, doses]), dtype=object)
    return long


DIAGNOSTIC = Diagnostic(name="data", title="Data", table=table, needs="dataset")

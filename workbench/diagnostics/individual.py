"""Everything an individual plot shows: curves, observations and doses of every subject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.diagnostics._base import Diagnostic

if TYPE_CHECKING:
    from workbench.results import FitResult

NUMBERS = ["TIME", "DV", "PRED", "IPRED", "AMT", "DURATION", "ROW"]


def table(fit: FitResult) -> pd.DataFrame:
    """Return one long table, in the subjects' order, each with its curve, observations and doses.

    Columns: ID KIND TIME DV PRED IPRED AMT DURATION ROW. By KIND

    - "curve": PRED and IPRED on a dense grid of times (see `gof` for their meaning);
    - "observation": DV, PRED, IPRED and the file row;
    - "dose": AMT, DURATION (0 for a bolus) and the file row; additional doses are written out.

    What a kind does not have is missing. ENDPOINT, after KIND, names the output that a curve or
    an observation is of, where the model has several; curves of outputs that nobody observed are
    left out.
    """
    kinds = np.array(["curve", "observation", "dose"], dtype=object)
    curves, predictions = fit.curves(), fit.predictions
    if "OUTPUT" in curves:
        curves = curves.rename(columns={"OUTPUT": "ENDPOINT"})
        curves = curves[curves["ENDPOINT"].isin(predictions["ENDPOINT"])]
    parts = [curves, predictions, fit.data.doses]
    subjects = pd.Index(fit.data.subjects, dtype=object)
    who = np.concatenate([subjects.get_indexer(part["ID"].astype(object)) for part in parts])
    order = np.argsort(who, kind="stable")
    columns: dict[str, Any] = {
        "ID": pd.Series(subjects.to_numpy()[who[order]], dtype=object),
        "KIND": pd.Series(np.repeat(kinds, [len(part) for part in parts])[order], dtype=object),
    }
    if "ENDPOINT" in predictions:
        endpoints = [part.get("ENDPOINT", pd.Series([None] * len(part))) for part in parts]
        of = np.concatenate([column.to_numpy(object) for column in endpoints])
        columns["ENDPOINT"] = pd.Series(of[order], dtype=object)
    for name in NUMBERS:
        values = [
            part[name].to_numpy(float) if name in part else np.full(len(part), np.nan)
            for part in parts
        ]
        columns[name] = np.concatenate(values)[order]
    return pd.DataFrame(columns)


DIAGNOSTIC = Diagnostic(name="individual", title="Individual curves", table=table)

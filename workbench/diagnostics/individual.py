"""Everything an individual plot shows: curves, observations and doses of every subject."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.data.blq import limits_by_row
from workbench.diagnostics._base import Diagnostic, Individual

if TYPE_CHECKING:
    from workbench.data import Dataset
    from workbench.results import FitResult

NUMBERS = ["TIME", "DV", "PRED", "IPRED", "LOWER", "UPPER", "LLOQ", "AMT", "DURATION", "ROW"]
# Columns that say which observations are censored, and the limit below which they are.
CENSORED, LIMITS = ("CENS", "BLQ", "BLOQ"), ("LLOQ", "LOQ")


def table(
    fit: FitResult,
    *,
    individual: Individual = "ebe",
    subjects: Sequence[Hashable] | None = None,
    band: float | None = None,
) -> pd.DataFrame:
    """Return one long table, in the subjects' order, each with its curve, observations and doses.

    Columns: ID KIND TIME DV PRED IPRED LOWER UPPER LLOQ AMT DURATION ROW CENSORED individual band,
    the last two as they were asked for. By KIND

    - "curve": PRED and IPRED on a dense grid of times (see `gof` for their meaning; of draws,
      IPRED is the mean over draws), and with `band` LOWER and UPPER, the limits of a new
      observation of the subject (see `FitResult.curves`);
    - "observation": DV, PRED, IPRED and the file row; CENSORED where a column CENS, BLQ or BLOQ
      of the data is not 0, and LLOQ from a column of that name (or LOQ), else from the values
      that CENS marks as below it;
    - "dose": AMT, DURATION (0 for a bolus) and the file row; additional doses are written out.

    What a kind does not have is missing. ENDPOINT, after KIND, names the output that a curve or
    an observation is of, where the model has several; curves of outputs that nobody observed are
    left out.

    Parameters
    ----------
    subjects : whose; all by default. Only their curves are computed
    band : probability of the interval, such as 0.9; none by default
    """
    labels = fit.data.subjects if subjects is None else list(subjects)
    curves = fit.curves(subjects=subjects, individual=individual, band=band)
    predictions, doses = fit.predictions_by(individual), fit.data.doses
    predictions = predictions.assign(**_censoring(fit.data, pd.Index(predictions["ROW"])))
    several = "ENDPOINT" in predictions
    if "OUTPUT" in curves:
        curves = curves.rename(columns={"OUTPUT": "ENDPOINT"})
        curves = curves[curves["ENDPOINT"].isin(predictions["ENDPOINT"])]
    if subjects is not None:
        predictions, doses = (part[part["ID"].isin(labels)] for part in (predictions, doses))
    order_of = pd.Index(fit.data.subjects, dtype=object)
    long = _stacked([curves, predictions, doses], order_of, several)
    return long.assign(individual=individual, band=np.nan if band is None else band)


def _stacked(parts: list[pd.DataFrame], subjects: pd.Index[Any], several: bool) -> pd.DataFrame:
    """Return curves, observations and doses as one table, subject after subject."""
    kinds = np.array(["curve", "observation", "dose"], dtype=object)
    who = np.concatenate(
        [subjects.get_indexer(pd.Index(part["ID"], dtype=object)) for part in parts]
    )
    order = np.argsort(who, kind="stable")
    columns: dict[str, Any] = {
        "ID": pd.Series(subjects.to_numpy()[who[order]], dtype=object),
        "KIND": pd.Series(np.repeat(kinds, [len(part) for part in parts])[order], dtype=object),
    }
    if several:
        endpoints = [part.get("ENDPOINT", pd.Series([None] * len(part))) for part in parts]
        of = np.concatenate([column.to_numpy(object) for column in endpoints])
        columns["ENDPOINT"] = pd.Series(of[order], dtype=object)
    for name in NUMBERS:
        values = [
            part[name].to_numpy(float) if name in part else np.full(len(part), np.nan)
            for part in parts
        ]
        columns[name] = np.concatenate(values)[order]
    censored = [
        part["CENSORED"].to_numpy(bool) if "CENSORED" in part else np.zeros(len(part), bool)
        for part in parts
    ]
    columns["CENSORED"] = np.concatenate(censored)[order]
    return pd.DataFrame(columns)


def _censoring(data: Dataset, rows: pd.Index[Any]) -> dict[str, Any]:
    """Return which observations are censored, and their limits, by file row."""
    table = data.table
    flag = next((name for name in CENSORED if _is_number(table, name)), None)
    limit = next((name for name in LIMITS if _is_number(table, name)), None)
    place = pd.Index(table["ROW"]).get_indexer(rows)
    limits = np.full(len(table), np.nan)
    if limit is not None:
        limits = table[limit].to_numpy(float)
    elif "CENS" in table:
        limits = limits_by_row(data)
    return {
        "CENSORED": np.zeros(len(rows), dtype=bool)
        if flag is None
        else table[flag].fillna(0).to_numpy(float)[place] != 0,
        "LLOQ": limits[place],
    }


def _is_number(table: pd.DataFrame, name: str) -> bool:
    return name in table and pd.api.types.is_numeric_dtype(table[name])


DIAGNOSTIC = Diagnostic(
    name="individual", title="Individual curves", table=table, by_individual=True
)

"""A fit written as JSON: everything it holds, its data included."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.data.censoring import Limit
from workbench.data.dataset import Dataset
from workbench.errors import OptionError

if TYPE_CHECKING:
    from workbench.results.fit_result import FitResult

FORMAT = 1
KIND = "nlme-workbench fit"

FRAMES = (
    "parameters",
    "covariance",
    "etas",
    "kappas",
    "eta_mean",
    "eta_sd",
    "individual_parameters",
    "predictions",
    "shrinkage",
    "trace",
    "stages",
)
PLAIN = (
    "method",
    "options",
    "given",
    "seed",
    "estimated",
    "ofv",
    "m2ll",
    "likelihood",
    "likelihood_se",
    "penalty",
    "n_parameters",
    "verdict",
    "seconds",
    "epsilon_shrinkage",
    "condition_number",
)


def to_json(fit: FitResult) -> str:
    """Return a fit as strict JSON text; numbers keep every digit."""
    return json.dumps(fit_card(fit), allow_nan=False, ensure_ascii=False)


def write_text(path: str | Path, text: str, what: str) -> None:
    """Write what is saved.

    Parameters
    ----------
    what : it is, as a message names it

    Raises
    ------
    OptionError
        The file cannot be written there.
    """
    try:
        Path(path).write_text(text, encoding="utf-8")
    except (OSError, TypeError) as problem:
        why = getattr(problem, "strerror", None) or "that is no path"
        raise OptionError(f"The {what} cannot be saved as {path}: {why}.") from None


def fit_card(fit: FitResult) -> dict[str, Any]:
    """Return a fit as JSON values."""
    card: dict[str, Any] = {"kind": KIND, "format": FORMAT}
    card["model"] = fit.model.to_dict()
    card["final_model"] = fit.final_model.to_dict()
    card["data"] = _data_card(fit.data)
    card.update({name: _value(getattr(fit, name)) for name in PLAIN})
    card["reasons"], card["warnings"] = list(fit.reasons), list(fit.warnings)
    card.update({name: _frame_card(getattr(fit, name)) for name in FRAMES})
    card["individual_ofv"] = _frame_card(fit.individual_ofv.to_frame())
    return card


def _value(value: Any) -> Any:
    """Return a JSON value; a float that JSON lacks becomes its name."""
    if isinstance(value, dict):
        return {key: _value(item) for key, item in value.items()}
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _frame_card(frame: pd.DataFrame) -> dict[str, Any]:
    columns = {}
    for name in frame.columns:
        column = frame[name]
        kind: str = column.dtype.kind if column.dtype.kind in "fib" else "O"
        if isinstance(column.dtype, pd.StringDtype):
            kind = "s"
        columns[str(name)] = {"kind": kind, "values": [_value(v) for v in column.tolist()]}
    index = [_value(v) for v in frame.index.tolist()]
    return {"columns": columns, "index": index, "index_name": frame.index.name}


def _limit_card(limit: Limit | None) -> Any:
    """Return a limit, or pairs of endpoint and limit."""
    if isinstance(limit, Mapping):
        return [[_value(label), float(value)] for label, value in limit.items()]
    return limit


def _data_card(data: Dataset) -> dict[str, Any]:
    return {
        "name": data.name,
        "table": _frame_card(data.table),
        "covariate_names": list(data.covariate_names),
        "units": dict(data.units),
        "audit": _frame_card(data.audit),
        "info": asdict(data.info) if data.info else None,
        "code": data.code,
        "blq": data.blq,
        "blq_limit": _limit_card(data.blq_limit),
        "endpoints": [_value(label) for label in data.endpoints],
        "covariate_interpolation": data.covariate_interpolation,
    }

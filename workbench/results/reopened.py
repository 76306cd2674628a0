"""A saved fit read back."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench.data.dataset import Dataset, DatasetInfo
from workbench.errors import DataError, WorkbenchError
from workbench.models.model import Model
from workbench.results.fit_result import FitResult
from workbench.results.saved import FORMAT, FRAMES, KIND, PLAIN

_NO_KAPPAS = {name: {"kind": "O", "values": []} for name in ("ID", "OCC")}

# What every data set has; a missing one would be read as zeros.
COLUMNS = ("ROW", "ID", "TIME", "DV", "AMT", "EVID", "MDV", "CMT")


def load_fit(path: str | Path) -> FitResult:
    """Reopen a saved fit.

    Raises
    ------
    DataError
        There is no such file, it is damaged, or it is not a saved fit of a format this version
        reads.
    """
    card = read_card(path, "a saved fit")
    if not isinstance(card, dict) or card.get("kind") != KIND:
        raise DataError(f"{path} is JSON, but not a fit saved by this package.")
    if card.get("format") != FORMAT:
        raise DataError(
            f"{path} was saved in format {card.get('format')!r}; this version reads {FORMAT}."
        )
    try:
        return fit_of_card(card)
    except (WorkbenchError, AttributeError, KeyError, TypeError, ValueError) as problem:
        lacks = isinstance(problem, KeyError) and not isinstance(problem, WorkbenchError)
        what = f'it lacks "{problem.args[0]}"' if lacks else str(problem).removesuffix(".")
        raise DataError(
            f"{path} is a saved fit, but damaged: {what}. Save the fit again, or use a copy."
        ) from None


def read_card(path: str | Path, what: str) -> Any:
    """Return the JSON value of a file.

    Parameters
    ----------
    what : should be in it, as a message names it

    Raises
    ------
    DataError
        There is no such file, or it holds something else.
    """
    if not isinstance(path, str | Path):
        raise DataError(f"The path of {what} is a text or a Path, not {path!r}.")
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except OSError as problem:
        raise DataError(f"{path} cannot be read: {problem.strerror}.") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise DataError(f"{path} is not {what}: it is not JSON text.") from None


def fit_of_card(card: dict[str, Any], data: Dataset | None = None) -> FitResult:
    """Return a fit from JSON values, as `saved.fit_card` makes them.

    Parameters
    ----------
    data : of the fit, where the card does not have them
    """
    card = {**_added_later(card), **card}
    values: dict[str, Any] = {name: _plain(card[name]) for name in PLAIN}
    values.update({name: _frame(card[name]) for name in FRAMES})
    return FitResult(
        model=Model.from_dict(card["model"]),
        final_model=Model.from_dict(card["final_model"]),
        data=_data(card["data"]) if data is None else data,
        reasons=tuple(card["reasons"]),
        warnings=tuple(card["warnings"]),
        individual_ofv=_frame(card["individual_ofv"])["ofv"],
        **values,
    )


def _added_later(card: dict[str, Any]) -> dict[str, Any]:
    """Return what older files of the format lack."""
    none = {"columns": {}, "index": [], "index_name": "ID"}
    return {
        "likelihood": card["method"].upper(),
        "likelihood_se": 0.0,
        "penalty": 0.0,
        "eta_mean": none,
        "kappas": {"columns": _NO_KAPPAS, "index": [], "index_name": None},
        "eta_sd": none,
        "stages": none | {"index_name": None},
    }


def _plain(value: Any) -> Any:
    return float(value) if value in ("nan", "inf", "-inf") else value


def _frame(card: dict[str, Any]) -> pd.DataFrame:
    types: dict[str, Any] = {"f": np.float64, "i": np.int64, "b": np.bool_, "O": object, "s": "str"}
    index = pd.Index(card["index"], name=card["index_name"])
    columns = {
        name: pd.Series([_plain(v) for v in column["values"]], index, dtype=types[column["kind"]])
        for name, column in card["columns"].items()
    }
    return pd.DataFrame(columns, index=index)


def _limit(card: Any) -> Any:
    """Return a limit, or limits by endpoint."""
    return {label: float(value) for label, value in card} if isinstance(card, list) else card


def _data(card: dict[str, Any]) -> Dataset:
    info, table = card["info"], _frame(card["table"])
    lacking = [name for name in COLUMNS if name not in table]
    if lacking:
        raise DataError(f"its data lack the columns {', '.join(lacking)}")
    known = {field.name for field in fields(DatasetInfo)}
    return Dataset(
        name=card["name"],
        table=table,
        covariate_names=tuple(card["covariate_names"]),
        units=card["units"],
        audit=_frame(card["audit"]),
        info=DatasetInfo(**{k: v for k, v in info.items() if k in known}) if info else None,
        code=card["code"],
        endpoints=tuple(card.get("endpoints", ())),
        blq=card.get("blq", ""),
        blq_limit=_limit(card.get("blq_limit")),
        covariate_interpolation=card.get("covariate_interpolation", "nocb"),
    )

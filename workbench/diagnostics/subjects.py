"""What the subjects can be ordered by: how well they fit, their parameters, their covariates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.diagnostics._base import Diagnostic, Individual

if TYPE_CHECKING:
    from workbench.results import FitResult

Floats = NDArray[np.float64]
Column = tuple[str, str, Floats | None, list[str | None] | None]


def table(fit: FitResult, *, individual: Individual = "ebe") -> pd.DataFrame:
    r"""Return one row per quantity and subject: ID, quantity, kind, value, level.

    By kind

    - "fit": ``ofv_per_obs``, the subject's part of the OFV over its number of observations, and
      ``rms_iwres``, :math:`\sqrt{\overline{IWRES^2}}`: large where the model fits badly; and
      ``n_obs``, the number of observations;
    - "parameter": the individual parameters, by name;
    - "eta": the random effects, ``eta_cl`` of cl;
    - "covariate": the first value of each covariate; text is in `level`, and `value` then the
      place of the label in alphabetical order.

    Draws of parameters and etas are averaged.
    """
    labels = list(fit.data.subjects)
    parts = []
    for quantity, kind, values, levels in _columns(fit, individual, labels):
        part = pd.DataFrame({"ID": pd.Series(labels, dtype=object), "quantity": quantity})
        part["kind"], part["value"] = kind, values
        part["level"] = pd.Series(levels or [None] * len(labels), dtype=object)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _columns(fit: FitResult, individual: Individual, labels: list[object]) -> Iterator[Column]:
    """Give name, kind, numbers and texts of every quantity."""
    order = pd.Index(labels, dtype=object)
    predictions = fit.predictions_by(individual)
    who = order.get_indexer(pd.Index(predictions["ID"], dtype=object))
    count = np.bincount(who, minlength=len(labels)).astype(float)
    squares = predictions["IWRES"].to_numpy(float) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        yield "ofv_per_obs", "fit", fit.individual_ofv.to_numpy(float) / count, None
        rms = np.sqrt(np.bincount(who, squares, len(labels)) / count)
        yield "rms_iwres", "fit", rms, None
    yield "n_obs", "fit", count, None
    for kind, before, values in (
        ("parameter", "", fit.individual_parameters_by(individual)),
        ("eta", "eta_", fit.etas_by(individual)),
    ):
        n_draws = int(values["DRAW"].max()) if len(values) else 1
        for name in values.columns.drop(["ID", "DRAW"]):
            each = values[name].to_numpy(float).reshape(len(labels), n_draws)
            yield f"{before}{name}", kind, each.mean(axis=1), None
    rows = fit.data.table.loc[~fit.data.table["ID"].duplicated()]
    for name in fit.data.covariate_names:
        column = rows[name]
        if pd.api.types.is_numeric_dtype(column):
            yield name, "covariate", column.to_numpy(float), None
        else:
            words = [None if pd.isna(value) else str(value) for value in column]
            known = sorted({word for word in words if word is not None})
            places = [np.nan if word is None else float(known.index(word)) for word in words]
            yield name, "covariate", np.array(places), words


DIAGNOSTIC = Diagnostic(name="subjects", title="Subjects", table=table, by_individual=True)

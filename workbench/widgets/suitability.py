"""Does the model fit the data that are open? What can be said before a fit is started."""

from __future__ import annotations

import math
from typing import Any

from workbench.data import Dataset
from workbench.errors import WorkbenchError
from workbench.models.endpoints import label_key
from workbench.models.model import Model
from workbench.problem.covariates import design_matrix, with_references
from workbench.problem.endpoints import (
    endpoint_outputs,
    observed_outputs,
)
from workbench.problem.occasions import DOSE, RESET
from workbench.problem.subjects import pack_subjects
from workbench.widgets.page_words import on_the_page

ROOM = 1.1  # between the outermost observation and the end of a scale


def endpoints_of(model: Model, data: Dataset) -> dict[Any, str]:
    """Return the output that each endpoint of the data stands for.

    Endpoints for which the model has no output left stand for the first.
    """
    outputs, labels = model.structure.outputs, data.endpoints
    try:
        numbers = endpoint_outputs(model, labels).tolist()
    except WorkbenchError:
        numbers = [min(k, len(outputs) - 1) for k in range(len(labels))]
    return {label: outputs[k] for label, k in zip(labels, numbers, strict=True)}


def ends_around(model: Model, data: Dataset, output: str = "") -> tuple[float, float]:
    """Return round numbers between which the observations of an output lie; ("" for the only one).

    They are 0 and 1 where these hold the data.
    """
    rows = data.observations
    if output and len(data.endpoints) > 1:
        own = {label_key(k) for k, name in endpoints_of(model, data).items() if name == output}
        rows = rows[[label_key(label) in own for label in rows["DVID"]]]
    values = rows["DV"].dropna()
    if values.empty:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    reach = max(abs(low), abs(high), 1e-12)
    lower = 0.0 if low > 0 else -_round_up(max(-low, 0.1 * reach) * ROOM)
    if high < 1 and low > 0:
        return lower, 1.0
    return lower, _round_up(high * ROOM) if high > 0 else 0.0 if high < 0 else 0.1 * reach


def _round_up(value: float) -> float:
    """Return the next of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= value * (1 - 1e-12))


def occasion_columns(data: Dataset | None) -> list[str]:
    """Return the columns of the data that can say the occasion of a row: OCC, and what changes."""
    if data is None:
        return []
    return [name for name in ("OCC", *data.time_varying) if name in data.table.columns]


def usual_occasion(model: Model, data: Dataset | None) -> str:
    """Return where occasions begin: as the model says where the data have that, else as they can.

    That is a column, resets where there are any, or doses.
    """
    columns = occasion_columns(data)
    if data is None or model.occasion in (*columns, RESET, DOSE):
        return model.occasion
    if columns:
        return columns[0]
    return RESET if data.table["EVID"].isin((3, 4)).any() else DOSE


def misfit(model: Model, data: Dataset) -> str:
    """Return why the structure cannot describe the data; empty when it can."""
    try:
        pack_subjects(model, data, observed_outputs(model, data))
    except WorkbenchError as error:
        return on_the_page(str(error))
    return ""


def covariate_misfit(model: Model, data: Dataset) -> str:
    """Return why the covariate effects do not fit the data; empty when they do."""
    try:
        design_matrix(with_references(model, data), data, estimable=True)
    except WorkbenchError as error:
        return on_the_page(str(error))
    return ""

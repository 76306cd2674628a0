"""The endpoints of the data and the outputs of the model: which is which, and with which error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.core import records as rec
from workbench.core.likelihood import Subjects, place_limit
from workbench.core.residuals import (
    FIRST_SIGMA,
    OBSERVED,
    SIGMA_WIDTH,
    TWO_LIMITS,
    R,
    n_columns,
)
from workbench.data.dataset import Dataset
from workbench.errors import DataError, ModelError
from workbench.models.endpoints import endpoints_python, label_key
from workbench.models.model import Model
from workbench.models.residual import ErrorModel, error_models

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One output of the model with its residual error, and its observations.

    Attributes
    ----------
    output : name of the output
    number : its number among the outputs
    error : its residual error model
    sigma : where its parameters stand among those of all outputs
    rows : (n,)  its observations
    """

    output: str
    number: int
    error: ErrorModel
    sigma: slice
    rows: Ints


def endpoint_outputs(model: Model, labels: Sequence[Any]) -> Ints:
    """Return the number of the output that each endpoint of the data stands for.

    Labels that are names of outputs (in capitals or not) stand for these; the others stand for
    the other outputs, in order. The model's own `endpoints` come before that rule.

    Parameters
    ----------
    labels : of the data's endpoints, in order

    Raises
    ------
    DataError
        There are more endpoints than outputs, or one that the model's `endpoints` do not name.
    """
    outputs = model.structure.outputs
    if model.endpoints:
        missing = [label for label in labels if label_key(label) not in model.endpoints]
        if missing:
            known = ", ".join(model.endpoints)
            raise DataError(
                f"The data have an endpoint {missing[0]}, but the model's endpoints= names only "
                f"{known}. Say which output it is ({', '.join(outputs)}), or drop its rows (MDV = "
                "1)."
            )
        return np.array([outputs.index(model.endpoints[label_key(e)]) for e in labels], np.int64)
    by_name = {name.casefold(): k for k, name in enumerate(outputs)}
    named = [by_name.get(str(label).casefold(), -1) for label in labels]
    left = [k for k in range(len(outputs)) if k not in named]
    if named.count(-1) > len(left):
        raise DataError(_too_many(model, labels))
    rest = iter(left)
    return np.array([next(rest) if k < 0 else k for k in named], dtype=np.int64)


def _too_many(model: Model, labels: Sequence[Any]) -> str:
    outputs = model.structure.outputs
    same = endpoints_python({label_key(label): outputs[0] for label in labels})
    return (
        f"The data have {len(labels)} endpoints ({', '.join(map(str, labels))}), but the model "
        f"{model.structure.name} predicts {len(outputs)} ({', '.join(outputs)}). Choose a "
        "structure with more outputs, drop the rows of an endpoint (MDV = 1), or, if they are "
        f"the same quantity, give the model endpoints={same}."
    )


def endpoint_notes(model: Model, data: Dataset, endpoints: Sequence[Endpoint]) -> list[str]:
    """Return sentences on which endpoint was taken for which output, and on outputs not seen."""
    outputs, notes = model.structure.outputs, []
    chosen = [outputs[k] for k in endpoint_outputs(model, data.endpoints)]
    pairs = list(zip(data.endpoints, chosen, strict=True))
    unnamed = [(e, output) for e, output in pairs if str(e).casefold() != output.casefold()]
    if unnamed and len(outputs) > 1 and not model.endpoints:
        which = ", ".join(f"{label} is {output}" for label, output in unnamed)
        code = endpoints_python({label_key(label): output for label, output in pairs})
        notes.append(
            f"The data's endpoints were taken for the model's outputs in order: {which}. If that "
            f"is not so, say which is which: endpoints={code} is what was taken."
        )
    unseen = [e.output for e in endpoints if not len(e.rows)]
    if unseen:
        notes.append(
            f"There is no observation of {', '.join(unseen)}: its residual error is not estimated."
        )
    return notes


def observed_outputs(model: Model, data: Dataset) -> Ints:
    """Return the number of the output of each observation, (n_obs,).

    Raises
    ------
    DataError, ModelError
        See `endpoint_outputs`; or an output was observed for which the model has no error.
    """
    number = endpoint_outputs(model, data.endpoints)[data.population.obs_endpoint]
    for k, output in enumerate(model.structure.outputs):
        if output not in model.errors and np.any(number == k):
            raise ModelError(
                f"The data have {int(np.sum(number == k))} observations of {output}, but the "
                f"model has no residual error for it. Add one: error={{…, "
                f'"{output}": wb.error.Additive(…)}}.'
            )
    return number


def with_outputs(records: Floats, numbers: Ints) -> Floats:
    """Return the records (read-only) with the outputs in place of the data's endpoints.

    Parameters
    ----------
    records : (n, records.N_COLUMNS)
    numbers : (n_obs,)  of the output of each observation
    """
    observed = records[:, rec.KIND] == rec.OBSERVATION
    if np.array_equal(records[observed, rec.ENDPOINT], numbers):
        return records
    changed = records.copy()
    changed[observed, rec.ENDPOINT] = numbers
    changed.flags.writeable = False
    return changed


def make_endpoints(model: Model, numbers: Ints) -> tuple[Endpoint, ...]:
    """Return the outputs that have a residual error, in the order of the outputs.

    Parameters
    ----------
    numbers : (n_obs,)  of the output of each observation
    """
    found, first = [], 0
    for output, error in model.errors.items():
        number, last = model.structure.outputs.index(output), first + len(error.values)
        rows = np.flatnonzero(numbers == number)
        kind = error_models.get(error.model)
        found.append(Endpoint(output, number, kind, slice(first, last), rows))
        first = last
    return tuple(found)


def residual_table(
    endpoints: Sequence[Endpoint], subjects: Subjects, prediction: Floats, sigma: Floats
) -> Floats:
    """Return the residual-error table of all observations, (n_obs, columns).

    Parameters
    ----------
    subjects : whose dv, kind and limit are read
    prediction : (n_obs,)
    sigma : (n_sigma,)
    """
    out = _table_at(endpoints, subjects.dv, prediction, sigma)
    if subjects.kinds == OBSERVED:
        return out
    limits = out
    if subjects.kinds >= TWO_LIMITS:
        limits = _table_at(endpoints, subjects.limit, prediction, sigma)
    for j in np.flatnonzero(subjects.kind):
        place_limit(int(subjects.kind[j]), limits[j], out[j])
    return out


def _table_at(
    endpoints: Sequence[Endpoint], y: Floats, prediction: Floats, sigma: Floats
) -> Floats:
    """Return what the residual-error kernels write for the data y."""
    out = np.zeros((len(y), n_columns(len(sigma))))
    for endpoint in endpoints:
        own = np.ascontiguousarray(sigma[endpoint.sigma])
        table = np.zeros((len(endpoint.rows), n_columns(len(own))))
        endpoint.error.residual(y[endpoint.rows], prediction[endpoint.rows], own, table)
        out[endpoint.rows, :FIRST_SIGMA] = table[:, :FIRST_SIGMA]
        first = FIRST_SIGMA + SIGMA_WIDTH * endpoint.sigma.start
        out[endpoint.rows, first : first + SIGMA_WIDTH * len(own)] = table[:, FIRST_SIGMA:]
    return out


def modelled(endpoints: Sequence[Endpoint], dv: Floats) -> Floats:
    """Return observations on the scale that their error model is additive on.

    That is h(y) up to a constant for each endpoint: the logarithm for log-normal error, else DV.

    Parameters
    ----------
    dv : (..., n_obs)
    """
    changed = [e for e in endpoints if e.error.observed is not np.add and len(e.rows)]
    if not changed:
        return dv
    out = dv.copy()
    for endpoint in changed:
        mine = np.ascontiguousarray(dv[..., endpoint.rows])
        own, flat = np.array(endpoint.error.defaults), mine.ravel()
        table = np.zeros((len(flat), n_columns(len(own))))
        endpoint.error.residual(flat, np.ones(len(flat)), own, table)
        out[..., endpoint.rows] = table[:, R].reshape(mine.shape)
    return out


def jacobians(
    endpoints: Sequence[Endpoint], dv: Floats, start: Ints, of_density: NDArray[np.bool_]
) -> Floats:
    """Return what moves each subject's -2LL from the modelled scale to that of DV, (n_sub,).

    Parameters
    ----------
    dv : (n_obs,)
    start : (n_sub + 1,)  offsets of the subjects
    of_density : (n_obs,)  whose likelihood is a density; a probability is the same on every scale
    """
    total = np.zeros(len(start) - 1)
    for endpoint in endpoints:
        rows = endpoint.rows[of_density[endpoint.rows]]
        mine, edges = dv[rows], np.searchsorted(rows, start)
        total += [-2.0 * endpoint.error.log_jacobian(mine[a:b]) for a, b in pairwise(edges)]
    return total

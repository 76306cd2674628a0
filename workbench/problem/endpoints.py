"""The endpoints of the data and the outputs of the model: which is which, and with which error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.core import records as rec
from workbench.core.both_sides import N_PARTS, finish_rows, put_rows, sizes_of
from workbench.core.packed import Subjects
from workbench.core.residuals import (
    FIRST_SIGMA,
    OBSERVED,
    SIGMA_WIDTH,
    TWO_LIMITS,
    V,
    n_columns,
)
from workbench.core.table import place_limit
from workbench.data.dataset import Dataset
from workbench.errors import DataError, ModelError
from workbench.models.endpoints import endpoints_python, label_key
from workbench.models.error import TRANSFORMED, ResidualError
from workbench.models.model import Model
from workbench.models.residual import ErrorModel
from workbench.problem import error_scale

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
    spec : the same with its scale and distribution; its values are not used
    sigma : where its parameters stand among those of all outputs
    rows : (n,)  its observations
    """

    output: str
    number: int
    error: ErrorModel
    spec: ResidualError
    sigma: slice
    rows: Ints

    @property
    def transforms(self) -> bool:
        """Whether the data are modelled on another scale than their own."""
        return self.spec.transform is not None or self.error.positive_data

    @property
    def scalable(self) -> Ints:
        """Numbers of those of its residual parameters that are SDs or fractions, no shapes."""
        shapes = [self.spec.is_shape(name) for name in self.spec.names]
        return self.sigma.start + np.flatnonzero(np.logical_not(shapes))

    def own(self, sigma: Floats) -> Floats:
        """Return its residual parameters among those of all outputs."""
        return np.ascontiguousarray(sigma[self.sigma])

    def sd(self, f: Floats, sigma: Floats) -> Floats:
        """Return the SD (of Student-t error: the scale) at predictions, on the modelled scale.

        Parameters
        ----------
        f : (n,)
        sigma : (n_sigma,)  residual parameters of all outputs
        """
        own = self.own(sigma)
        table, sizes = np.zeros((len(f), n_columns(len(own)))), np.ascontiguousarray(f)
        if self.spec.of == TRANSFORMED:
            sizes = np.abs(error_scale.modelled(self.spec, sizes, own))
        # The residual of an observation is not needed: any value that exists will do.
        self.error.residual(np.ones(len(f)), sizes, own, table)
        return np.asarray(np.sqrt(table[:, V]))

    def signed_sd(self, f: Floats, sigma: Floats) -> Floats:
        """Return `sd` with the sign that sigma gives it; inf where none can make it negative."""
        if self.error.signed_sd is None:
            return np.full(len(f), np.inf)
        own, sizes = self.own(sigma), np.ascontiguousarray(f)
        if self.spec.of == TRANSFORMED:
            sizes = np.abs(error_scale.modelled(self.spec, sizes, own))
        return self.error.signed_sd(sizes, own)

    def observed(self, f: Floats, z: Floats, sd: Floats, sigma: Floats) -> Floats:
        """Return the observations at predictions f, of the shape of f.

        Parameters
        ----------
        z : standard normal numbers, whose ranks the standardised errors have
        sd : see `sd`
        sigma : (n_sigma,)  residual parameters of all outputs
        """
        own = self.own(sigma)
        e = sd * error_scale.standardised(self.spec, z, own)
        return error_scale.observed(self.spec, f, e, own)


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
        found.append(Endpoint(output, number, error.kind, error, slice(first, last), rows))
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
    _place_limits(endpoints, subjects, prediction, sigma, out)
    for endpoint in endpoints:
        if not error_scale.is_plain(endpoint.spec):
            how, ends = error_scale.how_it_is(endpoint.spec)
            rows, offset = endpoint.rows, endpoint.sigma.start
            table, y = out[rows], np.ascontiguousarray(subjects.dv[rows])
            own = endpoint.own(sigma)
            finish_rows(how, ends, own, offset, y, 0, 0, len(rows), table)
            out[rows] = table
    return out


def _place_limits(
    endpoints: Sequence[Endpoint],
    subjects: Subjects,
    prediction: Floats,
    sigma: Floats,
    out: Floats,
) -> None:
    """Write the kinds of the observations and their other limits to the table."""
    if subjects.kinds == OBSERVED:
        return
    limits = out
    if subjects.kinds >= TWO_LIMITS:
        limits = _table_at(endpoints, subjects.limit, prediction, sigma)
    for j in np.flatnonzero(subjects.kind):
        place_limit(int(subjects.kind[j]), limits[j], out[j])


def _table_at(
    endpoints: Sequence[Endpoint], y: Floats, prediction: Floats, sigma: Floats
) -> Floats:
    """Return what the residual-error kernels write for the data y."""
    out = np.zeros((len(y), n_columns(len(sigma))))
    for endpoint in endpoints:
        own = np.ascontiguousarray(sigma[endpoint.sigma])
        table = np.zeros((len(endpoint.rows), n_columns(len(own))))
        mine, f = y[endpoint.rows], prediction[endpoint.rows]
        if endpoint.spec.transform is None:
            endpoint.error.residual(mine, f, own, table)
        else:
            how, ends = error_scale.how_it_is(endpoint.spec)
            at_f, sizes = np.zeros((len(f), N_PARTS)), np.zeros(len(f))
            sizes_of(how, ends, own, f, 0, at_f, sizes)
            endpoint.error.residual(mine, sizes, own, table)
            put_rows(how, ends, own, mine, 0, at_f, 0, table)
        out[endpoint.rows, :FIRST_SIGMA] = table[:, :FIRST_SIGMA]
        first = FIRST_SIGMA + SIGMA_WIDTH * endpoint.sigma.start
        out[endpoint.rows, first : first + SIGMA_WIDTH * len(own)] = table[:, FIRST_SIGMA:]
    return out


def modelled(endpoints: Sequence[Endpoint], dv: Floats, sigma: Floats) -> Floats:
    """Return observations on the scale that their error is additive on: g(y), or the logarithm.

    Parameters
    ----------
    dv : (..., n_obs)
    sigma : (n_sigma,)
    """
    changed = [e for e in endpoints if e.transforms and len(e.rows)]
    if not changed:
        return dv
    out = dv.copy()
    for endpoint in changed:
        mine = np.ascontiguousarray(dv[..., endpoint.rows])
        out[..., endpoint.rows] = error_scale.modelled(endpoint.spec, mine, endpoint.own(sigma))
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

"""Does this model fit these data? Everything that can be said before a fit is started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.core import records as rec
from workbench.core.packed import Subjects
from workbench.data.censoring import BLQ_METHODS, LIKELIHOOD
from workbench.data.dataset import Dataset
from workbench.data.findings import count
from workbench.errors import DataError, EstimationError, ModelError
from workbench.models.model import Model
from workbench.problem import error_scale
from workbench.problem.endpoints import Endpoint

Floats = NDArray[np.float64]


def where(data: Dataset, observations: NDArray[np.int64]) -> str:
    """Name the first of some observations by file row, subject and time, and count the rest."""
    first = int(observations[0])
    # Column by column: a row of numbers only would turn whole numbers into decimals.
    position = int(data.population.obs_row[first])
    row, subject, time = (data.table[name].iloc[position] for name in ("ROW", "ID", "TIME"))
    text = f"row {row} (ID {subject}, TIME {time:g})"
    more = len(observations) - 1
    return text if more == 0 else f"{text} and {more} more"


def check_observations(data: Dataset, endpoints: Sequence[Endpoint]) -> None:
    """Refuse data without observations, or that the error models cannot describe."""
    population = data.population
    if population.n_obs == 0:
        raise DataError("There is no observation to fit: every row is a dose or has MDV = 1.")
    for endpoint in endpoints:
        bad = endpoint.rows[population.dv[endpoint.rows] <= 0]
        if endpoint.error.positive_data and len(bad):
            raise DataError(
                f"The {endpoint.error.title} error model takes the logarithm of DV, but DV is "
                f"{population.dv[bad[0]]:g} at {where(data, bad)}. Drop these rows (MDV = 1), or "
                "choose an additive, proportional or combined error."
            )
        if endpoint.error.positive_data:
            bad = endpoint.rows[population.obs_limit[endpoint.rows] < 0]
            if len(bad):
                raise DataError(
                    f"The {endpoint.error.title} error model takes the logarithm of DV, but LIMIT "
                    f"is {population.obs_limit[bad[0]]:g} at {where(data, bad)}. Leave it out, or "
                    "choose an additive, proportional or combined error."
                )
        _check_domain(data, endpoint)


def _check_domain(data: Dataset, endpoint: Endpoint) -> None:
    """Refuse data that the scale or the distribution of the error is not defined for."""
    dv = data.population.dv
    bad = endpoint.rows[~error_scale.in_domain(endpoint.spec, dv[endpoint.rows])]
    if len(bad):
        raise DataError(
            f"The {error_scale.name_of(endpoint.spec)} transformation is defined for values "
            f"{error_scale.domain(endpoint.spec)}, but DV is {dv[bad[0]]:g} at "
            f"{where(data, bad)}. {_way_out(endpoint)}, or drop these rows (MDV = 1)."
        )
    limit = data.population.obs_limit
    bad = endpoint.rows[error_scale.beyond_ends(endpoint.spec, limit[endpoint.rows])]
    if len(bad):
        raise DataError(
            f"The {error_scale.name_of(endpoint.spec)} transformation is defined for values "
            f"{error_scale.domain(endpoint.spec)}, but LIMIT is {limit[bad[0]]:g} at "
            f"{where(data, bad)}. Leave it out where the data cannot get there anyway."
        )


def refuse_limits_of_student(subjects: Subjects, endpoints: Sequence[Endpoint]) -> None:
    """Refuse values that are known by a limit where residuals have Student's t distribution."""
    for endpoint in endpoints:
        limited = int(np.count_nonzero(subjects.kind[endpoint.rows]))
        if endpoint.spec.student and limited:
            raise ModelError(
                f"{limited} observations of {endpoint.output} are known by a limit only, which is "
                "not worked out for Student-t residuals. Leave df= out of the error, or put "
                "values in the place of the limits."
            )


def _way_out(endpoint: Endpoint) -> str:
    transform = endpoint.spec.transform
    if transform is not None and transform.shape.bounded:
        return "Give ends with all the data between them"
    return "Take wb.transform.YeoJohnson, which is defined everywhere"


def check_start(
    data: Dataset, endpoints: Sequence[Endpoint], prediction: Floats, variance: Floats
) -> None:
    """Refuse starting values at which the likelihood does not exist, and say where.

    Parameters
    ----------
    prediction, variance : (n_obs,)  at the typical values
    """
    bad = np.flatnonzero(~np.isfinite(prediction))
    if len(bad):
        raise ModelError(
            f"The model predicts {prediction[bad[0]]} at {where(data, bad)} with the starting "
            "values. Start from values of a plausible size in the units of the data."
        )
    for endpoint in endpoints:
        kind, rows = endpoint.error, endpoint.rows
        outside = rows[~error_scale.in_domain(endpoint.spec, prediction[rows])]
        if len(outside):
            raise ModelError(
                f"The prediction is {prediction[outside[0]]:g} at {where(data, outside)} with the "
                f"starting values, but the {error_scale.name_of(endpoint.spec)} transformation is "
                f"defined for values {error_scale.domain(endpoint.spec)}. {_way_out(endpoint)}, "
                "start from other values, or drop these rows (MDV = 1)."
            )
        must_be_positive = prediction if kind.positive_data else variance
        bad = rows[~(must_be_positive[rows] > 0)]
        if len(bad):
            raise ModelError(
                f"The prediction is {prediction[bad[0]]:g} at {where(data, bad)}, where the "
                f"{kind.title} error model has no variance, so the likelihood does not exist. Use "
                "a combined error (with an additive part), or drop these rows (MDV = 1)."
            )


def check_sd(
    data: Dataset, endpoints: Sequence[Endpoint], prediction: Floats, sigma: Floats
) -> None:
    """Refuse starting values at which an SD is negative, which its square would hide.

    Parameters
    ----------
    prediction : (n_obs,)  at the typical values
    sigma : (n_sigma,)

    Raises
    ------
    ModelError
    """
    said = negative_sd(data, endpoints, prediction, sigma)
    if said:
        raise ModelError(
            f"{said[0]} with the starting values. An SD is above 0: start from other values, or "
            "choose an error model whose SD cannot become negative."
        )


def negative_sd(
    data: Dataset, endpoints: Sequence[Endpoint], prediction: Floats, sigma: Floats
) -> list[str]:
    """Return, for each output whose SD is negative somewhere, where it is: without a full stop."""
    found = []
    for endpoint in endpoints:
        sd = endpoint.signed_sd(prediction[endpoint.rows], sigma)
        below = np.flatnonzero(sd < 0)
        if len(below):
            bad = endpoint.rows[below]
            found.append(
                f"The SD of the residual error of {endpoint.output} ({endpoint.error.title}) is "
                f"negative, {sd[below[0]]:.3g} at a prediction of {prediction[bad[0]]:.3g}, at "
                f"{where(data, bad)}"
            )
    return found


def limit_notes(data: Dataset) -> list[str]:
    """Return sentences on values that are known only to lie beyond a limit."""
    found = []
    if data.n_below:
        text = f"{count(data.n_below, 'value')} below the limit of quantification"
        given = "" if data.blq_limit is None else f", limit {_limit_words(data)}"
        found.append(f"{text}: {BLQ_METHODS[data.blq]} ({data.blq}{given}).")
    elif data.blq in LIKELIHOOD and data.blq_limit is not None:
        found.append(
            f"The likelihood of every value is that of one above a limit, {_limit_words(data)} "
            f"({data.blq})."
        )
    if data.n_above:
        text = f"{count(data.n_above, 'value')} above a limit"
        found.append(f"{text}: used by the likelihood of being above it.")
    return found


def _limit_words(data: Dataset) -> str:
    """Return the limit of M2 or M4, with its endpoint where there are several."""
    limit = data.blq_limit
    if not isinstance(limit, Mapping):
        return f"{limit:g}"
    several = len(data.endpoints) > 1
    parts = [f"{value:g}" + f" of {label}" * several for label, value in limit.items()]
    return ", ".join(parts)


def refuse_limits(data: Dataset, title: str) -> None:
    """Refuse observations that are known only to lie beyond a limit, or are truncated.

    Parameters
    ----------
    title : of the method, which linearises a model with Gaussian observations

    Raises
    ------
    EstimationError
    """
    other = np.flatnonzero(data.population.obs_kind)
    if len(other):
        by = f", which {data.blq} takes by their likelihood" if data.n_below else ""
        raise EstimationError(
            f"{title} takes every observation as a normal number, but {count(len(other), 'row')} "
            f"of these data are not, first {where(data, other)}: values known only to lie beyond "
            f"a limit, or above one{by}. Use FOCEI, Laplace, SAEM or importance sampling; or "
            'choose a method that discards or replaces them, data.with_blq("M1") or "M5".'
        )


def fixed_zeros(model: Model) -> list[str]:
    """Say which correlations within a block are held at zero because no one named them."""
    missing = [
        pair
        for block in model.blocks()
        for pair in combinations(block, 2)
        if pair not in model.correlations
    ]
    if not missing:
        return []
    said = ", ".join(f"{a} with {b}" for a, b in missing)
    return [
        f"Not every pair of a block of random effects is named: the correlation of {said} is held "
        "at 0."
    ]


def notes(model: Model, data: Dataset) -> list[str]:
    """Return sentences on what is legal but should be known."""
    found = fixed_zeros(model)
    population = data.population
    structure = model.structure
    numbered = pd.api.types.is_numeric_dtype(data.table["CMT"])
    if numbered and structure.observed > 0 and len(structure.compartments) > 1:
        target = data.table["CMT"].to_numpy(dtype=float)[population.obs_row]
        elsewhere = np.isfinite(target) & (target != 0) & (target != structure.observed)
        if elsewhere.any():
            name = structure.compartments[structure.observed - 1]
            found.append(
                f"{int(elsewhere.sum())} observation rows have CMT {target[elsewhere][0]:g}; the "
                f"model predicts compartment {structure.observed} ({name}) for all "
                "observations."
            )
    dosed = np.isin(population.records[:, rec.KIND], (rec.DOSE, rec.RESET_DOSE))
    counts = np.add.reduceat(dosed, population.record_start[:-1])
    never = [s for s, n in zip(population.subjects, counts, strict=True) if n == 0]
    if never and structure.observed > 0:  # equations may begin from elsewhere than zero
        found.append(
            f"{len(never)} subjects have no dose, so their predictions are zero: "
            f"ID {', '.join(map(str, never[:5]))}{' …' if len(never) > 5 else ''}."
        )
    return found

"""Observations with their simulated twins: what every simulation-based check starts from."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.arguments import checked_seed, is_finite_number, whole_number
from workbench.data.blq import (
    as_measured,
    guessed_limits,
    known_limits,
    limits_by_row,
    limits_sentence,
)
from workbench.data.dataset import Dataset
from workbench.diagnostics._panels import endpoint_names
from workbench.errors import DataError, OptionError
from workbench.models.model import Model
from workbench.problem import Problem
from workbench.simulation import Cancel, replicate_blocks

if TYPE_CHECKING:
    from workbench.results import FitResult

Floats = NDArray[np.float64]

OnProgress = Callable[[int, int], None]  # replicates done, replicates asked for
FEW_REPLICATES = 200
COLUMNS = ("ID", "TIME", "TAD", "ENDPOINT", "DV", "PRED")


@dataclass(frozen=True, slots=True, eq=False)
class Arrays:
    """Observations that are not of a dataset, as what a check is of: a subject each.

    Attributes
    ----------
    covariates : ID, and the covariates by name
    """

    covariates: pd.DataFrame

    @property
    def subjects(self) -> tuple[Any, ...]:
        """Labels of the subjects."""
        return tuple(self.covariates["ID"].tolist())

    @property
    def units(self) -> dict[str, str]:
        """Units: none is known."""
        return {}


@dataclass(frozen=True, slots=True, eq=False)
class Simulated:
    """Observations, and the same design simulated many times.

    Attributes
    ----------
    points : one row per observation: ID TIME TAD ENDPOINT DV PRED, then covariates
    values : (n_replicates, n_obs)  simulated observations
    lloq : (n_obs,)  limit of quantification of each observation; NaN where there is none
    censored : (n_obs,)  whether an observation is below its limit
    covariates : names of the covariates among the columns
    units : of TIME, DV and covariates, "" where unknown
    asked : how many replicates were asked for; more than there are if it was cancelled
    seed : of the random numbers; -1 where the simulation is somebody else's
    seconds : that the simulation took
    name : of the data
    notes : sentences worth knowing
    source : what was simulated: a fit, or the data where they are not a fit's own
    """

    points: pd.DataFrame
    values: Floats
    lloq: Floats
    censored: NDArray[np.bool_]
    covariates: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    asked: int = 0
    seed: int = -1
    seconds: float = 0.0
    name: str = ""
    notes: tuple[str, ...] = ()
    source: Any = None

    @property
    def n_replicates(self) -> int:
        """How many data sets were simulated."""
        return len(self.values)

    @property
    def endpoints(self) -> list[str]:
        """Names of the endpoints, in the model's order."""
        return endpoint_names(self.points)

    def observed(self, rows: NDArray[np.int64]) -> Floats:
        """Return observations, -inf where one is below its limit."""
        values = self.points["DV"].to_numpy(float)[rows]
        return np.where(self.censored[rows], -np.inf, values)

    def below(self, rows: NDArray[np.int64], replicates: Floats) -> NDArray[np.bool_] | None:
        """Return which simulated values of some observations are below their limit; None: none."""
        limit = self.lloq[rows]
        if not np.isfinite(limit).any():
            return None
        with np.errstate(invalid="ignore"):
            return np.asarray(replicates < limit)


def simulated(
    source: FitResult | Model,
    data: Dataset | None = None,
    *,
    replicates: int = 1000,
    seed: int = 1,
    lloq: float | Mapping[str, float] | None = None,
    threads: int | None = None,
    on_progress: OnProgress | None = None,
    cancel: Cancel | None = None,
) -> Simulated:
    """Simulate the design of a fit's data many times, at its estimates.

    Parameters are those of `vpc`.
    """
    model, handled = resolved(source, data)
    given = as_measured(handled)
    check_numbers(replicates, seed)
    began = time.perf_counter()
    problem = Problem(model, given)
    if given.design:
        raise DataError("A predictive check compares with observations, but these are a design.")
    upper = limits_by_row(given, -1)[given.population.obs_row]
    values, done = np.empty((replicates, problem.n_obs)), 0
    for block in replicate_blocks(problem, replicates, seed, threads=threads, cancel=cancel):
        values[done : done + len(block.dv)] = _cut(block.dv, upper)
        done += len(block.dv)
        if on_progress is not None:
            on_progress(done, replicates)
    theta = problem.space.values(problem.space.start).theta
    points = observation_points(problem, problem.values(theta, problem.no_etas()))
    limit, censored, chosen = limits(points, lloq)
    values = values[:done]
    return Simulated(
        points,
        values,
        limit,
        censored,
        given.covariate_names,
        dict(given.units),
        replicates,
        seed,
        time.perf_counter() - began,
        given.name,
        tuple(_notes(source, values, replicates) + _limit_notes(handled) + chosen),
        given if isinstance(source, Model) or data is not None else source,
    )


def resolved(source: FitResult | Model, data: Dataset | None) -> tuple[Model, Dataset]:
    """Return the model at its estimates and the data to compare with."""
    if isinstance(source, Model):
        if data is None:
            raise OptionError("A model alone has no observations: give data= as well.")
        return source, data
    if not hasattr(source, "final_model"):
        raise OptionError(f"Simulation needs a fit or a model, not a {type(source).__name__}.")
    return source.final_model, data if data is not None else source.data


def check_numbers(replicates: int, seed: int) -> None:
    """Refuse numbers out of range."""
    whole_number("replicates", replicates, 1)
    checked_seed(seed)


def observation_points(problem: Problem, pred: Floats) -> pd.DataFrame:
    """Return one row per observation: ID TIME TAD ENDPOINT DV PRED, then covariates."""
    data = problem.data
    population = data.population
    points = problem.points()
    outputs = problem.model.structure.outputs
    columns: dict[str, Any] = {
        "ID": points["ID"],
        "TIME": points["TIME"].astype(float),
        "TAD": data.time_after_dose,
        "ENDPOINT": pd.Categorical.from_codes(problem.outputs, pd.Index(outputs)),
        "DV": population.dv,
        "PRED": pred,
    }
    rows = data.table.iloc[population.obs_row]
    columns |= {name: rows[name].to_numpy() for name in data.covariate_names}
    if "CENS" in rows:
        columns["CENS"] = rows["CENS"].to_numpy(float)
    return pd.DataFrame(columns)


def limits(
    points: pd.DataFrame, lloq: float | Mapping[str, float] | None
) -> tuple[Floats, NDArray[np.bool_], list[str]]:
    """Return the limit of quantification of each observation, which are below it, and notes.

    Rows that the data mark as censored (CENS 1) are below, and where no limit is given their DV
    says what it is, see `data.blq.known_limits`.
    """
    endpoints = endpoint_names(points)
    if isinstance(lloq, Mapping):
        unknown = [str(name) for name in lloq if str(name) not in endpoints]
        if unknown:
            raise OptionError(
                f"lloq= names the endpoint {unknown[0]!r}, but the endpoints are "
                f"{', '.join(endpoints)}."
            )
    given = dict(lloq) if isinstance(lloq, Mapping) else dict.fromkeys(endpoints, lloq)
    dv = points["DV"].to_numpy(float)
    marked = points["CENS"].to_numpy(float) == 1 if "CENS" in points else np.zeros(len(dv), bool)
    of = points["ENDPOINT"].astype(str).to_numpy()
    known = known_limits(points["ID"].to_numpy(), of, np.where(marked, dv, np.nan))
    limit, guessed = known.value.copy(), known.guessed.copy()
    for endpoint, value in given.items():
        if value is None:
            continue
        if not is_finite_number(value):
            raise OptionError(f"lloq= of {endpoint} must be a number, not {value!r}.")
        rows = of == str(endpoint)
        limit[rows], guessed[rows] = float(value), False
    notes = []
    if guessed.any():
        sentence = limits_sentence(
            dv[marked], int(guessed.sum()), "limits of quantification", "lowest"
        )
        notes = [f"{sentence} lloq= takes one limit for all."]
    with np.errstate(invalid="ignore"):
        return limit, marked | (dv < limit), notes


def verdict_notes(source: FitResult | Model) -> list[str]:
    """Return a sentence on a fit that did not converge."""
    verdict = getattr(source, "verdict", "converged")
    if verdict == "converged":
        return []
    return [f"The fit is {verdict}: the simulations are at its values all the same."]


def _cut(values: Floats, upper: Floats) -> Floats:
    """Return simulated values as they would be measured; missing ones stay so."""
    with np.errstate(invalid="ignore"):
        return np.where(values > upper, upper, values)


def _limit_notes(data: Dataset) -> list[str]:
    """Return sentences on values that are known only to lie beyond a limit."""
    notes = []
    if data.blq not in ("", "M3", "M4"):
        notes.append(
            f"The {data.n_below} values below the limit of quantification take part as censored, "
            f"though the fit treated them by {data.blq}."
        )
    if data.n_above:
        notes.append("Values above an upper limit, simulated ones too, count as that limit.")
        notes += guessed_limits(data, lower=False)
    return notes


def _notes(source: FitResult | Model, values: Floats, asked: int) -> list[str]:
    """Return sentences on a simulation that is short, incomplete or of a doubtful fit."""
    notes = verdict_notes(source)
    if len(values) < asked:
        notes.append(f"Cancelled after {len(values)} of {asked} replicates.")
    if len(values) < FEW_REPLICATES:
        notes.append(f"{len(values)} replicates are few: the limits of the bands are rough.")
    lost = int((~np.isfinite(values)).sum())
    if lost:
        share = 100.0 * lost / values.size
        notes.append(f"{lost} simulated values ({share:.2g} %) do not exist and are left out.")
        values[~np.isfinite(values)] = np.nan
    return notes

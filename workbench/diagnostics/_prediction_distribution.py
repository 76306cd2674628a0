"""Prediction distribution: what the model expects of the whole population over time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.data.dataset import Dataset
from workbench.diagnostics._percentiles import row_percentiles
from workbench.diagnostics._simulated_data import (
    OnProgress,
    check_numbers,
    observation_points,
    resolved,
    verdict_notes,
)
from workbench.diagnostics._strata import Groups, grouped, labels, stratum
from workbench.errors import OptionError
from workbench.models.model import Model
from workbench.problem import Problem
from workbench.simulation import Cancel, replicate_blocks

if TYPE_CHECKING:
    from workbench.results import FitResult

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PERCENTS = (5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 95.0)
PEOPLE = 10_000  # simulated subjects by default
COLUMNS = ("STRATUM", "ENDPOINT", "KIND", "TIME", "PERCENTILE", "VALUE", "N")
KINDS = ("individual", "observation")


@dataclass(frozen=True, slots=True, eq=False)
class PredictionDistribution:
    """Percentiles of the predicted distribution over time.

    Attributes
    ----------
    table : one row per stratum, endpoint, kind, time and percentile: STRATUM ENDPOINT KIND TIME
        PERCENTILE VALUE N. KIND is "individual" (without residual error) or "observation" (with
        it); N is how many subjects are under observation at that time
    points : the observations: STRATUM ENDPOINT ID TIME DV
    units : of TIME and DV
    name : of the data
    replicates, seed, seconds : of the simulation
    notes : sentences worth knowing
    source : what was simulated: a fit, or the data where they are not a fit's own
    """

    table: pd.DataFrame
    points: pd.DataFrame
    units: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    replicates: int = 0
    seed: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    source: Any = None


def prediction_distribution(
    source: FitResult | Model,
    data: Dataset | None = None,
    *,
    by: str | Sequence[str] = (),
    groups: Groups | None = None,
    percents: Sequence[float] = PERCENTS,
    points: int = 100,
    replicates: int | None = None,
    seed: int = 1,
    threads: int | None = None,
    on_progress: OnProgress | None = None,
    cancel: Cancel | None = None,
) -> PredictionDistribution:
    r"""Return percentiles of the distribution of the predictions over time.

    At each time of a dense grid all subjects that are under observation then, with their own
    doses and covariates, are simulated with new random effects,

    .. math:: f(\theta, \eta_i^{(r)}, t) \quad\text{and}\quad
              y_i^{(r)}(t) = f(\theta, \eta_i^{(r)}, t) \text{ with residual error},

    and taken together over subjects i and replicates r. Where doses differ much the distribution
    is that of the mixture: `by` gives each group one of its own.

    Parameters
    ----------
    source : a fit, or a model (at its values; `data` is then needed)
    by : covariates that give a panel of its own to each of their values (continuous ones are cut
        at the median)
    groups : name of each subject's group, which gets a panel of its own; subjects of no group are
        left out (see `Vpc.group` and `wb.plots.groups`)
    percents : percentiles
    points : of the even grid from the first to the last observation; times of doses and some of
        the observations' are added
    replicates : of the data; by default so many that 10,000 subjects are simulated
    seed : of the random numbers
    threads, on_progress, cancel : see `vpc`

    Raises
    ------
    DataError, ModelError, OptionError, UnknownNameError
    """
    model, given = resolved(source, data)
    problem = Problem(model, given)
    count = max(1, PEOPLE // problem.n_sub) if replicates is None else replicates
    check_numbers(count, seed)
    if points < 2 or not percents or not all(0 < p < 100 for p in percents):
        raise OptionError("points= is 2 or more, and percents= lie between 0 and 100.")
    began = time.perf_counter()
    names = (by,) if isinstance(by, str) else tuple(by)
    strata = tuple(stratum(name, given.covariate_names, None) for name in names)
    seen = observation_points(problem, np.full(problem.n_obs, np.nan))
    label, order = labels(seen, strata, grouped(seen, groups))
    of_subject = label[given.population.obs_start[:-1]]
    parts, done = [], count
    total, before = count * len(problem.endpoints), 0
    for endpoint in problem.endpoints:
        if not len(endpoint.rows):
            continue
        times = _grid(seen["TIME"].to_numpy()[endpoint.rows], given, points)
        dense, who, which = problem.at_times(times, endpoint.number)
        blocks = []
        for block in replicate_blocks(dense, count, seed, threads=threads, cancel=cancel):
            blocks.append(block)
            before += len(block.dv)
            if on_progress is not None:
                on_progress(before, total)
        drawn = {
            "individual": np.concatenate([block.ipred for block in blocks]),
            "observation": np.concatenate([block.dv for block in blocks]),
        }
        done = min(done, len(drawn["observation"]))
        for name in order:
            mine = np.flatnonzero(of_subject[who] == name)
            place = (name, endpoint.output, times, which[mine])
            parts += [_bands(place, kind, drawn[kind][:, mine], percents) for kind in KINDS]
    notes = verdict_notes(source)
    if done < count:
        notes.append(f"Cancelled after {done} of {count} replicates.")
    kept = np.array([name is not None for name in label], dtype=bool)
    observed = (
        seen[["ID", "TIME", "ENDPOINT", "DV"]].astype({"ENDPOINT": str}).assign(STRATUM=label)
    )
    return PredictionDistribution(
        pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS)),
        observed[kept].astype({"ENDPOINT": str}).reset_index(drop=True),
        dict(given.units),
        given.name,
        done,
        seed,
        time.perf_counter() - began,
        tuple(notes),
        given if isinstance(source, Model) or data is not None else source,
    )


def _grid(observed: Floats, data: Dataset, n: int) -> Floats:
    """Return times: an even grid, and where something happens."""
    first, last = float(observed.min()), float(observed.max())
    doses = data.doses["TIME"].to_numpy(float)
    given = np.unique(doses[(doses >= first) & (doses <= last)])
    seen = np.unique(observed)
    if len(seen) > n:
        seen = np.quantile(observed, np.linspace(0, 1, n))
    more = given if len(given) <= n else np.empty(0)
    start = min(first, float(doses.min())) if len(doses) and doses.min() >= 0 else first
    return np.unique(np.concatenate([np.linspace(start, last, n), seen, more]))


def _bands(
    place: tuple[str, str, Floats, Ints], kind: str, drawn: Floats, percents: Sequence[float]
) -> pd.DataFrame:
    """Return the percentiles at each time, replicates and subjects taken together."""
    name, output, times, which = place
    order = np.argsort(which, kind="stable")
    edges = np.searchsorted(which[order], np.arange(len(times) + 1))
    found, at, counts = [], [], []
    for k in range(len(times)):
        mine = order[edges[k] : edges[k + 1]]
        if len(mine):
            values = drawn[:, mine].reshape(1, -1)
            found.append(
                row_percentiles(np.where(np.isfinite(values), values, np.nan), percents)[0]
            )
            at.append(times[k])
            counts.append(len(mine))
    n = len(percents)
    return pd.DataFrame(
        {
            "STRATUM": name,
            "ENDPOINT": output,
            "KIND": kind,
            "TIME": np.repeat(at, n),
            "PERCENTILE": np.tile(np.asarray(percents, float), len(at)),
            "VALUE": np.concatenate(found) if found else np.empty(0),
            "N": np.repeat(counts, n),
        }
    )

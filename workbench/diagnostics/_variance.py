r"""Where the variability of the observations comes from: the law of total variance.

For observation j of subject i

.. math::
    Var(Y_{ij}) = E[Var(Y_{ij} | \eta_i)] + Var(E[Y_{ij} | \eta_i]):

residual error at the individual prediction, and random effects. The observations of a bin differ
also in what is expected of them, by dose, covariates and time within the bin: the sample variance
of a bin's observations is expected to be the mean of both parts plus the sample variance of
:math:`E[Y_{ij}]` over the bin (exactly so with one observation of each subject in the bin).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray

from workbench.data.dataset import Dataset
from workbench.diagnostics._binning import checked_edges
from workbench.diagnostics._panels import BIN_COLUMNS, Bin, make_bins
from workbench.diagnostics._percentiles import outside, spread_over
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
from workbench.problem.error_scale import variance_of_law
from workbench.simulation import Cancel, replicate_blocks

if TYPE_CHECKING:
    from workbench.results import FitResult

Floats = NDArray[np.float64]

NODES = 20  # of the quadrature over the residual error, where it is not simply added
COLUMNS = (
    *BIN_COLUMNS,
    *("RESIDUAL", "BETWEEN", "DESIGN", "TOTAL"),
    *("OBSERVED", "LOWER", "MEDIAN", "UPPER", "OUTSIDE"),
)


@dataclass(frozen=True, slots=True, eq=False)
class VarianceDecomposition:
    """Parts of the variance of the observations by bin.

    Attributes
    ----------
    table : one row per panel and bin: STRATUM ENDPOINT BIN X_LOW X_HIGH X_MEDIAN N RESIDUAL
        BETWEEN DESIGN TOTAL OBSERVED LOWER MEDIAN UPPER OUTSIDE. RESIDUAL is the mean of
        E[Var(Y|eta)], BETWEEN that of Var(E[Y|eta]), DESIGN the sample variance of E[Y] over the
        bin, TOTAL their sum; OBSERVED is the sample variance of the observations (divisor n - 1),
        LOWER to UPPER its range over the simulated data sets. Variances, in the squared unit of DV
    units : of TIME and DV
    name : of the data
    replicates, seed, seconds : of the simulation
    notes : sentences worth knowing
    points : the observations: ID TIME TAD ENDPOINT DV
    """

    table: pd.DataFrame
    units: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    replicates: int = 0
    seed: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    points: pd.DataFrame = field(default_factory=pd.DataFrame)


def variance_decomposition(
    source: FitResult | Model,
    data: Dataset | None = None,
    *,
    method: str = "auto",
    n: int | None = None,
    edges: Sequence[float] | None = None,
    by: str | Sequence[str] = (),
    groups: Groups | None = None,
    ci: float = 0.95,
    replicates: int = 1000,
    seed: int = 1,
    threads: int | None = None,
    on_progress: OnProgress | None = None,
    cancel: Cancel | None = None,
) -> VarianceDecomposition:
    """Split the variance of the observations over time into its parts, by simulation.

    Random effects are drawn `replicates` times; given them, mean and variance of an observation
    follow from its residual error model, exactly or by quadrature. See `diagnostics._variance`.

    Parameters
    ----------
    source : a fit, or a model (at its values; `data` is then needed)
    method, n, edges : bins of TIME, see `Vpc.rebin`
    by : covariates that give a panel of its own to each of their values
    groups : name of the group of each subject, or of each observation, which gets a panel of its
        own; those of no group are left out (see `Vpc.group` and `wb.plots.groups`)
    ci : share of the replicates from LOWER to UPPER
    replicates, seed, threads, on_progress, cancel : see `vpc`

    Raises
    ------
    DataError, ModelError, OptionError, UnknownNameError
    """
    model, given = resolved(source, data)
    check_numbers(replicates, seed)
    if not 0 < ci < 1:
        raise OptionError(f"ci= is the share within the limits, between 0 and 1, not {ci}.")
    began = time.perf_counter()
    problem = Problem(model, given)
    _check_variance_exists(problem)
    points = observation_points(problem, np.full(problem.n_obs, np.nan))
    names = (by,) if isinstance(by, str) else tuple(by)
    strata = tuple(stratum(name, given.covariate_names, None) for name in names)
    by_hand = None if edges is None else tuple(checked_edges(edges))
    label = labels(points, strata, grouped(points, groups))
    bins = make_bins(points, "TIME", label, method, n, by_hand)
    moments, spreads, done = _Moments(problem.n_obs), [], 0
    sigma = problem.space.values(problem.space.start).sigma
    for block in replicate_blocks(problem, replicates, seed, threads=threads, cancel=cancel):
        moments.add(*conditional_moments(problem, block.ipred, sigma, block.eta))
        spreads.append(_spread(block.dv, bins))
        done += len(block.dv)
        if on_progress is not None:
            on_progress(done, replicates)
    low, middle, high = spread_over(np.concatenate(spreads), ci)
    time_, dv, rows = points["TIME"].to_numpy(), points["DV"].to_numpy(), []
    of_data = _spread(dv[None, :], bins)[0]
    beyond = outside(of_data, low, high)
    for k, one in enumerate(bins):
        parts = moments.parts(one.rows)
        limits = [of_data[k], low[k], middle[k], high[k]]
        rows.append([*one.place(time_), *parts, sum(parts), *limits, bool(beyond[k])])
    notes = verdict_notes(source)
    if done < replicates:
        notes.append(f"Cancelled after {done} of {replicates} replicates.")
    return VarianceDecomposition(
        pd.DataFrame(rows, columns=list(COLUMNS)),
        dict(given.units),
        given.name,
        done,
        seed,
        time.perf_counter() - began,
        tuple(notes),
        points[["ID", "TIME", "TAD", "ENDPOINT", "DV"]],
    )


def _check_variance_exists(problem: Problem) -> None:
    """Refuse residual errors that may have no variance."""
    sigma = problem.space.values(problem.space.start).sigma
    for endpoint in problem.endpoints:
        spec = endpoint.spec
        if not spec.student:
            continue
        if endpoint.transforms:
            raise OptionError(
                f"The variance of {endpoint.output} does not follow from its error: Student-t "
                "residuals of transformed data need not have one. Look at its percentiles: wb.vpc."
            )
        if variance_of_law(spec, endpoint.own(sigma)) == 1.0:
            raise OptionError(
                f"Student-t residuals of {endpoint.output} with at most 2 degrees of freedom have "
                "no variance to split. Look at its percentiles: wb.vpc."
            )


def conditional_moments(
    problem: Problem, ipred: Floats, sigma: Floats, eta: Floats | None = None
) -> tuple[Floats, Floats]:
    """Return mean and variance of the observations given the random effects, each (..., n_obs).

    Parameters
    ----------
    ipred : (..., n_obs)  individual predictions
    sigma : (n_sigma,)
    eta : (..., n_sub, n_eta)  for random effects on the error; None for 0
    """
    sd = problem.residual_sd(ipred, sigma, eta)
    mean, variance = ipred.copy(), sd**2
    nodes, weights = hermegauss(NODES)
    weights = weights / weights.sum()
    for endpoint in problem.endpoints:
        rows = (..., endpoint.rows)
        law = variance_of_law(endpoint.spec, endpoint.own(sigma))
        if not endpoint.transforms:
            variance[rows] *= law
            continue
        values = [
            endpoint.observed(ipred[rows], np.full(ipred[rows].shape, z), sd[rows], sigma)
            for z in nodes
        ]
        mean[rows] = sum(w * y for w, y in zip(weights, values, strict=True))
        variance[rows] = sum(
            w * (y - mean[rows]) ** 2 for w, y in zip(weights, values, strict=True)
        )
    return mean, variance


def sample_variance(values: Floats) -> Floats:
    """Return the variance of each row, divisor n - 1; NaN with fewer than two values."""
    if values.shape[1] < 2:
        return np.full(len(values), np.nan)
    return np.asarray(values.var(axis=1, ddof=1))


def _spread(values: Floats, bins: Sequence[Bin]) -> Floats:
    """Return the sample variance of each bin, (n_replicates, n_bins); values (n_replicates, n)."""
    found = np.empty((len(values), len(bins)))
    for k, one in enumerate(bins):
        found[:, k] = sample_variance(values[:, one.rows])
    return found


class _Moments:
    """Mean and variance over the replicates, block by block, of what exists (Chan et al. 1983)."""

    def __init__(self, n_obs: int) -> None:
        self.n = np.zeros(n_obs)
        self.mean, self.squares, self.residual = np.zeros((3, n_obs))

    def add(self, mean: Floats, variance: Floats) -> None:
        """Add a block of conditional means and variances, each (n_replicates, n_obs)."""
        seen = np.isfinite(mean) & np.isfinite(variance)
        count = seen.sum(axis=0)
        at_least_one = np.maximum(count, 1)
        own = np.where(seen, mean, 0.0).sum(axis=0) / at_least_one
        total = np.maximum(self.n + count, 1)
        self.squares += (np.where(seen, mean - own, 0.0) ** 2).sum(axis=0)
        self.squares += (own - self.mean) ** 2 * self.n * count / total
        self.mean += (own - self.mean) * count / total
        self.residual += np.where(seen, variance, 0.0).sum(axis=0)
        self.n += count

    def parts(self, rows: NDArray[np.int64]) -> list[float]:
        """Return the parts of the variance of some observations: residual, between, design."""
        n = np.maximum(self.n[rows], 1)
        between = self.squares[rows] / np.maximum(n - 1, 1)
        # The means are known up to the Monte-Carlo error of this many replicates.
        error = float((between / n).mean())
        design = float(self.mean[rows].var(ddof=1)) - error if len(rows) > 1 else 0.0
        return [float((self.residual[rows] / n).mean()), float(between.mean()), max(0.0, design)]

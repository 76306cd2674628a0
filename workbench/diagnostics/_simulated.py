"""Residuals that need data simulated from the fit: PWRES, NPD and NPDE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.arguments import checked_seed, whole_number
from workbench.core.residuals import DENSITY
from workbench.data.blq import guessed_limits, limits_by_row
from workbench.data.censoring import flags
from workbench.data.dataset import Dataset
from workbench.diagnostics._base import with_endpoint
from workbench.diagnostics._npde import (
    DECORRELATIONS,
    FEW_REPLICATES,
    REASONS,
    SINGULAR,
    PredictionErrors,
    prediction_errors,
)
from workbench.errors import OptionError, WorkbenchError
from workbench.problem import Problem
from workbench.problem.endpoints import modelled
from workbench.results import FitResult, check_fit
from workbench.simulation import replicate

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SIMULATED = ("PWRES", "NPD", "NPDE")
POINT = ["ROW", "ID", "TIME", "TAD", "DV", "PRED"]
USUAL, FEWEST = 1000, 200  # replicates
PER_OBSERVATION = 10  # replicates for each observation of the subject with most
MOST_VALUES = 4_000_000  # simulated observations in all
MISSING = "PWRES, NPD and NPDE are missing"
WITH_NPD = (FEW_REPLICATES, SINGULAR)  # reasons that leave NPD

# The residuals of a fit with everything at its default; gone when the fit is.
_KNOWN: WeakKeyDictionary[FitResult, NPDE] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class NPDE:
    """Residuals by simulation, and how they were made.

    Attributes
    ----------
    table : one row per observation: ROW ID TIME TAD DV PRED YPRED PWRES PD NPD PDE NPDE (and
        ENDPOINT after TAD, where the model has several outputs). YPRED is the mean of the
        simulated observations. Missing where `notes` says why
    replicates, seed : of the simulation
    decorrelation : "cholesky", "inverse" or "polar"
    notes : sentences on what could not be computed
    """

    table: pd.DataFrame
    replicates: int
    seed: int
    decorrelation: str
    notes: tuple[str, ...] = field(default=())

    @property
    def how(self) -> str:
        """How the residuals were made: ``"1000 replicates, seed 0, cholesky"``."""
        return f"{self.replicates} replicates, seed {self.seed}, {self.decorrelation}"

    def __repr__(self) -> str:
        values = self.table["NPDE"]
        summary = f"NPDE ({self.how}): n {values.count()}, mean {values.mean():.3f}, "
        return "\n".join([summary + f"variance {values.var():.3f}", *self.notes])


def npde(
    fit: FitResult,
    replicates: int | None = None,
    *,
    seed: int = 0,
    decorrelation: str = "cholesky",
    corrected: bool = True,
    censored: Sequence[bool] | NDArray[np.bool_] | None = None,
    limit: float | Sequence[float] | Floats | None = None,
) -> NPDE:
    r"""Compute NPDE, NPD and PWRES of a fit by simulation from its estimates.

    With :math:`\bar y_i, V_i` the mean and covariance of the simulated observations of subject i,

    .. math::
        NPD_{ij} &= \Phi^{-1}\Bigl(\frac{r_{ij} + 1/2}{K + 1}\Bigr), \quad
                    r_{ij} = \sum_k 1[y_{ij}^{(k)} < y_{ij}] \\
        NPDE &: \text{ the same of } L_i^{-1} (y_i - \bar y_i), \quad L_i L_i^\top = V_i \\
        PWRES_i &= V_i^{-1/2} (y_i - \bar y_i)

    (Brendel, Comets, Laffont, Laveille & Mentré 2006, Pharm Res 23:2036; Comets, Brendel &
    Mentré 2008, Comput Methods Programs Biomed 90:154; PWRES as in Monolix.) Under the model NPDE
    and NPD are N(0, 1), whatever the distribution of the data. With log-normal error all is done
    on the logarithm. L is of the covariance of the simulated and the observed vectors together,
    and PWRES has a factor near 1: without that, variances are too large by some n/K, n the number
    of a subject's observations (see `corrected`).

    Parameters
    ----------
    fit : a fit by any method
    replicates : simulated data sets K, at least 2; None takes 1,000 (more where a subject has
        more than 100 observations, fewer, but at least 200, where the data have more than 4,000)
    seed : of the simulation, 0 or more
    decorrelation : "cholesky" (by time, the default of the npde package), "inverse" or "polar"
        (both :math:`V^{-1/2}`, as in NONMEM)
    corrected : False gives the published definitions to the letter, as the npde package has them:
        the share r/K, 0 and 1 counted as 1/(2K) and 1 - 1/(2K), and V without the observed vector
    censored : (n_obs,)  observations known only to be below `limit`: values are drawn for them
        (Nguyen, Comets & Mentré 2012, J Pharmacokinet Pharmacodyn 39:499). None takes the data's
        own: those with CENS 1, and those with CENS -1 as above an upper limit, likewise
    limit : one, or (n_obs,) with NaN where there is none; give it for the observations above it
        too. None takes the data's own

    Returns
    -------
    NPDE
        Never an exception for a fit that cannot be simulated: then the columns are missing and
        `notes` says why.

    Raises
    ------
    OptionError
        An option is out of range, or an observation is censored without a limit.
    """
    known = ", ".join(repr(name) for name in DECORRELATIONS)
    if decorrelation not in DECORRELATIONS:
        raise OptionError(f"There is no decorrelation {decorrelation!r}. Known: {known}.")
    check_fit(fit, "fit")
    if replicates is not None:
        whole_number("replicates", replicates, 2)
    checked_seed(seed)
    sizes = np.diff(fit.data.population.obs_start)
    count = replicates_for(sizes) if replicates is None else replicates
    table = fit.predictions
    try:
        problem = Problem(fit.final_model, fit.data)
        simulated = replicate(problem, count, seed).dv
        sigma = problem.space.values(problem.space.start).sigma
        ypred = _mean(simulated)
    except (WorkbenchError, ArithmeticError, np.linalg.LinAlgError) as error:
        found, ypred = _nothing(len(table)), np.full(len(table), np.nan)
        notes: tuple[str, ...] = (f"{MISSING}: the fit cannot be simulated ({error}).",)
    else:
        found = prediction_errors(
            modelled(problem.endpoints, fit.data.population.dv, sigma),
            modelled(problem.endpoints, simulated, sigma),
            fit.data.population.obs_start,
            decorrelation=decorrelation,
            corrected=corrected,
            **_censoring(problem, fit.data, censored, limit),
            seed=seed,
        )
        notes = _notes(found.status, table["ID"])
        notes += tuple(guessed_limits(fit.data, lower=limit is None))
    result = table[with_endpoint(POINT, table)].reset_index(drop=True)
    result = result.assign(
        YPRED=ypred,
        PWRES=found.pwres,
        PD=found.pd,
        NPD=found.npd,
        PDE=found.pde,
        NPDE=found.npde,
    )
    return NPDE(result, count, seed, decorrelation, notes)


def npde_of(fit: FitResult) -> NPDE:
    """Return `npde` of a fit with everything at its default, computed once for each fit."""
    known = _KNOWN.get(fit)
    if known is None:
        known = _KNOWN[fit] = npde(fit)
    return known


def replicates_for(sizes: Ints) -> int:
    """Return how many data sets to simulate for subjects with so many observations each."""
    n_obs, most = int(sizes.sum()), int(sizes.max(initial=1))
    wanted = max(USUAL, PER_OBSERVATION * most)
    return max(FEWEST, min(wanted, MOST_VALUES // max(n_obs, 1)))


def _mean(simulated: Floats) -> Floats:
    """Return the mean of the finite values of each observation; NaN where there is none."""
    finite = np.isfinite(simulated)
    total = np.where(finite, simulated, 0.0).sum(axis=0)
    with np.errstate(invalid="ignore"):
        return np.asarray(total / finite.sum(axis=0))


def _censoring(
    problem: Problem,
    data: Dataset,
    censored: Sequence[bool] | NDArray[np.bool_] | None,
    limit: float | Sequence[float] | Floats | None,
) -> dict[str, Any]:
    """Return which observations are beyond a limit, and the limits on the modelled scale."""
    rows = data.population.obs_row
    used = np.isin(data.population.obs_kind, DENSITY)  # replaced values are no longer censored
    mark, given = flags(data.table)[rows], limit
    below = (mark == 1) & ~used if censored is None else np.asarray(censored, bool)
    if given is None and (censored is None or below.any()):
        own = limits_by_row(data)[rows]
        given = own if np.isfinite(own).any() else None
    found: dict[str, Any] = {"censored": below if below.any() else None}
    found["limit"] = None if given is None else _limits(problem, given)
    above = (mark == -1) & ~used
    if above.any():
        found |= {"above": above, "upper": _limits(problem, limits_by_row(data, -1)[rows])}
    return found


def _limits(problem: Problem, limit: float | Sequence[float] | Floats) -> Floats:
    """Return the limits of all observations on the modelled scale."""
    given = np.asarray(limit, float)
    if given.ndim and given.shape != (problem.n_obs,):
        raise OptionError(
            f"npde: limit is one number or one for each of the {problem.n_obs} observations, not "
            f"{given.size}."
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        sigma = problem.space.values(problem.space.start).sigma
        all_of_them = np.array(np.broadcast_to(given, (problem.n_obs,)))
        return modelled(problem.endpoints, all_of_them, sigma)


def _nothing(n_obs: int) -> PredictionErrors:
    """Return arrays without a number."""
    none = np.full(n_obs, np.nan)
    status = np.zeros(n_obs, np.int64)
    return PredictionErrors(none, none, none, none, none, none, none, none, status)


def _notes(status: Ints, labels: pd.Series) -> tuple[str, ...]:
    """Return a sentence for each reason why observations have missing values."""
    notes = []
    for code, reason in REASONS.items():
        rows = np.flatnonzero(status == code)
        if len(rows):
            who = list(dict.fromkeys(labels.iloc[rows]))
            shown = ", ".join(str(label) for label in who[:5]) + (", …" if len(who) > 5 else "")
            what = "PWRES and NPDE are missing" if code in WITH_NPD else MISSING
            notes.append(
                f"{what} for {len(rows)} observations (of {len(who)} subjects: {shown}): {reason}."
            )
    return tuple(notes)

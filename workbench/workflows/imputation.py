"""Multiple imputation: fits of several draws of the missing covariates, pooled by Rubin's rules."""

from __future__ import annotations

import html
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.arguments import check_executor, checked_seed, whole_number
from workbench.data.dataset import Dataset
from workbench.errors import EstimationError, OptionError, WorkbenchError
from workbench.estimation import CancelToken, check_arguments, fit
from workbench.models.model import Model
from workbench.problem import Problem
from workbench.problem.covariates import check_covariate, with_references
from workbench.results import FitResult
from workbench.workflows._rubin import LEAST_DF, pooled

Floats = NDArray[np.float64]

ENOUGH = 0.05  # largest Monte-Carlo error of an estimate, as a share of its SE
SHOWN = ["estimate", "se", "lower", "upper", "df", "fraction_missing"]


@dataclass(frozen=True, slots=True, eq=False)
class MultipleImputation:
    """Estimates pooled over imputed data sets.

    Attributes
    ----------
    parameters : one row per parameter: kind, unit, estimate, within, between (variances), se
        (root of their total), df, lower, upper (95 %), fraction_missing (information),
        relative_increase (of the variance), fixed; see `multiple_imputation`
    fits : those that were pooled, in the order of the draws; each has its `data`
    table : one row per draw: draw, verdict, ofv, seconds, reason
    notes : sentences on what was left out or is doubtful
    missing : who misses what, see `Dataset.missing_covariates`
    """

    parameters: pd.DataFrame
    fits: tuple[FitResult, ...]
    table: pd.DataFrame
    notes: tuple[str, ...]
    missing: pd.DataFrame

    def __repr__(self) -> str:
        return "\n".join(
            [
                self._head(),
                *(f"note: {note}" for note in self.notes),
                self.parameters[SHOWN].to_string(na_rep="", float_format=lambda v: f"{v:.4g}"),
            ]
        )

    def _repr_html_(self) -> str:
        """Return the pooled estimates and the notes."""
        head, *_ = html.escape(self._head()).split("\n")
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        table = self.parameters[SHOWN].to_html(
            na_rep="", border=0, float_format=lambda v: f"{v:.4g}"
        )
        return f"<div><b>{head}</b>{f'<ul>{notes}</ul>' if notes else ''}{table}</div>"

    def _head(self) -> str:
        first = self.fits[0]
        return (
            f"{len(self.fits)} fits of {first.model.structure.name} to imputed {first.data.name} "
            f"by {first.method.upper()}, pooled by Rubin's rules"
        )


def multiple_imputation(
    model: Model,
    data: Dataset,
    m: int = 10,
    *,
    covariates: Iterable[str] | None = None,
    method: str | Sequence[str] = "focei",
    seed: int = 1,
    on_fit: Callable[[int, int], None] | None = None,
    cancel: CancelToken | None = None,
    executor: Executor | None = None,
    **options: Any,
) -> MultipleImputation:
    r"""Fit m draws of the missing covariates and pool the estimates.

    With estimates :math:`\hat\theta_l` and their variances :math:`u_l` of draw l (Rubin 1987,
    Multiple imputation for nonresponse in surveys, ch. 3), on the natural scale:

    .. math::
        \bar\theta &= \tfrac1m \sum_l \hat\theta_l, \quad W = \tfrac1m \sum_l u_l, \quad
        B = \tfrac1{m-1} \sum_l (\hat\theta_l - \bar\theta)^2 \\
        SE^2 &= T = W + (1 + \tfrac1m) B, \quad r = (1 + \tfrac1m) B / W \\
        \nu_m &= (m - 1)(1 + 1/r)^2, \quad \lambda = (1 + \tfrac1m) B / T, \quad
        \nu_{obs} = \frac{\nu_0 + 1}{\nu_0 + 3} \nu_0 (1 - \lambda) \\
        df &= (1/\nu_m + 1/\nu_{obs})^{-1}, \quad
        fraction\_missing = \frac{r + 2 / (\nu_m + 3)}{r + 1}

    with df of Barnard & Rubin (1999, Biometrika 86:948), where :math:`\nu_0` is the number of
    subjects minus that of estimated parameters, at least 1. Intervals are quantiles of t with df
    degrees of freedom, on the logarithm for positive parameters and Fisher's z for correlations,
    as those of a fit are of the normal distribution. Where df is below 3 there is none, and a note
    says why.

    Draws are ``data.impute("stochastic", seed=seed, draw=l)``, l = 1 … m: a continuous covariate
    from a regression on the other covariates with coefficients and residual variance drawn as
    well (Rubin 1987, p. 167), a categorical one by approximate Bayesian bootstrap; several by
    chained equations. They are valid where the chance of a value to be missing depends on what is
    observed of the covariates only (missing at random).

    Parameters
    ----------
    model, data, method, options : as in `fit`
    m : draws. Ten or so suffice for estimates; p-values and intervals that others can repeat
        need about one per percent of subjects with a missing value (White, Royston & Wood 2011,
        Stat Med 30:377)
    covariates : which to impute; all that miss a value by default
    seed : of the draws, and of the method
    on_fit : called in the calling thread with the number of finished fits, and m
    cancel : set it from another thread; what was fitted until then is pooled
    executor : any `concurrent.futures` executor; None for a thread per core

    Raises
    ------
    OptionError
        m is below 2, no covariate of the model is missing, or an option is wrong.
    DataError
        A covariate cannot be imputed.
    EstimationError
        Fewer than two fits came to an end.

    Notes
    -----
    The observations are not in the imputation model: a covariate is drawn as if it had nothing to
    do with the individual parameters beyond what the other covariates tell. Effects of imputed
    covariates are therefore biased towards zero, by up to the fraction of subjects that miss
    them, less where other covariates predict them well. A standard error is larger than that of
    a single imputation by regression, which takes the values for known; it need not be larger
    than after ``impute("median")`` or ``"complete_case"``, which do not use what the other
    covariates tell.

    The first draw is fitted first; the others start at its estimates. References of covariates
    that are not given are those of the first draw, for all.
    """
    check_arguments(model, data)
    m, seed = whole_number("m", m, 2), checked_seed(seed)
    check_executor(executor)
    missing = data.missing_covariates
    used = dict.fromkeys((*model.covariate_columns, *model.structure.covariates))
    for column in used:
        check_covariate(column, data)
    if not set(used) & set(missing["covariate"]):
        raise OptionError(
            f"The model uses no covariate that is missing in {data.name}, so there is nothing to "
            "impute for it. Use wb.fit."
        )
    names = [covariates] if isinstance(covariates, str) else covariates
    names = list(names) if isinstance(names, Iterable) else names
    task = _Task(data, names, method, seed, options)
    first_data = task.drawn(1)
    model = with_references(model, first_data)
    done: dict[int, FitResult | str] = {1: _one(task, model, 1, cancel)}
    if on_fit is not None:
        on_fit(1, m)
    first = done[1]
    usable = isinstance(first, FitResult) and first.verdict != "failed"
    start = first.updated_model if isinstance(first, FitResult) and usable else model
    for number, outcome in _each(task, start, range(2, m + 1), executor, cancel):
        done[number] = outcome
        if on_fit is not None:
            on_fit(len(done), m)
    return _result(missing, dict(sorted(done.items())), m, first_data)


@dataclass(frozen=True, slots=True)
class _Task:
    """What all fits share."""

    data: Dataset
    covariates: list[str] | None
    method: str | Sequence[str]
    seed: int
    options: Mapping[str, Any]

    def drawn(self, number: int) -> Dataset:
        """Return the data of one draw."""
        return self.data.impute("stochastic", self.covariates, seed=self.seed, draw=number)


def _one(task: _Task, start: Model, number: int, cancel: CancelToken | None) -> FitResult | str:
    """Fit one draw, or say why it failed."""
    data = task.drawn(number)
    try:
        return fit(start, data, method=task.method, seed=task.seed, cancel=cancel, **task.options)
    except (OptionError, KeyError):
        raise  # the same for all draws
    except (WorkbenchError, ArithmeticError, ValueError) as problem:
        return str(problem)


def _each(
    task: _Task,
    start: Model,
    numbers: Sequence[int],
    executor: Executor | None,
    cancel: CancelToken | None,
) -> Iterator[tuple[int, FitResult | str]]:
    """Yield number and outcome of the fits as they end; those a stop cuts short are left out."""
    if cancel is not None and cancel.is_set():
        return
    if executor is not None:
        yield from _collected(task, start, numbers, executor, cancel, shared=False)
        return
    with ThreadPoolExecutor(min(os.cpu_count() or 1, len(numbers))) as pool:
        yield from _collected(task, start, numbers, pool, cancel, shared=True)


def _collected(
    task: _Task,
    start: Model,
    numbers: Sequence[int],
    executor: Executor,
    cancel: CancelToken | None,
    *,
    shared: bool,
) -> Iterator[tuple[int, FitResult | str]]:
    token = cancel if shared else None  # it reaches the threads of this process only
    waiting: dict[Future[FitResult | str], int] = {
        executor.submit(_one, task, start, number, token): number for number in numbers
    }
    try:
        for future in as_completed(waiting):
            stopped = cancel is not None and cancel.is_set()
            if stopped and shared:
                return
            yield waiting[future], _outcome(future)
            if cancel is not None and cancel.is_set():
                return
    finally:
        for future in waiting:
            future.cancel()


def _outcome(future: Future[FitResult | str]) -> FitResult | str:
    try:
        return future.result()
    except (OptionError, KeyError):
        raise
    except Exception as problem:  # noqa: BLE001  a broken worker must not lose the others
        return f"{type(problem).__name__}: {problem}"


def _result(
    missing: pd.DataFrame,
    done: Mapping[int, FitResult | str],
    m: int,
    first_data: Dataset,
) -> MultipleImputation:
    table = pd.DataFrame([_row(number, outcome) for number, outcome in done.items()])
    fits = [f for f in done.values() if isinstance(f, FitResult) and f.verdict != "failed"]
    if len(fits) < 2:
        reasons = [reason for reason in table["reason"] if reason] or ["stopped on request."]
        raise EstimationError(
            f"{len(fits)} of {m} draws led to a fit, and pooling needs two. {reasons[0]}"
        )
    parameters = _pooled(fits)
    notes = _notes(table, parameters, len(fits), m) + _without_interval(parameters, fits[0])
    notes += [f"{name} is still missing: {why}" for name, why in _left(first_data, missing)]
    return MultipleImputation(parameters, tuple(fits), table, tuple(notes), missing)


def _left(data: Dataset, missing: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield the covariates that were not imputed, and why."""
    still = data.missing_covariates.set_index("covariate")
    for name in missing["covariate"]:
        if name in still.index:
            if still.loc[name, "all_missing"]:
                yield name, "nobody has a value."
            elif still.loc[name, "time_varying"]:
                yield name, "it changes within subjects."
            else:
                yield name, "it was not to be imputed."


def _row(number: int, outcome: FitResult | str) -> dict[str, Any]:
    if isinstance(outcome, str):
        row = {"verdict": "failed", "ofv": np.nan, "seconds": np.nan, "reason": outcome}
    else:
        row = {
            "verdict": outcome.verdict,
            "ofv": outcome.ofv,
            "seconds": outcome.seconds,
            "reason": "" if outcome.verdict == "converged" else " ".join(outcome.reasons),
        }
    return {"draw": number, **row}


def _pooled(fits: Sequence[FitResult]) -> pd.DataFrame:
    """Pool every parameter of the fits."""
    first = fits[0]
    names = first.parameters.index
    estimates = np.array([f.parameters["estimate"].reindex(names) for f in fits], dtype=float)
    variances = np.array([f.parameters["se"].reindex(names) for f in fits], dtype=float) ** 2
    space = Problem(first.final_model, first.data).space
    known = {entry.name: (entry.interval, entry.limits) for entry in space.entries}
    scales, limits = zip(*(known.get(str(n), ("", (0.0, 1.0))) for n in names), strict=True)
    complete_df = max(_spare(first), 1)
    rows = pooled(estimates, variances, complete_df, scales, limits)
    fixed = first.parameters["fixed"]
    rows.index = names
    free = [name for name in rows.columns if name != "estimate"]
    rows.loc[fixed.to_numpy(bool), free] = np.nan
    return first.parameters[["kind", "unit"]].join(rows).assign(fixed=fixed)


def _spare(fit: FitResult) -> int:
    """Return how many more subjects than estimated parameters there are."""
    return fit.data.n_sub - fit.n_parameters


def _without_interval(parameters: pd.DataFrame, first: FitResult) -> list[str]:
    """Say which parameters have no interval for want of degrees of freedom, and why."""
    few = parameters[parameters["df"] < LEAST_DF]
    if few.empty:
        return []
    who = (
        "any parameter" if few["df"].size == (~parameters["fixed"]).sum() else ", ".join(few.index)
    )
    said = f"No interval of {who}: fewer than {LEAST_DF:g} degrees of freedom are left."
    if _spare(first) < 2 * LEAST_DF:
        return [
            f"{said} There are {first.data.n_sub} subjects for {first.n_parameters} estimated "
            "parameters, too few; estimate fewer parameters, or take the SE for what it is."
        ]
    return [f"{said} Nearly all that is known of them is imputed; more draws may help."]


def _notes(table: pd.DataFrame, parameters: pd.DataFrame, n_fits: int, m: int) -> list[str]:
    notes = []
    failed, doubtful = (table[table["verdict"] == v] for v in ("failed", "doubtful"))
    if len(table) < m:
        notes.append(f"Stopped on request after {len(table)} of {m} draws.")
    if len(failed):
        notes.append(
            f"{len(failed)} of {m} fits failed and were left out, first draw "
            f"{failed['draw'].iloc[0]}: {failed['reason'].iloc[0]}"
        )
    if len(doubtful):
        notes.append(
            f"{len(doubtful)} of {m} fits are doubtful, first draw {doubtful['draw'].iloc[0]}: "
            f"{doubtful['reason'].iloc[0]}"
        )
    free = parameters[~parameters["fixed"]]
    without = free.index[free["se"].isna()]
    if len(without):
        notes.append(f"Not all fits have a standard error of {', '.join(without)}.")
    error = np.sqrt(free["between"] / n_fits) / free["se"]
    rough = error[error > ENOUGH].sort_values(ascending=False)
    if len(rough):
        notes.append(
            f"The Monte-Carlo error of {rough.index[0]} is {100 * rough.iloc[0]:.0f} % of its "
            "standard error: another seed moves the estimate by as much. More draws lower it."
        )
    return notes

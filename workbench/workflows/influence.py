"""How much the estimates hang on each subject: fits of the data without it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.diagnostics import table as diagnostic
from workbench.errors import EstimationError, OptionError, WorkbenchError
from workbench.estimation import CancelToken, fit
from workbench.results import FitResult
from workbench.workflows._one_step import OneStep, one_step
from workbench.workflows.likelihood_ratio import OTHER_AIMS

Floats = NDArray[np.float64]

MANY = 100  # subjects from which a choice of them is suggested
SAME = 0.01  # rise of the objective that convergence may leave
PREDICTED = "predicted"  # in the place of a verdict, where nothing was fitted
FIRST = (
    *("ID", "n_obs", "verdict", "delta_ofv", "cook", "cook_predicted", "covariance_ratio"),
    *("ofv", "seconds"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Influence:
    """What the fit becomes without each subject.

    Attributes
    ----------
    table : one row per subject: ID, n_obs, verdict (of the refit, or "predicted"), delta_ofv,
        cook, cook_predicted, covariance_ratio, ofv (of the refit), seconds, reason; see
        `influence`. Missing where the refit failed
    changes : (n, n_parameters)  (estimate without the subject - estimate) / SE, by subject
    estimates : (n, n_parameters)  of the refits, by subject
    fit : the fit of all subjects
    notes : sentences on what could not be computed, and why
    n_asked : subjects that were to be left out
    """

    table: pd.DataFrame
    changes: pd.DataFrame
    estimates: pd.DataFrame
    fit: FitResult
    notes: tuple[str, ...]
    n_asked: int

    @property
    def failed(self) -> pd.DataFrame:
        """The rows of the refits that failed."""
        return self.table[self.table["verdict"] == "failed"]

    def __repr__(self) -> str:
        predicted = (self.table["verdict"] == PREDICTED).all()
        head = (
            f"{len(self.table)} {'predicted ' if predicted else ''}fits of "
            f"{self.fit.model.structure.name} on {self.fit.data.name} by "
            f"{self.fit.method.upper()}, each without one subject"
        )
        shown = self.table.sort_values("cook", ascending=False, kind="stable").head(12)
        shown = shown[["ID", "n_obs", "delta_ofv", "cook", "covariance_ratio", "verdict"]]
        words = shown.to_string(index=False, na_rep="–", float_format=lambda v: f"{v:.3f}")
        return "\n".join([head, *(f"note: {note}" for note in self.notes), words])


def influence(
    fit: FitResult,
    subjects: Iterable[Hashable] | int | None = None,
    *,
    refit: bool = True,
    on_fit: Callable[[int, int, Hashable], None] | None = None,
    cancel: CancelToken | None = None,
    executor: Executor | None = None,
) -> Influence:
    r"""Fit again without each subject, starting at the estimates, and say what changes.

    Columns of the table, with :math:`\hat\theta` the estimates (natural scale, variances for
    omega), :math:`\hat\theta_{(i)}` those without subject i, and C the covariance of
    :math:`\hat\theta`:

    .. math::
        delta\_ofv &= \sum_{j \ne i} OFV_j(\hat\theta) - OFV_{(i)}(\hat\theta_{(i)}) \\
        cook &= (\hat\theta_{(i)} - \hat\theta)^T C^{-1} (\hat\theta_{(i)} - \hat\theta) \\
        covariance\_ratio &= \sqrt{\det C_{(i)} / \det C}

    delta_ofv is how much better the others are described when the subject no longer pulls at the
    estimates; it is not negative if the refit reached its minimum (with priors both sides
    contain their penalty). Cook's distance (Cook 1977, Technometrics 19:15; for mixed-effects
    models Sadray, Jonsson, Karlsson 1999, Pharm. Res. 16:1260) is not divided by the number of
    parameters; PsN's Cook score is its square root. The covariance ratio (Belsley, Kuh, Welsch
    1980; in PsN's form) is above 1 where the subject makes the estimates more precise.
    cook_predicted is Cook's distance after one Newton step from the estimates, which needs no
    refit: it tells within a moment which subjects are worth one; large ones are rough.

    Parameters
    ----------
    fit : a fit; its method, options and seed are those of the refits, so that they cost about as
        much each (`cost` says how much)
    subjects : labels of those to leave out, one at a time; a number for so many of the most
        influential, as far as that can be predicted; None for all
    refit : False predicts the changes by one Newton step and fits nothing; delta_ofv is then
        that of the step
    on_fit : called in the calling thread with the number of finished refits, of all, and the
        subject
    cancel : set it from another thread; the refits that are done are the result
    executor : any `concurrent.futures` executor; None for a thread per core

    Returns
    -------
    Influence
        A refit that fails is a row of the table, not an exception.

    Raises
    ------
    OptionError
        A subject is not in the data, or there is only one.
    EstimationError
        The fit failed, or nothing was estimated; or stopped before a refit was done.
    """
    if not fit.estimated or fit.verdict == "failed":
        why = f"failed: {' '.join(fit.reasons)}" if fit.estimated else "is an evaluation only"
        raise EstimationError(
            f"There are no estimates to change when a subject is left out: the fit {why}"
        )
    chosen, expected = _chosen(fit, subjects), one_step(fit)
    if not refit:
        return _predicted(fit, chosen, expected)
    rows: dict[Hashable, _Refit] = {}
    for done in _each(fit, chosen, executor, cancel):
        rows[done.subject] = done
        if on_fit is not None:
            on_fit(len(rows), len(chosen), done.subject)
    if not rows:
        raise EstimationError("Stopped on request before a fit without a subject was done.")
    done_in_order = [rows[label] for label in chosen if label in rows]
    return _result(fit, done_in_order, len(chosen), expected)


def cost(fit: FitResult, n: int | None = None) -> str:
    """Say beforehand what the refits will cost.

    Parameters
    ----------
    n : subjects to leave out; None for all
    """
    n_sub = fit.data.n_sub
    count = n_sub if n is None else min(n, n_sub)
    seconds = count * fit.seconds / max(1, min(_threads(), count))
    words = f"{count} fits of about {_duration(fit.seconds)} each, some {_duration(seconds)} in all"
    if count <= MANY:
        return f"{words}."
    return f"{words}. Or leave out the most influential only: wb.influence(fit, 20)."


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{1e3 * seconds:.0f} ms"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def conspicuous(fit: FitResult, n: int) -> list[Hashable]:
    """Return the n subjects that are likely to be the most influential, in the data's order.

    By the predicted Cook's distance; where there is none by their residuals (the diagnostic
    ``individual_ofv``).
    """
    found = one_step(fit)
    rank = -found.cook
    if found.reason:
        table = diagnostic("individual_ofv", fit)
        rank = table.set_index("ID")["p_value"].fillna(1.0)
    wanted = set(rank.sort_values(kind="stable").index[:n])
    return [label for label in fit.data.subjects if label in wanted]


@dataclass(frozen=True, slots=True)
class _Refit:
    """A fit without a subject, or why there is none."""

    subject: Hashable
    fit: FitResult | str
    seconds: float


def _chosen(fit: FitResult, subjects: Iterable[Hashable] | int | None) -> list[Hashable]:
    known = fit.data.subjects
    if len(known) < 2:
        raise OptionError(
            f"{fit.data.name} has one subject only: nothing would be left to fit without it."
        )
    if subjects is None:
        return list(known)
    if isinstance(subjects, int) and not isinstance(subjects, bool):
        if subjects < 1:
            raise OptionError(f"The number of subjects must be at least 1, not {subjects}.")
        return conspicuous(fit, subjects)
    wanted = [subjects] if isinstance(subjects, str) else list(subjects)  # type: ignore[arg-type]
    if not wanted:
        raise OptionError("No subject was given to leave out.")
    for label in wanted:
        if label not in known:
            shown = ", ".join(map(str, known[:12])) + (" …" if len(known) > 12 else "")
            raise OptionError(f"There is no subject {label!r}. Subjects: {shown}.")
    return [label for label in known if label in set(wanted)]


def _threads() -> int:
    return os.cpu_count() or 1


def _without(whole: FitResult, subject: Hashable, cancel: CancelToken | None) -> _Refit:
    """Fit what is left without one subject."""
    began = time.perf_counter()
    others = [label for label in whole.data.subjects if label != subject]
    try:
        done: FitResult | str = fit(
            whole.updated_model,
            whole.data.select(others),
            method=whole.method,
            seed=whole.seed,
            cancel=cancel,
            **whole.given,
        )
    except (WorkbenchError, ArithmeticError, ValueError) as problem:
        done = str(problem)
    return _Refit(subject, done, time.perf_counter() - began)


def _each(
    whole: FitResult,
    chosen: Sequence[Hashable],
    executor: Executor | None,
    cancel: CancelToken | None,
) -> Iterator[_Refit]:
    """Yield the refits as they end; those that a stop has cut short are left out."""
    if executor is not None:
        yield from _collected(whole, chosen, executor, cancel, shared=False)
        return
    with ThreadPoolExecutor(min(_threads(), len(chosen))) as pool:
        yield from _collected(whole, chosen, pool, cancel, shared=True)


def _collected(
    whole: FitResult,
    chosen: Sequence[Hashable],
    executor: Executor,
    cancel: CancelToken | None,
    *,
    shared: bool,
) -> Iterator[_Refit]:
    # A token reaches the threads of this process only.
    token = cancel if shared else None
    waiting: dict[Future[_Refit], Hashable] = {
        executor.submit(_without, whole, label, token): label for label in chosen
    }
    try:
        for future in as_completed(waiting):
            stopped = cancel is not None and cancel.is_set()
            if stopped and shared:
                return
            yield _outcome(future, waiting[future])
            if cancel is not None and cancel.is_set():
                return
    finally:
        for future in waiting:
            future.cancel()


def _outcome(future: Future[_Refit], subject: Hashable) -> _Refit:
    try:
        return future.result()
    except Exception as problem:  # noqa: BLE001  a broken worker must not lose the others
        return _Refit(subject, f"{type(problem).__name__}: {problem}", 0.0)


def _predicted(whole: FitResult, chosen: Sequence[Hashable], expected: OneStep) -> Influence:
    """Return the changes after one Newton step in the place of refits."""
    if expected.reason:
        raise EstimationError(f"There is no prediction: {expected.reason}. Use refit=True.")
    free = whole.parameters[~whole.parameters["fixed"]]
    shift = expected.shift.loc[list(chosen)].reindex(columns=[str(n) for n in free.index])
    table = pd.DataFrame(dict.fromkeys(FIRST, np.nan), index=range(len(chosen)))
    index = pd.Index(list(chosen), dtype=object)
    cook = expected.cook.reindex(index).to_numpy(float)
    counts = _counts(whole)
    table = table.assign(
        ID=pd.Series(list(chosen), dtype=object),
        n_obs=[counts[label] for label in chosen],
        verdict=PREDICTED,
        delta_ofv=expected.decrease.reindex(index).to_numpy(float),
        cook=cook,
        cook_predicted=cook,
        seconds=0.0,
        reason="One Newton step; nothing was fitted.",
    )
    changes = shift.div(free["se"].to_numpy(float), axis="columns")
    estimates = shift + free["estimate"].to_numpy(float)
    note = "Predicted by one Newton step: the size of large changes is rough."
    return Influence(table, changes, estimates, whole, (note,), len(chosen))


def _counts(whole: FitResult) -> dict[Hashable, int]:
    """Return the observations of each subject."""
    counts = np.diff(whole.data.population.obs_start)
    return {label: int(n) for label, n in zip(whole.data.subjects, counts, strict=True)}


def _result(
    whole: FitResult, refits: Sequence[_Refit], n_asked: int, expected: OneStep
) -> Influence:
    free = whole.parameters[~whole.parameters["fixed"]]
    names = [str(name) for name in free.index]
    subjects = pd.Index([refit.subject for refit in refits], name="ID", dtype=object)
    estimates = pd.DataFrame(
        [_estimates(refit, names) for refit in refits], index=subjects, columns=names
    )
    shift = estimates - free["estimate"].to_numpy(float)
    se = free["se"].to_numpy(float)
    changes = shift.div(np.where(se > 0, se, np.nan), axis="columns")
    metric, said = _metric(whole, names)
    counts, predicted = _counts(whole), expected.cook.to_dict()
    rows = []
    for refit, moved in zip(refits, shift.to_numpy(float), strict=True):
        row = _row(whole, refit, moved, metric)
        row["cook_predicted"] = predicted[refit.subject]
        rows.append({"ID": refit.subject, "n_obs": counts[refit.subject], **row})
    table = pd.DataFrame(rows)[[*FIRST, "reason"]]
    table["ID"] = pd.Series(list(subjects), dtype=object)
    notes = (*said, *_notes(table, whole, n_asked))
    return Influence(table, changes, estimates, whole, notes, n_asked)


def _estimates(refit: _Refit, names: list[str]) -> Floats:
    """Return the estimates of a refit; missing where it failed, or had to hold one."""
    if isinstance(refit.fit, str) or refit.fit.verdict == "failed":
        return np.full(len(names), np.nan)
    table = refit.fit.parameters
    return table["estimate"].where(~table["fixed"]).reindex(names).to_numpy(float)


@dataclass(frozen=True, slots=True)
class _Metric:
    """Cholesky factor of the covariance, log determinant, and the parameters it is of."""

    names: tuple[str, ...]
    which: NDArray[np.bool_]
    low: Floats
    log_det: float


def _metric(whole: FitResult, names: list[str]) -> tuple[_Metric | None, list[str]]:
    """Return the covariance of the estimates as a metric, and what must be known of it."""
    covariance = whole.covariance.reindex(index=names, columns=names).to_numpy(float)
    which = np.isfinite(np.diag(covariance)) & (np.diag(covariance) > 0)
    lost = [name for name, known in zip(names, which, strict=True) if not known]
    if not which.any():
        return None, [
            "The fit has no standard errors, so changes have no scale and there is no Cook "
            "distance. Fit with a covariance first."
        ]
    kept = covariance[np.ix_(which, which)]
    said = [f"Without a standard error: {', '.join(lost)}; not part of the Cook distance."]
    try:
        low = np.linalg.cholesky(kept)
    except np.linalg.LinAlgError:
        return None, [
            "The covariance matrix of the fit is not positive definite, so there is no Cook "
            "distance."
        ]
    log_det = 2.0 * float(np.log(np.diag(low)).sum())
    own = tuple(name for name, known in zip(names, which, strict=True) if known)
    return _Metric(own, which, low, log_det), said if lost else []


def _row(whole: FitResult, refit: _Refit, moved: Floats, metric: _Metric | None) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(FIRST[2:], np.nan)
    row |= {"verdict": "failed", "seconds": refit.seconds}
    if isinstance(refit.fit, str):
        return row | {"reason": refit.fit}
    own = refit.fit
    row |= {"verdict": own.verdict, "reason": " ".join(own.reasons), "ofv": own.ofv}
    if own.verdict == "failed":
        return row
    left = float(whole.individual_ofv.drop(refit.subject).sum()) + whole.penalty
    row["delta_ofv"] = left - (own.ofv + own.penalty)
    if metric is not None:
        step = np.linalg.solve(metric.low, moved[metric.which])
        row["cook"] = float(step @ step)
        row["covariance_ratio"] = _covariance_ratio(own, metric)
    return row


def _covariance_ratio(own: FitResult, metric: _Metric) -> float:
    names = list(metric.names)
    covariance = own.covariance.reindex(index=names, columns=names).to_numpy(float)
    if not np.isfinite(covariance).all():
        return float("nan")
    sign, log_det = np.linalg.slogdet(covariance)
    return float(np.exp(0.5 * (log_det - metric.log_det))) if sign > 0 else float("nan")


def _notes(table: pd.DataFrame, whole: FitResult, n_asked: int) -> list[str]:
    notes = []
    if len(table) < n_asked:
        notes.append(f"Stopped on request after {len(table)} of {n_asked} refits.")
    for verdict in ("failed", "doubtful"):
        who = table.loc[table["verdict"] == verdict, "ID"]
        if len(who):
            listed = ", ".join(map(str, who[:8])) + (" …" if len(who) > 8 else "")
            notes.append(f"{len(who)} refits ended {verdict}: without ID {listed}.")
    error = 2.0 * whole.likelihood_se
    above = table.loc[table["delta_ofv"] < -(SAME + error), "ID"]
    if len(above) and whole.method.split("+")[-1] not in OTHER_AIMS:
        notes.append(
            f"{len(above)} refits ended above where they started (delta_ofv below 0), first "
            f"without ID {above.iloc[0]}: they have not reached their minimum."
        )
    if whole.likelihood_se:
        notes.append(
            f"−2LL carries a Monte-Carlo error of {whole.likelihood_se:.2g}: changes of that size "
            "mean nothing."
        )
    if whole.verdict != "converged":
        notes.append(f"The fit itself is {whole.verdict}: {' '.join(whole.reasons)}")
    return notes

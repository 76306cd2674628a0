"""Fits from many starting values, which tell whether the best one is really the best."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from workbench.arguments import check_executor, checked_seed, is_finite_number, whole_number
from workbench.core.rng import STARTS, uniforms
from workbench.data.dataset import Dataset
from workbench.errors import EstimationError, OptionError, WorkbenchError
from workbench.estimation import CancelToken, check_arguments, fit
from workbench.models.error import IIV
from workbench.models.model import Model
from workbench.models.parameter import Parameter
from workbench.problem.covariates import coefficient_sizes, with_references
from workbench.results import FitResult

SAME = 0.01  # difference in OFV that counts as the same end
AGREEMENT = 0.5  # share of the starts that must end at the best OFV for it to be believed

_CHAIN = 1  # of the random numbers; starting values use 0


@dataclass(frozen=True, slots=True, eq=False)
class Multistart:
    """Where fits from many starting values ended.

    Attributes
    ----------
    table : one row per start, in order: start (0 is the given model), verdict, ofv, difference
        (from the best), seconds, reason, then the starting values (``ka_start``,
        ``omega[ka]_start``) and where they ended (``ka``, ``omega[ka]``); NaN where a fit failed
    best : the fit with the lowest OFV; of several within 0.01 one that converged
    best_converged : the fit with the lowest OFV of those that converged; None if none did
    verdict : ``"converged"`` when at least half of the starts ended within 0.01 of the best OFV
        and the best fit itself converged, else ``"doubtful"``
    reasons : sentences that say why
    names : estimated parameters, as in the table
    """

    table: pd.DataFrame
    best: FitResult
    best_converged: FitResult | None
    verdict: str
    reasons: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def agreement(self) -> float:
        """Share of the starts that ended within 0.01 of the best OFV."""
        return float((self.table["difference"] <= SAME).mean())

    @property
    def minima(self) -> pd.DataFrame:
        """The different ends: ofv, starts that led there, how many of them converged, values.

        One row per OFV that differs from the others by more than 0.01, the best first.
        """
        ended = self.table[np.isfinite(self.table["ofv"])].sort_values("ofv", kind="stable")
        ofv = ended["ofv"].to_numpy()
        group = np.cumsum(np.concatenate([[0], np.diff(ofv) > SAME])) if len(ofv) else ofv
        rows = []
        for _, part in ended.groupby(group):
            first = part.iloc[0]
            rows.append(
                {
                    "ofv": first["ofv"],
                    "starts": len(part),
                    "converged": int((part["verdict"] == "converged").sum()),
                    **{name: first[name] for name in self.names},
                }
            )
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        return "\n".join(
            [
                f"{len(self.table)} starts of {self.best.model.structure.name} on "
                f"{self.best.data.name} by {self.best.method.upper()}",
                f"{self.verdict}: {' '.join(self.reasons)}",
                self.minima.to_string(index=False, float_format=lambda v: f"{v:.5g}"),
            ]
        )


def random_start(
    model: Model,
    number: int,
    *,
    seed: int,
    spread: float,
    iiv_spread: float,
    sizes: Mapping[str, float] | None = None,
) -> Model:
    """Return the model with random starting values; number 0 is the model itself.

    Typical values and SDs of eta and kappa are multiplied by a factor whose logarithm is uniform
    (of a parameter between bounds, the odds are); a typical value of 0 moves within one SD of its
    eta.
    Coefficients of covariates move by up to half of log(spread) times their size. Fixed values
    stay.

    Parameters
    ----------
    number, seed : name the random numbers
    spread, iiv_spread : largest factor, either way
    sizes : of the coefficients by name, see `ParameterSpace`; 1 for the others
    """
    if number == 0:
        return model
    place, known = len(model.parameters), sizes or {}
    parameters: dict[str, Parameter] = {}
    for k, (name, p) in enumerate(model.parameters.items()):
        u, v = uniforms(seed, STARTS, number, _CHAIN, 0, k)
        typical, iiv, iov = p.typical, p.iiv, p.iov
        if "typical" not in p.fixed:
            typical = p.times(spread ** (2 * u - 1)) if typical else (2 * u - 1) * p.iiv
        if "iiv" not in p.fixed:
            iiv *= iiv_spread ** (2 * v - 1)
        if p.has_iov and "iov" not in p.fixed:
            w, _ = uniforms(seed, STARTS, number, _CHAIN, 1, k)
            iov *= iiv_spread ** (2 * w - 1)
        effects = []
        for effect in p.covariates:
            values = []
            for beta, value, held in zip(
                effect.names(name), effect.values, effect.held, strict=True
            ):
                u, _ = uniforms(seed, STARTS, number, _CHAIN, 0, place)
                most = 0.0 if held else 0.5 * np.log(spread) * known.get(beta, 1.0)
                values.append(value + most * (2 * u - 1))
                place += 1
            effects.append(effect.with_values(values))
        parameters[name] = replace(p, typical=typical, iiv=iiv, iov=iov, covariates=tuple(effects))
    errors = dict(model.errors)
    for k, (output, error) in enumerate(errors.items()):
        if error.has_eta and IIV not in error.fixed:
            v, _ = uniforms(seed, STARTS, number, _CHAIN, 2, k)
            errors[output] = replace(error, iiv=error.iiv * iiv_spread ** (2 * v - 1))
    return model.replace(parameters=parameters, error=errors)


def multistart(
    model: Model,
    data: Dataset,
    *,
    n: int = 20,
    method: str | Sequence[str] = "focei",
    seed: int = 0,
    spread: float = 3.0,
    iiv_spread: float = 2.0,
    executor: Executor | None = None,
    on_fit: Callable[[int, int, float], None] | None = None,
    cancel: CancelToken | None = None,
    **options: Any,
) -> Multistart:
    """Fit from `n` starting values, the model's own first.

    Parameters
    ----------
    model : centre of the starting values
    n : number of starts
    method, seed, options : of every fit, as in `fit`; the seed also names the starting values
    spread : typical values are multiplied or divided by up to this
    iiv_spread : the same for SDs of eta
    executor : any `concurrent.futures` executor; None fits one after the other
    on_fit : called with the number of finished fits, `n`, and the best OFV so far (or NaN)
    cancel : set it from another thread; the fits that are done are the result

    Returns
    -------
    Multistart
        A start whose fit fails is a row of the table, not an exception.

    Raises
    ------
    OptionError, UnknownNameError
        An option is out of range or misspelt.
    EstimationError
        No start led to a fit.
    """
    check_arguments(model, data)
    n, seed = whole_number("n", n, 1), checked_seed(seed)
    check_executor(executor)
    for name, factor in (("spread", spread), ("iiv_spread", iiv_spread)):
        if not is_finite_number(factor) or factor < 1:
            raise OptionError(f"{name} is a factor of at least 1, not {factor!r}.")
    model = with_references(model, data)
    sizes = coefficient_sizes(model, data)
    starts = [
        random_start(model, k, seed=seed, spread=spread, iiv_spread=iiv_spread, sizes=sizes)
        for k in range(n)
    ]
    task = _Task(data, method, seed, dict(options))
    rows: list[dict[str, Any]] = []
    best: FitResult | None = None
    converged: FitResult | None = None
    for number, done in _each(task, starts, executor, cancel):
        rows.append(_row(number, starts[number], done))
        if isinstance(done.fit, FitResult) and _better(done.fit, best):
            best = done.fit
        if isinstance(done.fit, FitResult) and done.fit.verdict == "converged":
            converged = done.fit if _better(done.fit, converged) else converged
        if on_fit is not None:
            on_fit(len(rows), n, np.nan if best is None else best.ofv)
    if best is None:
        said = rows[0]["reason"] if rows else "Stopped on request before a fit was done."
        raise EstimationError(f"None of the {n} starts led to a fit. The first: {said}")
    return _result(pd.DataFrame(rows), best, converged, n)


@dataclass(frozen=True, slots=True)
class _Task:
    """What all fits share."""

    data: Dataset
    method: str | Sequence[str]
    seed: int
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Done:
    """A fit, or why there is none."""

    fit: FitResult | str
    seconds: float


def _one(task: _Task, start: Model, cancel: CancelToken | None) -> _Done:
    began = time.perf_counter()
    try:
        done: FitResult | str = fit(
            start, task.data, method=task.method, seed=task.seed, cancel=cancel, **task.options
        )
    except (OptionError, KeyError):
        raise  # the same for all starts
    except WorkbenchError as problem:
        done = str(problem)
    return _Done(done, time.perf_counter() - began)


def _each(
    task: _Task, starts: Sequence[Model], executor: Executor | None, cancel: CancelToken | None
) -> Iterator[tuple[int, _Done]]:
    """Yield number and outcome of every start, in order."""
    if executor is None:
        for number, start in enumerate(starts):
            if cancel is not None and cancel.is_set():
                return
            yield number, _one(task, start, cancel)
        return
    waiting: list[Future[_Done]] = [executor.submit(_one, task, start, None) for start in starts]
    for number, future in enumerate(waiting):
        if cancel is not None and cancel.is_set():
            for left in waiting[number:]:
                left.cancel()
            return
        try:
            yield number, future.result()
        except (OptionError, KeyError):
            raise
        except Exception as problem:  # noqa: BLE001  a broken worker must not lose the others
            yield number, _Done(f"{type(problem).__name__}: {problem}", 0.0)


def _row(number: int, start: Model, done: _Done) -> dict[str, Any]:
    own = done.fit
    row: dict[str, Any] = {
        "start": number,
        "verdict": "failed" if isinstance(own, str) else own.verdict,
        "ofv": np.nan if isinstance(own, str) else own.ofv,
        "difference": np.nan,
        "seconds": done.seconds,
        "reason": own if isinstance(own, str) else " ".join(own.reasons),
    }
    for name, p in start.parameters.items():
        row[f"{name}_start"] = p.typical
        for effect in p.covariates:
            names = [f"{beta}_start" for beta in effect.names(name)]
            row |= dict(zip(names, effect.values, strict=True))
        if p.has_eta:
            row[f"omega[{name}]_start"] = p.iiv**2
        if p.has_iov:
            row[f"omega_iov[{name}]_start"] = p.iov**2
    for name in start.scaled:
        row[f"omega[{name}]_start"] = start.eta_sd(name) ** 2
    if not isinstance(own, str):
        free = own.parameters[~own.parameters["fixed"]]
        row |= dict(zip(free.index.astype(str), free["estimate"], strict=True))
    return row


def _better(new: FitResult, best: FitResult | None) -> bool:
    if not np.isfinite(new.ofv) or new.verdict == "failed":
        return False
    if best is None or new.ofv < best.ofv - SAME:
        return True
    return new.ofv <= best.ofv + SAME and best.verdict != "converged" == new.verdict


def _result(
    table: pd.DataFrame, best: FitResult, converged: FitResult | None, n: int
) -> Multistart:
    usable = table["ofv"].where(table["verdict"] != "failed")
    lowest = float(usable.min())
    table["difference"] = table["ofv"] - lowest
    names = tuple(best.parameters.index[~best.parameters["fixed"]])
    order = [name for name in table.columns if name not in names]
    table = table[[*order, *names]]
    same = table["difference"] <= SAME
    share = float(same.mean())
    reasons = [f"{int(same.sum())} of {len(table)} starts ended within {SAME} of OFV {lowest:.3f}."]
    if len(table) < n:
        reasons.append(f"Stopped on request after {len(table)} of {n} starts.")
    reasons += _elsewhere(table, same)
    doubtful = share < AGREEMENT
    if doubtful:
        reasons.append(
            "Fewer than half agree: start from better values, simplify the model, or try more "
            "starts."
        )
    if best.verdict != "converged":
        doubtful = True
        reasons.append(f"The best fit is {best.verdict}: {' '.join(best.reasons)}")
        if converged is None:
            reasons.append("No start converged.")
        else:
            reasons.append(f"The lowest OFV that converged is {converged.ofv:.3f}.")
    verdict = "doubtful" if doubtful else "converged"
    return Multistart(table, best, converged, verdict, tuple(reasons), names)


def _elsewhere(table: pd.DataFrame, same: pd.Series[bool]) -> list[str]:
    counts = table.loc[~same, "verdict"].value_counts()
    if not len(counts):
        return []
    parts = []
    if counts.get("converged", 0):
        where = table.loc[~same & (table["verdict"] == "converged"), "ofv"]
        parts.append(
            f"{counts['converged']} converged at a higher OFV (from {where.min():.3f}): other "
            "minima"
        )
    parts += [
        f"{counts[verdict]} ended {verdict}"
        for verdict in ("doubtful", "failed")
        if counts.get(verdict, 0)
    ]
    return [f"Of the others {', '.join(parts)}."]

"""`fit` and `evaluate`: from a model and data to a result."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from workbench.arguments import checked_seed
from workbench.data.dataset import Dataset, check_dataset
from workbench.errors import DataError, ModelError, OptionError
from workbench.estimation._base import CancelToken, Estimator, Monitor, Progress
from workbench.estimation._chain import run_chain, stage_names, stage_options
from workbench.estimation._registry import estimators
from workbench.estimation._starting import started
from workbench.models.model import Model
from workbench.problem import Problem
from workbench.problem.covariates import with_references
from workbench.registry import unknown_name
from workbench.results import FitResult


def fit(
    model: Model,
    data: Dataset,
    *,
    method: str | Sequence[str] = "focei",
    start: str | Model | FitResult | None = None,
    seed: int = 0,
    on_iteration: Callable[[Progress], None] | None = None,
    cancel: CancelToken | None = None,
    **options: Any,
) -> FitResult:
    """Estimate the parameters of `model` from `data`.

    Parameters
    ----------
    model : its values are the starting values
    data : a `Dataset`
    method : name of an estimator, such as ``"focei"`` or ``"imp"``; or several,
        ``["saem", "focei", "imp"]``, each starting where the last one ended
    start : where to take starting values from in place of the model's own: ``"auto"`` for the
        data (see `starting_values`), or a fit or a model with parameters of the same names
    seed : of the random numbers, where the method uses any; recorded in any case
    on_iteration : called after every iteration, from the calling thread
    cancel : set it from another thread to stop; the best values so far are returned
    options : of the method, by name (``max_iter=...``, ``covariance="sandwich"``); where there
        are several methods, those of each by its name (``imp={"max_iter": 0}``)

    Returns
    -------
    FitResult
        Non-convergence is a result, with `verdict` and `reasons`, not an exception. Of several
        methods it is the last one's, and `stages` tells of all of them.

    Raises
    ------
    DataError, ModelError, OptionError, UnknownNameError, EstimationError
        The fit cannot start; the message says why, where and what to do.
    """
    check_arguments(model, data)
    model = with_references(model, data)
    said: list[str] = []
    seed = checked_seed(seed)
    monitor, names = Monitor(on_iteration, cancel, seed), stage_names(method)
    _check_options(names, options)
    if start is not None:
        model = started(model, data, start, said.append)
    if len(names) == 1:
        result = _run(model, data, names[0], monitor, options, estimate=True)
    else:
        result = _run_stages(model, data, names, monitor, options)
    notes = [f"Starting values: {sentence}" for sentence in said]
    return replace(result, warnings=(*result.warnings, *notes)) if notes else result


def _check_options(names: Sequence[str], options: Mapping[str, Any]) -> None:
    """Refuse a wrong option before anything takes its time."""
    chosen = stage_options(names, options) if len(names) > 1 else {names[0]: options}
    for name in names:
        make_options(estimators.get(name), _plain(chosen[name]))


def _run_stages(
    model: Model,
    data: Dataset,
    names: Sequence[str],
    monitor: Monitor,
    options: Mapping[str, Any],
) -> FitResult:
    began = time.perf_counter()
    given = {name: _plain(value) for name, value in options.items()}
    chosen = stage_options(names, given)

    def stage(name: str, start: Model, own: Mapping[str, Any]) -> FitResult:
        return _run(start, data, name, monitor, own, estimate=True)

    result = run_chain(model, names, chosen, stage, monitor.cancelled)
    return replace(result, given=given, seed=monitor.seed, seconds=time.perf_counter() - began)


def evaluate(
    model: Model, data: Dataset, *, method: str = "focei", seed: int = 0, **options: Any
) -> FitResult:
    """Return objective, EBEs and residuals at the model's values; nothing is estimated.

    Parameters and errors are those of `fit`; there is one method.
    """
    check_arguments(model, data)
    names = stage_names(method)
    if len(names) > 1:
        raise OptionError(
            f"evaluate takes one method, not {' and '.join(names)}: nothing is estimated, so "
            "none could start where another ended."
        )
    return _run(model, data, names[0], Monitor(seed=checked_seed(seed)), options, estimate=False)


def check_arguments(model: Model, data: Dataset) -> None:
    """Refuse what cannot be fitted.

    Raises
    ------
    DataError, ModelError
    """
    if not isinstance(model, Model):
        raise ModelError(f"The first argument must be a wb.Model, not {type(model).__name__}.")
    check_dataset(data)
    if data.design:
        raise DataError(
            f"{data.name} is a design: it holds times to predict, not observations to fit. Read "
            "it without design=True, or simulate from it with wb.simulate."
        )


def _run(
    model: Model,
    data: Dataset,
    method: str,
    monitor: Monitor,
    options: Mapping[str, Any],
    *,
    estimate: bool,
) -> FitResult:
    began = time.perf_counter()
    estimator = estimators.get(method)
    given = {name: _plain(value) for name, value in options.items()}
    chosen = make_options(estimator, given)
    result = estimator.run(Problem(model, data, estimable=estimate), chosen, monitor, estimate)
    return replace(result, given=given, seed=monitor.seed, seconds=time.perf_counter() - began)


def _plain(value: Any) -> Any:
    """Return NumPy's numbers as Python's: an option is written into the script of the fit."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    return value.item() if isinstance(value, np.generic) else value


def make_options(estimator: Estimator, options: Mapping[str, Any]) -> Any:
    """Return the estimator's options; a misspelt one is refused with the nearest name.

    Raises
    ------
    UnknownNameError, OptionError
    """
    known = [field.name for field in fields(estimator.options)]
    for name in options:
        if name not in known:
            raise unknown_name(f"option of {estimator.title}", name, known)
    return estimator.options(**options)

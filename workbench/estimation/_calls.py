"""`fit` and `evaluate`: from a model and data to a result."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np

from workbench.data.dataset import Dataset
from workbench.errors import DataError, ModelError
from workbench.estimation._base import CancelToken, Estimator, Monitor, Progress
from workbench.estimation._registry import estimators
from workbench.models.model import Model
from workbench.problem import Problem
from workbench.registry import unknown_name
from workbench.results import FitResult


def fit(
    model: Model,
    data: Dataset,
    *,
    method: str = "focei",
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
    method : name of an estimator, such as ``"focei"`` or ``"imp"``
    seed : of the random numbers, where the method uses any; recorded in any case
    on_iteration : called after every iteration, from the calling thread
    cancel : set it from another thread to stop; the best values so far are returned
    options : of the method, by name (``max_iter=...``, ``covariance="sandwich"``)

    Returns
    -------
    FitResult
        Non-convergence is a result, with `verdict` and `reasons`, not an exception.

    Raises
    ------
    DataError, ModelError, OptionError, UnknownNameError, EstimationError
        The fit cannot start; the message says why, where and what to do.
    """
    return _run(
        model, data, method, seed, Monitor(on_iteration, cancel, seed), options, estimate=True
    )


def evaluate(
    model: Model, data: Dataset, *, method: str = "focei", seed: int = 0, **options: Any
) -> FitResult:
    """Return objective, EBEs and residuals at the model's values; nothing is estimated.

    Parameters and errors are those of `fit`.
    """
    return _run(model, data, method, seed, Monitor(seed=seed), options, estimate=False)


def _run(
    model: Model,
    data: Dataset,
    method: str,
    seed: int,
    monitor: Monitor,
    options: dict[str, Any],
    *,
    estimate: bool,
) -> FitResult:
    if not isinstance(model, Model):
        raise ModelError(f"The first argument must be a wb.Model, not {type(model).__name__}.")
    if not isinstance(data, Dataset):
        raise ModelError(
            f"The second argument must be a data set, not {type(data).__name__}. Read one with "
            "wb.read_dataset(...) or wb.load_dataset(...)."
        )
    if data.design:
        raise DataError(
            f"{data.name} is a design: it holds times to predict, not observations to fit. Read "
            "it without design=True, or simulate from it with wb.simulate."
        )
    began = time.perf_counter()
    estimator = estimators.get(method)
    # NumPy's numbers as Python's: an option is written into the script that repeats the fit.
    given = {k: v.item() if isinstance(v, np.generic) else v for k, v in options.items()}
    chosen = make_options(estimator, given)
    result = estimator.run(Problem(model, data), chosen, monitor, estimate)
    return replace(result, given=given, seed=seed, seconds=time.perf_counter() - began)


def make_options(estimator: Estimator, options: dict[str, Any]) -> Any:
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

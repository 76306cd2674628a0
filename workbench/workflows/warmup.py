"""Compile everything a first click may need, once per machine, into the disk cache."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import pandas as pd

from workbench.core.jit import CACHE_FOLDER, JIT_DISABLED
from workbench.data.dataset import read_dataset
from workbench.errors import WorkbenchError
from workbench.estimation import estimators, evaluate, fit
from workbench.models.error import ResidualError
from workbench.models.model import Model
from workbench.models.parameter import LogNormal, Normal, Parameter
from workbench.models.pk import pk
from workbench.models.residual import error_models
from workbench.models.structural import StructuralModel

# (number of this step, number of steps, what is being compiled)
OnStep = Callable[[int, int, str], None]

_MARK = CACHE_FOLDER / "complete"


def is_warm() -> bool:
    """True when `warm_up` has filled the cache for this version on this machine."""
    return JIT_DISABLED or _MARK.exists()


def warm_up(on_step: OnStep | None = None) -> float:
    """Compile every kernel, or load it if it is compiled already; return the seconds taken.

    Parameters
    ----------
    on_step : told before each step, and once at the end with the number of steps
    """
    began = time.perf_counter()
    data = read_dataset(
        pd.DataFrame(
            {
                "ID": [1, 1, 1, 2, 2, 2],
                "TIME": [0.0, 1.0, 4.0, 0.0, 1.0, 4.0],
                "AMT": [100.0, 0.0, 0.0, 100.0, 0.0, 0.0],
                "DV": [0.0, 2.0, 1.0, 0.0, 3.0, 1.5],
                "EVID": [1, 0, 0, 1, 0, 0],
            }
        ),
        name="warm-up",
    )
    # One of each family compiles what all share.
    closed, solved = pk(bioavailability=True), pk(bioavailability=True, form="ode")
    steps = [(structure, "additive", "fo") for structure in (closed, solved)]
    steps += [(closed, name, "fo") for name in error_models.names()]
    steps += [(closed, "additive", name) for name in estimators.names()]
    for k, (structure, error, method) in enumerate(steps):
        if on_step is not None:
            on_step(k, len(steps), f"{structure.title}, {error} error, {method}")
        model = _model(structure, error)
        evaluate(model, data, method=method)
        if structure is closed and error == "additive":
            with contextlib.suppress(WorkbenchError):  # too few data for some; they compile
                fit(model, data, method=method, max_iter=1)
    if on_step is not None:
        on_step(len(steps), len(steps), "ready")
    if not JIT_DISABLED:
        CACHE_FOLDER.mkdir(parents=True, exist_ok=True)
        _MARK.touch()
    return time.perf_counter() - began


def _model(kind: StructuralModel, error: str) -> Model:
    """Return a model that every estimator takes: the prediction is linear in its only eta."""
    parameters: dict[str, Parameter] = {
        name: LogNormal(value) for name, value in zip(kind.parameters, kind.typical, strict=True)
    }
    parameters["f"] = Normal(0.8, iiv=0.2)
    return Model(kind, parameters, error=ResidualError(error, error_models.get(error).defaults))

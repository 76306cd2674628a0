"""Compile everything a first click may need, once per machine, into the disk cache."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from workbench.core.jit import CACHE_FOLDER, JIT_DISABLED
from workbench.data.dataset import read_dataset
from workbench.errors import WorkbenchError
from workbench.estimation import estimators, evaluate, fit
from workbench.models.error import Additive, ResidualError
from workbench.models.model import Model
from workbench.models.parameter import LogNormal, Normal, Parameter
from workbench.models.pk import pk
from workbench.models.residual import error_models
from workbench.models.structural import StructuralModel
from workbench.models.transform import YeoJohnson
from workbench.simulation import simulate

# (number of this step, number of steps, what is being compiled)
OnStep = Callable[[int, int, str], None]

_MARK = CACHE_FOLDER / "complete"


def is_warm() -> bool:
    """True when `warm_up` has filled the cache for this version on this machine."""
    return JIT_DISABLED or _MARK.exists()


def warm_up(on_step: OnStep | None = None) -> float:
    """Compile every kernel, or load it if it is compiled already; return the seconds taken.

    Where there is a second core, another process compiles a part of them meanwhile.

    Parameters
    ----------
    on_step : told before each step, and once at the end with the number of steps
    """
    began = time.perf_counter()
    steps = _steps()
    helper = None
    if not (JIT_DISABLED or _MARK.exists()) and (os.cpu_count() or 1) > 1:
        helper = _start_helper()
    # What the helper compiles comes last: it is then only loaded, or compiled if the helper failed.
    mine = [k for k, step in enumerate(steps) if not _of_helper(step)]
    rest = [k for k, step in enumerate(steps) if _of_helper(step)]
    for number, k in enumerate(mine + rest):
        if number == len(mine) and helper is not None:
            helper.wait()
        if on_step is not None:
            on_step(number, len(steps), steps[k].words)
        _compile(steps[k])
    if on_step is not None:
        on_step(len(steps), len(steps), "ready")
    if not JIT_DISABLED:
        CACHE_FOLDER.mkdir(parents=True, exist_ok=True)
        _MARK.touch()
    return time.perf_counter() - began


@dataclass(frozen=True, slots=True)
class _Step:
    """One evaluation that compiles what it needs."""

    structure: StructuralModel
    error: ResidualError
    method: str
    fits: bool = False

    @property
    def words(self) -> str:
        return f"{self.structure.title}, {self.error.short} error, {self.method}"


def _steps() -> list[_Step]:
    # One of each family compiles what all share.
    closed, solved = pk(bioavailability=True), pk(bioavailability=True, form="ode")
    plain = _error("additive")
    steps = [_Step(structure, plain, "fo") for structure in (closed, solved)]
    steps += [_Step(closed, _error(name), "fo") for name in error_models.names()]
    steps.append(_Step(closed, Additive(1.0, transform=YeoJohnson(0.5)), "fo"))
    return steps + [_Step(closed, plain, name, fits=True) for name in estimators.names()]


def _error(name: str) -> ResidualError:
    return ResidualError(name, error_models.get(name).defaults)


def _of_helper(step: _Step) -> bool:
    """Say whether a second process compiles this: equations, and the methods that sample."""
    return hasattr(step.structure.family, "system") or step.method in ("imp", "saem")


def compile_for_helper() -> None:
    """Do the second process' part; the first one takes care of the rest."""
    for step in _steps():
        if _of_helper(step):
            _compile(step)


def _start_helper() -> subprocess.Popen[bytes] | None:
    """Start the second process; None where none can be had."""
    code = f"from {__name__} import compile_for_helper; compile_for_helper()"
    try:
        return subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except OSError:
        return None


def _compile(step: _Step) -> None:
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
    model = _model(step.structure, step.error)
    evaluate(model, data, method=step.method)
    simulate(model, data)
    if step.fits:
        with contextlib.suppress(WorkbenchError):  # too few data for some; they compile
            fit(model, data, method=step.method, max_iter=1)


def _model(kind: StructuralModel, error: ResidualError) -> Model:
    """Return a model that every estimator takes: the prediction is linear in its only eta."""
    parameters: dict[str, Parameter] = {
        name: LogNormal(value) for name, value in zip(kind.parameters, kind.typical, strict=True)
    }
    parameters["f"] = Normal(0.8, iiv=0.2)
    return Model(kind, parameters, error=error)

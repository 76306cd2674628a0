"""Compile everything a first click may need, once per machine, into the disk cache."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.core.abi import export_predict
from workbench.core.complete import complete_range
from workbench.core.first_order import first_order_range
from workbench.core.importance import importance_range
from workbench.core.jit import CACHE_FOLDER, JIT_DISABLED
from workbench.core.linear_mixed import linear_mixed_range
from workbench.core.mcmc import sweep_range
from workbench.core.quadrature import contract_hessian, curvature_by_sigma
from workbench.core.quadrature_nodes import average_nodes, sum_over_nodes
from workbench.core.scores import score_range
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

    Where there is a second core, another process compiles a part of them meanwhile: kernels that
    this one needs only in its later steps.

    Parameters
    ----------
    on_step : told before each step, and once at the end with the number of steps
    """
    began = time.perf_counter()
    steps = _steps()
    helper = None
    if not (JIT_DISABLED or _MARK.exists()) and (os.cpu_count() or 1) > 1:
        helper = _start_helper()
    for number, step in enumerate(steps):
        # What the helper compiled is then only loaded, or compiled if the helper failed.
        if number == _MEANWHILE and helper is not None:
            helper.wait()
        if on_step is not None:
            on_step(number, len(steps), step.words)
        _compile(step)
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


_MEANWHILE = 2  # steps that are done while the helper works


def _steps() -> list[_Step]:
    """Return the steps, those that take longest first."""
    # One of each family compiles what all share.
    closed, solved = pk(bioavailability=True), pk(bioavailability=True, form="ode")
    plain = _error("additive")
    long = ("focei", "agq")
    steps = [_Step(closed, plain, name, fits=True) for name in long]
    steps += [_Step(structure, plain, "fo") for structure in (closed, solved)]
    steps += [_Step(closed, _error(name), "fo") for name in error_models.names()]
    steps.append(_Step(closed, Additive(1.0, transform=YeoJohnson(0.5)), "fo"))
    others = (name for name in estimators.names() if name not in long)
    return steps + [_Step(closed, plain, name, fits=True) for name in others]


def _error(name: str) -> ResidualError:
    return ResidualError(name, error_models.get(name).defaults)


def compile_for_helper() -> None:
    """Do the second process' part; the first one takes care of the rest.

    What shares nothing with the first steps comes first, and what builds on the search of modes
    last, when the other process has compiled that.
    """
    kernels: tuple[Any, ...] = (
        sweep_range,
        complete_range,
        first_order_range,
        linear_mixed_range,
        score_range,
        sum_over_nodes,
        average_nodes,
        contract_hessian,
        curvature_by_sigma,
        importance_range,
    )
    solved: Any = pk(bioavailability=True, form="ode").family
    export_predict(solved.kernel())
    solved.context(1)  # it holds the addresses of the solvers
    for kernel in kernels:
        kernel.ready()


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

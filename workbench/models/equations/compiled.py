"""A system as four compiled vector functions, reached by address."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from workbench.core.abi import export_vector
from workbench.errors import EquationError
from workbench.models.equations.linearity import is_linear
from workbench.models.equations.lowering import lower
from workbench.models.equations.modules import load
from workbench.models.equations.nothing import nothing
from workbench.models.equations.source import HEADER, Source, write
from workbench.models.equations.system import System

MAX_WORK = 6_000  # operations; numba takes 2 to 4 ms for each
FUNCTIONS = ("rhs", "output", "initial", "dosing")


@dataclass(frozen=True, slots=True, eq=False)
class VectorFunction:
    """One vector function with its derivatives with respect to z (see `core.abi`).

    Attributes
    ----------
    address : for `core.abi.call_vector`
    function : kernel ``function(order, t, z, value, jacobian, hessian) -> status``
    k : number of components
    n_z : length of z; its last entry is the time, whose value is taken from `t`
    jacobian_index : (m, 2)  row and column of the derivatives that are not 0 everywhere
    hessian_index : (nnz, 3)  component, a, b of each packed second derivative, a >= b
    """

    address: int
    function: Callable[..., int]
    k: int
    n_z: int
    jacobian_index: NDArray[np.int64]
    hessian_index: NDArray[np.int64]

    @property
    def nnz(self) -> int:
        """Number of packed second derivatives."""
        return len(self.hessian_index)

    def evaluate(
        self, t: float, z: NDArray[np.float64], order: int = 2
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return value (k), jacobian (k, n_z) and full hessian (k, n_z, n_z), NaN above `order`."""
        value = np.full(self.k, np.nan)
        jacobian = np.full((self.k, self.n_z), np.nan)
        packed = np.full(self.nnz, np.nan)
        with np.errstate(all="ignore"):
            self.function(order, float(t), np.ascontiguousarray(z, float), value, jacobian, packed)
        hessian = np.full((self.k, self.n_z, self.n_z), np.nan if order < 2 else 0.0)
        row, a, b = self.hessian_index.T
        hessian[row, a, b] = hessian[row, b, a] = packed
        return value, jacobian, hessian


@dataclass(frozen=True, slots=True, eq=False)
class CompiledSystem:
    """The four vector functions of a system, all of z = (states, parameters, ..., t).

    Attributes
    ----------
    system : what was compiled
    rhs : time derivative of each state
    output : each output
    initial : value of each state at the start; the states in z are ignored
    dosing : each entry of ``system.dosing``; the states in z are ignored
    is_linear : the states' equations are linear, with coefficients constant between inputs
    source : the generated Python source
    """

    system: System
    rhs: VectorFunction
    output: VectorFunction
    initial: VectorFunction
    dosing: VectorFunction
    is_linear: bool
    source: str


@lru_cache(maxsize=128)
def compile_system(system: System) -> CompiledSystem:
    """Compile a system, or load what an earlier process compiled.

    Raises
    ------
    EquationError
        The system is too large to be compiled in reasonable time.
    """
    n_z = len(system.z)
    lowered = lower(system)
    values = {name: getattr(lowered, name) for name in FUNCTIONS}
    sources = {
        name: write(name, lowered.graph, nodes, n_z)
        for name, nodes in values.items()
        if any(node != lowered.graph.zero for node in nodes)
    }
    _check_work(sum(source.work for source in sources.values()))
    text = HEADER + "".join(f"\n{source.text}" for source in sources.values())
    module = load(text)
    functions = {
        name: _vector_function(
            getattr(module, name) if name in sources else nothing,
            sources.get(name, Source()),
            len(values[name]),
            n_z,
        )
        for name in FUNCTIONS
    }
    moving = frozenset(range(n_z - 1 - len(system.dose_inputs), n_z))
    linear = is_linear(lowered.graph, lowered.rhs, len(system.states), moving)
    return CompiledSystem(system, **functions, is_linear=linear, source=text)


def _check_work(work: int) -> None:
    if work > MAX_WORK:
        raise EquationError(
            f"The equations and their derivatives make {work:,} operations; at most {MAX_WORK:,} "
            "are compiled. Use fewer states or parameters, or shorter expressions."
        )


def _vector_function(
    function: Callable[..., int], source: Source, k: int, n_z: int
) -> VectorFunction:
    return VectorFunction(
        address=export_vector(function),
        function=function,
        k=k,
        n_z=n_z,
        jacobian_index=_index(source.jacobian_index, 2),
        hessian_index=_index(source.hessian_index, 3),
    )


def _index(entries: tuple[tuple[int, ...], ...], columns: int) -> NDArray[np.int64]:
    index = np.array(entries, dtype=np.int64).reshape(-1, columns)
    index.setflags(write=False)
    return index

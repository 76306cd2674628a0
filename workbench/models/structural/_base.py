"""What every structural model exports, and what its family of kernels must offer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from workbench.core.schedule import N_ROUTE

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Family(Protocol):
    """A family of structural models that share one kernel; one object is one model's data.

    Attributes
    ----------
    routes : (n_routes, schedule.N_ROUTE)  where doses go, see `core.schedule`
    """

    @property
    def routes(self) -> Ints:
        """Where the doses of each compartment go."""

    def kernel(self) -> Callable[..., int]:
        """Return the family's kernel, see `core.frame`."""

    def context(self, n_blocks: int) -> Ints:
        """Return the family's own part of the context.

        `n_blocks` is the most sets of covariate values of one subject.
        """

    def lags(self) -> tuple[int, ...]:
        """Return the numbers of the parameters that lag times depend on."""

    def settings(self) -> Floats:
        """Return numbers such as a solver's tolerances."""

    def work_size(self, parts: int, n_blocks: int) -> int:
        """Return the numbers of scratch that are needed besides those of `core.frame`."""


@runtime_checkable
class Approximate(Protocol):
    """What a family offers besides, if its predictions are as precise as its settings say."""

    def precision(self) -> float:
        """Return the relative error of predictions, 0 for rounding."""

    def draft(self) -> tuple[Floats, float]:
        """Return settings that cost less, and their precision; none where nothing costs less."""


@dataclass(frozen=True, slots=True)
class StructuralModel:
    """A structural model: its parameters, its compartments and how it is computed.

    Attributes
    ----------
    name : a short name; of a plugin, the file name
    title : what a person reads in a picker
    parameters : names of phi, in the kernel's order, e.g. ``("ka", "cl", "v")``
    symbols : mathtext of each parameter, e.g. ``("k_a", "CL", "V")``
    units : one template per parameter in the data's units: ``{TIME}``, ``{VOLUME}`` (amount unit
        over concentration unit), ``{DV}``, ``{AMT}``
    meanings : one short phrase per parameter
    typical : starting values a person may begin from when the data suggest none
    compartments : names of the compartments that take doses; CMT counts them from 1
    observed : 1-based compartment whose concentration is predicted, 0 where outputs are named
    equations : lines of LaTeX (mathtext) for the reader
    family : the kernel and this model's data for it
    outputs : names of what is predicted, in the order of the data's endpoints
    covariates : columns of the data that the equations use
    card : how a model card names it: the name, or options, or equations
    code : the Python expression that makes it
    """

    name: str
    title: str
    parameters: tuple[str, ...]
    symbols: tuple[str, ...]
    units: tuple[str, ...]
    meanings: tuple[str, ...]
    typical: tuple[float, ...]
    compartments: tuple[str, ...]
    observed: int
    equations: tuple[str, ...]
    family: Family = field(compare=False)
    outputs: tuple[str, ...] = ("f",)
    covariates: tuple[str, ...] = ()
    card: Any = None
    code: str = ""

    def routes_of(self, compartment: int) -> Ints:
        """Return the routes of doses into a compartment (counted from 1)."""
        routes = self.family.routes
        chosen: Ints = routes[routes[:, 0] == compartment]
        return chosen


def route(
    compartment: int,
    state: int,
    *,
    lag: int = -1,
    bioavailability: int = -1,
    complement: int = 0,
    rate: int = -1,
    duration: int = -1,
    always: int = 0,
) -> list[int]:
    """Return one row of the table of routes (`core.schedule`): numbers of parameters, -1 for none.

    `complement` and `always` are 1 or 0.
    """
    row = [compartment, state, lag, bioavailability, complement, rate, duration, always]
    assert len(row) == N_ROUTE
    return row

"""What every estimator file exports, and how a fit talks to whoever started it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from workbench.problem import Problem
from workbench.results import FitResult

#: Groups of a picker, in order.
APPROXIMATE = "Approximations of the likelihood"
INTEGRAL = "The likelihood itself"
STAGES = "Without a likelihood"


@dataclass(frozen=True, slots=True)
class Progress:
    """One iteration of a running fit.

    Attributes
    ----------
    iteration, max_iter : how far
    ofv, best_ofv : objective now and the best so far; for SAEM, which has no objective while it
        runs, both are the present complete-data -2LL (observations and random effects)
    values : current values on the natural scale, by parameter name
    objective, step : what `ofv` is, and what is counted, in a word or two
    """

    iteration: int
    max_iter: int
    ofv: float
    best_ofv: float
    values: Mapping[str, float]
    objective: str = "OFV"
    step: str = "Iteration"


class CancelToken:
    """Asks a running fit to stop; may be set from any thread. The best point so far is kept."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Ask the fit to stop."""
        self._event.set()

    def is_set(self) -> bool:
        """True after `set`."""
        return self._event.is_set()


@dataclass(frozen=True, slots=True)
class Monitor:
    """Who listens to a fit, who may stop it, and the seed of its random numbers."""

    on_iteration: Callable[[Progress], None] | None = None
    cancel: CancelToken | None = None
    seed: int = 0

    def cancelled(self) -> bool:
        """True when the fit has been asked to stop."""
        return self.cancel is not None and self.cancel.is_set()


class Run(Protocol):
    """Signature of the work of an estimator."""

    def __call__(
        self, problem: Problem, options: Any, monitor: Monitor, estimate: bool
    ) -> FitResult:
        """Estimate from the model's values, or only evaluate at them."""
        ...


@dataclass(frozen=True, slots=True)
class Control:
    """An option that a page offers.

    Attributes
    ----------
    option : its name among the estimator's options; ``"seed"`` is that of the fit
    title, hint : what a person reads beside it, and as its tooltip
    choices : value → words; none for a whole number or a switch
    """

    option: str
    title: str
    hint: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)


SEED = Control("seed", "Seed", "Of the random numbers: the same seed gives the same result")


@dataclass(frozen=True, slots=True)
class Estimator:
    """An estimation method.

    Attributes
    ----------
    name : registry key; equals the file name
    title : what a person reads in a picker
    description : one line on what it does and when it is right
    options : frozen dataclass of its options with their defaults
    run : ``run(problem, options, monitor, estimate) -> FitResult``
    group : heading under which a picker lists it
    controls : the options that a page offers, in order
    minimises : False for a method that does not lower one objective from iteration to iteration
    cost : says what the options will cost, given the number of random effects; None where there
        is nothing to say
    """

    name: str
    title: str
    description: str
    options: type[Any]
    run: Run
    group: str
    controls: tuple[Control, ...]
    minimises: bool = True
    cost: Callable[[Any, int], str] | None = None

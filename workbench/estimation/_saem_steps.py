"""`saem_steps`: SAEM for those who want to watch it."""

from __future__ import annotations

from typing import Any

from workbench.arguments import checked_seed
from workbench.data.dataset import Dataset
from workbench.estimation._calls import check_arguments, make_options
from workbench.estimation._registry import estimators
from workbench.estimation._saem import Saem
from workbench.models.model import Model
from workbench.problem import Problem
from workbench.problem.workers import Workers


def saem_steps(model: Model, data: Dataset, *, seed: int = 0, **options: Any) -> Saem:
    """Return a SAEM run that has not begun; `fit` with the same seed takes the same steps.

    Parameters
    ----------
    model : its values are the starting values
    data : a `Dataset`
    seed : of the random numbers
    options : of SAEM, by name

    Returns
    -------
    Saem
        With `simulate()`, `approximate()` and `maximise()`, to be called in turn, or `step()` for
        all three; `finished` says why the run is over.

    Raises
    ------
    DataError, ModelError, OptionError, UnknownNameError
        The run cannot start; the message says why, where and what to do.

    Examples
    --------
    >>> run = wb.saem_steps(model, data, seed=1)
    >>> run.simulate()  # S: the chains move
    >>> run.sampler.table()
    >>> run.approximate()  # SA: the statistics follow
    >>> run.maximise()  # M: the parameters follow
    >>> run.estimates
    """
    check_arguments(model, data)
    chosen = make_options(estimators.get("saem"), options)
    named = checked_seed(seed)
    problem = Problem(model, data, estimable=True)
    return Saem(problem, chosen, Workers(1, problem.n_sub, problem.n_obs), seed=named)

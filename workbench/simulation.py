"""Simulation from a model or a fit: random effects, residual error, dense curves.

Random numbers are counter-based (Philox): those of one replicate depend on the seed, the purpose
and the replicate's number only, so a longer simulation begins with the shorter one and the number
of threads changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.data.dataset import Dataset, read_dataset
from workbench.errors import OptionError
from workbench.models.model import Model
from workbench.problem import Problem

Floats = NDArray[np.float64]

_PURPOSE = {"eta": 1, "epsilon": 2}


class Fitted(Protocol):
    """A fit, as far as simulation needs it."""

    @property
    def final_model(self) -> Model:
        """The model at the estimates."""


def normals(seed: int, purpose: str, replicate: int, shape: tuple[int, ...]) -> Floats:
    """Return standard normal numbers of one replicate and purpose ("eta" or "epsilon")."""
    generator = np.random.Generator(
        np.random.Philox(key=[seed, _PURPOSE[purpose]]).jumped(replicate)
    )
    return generator.standard_normal(shape)


def simulate(
    source: Model | Fitted,
    design: Dataset | pd.DataFrame,
    *,
    replicates: int = 1,
    seed: int = 0,
    iiv: bool = True,
    ruv: bool = True,
    dense: int | None = None,
) -> pd.DataFrame:
    """Simulate observations of a design.

    Parameters
    ----------
    source : a model (at its values) or a fit (at its estimates)
    design : doses and sampling times; of a DataFrame the DV need not be there
    replicates : how many data sets
    seed : 0 or more; the same seed gives the same numbers
    iiv : draw random effects; otherwise every subject is typical
    ruv : add residual error; otherwise DV is the prediction
    dense : predict a curve of that many equal steps (and all event times) in place of the
        design's observations; no residual error

    Returns
    -------
    DataFrame
        REPLICATE, ID, TIME, ENDPOINT (several only), DV, IPRED, PRED; without DV for dense curves.

    Raises
    ------
    OptionError, ModelError, DataError
        An option is out of range, or model and design do not fit each other.
    """
    if replicates < 1 or seed < 0 or (dense is not None and dense < 1):
        raise OptionError("simulate: replicates and dense are 1 or more, seed is 0 or more.")
    model = source if isinstance(source, Model) else source.final_model
    if isinstance(design, pd.DataFrame):
        design = read_dataset(design, design=True, name="the design")
    problem = Problem(model, design)
    theta = problem.space.values(problem.space.start).theta
    if dense is not None:
        etas = simulate_etas(problem, replicates, seed) if iiv else no_etas(problem, replicates)
        tables = [problem.curves(theta, eta, dense) for eta in etas]
        sizes = [len(table) for table in tables]
        out = pd.concat(tables, ignore_index=True)
        out.insert(0, "REPLICATE", np.repeat(np.arange(1, replicates + 1), sizes))
        return out
    drawn = replicate(problem, replicates, seed, iiv=iiv, ruv=ruv)
    pred = problem.values(theta, problem.no_etas())
    point = problem.points()
    out = pd.concat([point] * replicates, ignore_index=True)
    out.insert(0, "REPLICATE", np.repeat(np.arange(1, replicates + 1), len(point)))
    return out.assign(
        DV=drawn.dv.ravel(), IPRED=drawn.ipred.ravel(), PRED=np.tile(pred, replicates)
    )


@dataclass(frozen=True, slots=True)
class Replicates:
    """Simulated data sets of one problem, as plain arrays.

    Attributes
    ----------
    eta : (n_replicates, n_sub, n_eta)
    ipred : (n_replicates, n_obs)  individual predictions
    dv : (n_replicates, n_obs)  observations
    """

    eta: Floats
    ipred: Floats
    dv: Floats


def replicate(
    problem: Problem, replicates: int, seed: int, *, iiv: bool = True, ruv: bool = True
) -> Replicates:
    """Simulate the observations of a problem at its model's values.

    Parameters are those of `simulate`.
    """
    values = problem.space.values(problem.space.start)
    eta = simulate_etas(problem, replicates, seed) if iiv else no_etas(problem, replicates)
    ipred = np.array([problem.values(values.theta, one) for one in eta])
    if not ruv:
        return Replicates(eta, ipred, ipred)
    noise = [normals(seed, "epsilon", r, (problem.n_obs,)) for r in range(1, replicates + 1)]
    dv = [problem.with_error(f, values.sigma, e) for f, e in zip(ipred, noise, strict=True)]
    return Replicates(eta, ipred, np.array(dv))


def simulate_etas(problem: Problem, replicates: int, seed: int) -> Floats:
    """Return random effects drawn from N(0, omega), (replicates, n_sub, n_eta)."""
    n_eta = problem.space.n_eta
    low = np.linalg.cholesky(problem.model.omega) if n_eta else np.zeros((0, 0))
    shape = (problem.n_sub, n_eta)
    return np.array([normals(seed, "eta", r, shape) @ low.T for r in range(1, replicates + 1)])


def no_etas(problem: Problem, replicates: int) -> Floats:
    """Return random effects of zero, (replicates, n_sub, n_eta)."""
    return np.zeros((replicates, problem.n_sub, problem.space.n_eta))

"""Simulation from a model or a fit: random effects, residual error, dense curves.

Random numbers are counter-based (Philox): those of one replicate depend on the seed, the purpose
and the replicate's number only, so a longer simulation begins with the shorter one and the number
of threads changes nothing.
"""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.arguments import checked_seed, whole_number
from workbench.data.blq import as_measured, guessed_limits, limit_of_endpoints, limits_by_row
from workbench.data.censoring import Limit
from workbench.data.dataset import Dataset, check_dataset, read_dataset
from workbench.errors import DataWarning, ModelError
from workbench.models.model import Model
from workbench.problem import Problem
from workbench.problem.workers import WORTH_THREADS

Floats = NDArray[np.float64]

BLOCK = 50_000  # observations simulated at a time

_PURPOSE = {"eta": 1, "epsilon": 2}


class Fitted(Protocol):
    """A fit, as far as simulation needs it."""

    @property
    def final_model(self) -> Model:
        """The model at the estimates."""


class Cancel(Protocol):
    """What can stop a long simulation, such as `CancelToken`."""

    def is_set(self) -> bool:
        """Whether to stop."""


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
    lloq: Limit | None = None,
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
    lloq : limit of quantification of what is simulated, one or by endpoint of the design. None
        takes those of the design's own values below a limit (CENS 1): a subject's own limit, and
        of the others that of the endpoint, the lowest where there are several

    Returns
    -------
    DataFrame
        REPLICATE, ID, TIME, ENDPOINT (several only), DV, IPRED, PRED; without DV for dense curves.
        Where the design has limits of quantification (CENS, or `lloq`), also CENS, and DV at the
        limit where the simulated value is beyond it.

    Raises
    ------
    OptionError, ModelError, DataError
        An option is out of range, or model and design do not fit each other.

    Warns
    -----
    DataWarning
        A subject's limit of quantification may be one of several.
    """
    whole_number("replicates", replicates, 1)
    checked_seed(seed)
    if dense is not None:
        whole_number("dense", dense, 1)
    model = source if isinstance(source, Model) else getattr(source, "final_model", None)
    if not isinstance(model, Model):
        raise ModelError(f"Simulation needs a model or a fit, not a {type(source).__name__}.")
    if isinstance(design, pd.DataFrame):
        design = read_dataset(design, design=True, name="the design")
    check_dataset(design, "design")
    design = as_measured(design)
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
    out = out.assign(DV=drawn.dv.ravel(), IPRED=drawn.ipred.ravel(), PRED=np.tile(pred, replicates))
    return _measured(out, design, replicates, lloq) if ruv else out


def _measured(
    table: pd.DataFrame, design: Dataset, replicates: int, lloq: Limit | None
) -> pd.DataFrame:
    """Return simulated values as they would be measured with the design's limits."""
    if not (design.n_below or design.n_above) and lloq is None:
        return table
    for sentence in guessed_limits(design, lower=lloq is None):
        warnings.warn(sentence, DataWarning, stacklevel=3)
    limits = {sign: limits_by_row(design, sign) for sign in (1, -1)}
    if lloq is not None:
        limits[1] = limit_of_endpoints(design, lloq)
    dv, rows = table["DV"].to_numpy(float).copy(), design.population.obs_row
    cens = np.zeros(len(dv), dtype=np.int64)
    for sign, of_rows in limits.items():
        limit = np.tile(of_rows[rows], replicates)
        with np.errstate(invalid="ignore"):
            beyond = sign * dv < sign * limit
        dv[beyond], cens[beyond] = limit[beyond], sign
    table = table.assign(DV=dv)
    table.insert(list(table).index("DV") + 1, "CENS", cens)
    return table


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
    blocks = list(replicate_blocks(problem, replicates, seed, iiv=iiv, ruv=ruv))
    eta, ipred = (np.concatenate([getattr(b, name) for b in blocks]) for name in ("eta", "ipred"))
    return Replicates(eta, ipred, np.concatenate([b.dv for b in blocks]) if ruv else ipred)


def replicate_blocks(
    problem: Problem,
    replicates: int,
    seed: int,
    *,
    iiv: bool = True,
    ruv: bool = True,
    threads: int | None = None,
    cancel: Cancel | None = None,
) -> Iterator[Replicates]:
    """Simulate as `replicate` does, a few replicates at a time: for what need not keep them all.

    The blocks come in order, and together they are what `replicate` returns.

    Parameters
    ----------
    threads : how many; None for one per core. The numbers do not depend on it
    cancel : once it is set, the blocks end; those that have come are complete, and there is at
        least one
    """
    size = _block_size(problem, replicates)
    edges = [(first, min(first + size, replicates)) for first in range(0, replicates, size)]
    values = problem.space.values(problem.space.start)
    low = _omega_root(problem)

    def block(first: int, last: int) -> Replicates:
        numbers = range(first + 1, last + 1)
        shape = (len(numbers), problem.n_sub, problem.space.n_eta)
        eta = _etas(problem, numbers, seed, low) if iiv else np.zeros(shape)
        ipred = problem.values_of_each(values.theta, eta)
        if not ruv:
            return Replicates(eta, ipred, ipred)
        noise = np.array([normals(seed, "epsilon", r, (problem.n_obs,)) for r in numbers])
        return Replicates(eta, ipred, problem.with_error(ipred, values.sigma, noise, eta))

    wanted = threads if threads is not None else (os.cpu_count() or 1)
    if min(wanted, len(edges)) <= 1:
        for number, (first, last) in enumerate(edges):
            if number and cancel is not None and cancel.is_set():
                return
            yield block(first, last)
        return
    yield from _in_order(block, edges, wanted, cancel)


def _in_order(
    block: Callable[[int, int], Replicates],
    edges: Sequence[tuple[int, int]],
    threads: int,
    cancel: Cancel | None,
) -> Iterator[Replicates]:
    """Make blocks on threads, a few ahead of whoever takes them."""
    waiting: deque[Future[Replicates]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for first, last in edges:
                waiting.append(pool.submit(block, first, last))
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
                    if cancel is not None and cancel.is_set():
                        return
            while waiting:
                yield waiting.popleft().result()
                if cancel is not None and cancel.is_set():
                    return
        finally:
            for future in waiting:
                future.cancel()


def _block_size(problem: Problem, replicates: int) -> int:
    """Return how many replicates are simulated at a time; of a small job: all."""
    if problem.n_obs * replicates < WORTH_THREADS:
        return replicates
    return max(1, min(BLOCK // max(1, problem.n_obs), -(-replicates // 8)))


def simulate_etas(problem: Problem, replicates: int, seed: int) -> Floats:
    """Return random effects drawn from N(0, omega), (replicates, n_sub, n_eta)."""
    return _etas(problem, range(1, replicates + 1), seed, _omega_root(problem))


def _etas(problem: Problem, numbers: Iterable[int], seed: int, low: Floats) -> Floats:
    """Return the random effects of some replicates."""
    shape = (problem.n_sub, problem.space.n_eta)
    return np.asarray(np.array([normals(seed, "eta", r, shape) for r in numbers]) @ low.T)


def _omega_root(problem: Problem) -> Floats:
    """Return L with L L' = omega: its Cholesky factor, or another root of a singular omega."""
    model = problem.model
    omega = problem.space.extended(model.omega, model.omega_iov)
    if not problem.space.n_eta:
        return np.zeros((0, 0))
    try:
        return np.asarray(np.linalg.cholesky(omega))
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(omega)
        return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def no_etas(problem: Problem, replicates: int) -> Floats:
    """Return random effects of zero, (replicates, n_sub, n_eta)."""
    return np.zeros((replicates, problem.n_sub, problem.space.n_eta))

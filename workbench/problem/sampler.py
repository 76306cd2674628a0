"""Chains in the random effects of all subjects: the sampler of SAEM and of conditional draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.core.complete import Complete, complete_range
from workbench.core.mcmc import Chains, Moves, sweep_range
from workbench.core.packed import Values
from workbench.problem.exchange import Exchange
from workbench.problem.problem import Problem
from workbench.problem.space import frozen
from workbench.problem.workers import Workers

Floats = NDArray[np.float64]

TARGET = 0.4  # acceptance of random walks that their scales are adapted to
ADAPTATION = 0.4  # how fast: the factor is 1 + ADAPTATION (acceptance - TARGET)
FIRST_SCALE = 0.5  # of the SD of eta
LARGEST_SCALE = 20.0  # of the SD of eta; a flat posterior must not drive a scale to infinity


@dataclass(frozen=True, slots=True)
class Sweep:
    """How many proposals of each kind a sweep makes; see `core.mcmc`."""

    prior: int = 2
    single: int = 2
    block: int = 2


class Sampler:
    """Markov chains of all subjects, one call per sweep.

    The scales of the random walks are adapted towards an acceptance of 40 % after every sweep,
    by the rule of saemix (Comets et al. 2017, J Stat Softw 80(3)), from counts over all subjects.
    Where a parameter varies between occasions, a sweep ends with a draw of `problem.exchange`.
    Same seed, same draws, on any number of threads.

    Parameters
    ----------
    problem : model and data
    workers : threads
    seed, purpose : key of the random numbers, see `core.rng`
    n_chains : per subject
    sweep : proposals of a sweep
    start : (n_sub, n_eta)  where all chains start; None for zero

    Attributes
    ----------
    eta : (n_sub, n_chains, n_eta)  where the chains are
    sweeps : number of sweeps so far
    scale : (n_eta, n_eta)  SDs of the random walks; row s for s + 1 effects moved together
    accepted, tried : (1 + n_eta, n_eta)  counts of the last sweep, over subjects and chains;
        row 0, column 0 holds the proposals from the prior, the other rows are as in `scale`
    """

    def __init__(
        self,
        problem: Problem,
        workers: Workers,
        *,
        seed: int,
        purpose: int,
        n_chains: int,
        sweep: Sweep,
        start: Floats | None = None,
    ) -> None:
        n_sub, n_eta = problem.n_sub, problem.space.n_eta
        self.problem, self.workers = problem, workers
        # The kernel takes a 64-bit word; Python's integers are longer.
        self.seed, self.purpose, self.sweep = (seed + 2**63) % 2**64 - 2**63, purpose, sweep
        self.sweeps = 0
        eta = np.zeros((n_sub, n_chains, n_eta))
        if start is not None:
            eta += np.asarray(start)[:, None, :]
        counts = (n_sub, 1 + n_eta, n_eta)
        self._chains = Chains(
            eta, np.full((n_sub, n_chains), np.inf), np.zeros(counts), np.zeros(counts)
        )
        n_theta, n_sigma = problem.space.n_theta, len(problem.model.sigma_names)
        self._complete = Complete(
            np.zeros((n_sub, n_chains)),
            np.zeros((n_sub, n_chains, n_theta)),
            np.zeros((n_sub, n_chains, n_sigma)),
            np.zeros((n_sub, n_theta + n_sigma, n_theta + n_sigma)),
        )
        self._exchange = Exchange(problem)
        self.scale = np.zeros((0, 0))
        self.tried = np.zeros(counts[1:])
        self.accepted = np.zeros(counts[1:])

    @property
    def eta(self) -> Floats:
        """Where the chains are, (n_sub, n_chains, n_eta)."""
        return self._chains.eta

    @property
    def n_chains(self) -> int:
        """Chains per subject."""
        return self._chains.eta.shape[1]

    def table(self) -> pd.DataFrame:
        """Return where the chains are: ID, CHAIN and a column per random effect."""
        n_sub, n_chains, n_eta = self.eta.shape
        labels = np.array(self.problem.data.population.subjects, dtype=object)
        table = pd.DataFrame(
            {"ID": np.repeat(labels, n_chains), "CHAIN": np.tile(np.arange(n_chains), n_sub)}
        )
        flat = self.eta.reshape(n_sub * n_chains, n_eta).copy()
        return table.assign(**dict(zip(self.problem.space.random_effects, flat.T, strict=True)))

    def acceptance(self) -> dict[str, float]:
        """Return the acceptance rates of the last sweep by kind of move; NaN where none."""
        rates = {}
        for name, rows in (
            ("prior", slice(0, 1)),
            ("single", slice(1, 2)),
            ("block", slice(2, None)),
        ):
            tried = self.tried[rows].sum()
            rates[name] = float(self.accepted[rows].sum() / tried) if tried else float("nan")
        return rates

    def move(self, values: Values, low: Floats) -> None:
        """Sweep all chains once and adapt the scales.

        Parameters
        ----------
        values : parameters
        low : (n_eta, n_eta)  Cholesky factor of the omega in `values`
        """
        problem, n_eta = self.problem, low.shape[0]
        if not n_eta:
            return
        sd = np.sqrt((low**2).sum(axis=1))
        if not len(self.scale):
            self.scale = np.tile(FIRST_SCALE * sd, (n_eta, 1))
        size = 2 + self.sweeps % (n_eta - 1) if n_eta > 1 else 0
        sweep = self.sweep
        moves = Moves(sweep.prior, sweep.single, sweep.block, size, frozen(low), frozen(self.scale))
        number, chains = self.sweeps, self._chains
        self.workers.run(
            lambda first, last: sweep_range(
                first,
                last,
                self.seed,
                self.purpose,
                number,
                problem.structure,
                problem.subjects,
                values,
                moves,
                chains,
            )
        )
        if self._exchange.any:
            key = [self.seed % 2**64, self.purpose]
            noise = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, number]))
            self._exchange.move(values, chains.eta, noise)
        self.sweeps += 1
        self._adapt(sd)

    def _adapt(self, sd: Floats) -> None:
        self.tried, self.accepted = (
            self._chains.tried.sum(axis=0),
            self._chains.accepted.sum(axis=0),
        )
        tried = self.tried[1:]
        rate = np.where(tried > 0, self.accepted[1:] / np.maximum(tried, 1.0), TARGET)
        self.scale = np.minimum(
            self.scale * (1.0 + ADAPTATION * (rate - TARGET)), LARGEST_SCALE * sd
        )

    def complete(self, values: Values, *, order: int, information: bool = False) -> Complete:
        """Return the complete-data likelihood where the chains are; overwritten by the next call.

        Parameters
        ----------
        values : parameters
        order : 1 for derivatives in theta, 0 without
        information : whether the expected information is wanted
        """
        problem, out, chains = self.problem, self._complete, self._chains
        width = out.information.shape[1]
        self.workers.run(
            lambda first, last: complete_range(
                first,
                last,
                order,
                information,
                problem.structure,
                problem.subjects,
                values,
                chains,
                np.zeros((3, width)),
                out,
            )
        )
        return out

r"""Minus twice the log-likelihood by importance sampling, with its Monte-Carlo error.

The kernel and its equations are in `core.importance`. The variance of a subject's part follows
from that of its weights by the delta method, :math:`\mathrm{Var}(-2 \log \bar W) \approx 4\,
\mathrm{Var}(W) / (M \bar W^2)`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.core.importance import NOTHING, SLOPES, Sampling, Weighted, importance_range
from workbench.core.packed import Values
from workbench.problem import Problem
from workbench.problem.space import frozen
from workbench.problem.workers import Workers

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ImportanceSample:
    """The likelihood of each subject by importance sampling, and its conditional moments.

    Attributes
    ----------
    individual_ofv : (n_sub,)  -2 log L without n·log 2π and without the Jacobian of transformed
        data (`Problem.jacobian`), as `Objective.ofv`
    variance : (n_sub,)  its Monte-Carlo variance
    ess : (n_sub,)  effective sample size, (sum w)² / sum w²
    lost : (n_sub,)  draws at which the likelihood does not exist; their weight is zero
    status : (n_sub,)  of the search of the mode and of the sampling
    eta : (n_sub, n_eta)  where the proposal was centred
    eta_mean, eta_sd : (n_sub, n_eta)  of the conditional distribution
    """

    individual_ofv: Floats
    variance: Floats
    ess: Floats
    lost: Ints
    status: Ints
    eta: Floats
    eta_mean: Floats
    eta_sd: Floats

    @property
    def se(self) -> float:
        """Monte-Carlo standard error of the sum over subjects."""
        return float(np.sqrt(self.variance.sum()))


def importance_m2ll(
    problem: Problem,
    values: Values,
    workers: Workers,
    *,
    draws: int,
    seed: int,
    iteration: int = 0,
    df: int = 5,
    scale: float = 1.0,
    antithetic: bool = False,
    centre: Floats | None = None,
    covariance: Floats | None = None,
    cancel: Ints | None = None,
) -> ImportanceSample:
    """Return -2LL at given values by importance sampling.

    Parameters
    ----------
    values : population parameters
    workers : threads; their number changes nothing
    draws : of each subject
    seed, iteration : name the random numbers
    df : degrees of freedom of the t proposal, 0 for a normal one
    scale : factor on the SD of the proposal
    antithetic : take draws in mirrored pairs; their number is then rounded up to an even one
    centre : (n_sub, n_eta)  of the proposal; None for the conditional modes
    covariance : (n_sub, n_eta, n_eta)  of the proposal; None for the inverse Hessian at the mode,
        so it must be given with a centre
    cancel : (1,)  stops the sampling when it becomes non-zero

    Raises
    ------
    ValueError
        A centre without a covariance.
    """
    out = sampled(
        problem,
        values,
        workers,
        Sampling(
            word(seed),
            iteration,
            draws + draws % 2 if antithetic else draws,
            df,
            scale,
            antithetic,
            NOTHING,
            *_proposal(problem, centre, covariance),
        ),
        cancel,
    )
    variance = np.einsum("naa->na", out.second) - out.mean**2
    return ImportanceSample(
        out.ofv,
        out.variance,
        out.ess,
        out.lost,
        out.status,
        out.eta,
        out.mean,
        np.sqrt(np.maximum(variance, 0.0)),
    )


def expectations(
    problem: Problem,
    values: Values,
    workers: Workers,
    *,
    draws: int,
    seed: int,
    iteration: int,
    df: int = 5,
    scale: float = 1.0,
    want: int = SLOPES,
    cancel: Ints | None = None,
) -> Weighted:
    """Return likelihood, moments and expected scores of the subjects; see `Weighted`.

    Parameters
    ----------
    want : `core.importance.NOTHING`, ``SIGMA`` or ``SLOPES``; the other parameters are those of
        `importance_m2ll`
    """
    how = Sampling(
        word(seed), iteration, draws, df, scale, False, want, *_proposal(problem, None, None)
    )
    return sampled(problem, values, workers, how, cancel)


def sampled(
    problem: Problem, values: Values, workers: Workers, how: Sampling, cancel: Ints | None
) -> Weighted:
    """Run the kernel over all subjects."""
    out = empty(problem)
    flag = np.zeros(1, dtype=np.int64) if cancel is None else cancel
    with np.errstate(all="ignore"):
        workers.run(
            lambda first, last: importance_range(
                first, last, problem.structure, problem.subjects, values, how, flag, out
            )
        )
    return out


def word(seed: int) -> int:
    """Return a seed as the 64-bit number that kernels take; Python's integers are longer."""
    return (int(seed) + 2**63) % 2**64 - 2**63


def empty(problem: Problem) -> Weighted:
    """Return fresh arrays for the kernel to fill."""
    n, n_eta, p = problem.n_sub, problem.space.n_eta, len(problem.eta_index)
    n_sigma = len(problem.model.sigma_names)
    return Weighted(
        np.full(n, np.nan),
        np.zeros(n),
        np.zeros(n),
        np.zeros(n, dtype=np.int64),
        np.zeros(n, dtype=np.int64),
        np.zeros((n, n_eta)),
        np.zeros((n, n_eta)),
        np.zeros((n, n_eta, n_eta)),
        np.zeros((n, len(problem.model.structure.outputs))),
        np.zeros((n, n_sigma)),
        np.zeros((n, p)),
        np.zeros((n, p + n_sigma, p + n_sigma)),
    )


def _proposal(
    problem: Problem, centre: Floats | None, covariance: Floats | None
) -> tuple[Floats, Floats]:
    n_eta = problem.space.n_eta
    if centre is not None and covariance is None:
        raise ValueError("A proposal centred elsewhere than at the mode needs its covariance.")
    return (
        frozen(np.zeros((0, n_eta)) if centre is None else centre),
        frozen(np.zeros((0, n_eta, n_eta)) if covariance is None else covariance),
    )

"""What the two-stage methods share: subjects' scores, and what all have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.core.conditional import Objective, conditional_range
from workbench.core.packed import Values
from workbench.core.scores import Scores, score_range
from workbench.core.status import Status
from workbench.errors import EstimationError, OptionError
from workbench.estimation._base import Monitor, Progress
from workbench.estimation._m_step import factors_of, scoring_step
from workbench.problem import Problem
from workbench.problem.space import frozen
from workbench.problem.workers import Workers

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

VAGUE_SD = 10.0  # of a prior that only keeps what the data do not inform from wandering off


@dataclass(frozen=True, slots=True)
class TwoStageOptions:
    """Options that the two-stage methods share.

    Attributes
    ----------
    max_iter : most iterations
    tolerance : stop when the way still to go, as the rate of the last steps foretells it, is
        smaller than this in every parameter (logarithms for positive ones)
    threads : threads over subjects; None chooses by the size of the data. Never changes results.

    Raises
    ------
    OptionError
        A value is out of range.
    """

    max_iter: int = 500
    tolerance: float = 1e-4
    threads: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.max_iter, int) or self.max_iter < 0:
            raise OptionError(
                f"max_iter must be a whole number of at least 0, not {self.max_iter}."
            )
        if not isinstance(self.tolerance, int | float) or not 0 < self.tolerance < 1:
            raise OptionError(f"tolerance must lie between 0 and 1, not {self.tolerance}.")
        if self.threads is not None and (not isinstance(self.threads, int) or self.threads < 1):
            raise OptionError(f"threads must be None or at least 1, not {self.threads}.")


class Individuals:
    """Subjects' modes and scores at given population values.

    Parameters
    ----------
    spread : scores are expectations over the conditional distributions, not values at the modes
    """

    def __init__(self, problem: Problem, workers: Workers, *, spread: bool) -> None:
        self.problem, self.workers, self.spread = problem, workers, spread
        self._cancel = np.zeros(1, dtype=np.int64)
        entries, n_theta = problem.space.entries, problem.space.n_theta
        design, index = problem.subjects.design, problem.structure.eta_index
        gaussian = np.any(design[:, index >= 0, :] != 0.0, axis=(0, 1))
        gaussian[[one.element for one in factors_of(problem)]] = True
        own = [
            entry.kind == "sigma" or (k < n_theta and not gaussian[k])
            for k, entry in enumerate(entries)
        ]
        free = problem.space.free
        #: elements of x that are the same for all, and their places among theta and sigma
        self.common = np.flatnonzero(np.array(own)[free])
        self.places = np.array(
            [
                k if k < n_theta else k - len(entries) + n_theta + len(problem.model.sigma_names)
                for k in np.flatnonzero(np.array(own) & free)
            ],
            dtype=np.int64,
        )

    def modes(self, values: Values) -> Objective:
        """Return the conditional modes, with FOCEI's objective."""
        problem, out = self.problem, self.problem.objective_arrays()
        self.workers.run(
            lambda first, last: conditional_range(
                first,
                last,
                True,
                False,
                problem.structure,
                problem.subjects,
                values,
                self._cancel,
                out,
            )
        )
        return out

    def scores(self, values: Values, eta: Floats) -> Scores:
        """Return the scores at given random effects."""
        problem = self.problem
        n, n_eta = problem.n_sub, problem.space.n_eta
        size = len(problem.eta_index) + len(values.sigma)
        out = Scores(
            np.full(n, np.nan),
            np.zeros(n, dtype=np.int64),
            np.zeros((n, size)),
            np.zeros((n, size, size)),
            np.zeros((n, n_eta, n_eta)),
        )
        at = frozen(eta)
        self.workers.run(
            lambda first, last: score_range(
                first,
                last,
                self.spread,
                problem.structure,
                problem.subjects,
                values,
                at,
                self._cancel,
                out,
            )
        )
        return out

    def gradients(self, x: Floats, values: Values, eta: Floats, found: Scores) -> Floats:
        """Return each subject's explicit gradient in x, the modes held, (n_sub, n_free)."""
        problem = self.problem
        p = len(problem.eta_index)
        design = np.broadcast_to(problem.subjects.design, (problem.n_sub, p, problem.space.n_theta))
        out = problem.objective_arrays()
        out.by_theta[:] = np.einsum("ip,ipt->it", found.slope[:, :p], design)
        out.by_sigma[:] = found.slope[:, p:]
        out.by_precision[:] = eta[:, :, None] * eta[:, None, :] + found.inverse
        return problem.space.gradient(x, values, out)

    def common_step(self, x: Floats, values: Values, eta: Floats, found: Scores) -> Floats:
        """Return x after a step of Fisher scoring in what all have in common."""
        if not len(self.common):
            return x
        problem = self.problem
        p, n_theta = len(problem.eta_index), problem.space.n_theta
        design = np.broadcast_to(problem.subjects.design, (problem.n_sub, p, n_theta))
        n_sigma = len(values.sigma)
        wide = np.zeros((problem.n_sub, p + n_sigma, n_theta + n_sigma))
        wide[:, :p, :n_theta] = design
        wide[:, p:, n_theta:] = np.eye(n_sigma)
        information = np.einsum("iak,iab,ibq->kq", wide, found.information, wide)
        stretch = problem.space.stretch(values.theta, values.sigma)[self.places]
        information = information[np.ix_(self.places, self.places)] * np.outer(stretch, stretch)
        prior = problem.space.prior_information(x)[np.ix_(self.common, self.common)]
        score = self.gradients(x, values, eta, found).sum(axis=0)
        score = (score + problem.space.penalty_gradient(x))[self.common]
        moved = x.copy()
        moved[self.common] -= scoring_step(score, information + 2.0 * prior)
        return moved


def refuse_without_etas(problem: Problem, title: str) -> None:
    """Refuse a model without random effects, for which there is nothing to do in two stages.

    Raises
    ------
    EstimationError
    """
    if not problem.space.n_eta:
        raise EstimationError(
            f"{title} needs random effects, and the model has none. Give a parameter an iiv, or "
            'use method="pooled".'
        )


def refuse_student(problem: Problem, title: str) -> None:
    """Refuse Student-t residuals, for a method that takes the observations for normal.

    Raises
    ------
    EstimationError
    """
    for endpoint in problem.endpoints:
        if endpoint.spec.student:
            raise EstimationError(
                f"{title} takes the observations for normal, and the residual error of "
                f"{endpoint.output} has Student's t distribution. Use FOCEI, Laplace or SAEM, or "
                "leave df= out of the error."
            )


def note(
    problem: Problem,
    trace: list[dict[str, float]],
    monitor: Monitor,
    options: TwoStageOptions,
    x: Floats,
    ofv: float,
) -> None:
    """Add a row to the trace, and tell the listener; the end is the last iteration's row."""
    names = [entry.name for entry in problem.space.entries]
    natural = dict(zip(names, problem.space.natural(x), strict=True))
    row = {"iteration": len(trace), "ofv": ofv, **natural}
    if trace and all(trace[-1][name] == natural[name] for name in names):
        return
    trace.append(row)
    if monitor.on_iteration is not None:
        best = min(r["ofv"] for r in trace)
        monitor.on_iteration(Progress(len(trace) - 1, options.max_iter, ofv, best, natural))


def refuse_nowhere(problem: Problem, out: Objective) -> None:
    """Name the subjects whose likelihood does not exist.

    Raises
    ------
    EstimationError
    """
    bad = np.flatnonzero(out.status > Status.MAX_ITER)
    if len(bad):
        names = ", ".join(str(problem.data.population.subjects[i]) for i in bad[:5])
        raise EstimationError(
            f"The likelihood of {len(bad)} subjects (ID {names}) does not exist at the values "
            f"reached. {Status(out.status[bad[0]]).message}"
        )

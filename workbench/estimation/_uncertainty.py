r"""Covariance of the estimates from an information matrix.

With OFV = -2 log L: :math:`R = \tfrac12 \nabla^2 OFV`, :math:`S = \tfrac14 \sum_i g_i g_i^\top`
over the subjects' gradients; R⁻¹ (``"hessian"``), S⁻¹ (``"scores"``) or R⁻¹SR⁻¹ (``"sandwich"``,
NONMEM's default).
The Hessian comes from central differences of the exact gradient; both matrices are computed in
the optimiser's vector and carried to the natural scale by the delta method, which at a minimum
is the same as computing them there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.core.optimize import Minimum
from workbench.problem.space import ParameterSpace

Floats = NDArray[np.float64]

STEP = 1e-4  # in x, which is of order one; gradients are exact to about 1e-8


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """What is known about the precision of the estimates.

    Attributes
    ----------
    natural : covariance of the estimated entries on the natural scale, labelled; empty without
    se : (n_entries,) standard errors, NaN for fixed entries or when there is no covariance
    decrement : decrease of the OFV that a Newton step with R still promises; NaN without R
    condition_number : of the correlation matrix
    problem : a sentence when the covariance could not be computed, else ""
    """

    natural: pd.DataFrame
    se: Floats
    decrement: float
    condition_number: float
    problem: str = ""


def hessian(gradient: Callable[[Floats], Floats], x: Floats) -> Floats:
    """Return the Hessian at x by central differences of a gradient, symmetrised."""
    columns = []
    for k in range(len(x)):
        step = np.zeros(len(x))
        step[k] = STEP
        columns.append((gradient(x + step) - gradient(x - step)) / (2.0 * STEP))
    raw = np.array(columns).reshape(len(x), len(x))
    return 0.5 * (raw + raw.T)


def uncertainty(likelihood: object, minimum: Minimum, kind: str) -> Uncertainty:
    """Return the covariance of the estimates at a minimum.

    Parameters
    ----------
    likelihood : the estimator's `MarginalLikelihood`
    kind : ``"hessian"``, ``"sandwich"``, ``"scores"`` or ``"none"``
    """
    space: ParameterSpace = likelihood.problem.space  # type: ignore[attr-defined]
    x = minimum.x
    if kind == "none" or not len(x):
        return no_uncertainty(space)

    subjects = minimum.gradients[:-1] if space.priors.any else minimum.gradients
    total, scores = minimum.gradients.sum(axis=0), 0.25 * subjects.T @ subjects
    if kind == "scores":
        return from_information(space, x, scores + space.prior_information(x), total=total)

    def gradient(at: Floats) -> Floats:
        _, terms = likelihood(at)  # type: ignore[operator]
        return terms.sum(axis=0) if len(terms) else np.full(len(at), np.nan)

    r = 0.5 * hessian(gradient, x)
    if not np.isfinite(r).all():
        return no_uncertainty(
            space, "The objective does not exist close to the estimates, so there are no SEs."
        )
    middle = scores if kind == "sandwich" else None
    return from_information(space, x, r, middle=middle, total=total)


def from_information(
    space: ParameterSpace,
    x: Floats,
    r: Floats,
    *,
    middle: Floats | None = None,
    total: Floats | None = None,
) -> Uncertainty:
    """Return the covariance of the estimates that follows from an information matrix.

    A parameter at a bound counts as known: it has no standard error.

    Parameters
    ----------
    x : (n_free,)  the estimates
    r : (n_free, n_free)  information about x
    middle : (n_free, n_free)  S of the sandwich; None for the plain inverse
    total : (n_free,)  gradient of the OFV, for the decrement; None where there is none
    """
    if not np.isfinite(r).all():
        return no_uncertainty(space, "The information matrix is not finite, so there are no SEs.")
    at_bound, inner = dict(space.at_bounds(x)), away_from_bounds(space, x)
    part = np.ix_(inner, inner)
    r = r[part]
    eigenvalues, vectors = _scaled_eigen(r)
    if len(r) and eigenvalues[0] <= 1e-10 * max(eigenvalues[-1], 1e-300):
        names = [name for name in free_names(space) if name not in at_bound]
        return no_uncertainty(space, _flat_direction(names, vectors[:, 0], eigenvalues[0]))
    inverse = np.linalg.inv(r)
    covariance = inverse if middle is None else inverse @ middle[part] @ inverse
    jacobian = space.jacobian(x)[:, inner]
    natural = jacobian @ covariance @ jacobian.T
    known = [
        k for k, entry in enumerate(space.entries) if not entry.fixed and entry.name not in at_bound
    ]
    names = [space.entries[k].name for k in known]
    se = np.full(len(space.entries), np.nan)
    se[known] = np.sqrt(np.diag(natural)[known])
    table = pd.DataFrame(natural[np.ix_(known, known)], index=names, columns=names)
    correlation = table.to_numpy() / np.outer(se[known], se[known])
    spread = np.linalg.eigvalsh(correlation) if len(known) else np.ones(1)
    condition = float(spread[-1] / spread[0]) if spread[0] > 0 else float("inf")
    decrement = float("nan")
    if total is not None:
        decrement = 0.25 * float(total[inner] @ inverse @ total[inner])
    return Uncertainty(table, se, decrement, condition)


def free_names(space: ParameterSpace) -> list[str]:
    """Return the names of the estimated entries, in the order of x."""
    return [entry.name for entry in space.entries if not entry.fixed]


def away_from_bounds(space: ParameterSpace, x: Floats) -> NDArray[np.bool_]:
    """Say which elements of x are not at a bound, (n_free,)."""
    at_bound = dict(space.at_bounds(x))
    return np.array([name not in at_bound for name in free_names(space)], dtype=bool)


def no_uncertainty(space: ParameterSpace, problem: str = "") -> Uncertainty:
    """Return that nothing is known, and perhaps why."""
    se = np.full(len(space.entries), np.nan)
    return Uncertainty(pd.DataFrame(), se, float("nan"), float("nan"), problem)


def _scaled_eigen(r: Floats) -> tuple[Floats, Floats]:
    """Eigenvalues of R scaled to a unit diagonal, so that units do not matter."""
    scale = np.sqrt(np.maximum(np.abs(np.diag(r)), 1e-300))
    eigenvalues, vectors = np.linalg.eigh(r / np.outer(scale, scale))
    return eigenvalues, vectors


def _flat_direction(names: Sequence[str], vector: Floats, eigenvalue: float) -> str:
    """Say which combination of parameters leaves the objective as it is, and by how much each."""
    order = np.argsort(-np.abs(vector))
    main = [k for k in order if abs(vector[k]) > 0.3] or [order[0]]
    sign = np.sign(vector[main[0]])
    combination = " ".join(
        f"{'−' if vector[k] * sign < 0 else '+'} {abs(vector[k]):.2f}·{names[k]}" for k in main
    ).removeprefix("+ ")
    what = "is not at a minimum in" if eigenvalue < 0 else "hardly changes with"
    listed = " and ".join(names[k] for k in main)
    return (
        f"The objective {what} {listed}, so there are no standard errors: the data do not inform "
        f"the combination {combination} (in units of what each is known by when the others are "
        "held). Fix one of them, drop a random effect, or start elsewhere."
    )

"""Each subject's own numbers, from its conditional mode, its conditional mean, or draws.

What costs something (draws, means) is made once for each fit, and forgotten with it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.core.packed import Values
from workbench.core.residuals import DENSITY
from workbench.errors import OptionError
from workbench.problem import Problem
from workbench.problem.bands import prediction_interval
from workbench.problem.information import conditional_covariances
from workbench.problem.laplace_draws import laplace_draws
from workbench.registry import unknown_name
from workbench.results.occasions import kappas_of

if TYPE_CHECKING:
    from workbench.results.fit_result import FitResult

Floats = NDArray[np.float64]

#: What stands for a subject: "ebe", its conditional mode; "mean", its conditional mean; "draws",
#: random draws from its conditional distribution.
INDIVIDUAL = ("ebe", "mean", "draws")

DRAWS_IN_ALL, MOST_DRAWS = 1200, 50  # draws are so many in all, at most so many a subject
FOR_A_MEAN, LEAST_FOR_A_MEAN, MOST_FOR_A_MEAN = 20_000, 20, 200
FOR_CURVES, LEAST_FOR_A_CURVE, MOST_FOR_A_CURVE = 2400, 10, 40
DRAWS_SEED, MEAN_SEED = 1, 2
TYPICAL_ETAS = 600  # simulated subjects in all, for the shrinkage that a design leads to

_known: WeakKeyDictionary[FitResult, dict[Hashable, Any]] = WeakKeyDictionary()


def checked(individual: str) -> str:
    """Return the kind, or refuse one that is not known.

    Raises
    ------
    UnknownNameError
    """
    if individual not in INDIVIDUAL:
        raise unknown_name("kind of individual estimate", individual, INDIVIDUAL)
    return individual


def draws_each(n_sub: int) -> int:
    """Return how many draws a subject has: the fewer subjects, the more."""
    return min(MOST_DRAWS, -(-DRAWS_IN_ALL // max(n_sub, 1)))


def etas_by(fit: FitResult, individual: str) -> pd.DataFrame:
    """Return ID, DRAW and a column per random effect; see `FitResult.etas_by`."""
    names = list(fit.etas.columns)
    eta = _etas(fit, checked(individual))[:, :, : len(names)]
    return _table(fit, eta, names)


def parameters_by(fit: FitResult, individual: str) -> pd.DataFrame:
    """Return ID, DRAW and a column per parameter; see `FitResult.individual_parameters_by`."""
    names = list(fit.individual_parameters.columns)
    if checked(individual) == "ebe":
        return _table(fit, fit.individual_parameters.to_numpy(float)[None], names)
    problem, values = _problem(fit)
    etas = _etas(fit, individual)
    phi = np.array([problem.individual_parameters(values.theta, eta) for eta in etas])
    return _table(fit, phi, names)


def predictions_by(fit: FitResult, individual: str) -> pd.DataFrame:
    """Return the predictions with IPRED, IRES and IWRES anew; see `FitResult.predictions_by`."""
    if checked(individual) == "ebe" or not len(fit.etas.columns) + len(fit.final_model.iov):
        return fit.predictions
    problem, values = _problem(fit)
    eta = np.ascontiguousarray(_etas(fit, individual)[0])
    ipred = problem.values(values.theta, eta)
    with np.errstate(divide="ignore", invalid="ignore"):
        residual, variance, _ = problem.residuals(ipred, values.sigma, eta)
        iwres = residual / np.sqrt(variance)
    known = np.isin(fit.data.population.obs_kind, DENSITY)
    dv = np.where(known, fit.predictions["DV"].to_numpy(float), np.nan)
    return fit.predictions.assign(
        IPRED=ipred, IRES=dv - ipred, IWRES=np.where(known, iwres, np.nan)
    )


def curves_by(
    fit: FitResult,
    n: int,
    *,
    subjects: Sequence[Hashable] | None,
    individual: str,
    band: float | None,
) -> pd.DataFrame:
    """Return dense curves of some subjects; see `FitResult.curves`."""
    if band is not None and not 0 < band < 1:
        raise OptionError(f"band is the probability of an interval, such as 0.9, not {band!r}.")
    checked(individual)
    chosen = fit.data if subjects is None else fit.data.select(subjects)
    place = pd.Index(fit.data.subjects, dtype=object).get_indexer(
        pd.Index(chosen.subjects, dtype=object)
    )
    problem = Problem(fit.final_model, chosen)
    values = problem.space.values(problem.space.start)
    n_eta = problem.space.n_eta  # a subject's occasions come first, the others have none
    mode = np.ascontiguousarray(_etas(fit, "ebe")[0, place, :n_eta])
    if individual == "draws":
        each = int(np.clip(FOR_CURVES // len(place), LEAST_FOR_A_CURVE, MOST_FOR_A_CURVE))
        drawn = laplace_draws(problem, values, mode=mode, n=each, seed=DRAWS_SEED, number=place)
        etas = np.ascontiguousarray(drawn.transpose(1, 0, 2))
    else:
        etas = (
            mode[None]
            if individual == "ebe"
            else np.ascontiguousarray(_etas(fit, "mean")[:, place, :n_eta])
        )
    who, times, typical = problem.dense(values.theta, np.zeros_like(etas[:1]), n)
    _, _, own = problem.dense(values.theta, etas, n)
    labels, parts = np.array(chosen.subjects, dtype=object)[who], []
    for output, predicted in own.items():
        part = pd.DataFrame({"ID": labels, "TIME": times, "OUTPUT": output})
        part["PRED"] = typical[output][0]
        part["IPRED"] = predicted.mean(axis=0)
        if band is not None:
            part[["LOWER", "UPPER"]] = _limits(
                problem, values, output, predicted, band, etas[:, who]
            )
        parts.append(part)
    if len(own) == 1:
        return parts[0].drop(columns="OUTPUT")
    order = np.argsort(np.tile(who, len(own)), kind="stable")
    return pd.concat(parts, ignore_index=True).iloc[order].reset_index(drop=True)


def conditional_variances(fit: FitResult) -> pd.DataFrame:
    """Return the variances of the conditional distributions; see `FitResult`."""
    if len(fit.eta_sd):
        return fit.eta_sd**2
    problem, values = _problem(fit)
    covariance = conditional_covariances(problem, values, _etas(fit, "ebe")[0])
    variance = np.diagonal(covariance, axis1=1, axis2=2)[:, : len(fit.etas.columns)]
    return pd.DataFrame(variance, index=fit.etas.index, columns=fit.etas.columns)


def predicted_shrinkage(fit: FitResult) -> pd.DataFrame:
    """Return the shrinkage that design and model lead to; see `FitResult`."""
    names = list(fit.etas.columns)
    problem, values = _problem(fit)
    model = fit.final_model
    whole = problem.space.extended(model.omega, model.omega_iov)
    omega, low = np.diag(whole), np.linalg.cholesky(whole)
    replicates = -(-TYPICAL_ETAS // problem.n_sub)
    generator = np.random.Generator(np.random.Philox(key=[DRAWS_SEED, problem.n_sub]))
    noise = generator.standard_normal((replicates, problem.n_sub, len(omega)))
    zero = np.zeros((1, problem.n_sub, len(omega)))
    found = {
        "eta_zero": _mean_ratio(problem, values, zero, omega, through_variance=False),
        "eta_simulated": _mean_ratio(problem, values, noise @ low.T, omega),
    }
    of_etas = {name: ratio[: len(names)] for name, ratio in found.items()}
    return pd.DataFrame(of_etas, index=pd.Index(names, name="parameter"))


def _mean_ratio(
    problem: Problem,
    values: Values,
    etas: Floats,
    omega: Floats,
    *,
    through_variance: bool = True,
) -> Floats:
    """Return the mean of the conditional variances over omega, (n_eta,)."""
    variances = [
        np.diagonal(
            conditional_covariances(problem, values, eta, through_variance=through_variance),
            axis1=1,
            axis2=2,
        )
        for eta in etas
    ]
    return np.asarray(np.mean(variances, axis=(0, 1)) / omega)


def _limits(
    problem: Problem, values: Values, output: str, predicted: Floats, band: float, etas: Floats
) -> NDArray[Any]:
    """Return the limits of a new observation, (n_points, 2); NaN for an output without error.

    Parameters
    ----------
    predicted, etas : (n_draws, n_points), (n_draws, n_points, n_eta)
    """
    names = {of: problem.space.etas.index(name) for name, of in problem.model.scaled.items()}
    for endpoint in problem.endpoints:
        if endpoint.output == output:
            scale = np.exp(etas[:, :, names[output]]) if output in names else 1.0
            limits = prediction_interval(endpoint, predicted, values.sigma, band, scale)
            return np.column_stack(limits)
    return np.full((predicted.shape[1], 2), np.nan)


def _kept(fit: FitResult) -> dict[Hashable, Any]:
    return _known.setdefault(fit, {})


def _problem(fit: FitResult) -> tuple[Problem, Values]:
    """Return the problem at the estimates, and the values there."""
    kept = _kept(fit)
    if "problem" not in kept:
        problem = Problem(fit.final_model, fit.data)
        kept["problem"] = problem, problem.space.values(problem.space.start)
    problem, values = kept["problem"]
    return problem, values


def _etas(fit: FitResult, individual: str) -> Floats:
    """Return (n_draws, n_sub, n_eta); one "draw" of what is a single number."""
    kept = _kept(fit)
    if "ebe" not in kept:
        mode = fit.etas.to_numpy(float)
        if fit.final_model.iov:
            mode = _problem(fit)[0].joined(mode, kappas_of(fit))
        kept["ebe"] = mode[None]
    if individual == "ebe":
        return np.asarray(kept["ebe"])
    mode = kept["ebe"][0]
    if individual not in kept:
        kept[individual] = _drawn(fit, mode) if individual == "draws" else _means(fit, mode)
    etas: Floats = kept[individual]
    return etas


def _drawn(fit: FitResult, mode: Floats) -> Floats:
    problem, values = _problem(fit)
    n = draws_each(problem.n_sub)
    drawn = laplace_draws(problem, values, mode=mode, n=n, seed=DRAWS_SEED)
    return np.ascontiguousarray(drawn.transpose(1, 0, 2))


def _means(fit: FitResult, mode: Floats) -> Floats:
    if len(fit.eta_mean) and not fit.final_model.iov:
        return fit.eta_mean.to_numpy(float)[None]
    problem, values = _problem(fit)
    n = int(np.clip(FOR_A_MEAN // problem.n_sub, LEAST_FOR_A_MEAN, MOST_FOR_A_MEAN))
    drawn = laplace_draws(problem, values, mode=mode, n=n, seed=MEAN_SEED)
    return np.ascontiguousarray(drawn.mean(axis=1)[None])


def _table(fit: FitResult, values: Floats, names: list[str]) -> pd.DataFrame:
    """Return a row per subject and draw, subject after subject."""
    n_draws, n_sub, _ = values.shape
    labels = np.array(fit.data.subjects, dtype=object)
    table = pd.DataFrame(
        {
            "ID": pd.Series(np.repeat(labels, n_draws), dtype=object),
            "DRAW": np.tile(np.arange(1, n_draws + 1), n_sub),
        }
    )
    flat = values.transpose(1, 0, 2).reshape(n_draws * n_sub, len(names))
    return table.assign(**dict(zip(names, flat.T, strict=True)))

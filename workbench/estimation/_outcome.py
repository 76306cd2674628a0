"""From what an estimator found to the result that a person gets: the same for every estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.estimation._uncertainty import Uncertainty
from workbench.estimation._verdict import Verdict, doubted
from workbench.models.distributions import distributions
from workbench.problem import Problem
from workbench.problem.checks import negative_sd
from workbench.problem.intervals import NORMAL, interval
from workbench.problem.residuals import predictions_table
from workbench.problem.space import Entry, frozen
from workbench.problem.units import units_of
from workbench.results import FitResult
from workbench.results.occasions import shrinkage_of

Floats = NDArray[np.float64]

LOG_2PI = float(np.log(2.0 * np.pi))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an estimator found.

    Attributes
    ----------
    problem, method, options, estimated : what was asked for
    likelihood : how -2LL was obtained, such as ``"FOCEI"`` or ``"AGQ(5)"``
    x : (n_free,)  where the parameters ended
    individual_ofv : (n_sub,)
    eta : (n_sub, n_eta)  conditional modes (EBE)
    interaction : whether the residual variance follows the individual prediction, for CWRES
    known : precision of the estimates
    verdict : the verdict and its reasons
    trace : one row per iteration
    seconds : wall time
    likelihood_se : Monte-Carlo standard error of -2LL; 0 without Monte Carlo
    eta_mean, eta_sd : (n_sub, n_eta)  of the conditional distributions, where they were computed
    """

    problem: Problem
    method: str
    options: Any
    estimated: bool
    likelihood: str
    x: Floats
    individual_ofv: Floats
    eta: Floats
    interaction: bool
    known: Uncertainty
    verdict: Verdict
    trace: Sequence[Mapping[str, Any]]
    seconds: float
    likelihood_se: float = 0.0
    eta_mean: Floats | None = field(default=None)
    eta_sd: Floats | None = field(default=None)


def make_result(found: Outcome) -> FitResult:
    """Gather everything that a result holds."""
    problem, x = found.problem, found.x
    space, data = problem.space, problem.data
    values = space.values(x)
    subjects = pd.Index(data.population.subjects, name="ID")
    omega = space.omega(x)
    n_between = space.n_between
    etas = _by_subject(found.eta[:, :n_between], subjects, space.etas)
    kappas = problem.kappas_of(found.eta)
    predictions = predictions_table(
        problem, values, omega, found.eta, interaction=found.interaction
    )
    shrinkage = _shrinkage(etas, omega[:n_between, :n_between])
    ofv = float(found.individual_ofv.sum())
    individual = problem.individual_parameters(values.theta, frozen(found.eta))
    individual_prediction = predictions["IPRED"].to_numpy(dtype=np.float64)
    verdict = doubted(
        found.verdict, negative_sd(data, problem.endpoints, individual_prediction, values.sigma)
    )
    return FitResult(
        model=problem.model,
        final_model=space.model_at(x),
        data=data,
        method=found.method,
        options=asdict(found.options),
        given={},
        seed=0,
        estimated=found.estimated,
        ofv=ofv,
        m2ll=ofv + problem.n_density * LOG_2PI,
        likelihood=found.likelihood,
        likelihood_se=found.likelihood_se,
        penalty=space.penalty(x),
        n_parameters=space.n_free,
        verdict=verdict.verdict,
        reasons=verdict.reasons,
        warnings=tuple(problem.notes) + verdict.warnings,
        seconds=found.seconds,
        parameters=_parameters(problem, x, found.known, shrinkage, kappas),
        covariance=found.known.natural,
        etas=etas,
        kappas=kappas,
        eta_mean=_by_subject(_first(found.eta_mean, n_between), subjects, space.etas),
        eta_sd=_by_subject(_first(found.eta_sd, n_between), subjects, space.etas),
        individual_parameters=pd.DataFrame(
            individual, index=subjects, columns=list(problem.model.parameters)
        ),
        individual_ofv=pd.Series(found.individual_ofv, index=subjects, name="ofv"),
        predictions=predictions,
        shrinkage=shrinkage,
        epsilon_shrinkage=_epsilon_shrinkage(predictions["IWRES"].to_numpy()),
        trace=pd.DataFrame(found.trace),
        condition_number=found.known.condition_number,
    )


def _first(values: Floats | None, n: int) -> Floats | None:
    """Return the first columns, where there are values."""
    return None if values is None else values[:, :n]


def _by_subject(
    values: Floats | None, subjects: pd.Index[Any], names: Sequence[str]
) -> pd.DataFrame:
    """Return a table with a row per subject; without values it has no rows."""
    if values is None:
        return pd.DataFrame(columns=list(names), index=subjects[:0], dtype=np.float64)
    return pd.DataFrame(values, index=subjects, columns=list(names))


def _shrinkage(etas: pd.DataFrame, omega: Floats) -> pd.DataFrame:
    variance = etas.var(ddof=1).to_numpy() if len(etas.columns) else np.zeros(0)
    ratio = variance / np.diag(omega)
    return pd.DataFrame(
        {"sd": 100.0 * (1.0 - np.sqrt(ratio)), "variance": 100.0 * (1.0 - ratio)},
        index=pd.Index(etas.columns, name="parameter"),
    )


def _epsilon_shrinkage(iwres: Floats) -> float:
    finite = iwres[np.isfinite(iwres)]
    return 100.0 * (1.0 - float(np.sqrt(np.mean(finite**2)))) if len(finite) else float("nan")


def _parameters(
    problem: Problem,
    x: Floats,
    known: Uncertainty,
    shrinkage: pd.DataFrame,
    kappas: pd.DataFrame,
) -> pd.DataFrame:
    """Build the parameter table; see `FitResult.parameters`."""
    units = units_of(problem.model, problem.data)
    rows = []
    for entry, estimate, se in zip(
        problem.space.entries, problem.space.natural(x), known.se, strict=True
    ):
        lower, upper = interval(entry.interval, estimate, NORMAL * se, entry.limits)
        row = {
            "parameter": entry.name,
            "kind": entry.kind,
            "unit": units.get(
                entry.name[len("sigma[") : -1] if entry.kind == "sigma" else entry.name, ""
            ),
            "estimate": estimate,
            "se": se,
            "rse": 100.0 * se / abs(estimate) if estimate != 0 else np.nan,
            "lower": lower,
            "upper": upper,
            "fixed": entry.fixed,
            "sd": np.nan,
            "cv_percent": np.nan,
            "shrinkage_sd": np.nan,
            "shrinkage_var": np.nan,
        }
        if entry.kind in ("omega", "omega_iov"):
            name = entry.name[entry.name.index("[") + 1 : -1]
            row["sd"] = np.sqrt(estimate)
            row["shrinkage_sd"], row["shrinkage_var"] = (
                shrinkage.loc[name]
                if entry.kind == "omega"
                else shrinkage_of(kappas[name].to_numpy(float), estimate)
            )
            parameter = problem.model.parameters.get(name)
            plain = entry.kind != "omega" or parameter is None or parameter.eta is None
            positive = parameter is None or distributions.get(parameter.distribution).positive
            if plain and positive:  # a random effect on an error makes its SD log-normal
                with np.errstate(over="ignore"):
                    row["cv_percent"] = 100.0 * np.sqrt(np.expm1(estimate))
            row["unit"] = ""
        rows.append(row)
    return pd.DataFrame(rows).set_index("parameter")


def _plain_name(entry: Entry) -> str:
    """Return the name by which the model knows the unit: a sigma without its brackets."""
    return entry.name[len("sigma[") : -1] if entry.kind == "sigma" else entry.name

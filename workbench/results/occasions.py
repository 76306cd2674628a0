"""What a fit says about occasions: shrinkage of kappa, and parameters occasion by occasion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.problem import Problem

if TYPE_CHECKING:
    from workbench.results.fit_result import FitResult

Floats = NDArray[np.float64]


def shrinkage_of(kappa: Floats, variance: float) -> tuple[float, float]:
    """Return the shrinkage in percent by SD and by variance, about the mean (divisor n - 1)."""
    if len(kappa) < 2:
        return float("nan"), float("nan")
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = float(np.var(kappa, ddof=1) / np.float64(variance))
    return 100.0 * (1.0 - float(np.sqrt(ratio))), 100.0 * (1.0 - ratio)


def kappa_shrinkage(fit: FitResult) -> pd.DataFrame:
    """Return the shrinkage of kappa by occasion; see `FitResult.kappa_shrinkage`."""
    kappas, rows = fit.kappas, []
    for name, p in fit.final_model.parameters.items():
        for occasion in dict.fromkeys(kappas["OCC"]) if p.has_iov else ():
            own = kappas.loc[kappas["OCC"] == occasion, name].to_numpy(float)
            by_sd, by_variance = shrinkage_of(own, p.iov**2)
            rows.append((name, occasion, len(own), by_sd, by_variance))
    return pd.DataFrame(rows, columns=["parameter", "OCC", "n", "sd", "variance"])


def parameters_over_time(fit: FitResult) -> pd.DataFrame:
    """Return the parameters of each block; see `FitResult.individual_parameters_over_time`."""
    problem = Problem(fit.final_model, fit.data)
    values = problem.space.values(problem.space.start)
    eta = problem.joined(fit.etas.to_numpy(float), kappas_of(fit))
    table = pd.DataFrame(
        problem.block_parameters(values.theta, eta), columns=list(fit.individual_parameters.columns)
    )
    blocks = problem.blocks()
    return pd.concat([blocks, table], axis=1)


def kappas_of(fit: FitResult) -> Floats:
    """Return the kappas of all subjects' occasions, (n, n_iov)."""
    return fit.kappas[list(fit.final_model.iov)].to_numpy(float)


def kappa_draws(fit: FitResult, eta: Floats) -> pd.DataFrame:
    """Return the kappas among draws of all random effects; see `FitResult.kappa_draws`.

    Parameters
    ----------
    eta : (n_sub, n, n_eta)
    """
    problem = Problem(fit.final_model, fit.data)
    draws = [problem.kappas_of(eta[:, k]).assign(DRAW=k + 1) for k in range(eta.shape[1])]
    table = pd.concat(draws)
    table.insert(2, "DRAW", table.pop("DRAW"))
    return table.sort_index(kind="stable").reset_index(drop=True)

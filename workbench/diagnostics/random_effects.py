"""Random effects of every subject beside the distribution that the model gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.diagnostics._base import Diagnostic, Individual

if TYPE_CHECKING:
    from workbench.results import FitResult


def table(fit: FitResult, *, individual: Individual = "ebe") -> pd.DataFrame:
    r"""Return one row per parameter, subject and draw.

    Columns: ID, DRAW, individual, parameter, eta, omega_sd, standardised, shrinkage_sd,
    shrinkage_var. `eta` is the empirical Bayes estimate, the conditional mean or a draw, as
    `individual` says; only draws have a DRAW other than 1.

    .. math:: \text{standardised} = \eta / \omega, \quad
        \text{shrinkage\_sd} = 100 (1 - sd(\eta) / \omega), \quad
        \text{shrinkage\_var} = 100 (1 - var(\eta) / \omega^2)

    in percent, of EBEs as the fit computed them (Savic & Karlsson 2009, AAPS J. 11:558; the
    divisor is the fit's). They are negative where the estimates spread more than the model says.
    Draws do not shrink (Lavielle & Ribba 2016, Pharm. Res. 33:2979): theirs is about 0 where the
    model holds. A parameter with omega = 0 has no standardised value. No random effects: no rows.
    """
    names = [str(name) for name in fit.etas.columns]
    etas = fit.etas_by(individual)
    n, n_eta = len(etas), len(names)
    variances = np.diag(fit.omega.loc[names, names].to_numpy(float)) if names else np.empty(0)
    omega_sd = np.sqrt(np.maximum(variances, 0.0))
    values = etas[names].to_numpy(float)
    eta, spread = values.T.ravel(), np.repeat(omega_sd, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        standardised = np.where(spread > 0, eta / spread, np.nan)
        ratio = np.var(values, axis=0, ddof=1) / omega_sd**2 if n > 1 else np.full(n_eta, np.nan)
    sd, variance = 100 * (1 - np.sqrt(ratio)), 100 * (1 - ratio)
    if individual == "ebe":
        of_fit = fit.shrinkage.reindex(names)
        sd, variance = (of_fit[kind].to_numpy(float, copy=True) for kind in ("sd", "variance"))
    sd[omega_sd == 0] = variance[omega_sd == 0] = np.nan
    return pd.DataFrame(
        {
            "ID": pd.Series(np.tile(etas["ID"].to_numpy(object), n_eta), dtype=object),
            "DRAW": np.tile(etas["DRAW"].to_numpy(int), n_eta),
            "individual": pd.Series([individual] * (n * n_eta), dtype=object),
            "parameter": pd.Series(np.repeat(np.array(names, object), n), dtype=object),
            "eta": eta,
            "omega_sd": spread,
            "standardised": standardised,
            "shrinkage_sd": np.repeat(sd, n),
            "shrinkage_var": np.repeat(variance, n),
        }
    )


DIAGNOSTIC = Diagnostic(
    name="random_effects", title="Random effects", table=table, by_individual=True
)

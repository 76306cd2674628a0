"""Random effects of every subject beside the distribution that the model gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.diagnostics._base import Diagnostic

if TYPE_CHECKING:
    from workbench.results import FitResult


def table(fit: FitResult) -> pd.DataFrame:
    r"""Return one row per parameter and subject.

    Columns: ID, parameter, eta (empirical Bayes estimate), omega_sd, standardised, shrinkage_sd,
    shrinkage_var.

    .. math:: \text{standardised} = \hat\eta / \omega, \quad
        \text{shrinkage\_sd} = 100 (1 - sd(\hat\eta) / \omega), \quad
        \text{shrinkage\_var} = 100 (1 - var(\hat\eta) / \omega^2)

    in percent, as the fit computed them (Savic & Karlsson 2009, AAPS J. 11:558; the divisor is
    the fit's). They are negative where the estimates spread more than the model says.
    A parameter with omega = 0 has no standardised value. No random effects: no rows.
    """
    etas = fit.etas
    labels, names = list(etas.index), [str(name) for name in etas.columns]
    n_sub, n_eta = len(labels), len(names)
    variances = np.diag(fit.omega.loc[names, names].to_numpy(float)) if names else np.empty(0)
    omega_sd = np.sqrt(np.maximum(variances, 0.0))
    eta = etas.to_numpy(float).T.ravel() if n_eta else np.empty(0)
    spread = np.repeat(omega_sd, n_sub)
    with np.errstate(divide="ignore", invalid="ignore"):
        standardised = np.where(spread > 0, eta / spread, np.nan)
    shrinkage = fit.shrinkage.reindex(names)
    return pd.DataFrame(
        {
            "ID": pd.Series(labels * n_eta, dtype=object),
            "parameter": pd.Series(np.repeat(np.array(names, object), n_sub), dtype=object),
            "eta": eta,
            "omega_sd": spread,
            "standardised": standardised,
            "shrinkage_sd": np.repeat(shrinkage["sd"].to_numpy(float), n_sub),
            "shrinkage_var": np.repeat(shrinkage["variance"].to_numpy(float), n_sub),
        }
    )


DIAGNOSTIC = Diagnostic(name="random_effects", title="Random effects", table=table)

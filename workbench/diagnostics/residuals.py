"""Residuals of every kind, one row per observation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from workbench.diagnostics._base import Diagnostic, Individual
from workbench.diagnostics._residuals import residual_table

if TYPE_CHECKING:
    from workbench.results import FitResult


def table(fit: FitResult, *, individual: Individual = "ebe") -> pd.DataFrame:
    r"""Return one row per observation: the columns of `gof`, then the residuals.

    RES IRES WRES IWRES CWRES PWRES CWRESI NPD NPDE:

    .. math::
        RES &= DV - PRED, \qquad IRES = DV - IPRED \\
        IWRES &= (DV - IPRED) / SD(\text{residual error at } IPRED) \\
        WRES &= C_0^{-1/2} (y - f(\eta = 0)) \\
        CWRES &= C^{-1/2} \bigl(y - f(\hat\eta) + G \hat\eta\bigr), \quad C = G \Omega G^T + R \\
        PWRES &= V^{-1/2} (y - E(y))

    G = df/deta; WRES takes G at eta = 0, CWRES at the empirical Bayes estimate, with R there if
    the estimator knows interaction (Hooker, Staatz, Karlsson 2007, Pharm. Res. 24:2187); CWRESI
    takes R as expected over eta, as NONMEM's (see `problem.residuals`). PWRES has mean and
    covariance of simulated data, as Monolix's; NPD and NPDE are the normal scores of the
    observations among the simulated ones, NPDE after decorrelation (see `workbench.npde`, also
    for how many are simulated). Under the model NPD and NPDE are N(0, 1) and WRES, CWRES, CWRESI
    and PWRES about so; IWRES shrinks towards 0 where a subject has few observations; with
    ``individual="draws"``, one draw of eta for each subject in IPRED, IRES and IWRES, it does not
    (Lavielle & Ribba 2016, Pharm. Res. 33:2979). The others stay as they are. Residuals that the
    fit does not have are missing.
    """
    return residual_table(fit, individual)


DIAGNOSTIC = Diagnostic(name="residuals", title="Residuals", table=table, by_individual=True)

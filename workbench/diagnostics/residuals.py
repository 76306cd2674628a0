"""Residuals of every kind, one row per observation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from workbench.diagnostics._base import Diagnostic, Individual, with_endpoint

if TYPE_CHECKING:
    from workbench.results import FitResult

COLUMNS = ["ROW", "ID", "TIME", "TAD", "DV", "PRED", "IPRED"]
RESIDUALS = ["RES", "IRES", "WRES", "IWRES", "CWRES"]


def table(fit: FitResult, *, individual: Individual = "ebe") -> pd.DataFrame:
    r"""Return one row per observation: the columns of `gof`, then RES IRES WRES IWRES CWRES.

    .. math::
        RES &= DV - PRED, \qquad IRES = DV - IPRED \\
        IWRES &= (DV - IPRED) / SD(\text{residual error at } IPRED) \\
        WRES &= C_0^{-1/2} (y - f(\eta = 0)) \\
        CWRES &= C^{-1/2} \bigl(y - f(\hat\eta) + G \hat\eta\bigr), \quad C = G \Omega G^T + R

    G = df/deta; WRES takes G at eta = 0, CWRES at the empirical Bayes estimate (Hooker, Staatz,
    Karlsson 2007, Pharm. Res. 24:2187). Under the model WRES and CWRES are about N(0, 1);
    IWRES shrinks towards 0 where a subject has few observations; with ``individual="draws"``, one
    draw of eta for each subject in IPRED, IRES and IWRES, it does not (Lavielle & Ribba 2016,
    Pharm. Res. 33:2979). The others stay as they are. Residuals that the fit does not have are
    missing.
    """
    table = fit.predictions_by(individual)
    wanted = with_endpoint(COLUMNS + RESIDUALS, table)
    return table.reindex(columns=wanted).reset_index(drop=True)


DIAGNOSTIC = Diagnostic(name="residuals", title="Residuals", table=table, by_individual=True)

"""Observations beside their population and individual predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from workbench.diagnostics._base import Diagnostic, Individual, with_endpoint

if TYPE_CHECKING:
    from workbench.results import FitResult

COLUMNS = ["ROW", "ID", "TIME", "TAD", "DV", "PRED", "IPRED"]


def table(fit: FitResult, *, individual: Individual = "ebe") -> pd.DataFrame:
    r"""Return one row per observation: ROW ID TIME TAD DV PRED IPRED.

    .. math:: PRED_{ij} = f(\hat\theta, \eta = 0, t_{ij}), \qquad
              IPRED_{ij} = f(\hat\theta, \hat\eta_i, t_{ij})

    with the empirical Bayes estimate of eta, its conditional mean (``individual="mean"``) or one
    draw of it for each subject (``"draws"``). TAD is the time after the last dose. ENDPOINT, after
    TAD, names the output that was observed where the model has several. CENS, the last column
    where there are values beyond limits, is 1 where the value is below DV, -1 where it is above.
    """
    table = fit.predictions_by(individual)
    columns = [*with_endpoint(COLUMNS, table), *(["CENS"] if "CENS" in table else [])]
    return table[columns].reset_index(drop=True)


DIAGNOSTIC = Diagnostic(
    name="gof", title="Observations and predictions", table=table, by_individual=True
)

"""How far the individual estimates shrink towards the population."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from workbench.diagnostics._base import Diagnostic

if TYPE_CHECKING:
    from workbench.results import FitResult


def table(fit: FitResult) -> pd.DataFrame:
    r"""Return one row per random effect, and one for the residual error ("epsilon").

    Columns: parameter, shrinkage_sd, shrinkage_var (percent; see `random_effects`). For epsilon

    .. math:: \text{shrinkage\_sd} = 100 (1 - sd(IWRES))

    (Savic & Karlsson 2009, AAPS J. 11:558), and no variance version is given. Above some 30 %
    plots of eta or IPRED mislead: they show the population more than the subjects.
    """
    rows = pd.DataFrame(
        {
            "parameter": pd.Series([str(name) for name in fit.shrinkage.index], dtype=object),
            "shrinkage_sd": fit.shrinkage["sd"].to_numpy(float),
            "shrinkage_var": fit.shrinkage["variance"].to_numpy(float),
        }
    )
    rows.loc[len(rows)] = ["epsilon", float(fit.epsilon_shrinkage), float("nan")]
    return rows


DIAGNOSTIC = Diagnostic(name="shrinkage", title="Shrinkage", table=table)

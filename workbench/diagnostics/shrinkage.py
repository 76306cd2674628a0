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

    .. math:: \text{shrinkage\_sd} = 100 \left(1 - \sqrt{\overline{IWRES^2}}\right)

    (Savic & Karlsson 2009, AAPS J. 11:558), and no variance version is given. Above some 30 %
    plots of eta or IPRED mislead: they show the population more than the subjects.
    """
    names = [*(str(name) for name in fit.shrinkage.index), "epsilon"]
    return pd.DataFrame(
        {
            "parameter": pd.Series(names, dtype=object),
            "shrinkage_sd": [*fit.shrinkage["sd"].astype(float), float(fit.epsilon_shrinkage)],
            "shrinkage_var": [*fit.shrinkage["variance"].astype(float), float("nan")],
        }
    )


DIAGNOSTIC = Diagnostic(name="shrinkage", title="Shrinkage", table=table)

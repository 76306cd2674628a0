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
    plots of eta or IPRED mislead: they show the population more than the subjects. Where the
    model has several outputs, "epsilon[cp]" and so on follow, each of its own observations.
    """
    epsilon = {"epsilon": float(fit.epsilon_shrinkage)}
    if "ENDPOINT" in fit.predictions:
        squares = (fit.predictions["IWRES"] ** 2).groupby(fit.predictions["ENDPOINT"], sort=False)
        for endpoint, square in squares.mean().items():
            epsilon[f"epsilon[{endpoint}]"] = 100.0 * (1.0 - float(square) ** 0.5)
    names = [*(str(name) for name in fit.shrinkage.index), *epsilon]
    none = [float("nan")] * len(epsilon)
    return pd.DataFrame(
        {
            "parameter": pd.Series(names, dtype=object),
            "shrinkage_sd": [*fit.shrinkage["sd"].astype(float), *epsilon.values()],
            "shrinkage_var": [*fit.shrinkage["variance"].astype(float), *none],
        }
    )


DIAGNOSTIC = Diagnostic(name="shrinkage", title="Shrinkage", table=table)

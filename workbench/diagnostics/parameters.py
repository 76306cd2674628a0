"""The estimates with their uncertainty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from workbench.diagnostics._base import Diagnostic

if TYPE_CHECKING:
    from workbench.results import FitResult


def table(fit: FitResult) -> pd.DataFrame:
    r"""Return one row per parameter, as ``fit.parameters`` with the name as a column.

    Omega rows hold the variance in `estimate`, its root in `sd` and, for log-normal parameters,

    .. math:: CV\,\% = 100 \sqrt{\exp(\omega^2) - 1}

    rse = 100 se / estimate. se, rse, lower and upper are missing for fixed parameters and where
    the fit has no covariance matrix.
    """
    return fit.parameters.reset_index(names="parameter")


DIAGNOSTIC = Diagnostic(name="parameters", title="Parameter estimates", table=table)

"""Whether the estimated effects differ from zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import ndtr

from workbench.diagnostics._base import Diagnostic

if TYPE_CHECKING:
    from workbench.results import FitResult

KINDS = ("beta", "covariate")  # of parameters for which zero means no effect
COLUMNS = ["parameter", "test", "estimate", "se", "statistic", "p", "note"]


def table(fit: FitResult) -> pd.DataFrame:
    r"""Return one row per effect of a covariate: Wald's test of zero.

    Columns: parameter, test, estimate, se, statistic, p, note (why there is no p).

    .. math:: z = \hat\beta / se(\hat\beta), \qquad p = 2 \Phi(-|z|)

    (Wald 1943, Trans Am Math Soc 54:426.) Typical values, variances and residual errors are not
    tested: zero is no hypothesis about them, or lies at the edge of what they can be. No rows
    where the model has no such effects.
    """
    parameters = fit.parameters
    wanted = parameters[parameters["kind"].isin(KINDS)]
    rows: list[list[object]] = []
    for name, row in wanted.iterrows():
        estimate, se = float(row["estimate"]), float(row["se"])
        note = "" if np.isfinite(se) and se > 0 else "there is no standard error"
        if bool(row.get("fixed", False)):
            note = "the value is fixed"
        z = float("nan") if note else estimate / se
        rows.append([str(name), "Wald", estimate, se, z, float(2 * ndtr(-abs(z))), note])
    return pd.DataFrame(rows, columns=COLUMNS)


DIAGNOSTIC = Diagnostic(name="parameter_tests", title="Tests of parameters", table=table)

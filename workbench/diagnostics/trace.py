"""The way the estimator went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.diagnostics._base import Diagnostic

if TYPE_CHECKING:
    from workbench.results import FitResult

#: Columns of the trace that are not parameters.
PROGRESS = ("ofv", "complete_m2ll", "gradient", "step")
#: Words that say in which part of the way an iteration lies.
WORDS = ("phase",)


def table(fit: FitResult) -> pd.DataFrame:
    r"""Return one row per iteration and quantity: iteration, quantity, kind, value, scaled.

    `kind` is "progress" (ofv, complete_m2ll, gradient, step) or "parameter" (on the natural
    scale), and

    .. math:: \text{scaled} = \text{value} / \text{last value}

    for parameters, so that all end at 1 and can share one axis; missing where the last value is 0
    and for progress.
    """
    columns = [name for name in fit.trace.columns if name not in ("iteration", *WORDS)]
    long = fit.trace.melt("iteration", columns, var_name="quantity", value_name="value")
    long["value"] = long["value"].astype(float)
    parameter = ~long["quantity"].isin(PROGRESS)
    long.insert(2, "kind", np.where(parameter, "parameter", "progress"))
    last = long.groupby("quantity", sort=False)["value"].transform("last")
    long["scaled"] = (long["value"] / last).where(parameter & (last != 0))
    return long


DIAGNOSTIC = Diagnostic(name="trace", title="Iterations", table=table)

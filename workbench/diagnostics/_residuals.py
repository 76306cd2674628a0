"""The table of all residuals of a fit: those it has, and those that are simulated for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from workbench.diagnostics._base import Individual, with_endpoint
from workbench.diagnostics._simulated import SIMULATED, npde_of

if TYPE_CHECKING:
    from workbench.results import FitResult

COLUMNS = ["ROW", "ID", "TIME", "TAD", "DV", "PRED", "IPRED"]
RESIDUALS = ["RES", "IRES", "WRES", "IWRES", "CWRES", "PWRES", "CWRESI", "NPD", "NPDE"]


def residual_table(fit: FitResult, individual: Individual = "ebe") -> pd.DataFrame:
    """Return one row per observation; what neither the fit has nor simulation gives is missing.

    ``attrs`` of the table hold, where it was simulated, ``"simulated"``, a phrase that says how,
    and ``"notes"``, sentences on what is missing.
    """
    table = fit.predictions_by(individual)
    wanted = with_endpoint(COLUMNS + RESIDUALS, table)
    found = table.reindex(columns=wanted).reset_index(drop=True)
    lacking = [name for name in SIMULATED if name not in table]
    if lacking:
        simulated = npde_of(fit)
        found = found.assign(**{name: simulated.table[name] for name in lacking})
        found.attrs = {"simulated": simulated.how, "notes": simulated.notes}
    return found

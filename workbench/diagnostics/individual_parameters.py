"""Individual parameters of every subject, on the natural scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.diagnostics._base import Diagnostic, Individual

if TYPE_CHECKING:
    from workbench.results import FitResult


def table(fit: FitResult, *, individual: Individual = "ebe") -> pd.DataFrame:
    r"""Return one row per parameter with a random effect, subject and draw.

    Columns: ID, DRAW, individual, parameter, value, typical, with

    .. math:: \psi_i = h^{-1}\bigl(h(\theta) + \eta_i\bigr)

    in `value`, eta by its conditional mode, its conditional mean or draws, and theta in `typical`.
    The value at the mean of eta is not the mean of the value where h is not the identity.
    """
    parameters = fit.final_model.parameters
    wanted = [str(name) for name in fit.etas.columns if name in parameters]
    values = fit.individual_parameters_by(individual)
    n, n_phi = len(values), len(wanted)
    typical = [float(parameters[name].typical) for name in wanted]
    return pd.DataFrame(
        {
            "ID": pd.Series(np.tile(values["ID"].to_numpy(object), n_phi), dtype=object),
            "DRAW": np.tile(values["DRAW"].to_numpy(int), n_phi),
            "individual": pd.Series([individual] * (n * n_phi), dtype=object),
            "parameter": pd.Series(np.repeat(np.array(wanted, object), n), dtype=object),
            "value": values[wanted].to_numpy(float).T.ravel(),
            "typical": np.repeat(np.array(typical, float), n),
        }
    )


DIAGNOSTIC = Diagnostic(
    name="individual_parameters", title="Individual parameters", table=table, by_individual=True
)

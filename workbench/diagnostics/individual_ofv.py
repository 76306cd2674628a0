"""What each subject contributes to the objective, and whether its residuals are unusual."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from workbench.diagnostics._base import Diagnostic

if TYPE_CHECKING:
    from workbench.results import FitResult

LEVEL = 0.05  # chance of a flag anywhere, if the model is right


def table(fit: FitResult) -> pd.DataFrame:
    r"""Return one row per subject: ID, n_obs, ofv, ofv_per_obs, flagged, squares, p_value.

    ofv is the subject's part of the objective, :math:`-2 \log L_i` without n·log 2π. It grows with
    the number of observations and depends on their unit, so it has no scale of its own; that of

    .. math:: squares_i = \sum_j CWRES_{ij}^2, \qquad
        p_i = P(\chi^2_{n_i} > squares_i)

    is known: under the model, linearised, CWRES are independent N(0, 1) (Hooker, Staatz, Karlsson
    2007, Pharm. Res. 24:2187). A subject is flagged where :math:`p_i < 0.05 / n_{sub}`: one that
    is unusual among so many (Bonferroni). Missing CWRES do not count; without any there is no p.
    """
    ofv = fit.individual_ofv
    residual = fit.predictions["CWRES"].to_numpy(float)
    who = pd.Series(fit.predictions["ID"].to_numpy(object))
    squares = pd.Series(residual**2).groupby(who, sort=False)
    total = squares.sum(min_count=1).reindex(ofv.index).to_numpy(float)
    known = squares.count().reindex(ofv.index, fill_value=0).to_numpy(float)
    n_obs = who.groupby(who, sort=False).size().reindex(ofv.index, fill_value=0).to_numpy(int)
    values = ofv.to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(n_obs > 0, values / n_obs, np.nan)
    p = np.where(known > 0, chdtrc(np.maximum(known, 1.0), np.nan_to_num(total)), np.nan)
    return pd.DataFrame(
        {
            "ID": pd.Series(list(ofv.index), dtype=object),
            "n_obs": n_obs,
            "ofv": values,
            "ofv_per_obs": each,
            "flagged": p < LEVEL / max(1, len(ofv)),
            "squares": total,
            "p_value": p,
        }
    )


DIAGNOSTIC = Diagnostic(name="individual_ofv", title="Contributions to the OFV", table=table)

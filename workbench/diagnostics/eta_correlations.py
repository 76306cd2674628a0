"""Correlations of the random effects, as estimated one by one and as the model has them."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.diagnostics._base import Diagnostic, Individual

if TYPE_CHECKING:
    from workbench.results import FitResult

COLUMNS = ("first", "second", "individual", "correlation", "lower", "upper", "model")
Z = 1.959963984540054


def table(fit: FitResult, *, individual: Individual = "ebe") -> pd.DataFrame:
    r"""Return one row per pair of random effects.

    Columns: first, second, individual, correlation, lower, upper, model. `correlation` is
    Pearson's, over subjects (and draws), missing where one of the two does not vary; `lower` and
    `upper` its 95 % interval,

    .. math:: \tanh\bigl(\operatorname{artanh} r \mp 1.96 / \sqrt{N - 3}\bigr)

    with N subjects, however many draws there are. `model` is the correlation in omega, 0 outside
    its blocks. That of EBEs is no estimate of the model's where shrinkage is large: prior and
    data pull the etas of a subject along directions that the design leaves open.
    """
    names = [str(name) for name in fit.etas.columns]
    etas, n_sub = fit.etas_by(individual), len(fit.etas)
    omega = fit.omega.loc[names, names].to_numpy(float)
    values = etas[names].to_numpy(float)
    rows = []
    for i, j in combinations(range(len(names)), 2):
        r = _correlation(values[:, i], values[:, j])
        with np.errstate(divide="ignore"):
            middle = np.arctanh(r)
        half = Z / np.sqrt(n_sub - 3) if n_sub > 3 else np.nan
        spread = np.sqrt(omega[i, i] * omega[j, j])
        model = omega[i, j] / spread if spread > 0 else np.nan
        ends = np.tanh(middle - half), np.tanh(middle + half)
        rows.append((names[i], names[j], individual, r, *ends, model))
    types = {**dict.fromkeys(COLUMNS[:3], object), **dict.fromkeys(COLUMNS[3:], float)}
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(types)


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Return Pearson's correlation; NaN where there is none."""
    if len(x) < 2:
        return float("nan")
    dx, dy = x - x.mean(), y - y.mean()
    scale = np.sqrt((dx @ dx) * (dy @ dy))
    return float(np.clip(dx @ dy / scale, -1, 1)) if scale > 0 else float("nan")


DIAGNOSTIC = Diagnostic(
    name="eta_correlations",
    title="Correlations of random effects",
    table=table,
    by_individual=True,
)

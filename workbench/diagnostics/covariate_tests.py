"""Whether random effects still depend on covariates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.diagnostics._base import Diagnostic
from workbench.diagnostics._eta_values import Floats, eta_values, testable
from workbench.diagnostics._hypotheses import Outcome, correlation, group_means

if TYPE_CHECKING:
    from workbench.results import FitResult

CONTINUOUS, CATEGORICAL = "continuous", "categorical"
MOST_NUMBERS = 6  # whole numbers with at most so many different values are taken as groups
COLUMNS = ["parameter", "covariate", "kind", "test", "statistic", "p", "n", "draws", "note"]


def table(fit: FitResult, *, draws: int = 0, seed: int = 0) -> pd.DataFrame:
    r"""Return one row per random effect and covariate that is constant in every subject.

    Columns: parameter, covariate, kind, test, statistic, p, n (subjects), draws, note (why there
    is no p). Continuous covariates: Pearson's correlation r with
    :math:`t = r \sqrt{(n-2)/(1-r^2)}` on n - 2 df; categorical ones (text, or at most six
    different whole numbers): one-way analysis of variance, F on g - 1 and n - g df.

    With draws, r is averaged over them on Fisher's scale, F as it is, and each referred to the
    distribution of one draw of n subjects:

    .. math:: r = \tanh\Bigl(\tfrac1L \sum_l \operatorname{artanh} r_l\Bigr), \qquad
              F = \tfrac1L \sum_l F_l

    so that L draws of a subject do not count as L subjects. Tests of draws are not biased by
    shrinkage (Lavielle & Ribba 2016, Pharm Res 33:2979), but conservative; those of empirical
    Bayes estimates mislead where shrinkage exceeds some 30 %. Nothing is corrected for the number
    of tests. Subjects without a value of the covariate are left out.

    Parameters
    ----------
    draws : L, from each subject's conditional distribution; 0 takes the empirical Bayes estimates
    seed : of the draws
    """
    effects = eta_values(fit, draws, seed)
    covariates = fit.data.covariates
    rows: list[list[object]] = []
    omega = fit.omega.reindex(index=list(effects), columns=list(effects)).to_numpy(float)
    for k, (parameter, values) in enumerate(effects.items()):
        why = testable(values, omega=omega[k, k])
        for name in covariates.columns.drop("ID"):
            column = covariates[name]
            kind = kind_of(column)
            found = _test(values, column, kind, why)
            cells = [found.test, found.statistic, found.p, found.n, draws, found.note]
            rows.append([parameter, str(name), kind, *cells])
    return pd.DataFrame(rows, columns=COLUMNS)


def kind_of(column: pd.Series) -> str:
    """Return whether a covariate is continuous or categorical."""
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return CATEGORICAL
    seen = np.unique(column.dropna().to_numpy(float))
    few = len(seen) <= MOST_NUMBERS and 2 * len(seen) <= len(column)
    return CATEGORICAL if few and (seen == np.round(seen)).all() else CONTINUOUS


def _test(values: Floats, column: pd.Series, kind: str, why: str) -> Outcome:
    """Test one random effect (n_draws, n_sub) against one covariate."""
    known = column.notna().to_numpy()
    test = "ANOVA" if kind == CATEGORICAL else "Pearson correlation"
    levels = column[known].nunique()
    if levels < 2:
        why = "the covariate is the same in all subjects" if levels else "no subject has a value"
    if why:
        return Outcome(test, float("nan"), float("nan"), int(known.sum()), why)
    if kind == CATEGORICAL:
        return group_means(values[:, known], column[known].to_numpy(object))
    return correlation(values[:, known], column[known].to_numpy(float))


DIAGNOSTIC = Diagnostic(
    name="covariate_tests", title="Tests of random effects against covariates", table=table
)

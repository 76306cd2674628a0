"""Whether the random effects are what the model says: normal, of mean zero, correlated or not."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import pandas as pd

from workbench.diagnostics._base import Diagnostic
from workbench.diagnostics._eta_values import Floats, eta_values, testable
from workbench.diagnostics._hypotheses import Outcome, correlation, is_normal, mean_is_zero

if TYPE_CHECKING:
    from workbench.results import FitResult

COLUMNS = ["parameter", "other", "test", "statistic", "p", "n", "draws", "modelled", "note"]
NORMAL, MEAN, TOGETHER = "normality (Shapiro–Wilk)", "mean 0 (t)", "Pearson correlation"


def table(fit: FitResult, *, draws: int = 0, seed: int = 0) -> pd.DataFrame:
    r"""Return one row per random effect and test, and per pair of random effects.

    Columns: parameter, other (the second of a pair, else ""), test, statistic, p, n (subjects),
    draws, modelled (of a pair: whether the model has their correlation), note (why there is no
    p). Tests: normality by Shapiro and Wilk, mean 0 by Student's t, and of pairs Pearson's
    correlation r with :math:`t = r\sqrt{(n-2)/(1-r^2)}` on n - 2 df. A small p of a pair whose
    correlation the model does not have says that it misses one.

    With draws the statistics are averaged: t and W as they are, r on Fisher's scale, and the p of
    W is that of the mean normal score, :math:`\Phi(\tfrac1L \sum_l \Phi^{-1}(p_l))`. L draws of a
    subject do not count as L subjects: see `covariate_tests`.

    Parameters
    ----------
    draws : L, from each subject's conditional distribution; 0 takes the empirical Bayes estimates
    seed : of the draws
    """
    effects = eta_values(fit, draws, seed)
    omega = fit.omega.reindex(index=list(effects), columns=list(effects)).to_numpy(float)
    why = {
        name: testable(values, omega=omega[k, k])
        for k, (name, values) in enumerate(effects.items())
    }
    rows: list[list[object]] = []

    def add(parameter: str, other: str, found: Outcome, modelled: bool) -> None:
        cells = [found.test, found.statistic, found.p, found.n, draws, modelled, found.note]
        rows.append([parameter, other, *cells])

    for name, values in effects.items():
        missing = why[name]
        add(name, "", _none(NORMAL, values, missing) if missing else is_normal(values), False)
        add(name, "", _none(MEAN, values, missing) if missing else mean_is_zero(values), False)
    for (i, one), (j, two) in combinations(enumerate(effects), 2):
        missing, modelled = why[one] or why[two], bool(omega[i, j] != 0)
        a, b = effects[one], effects[two]
        found = _none(TOGETHER, a, missing) if missing else correlation(a, b)
        add(one, two, found, modelled)
    return pd.DataFrame(rows, columns=COLUMNS)


def _none(test: str, values: Floats, note: str) -> Outcome:
    """Return the outcome of a test that cannot be made."""
    return Outcome(test, float("nan"), float("nan"), values.shape[1], note)


DIAGNOSTIC = Diagnostic(name="eta_tests", title="Tests of random effects", table=table)

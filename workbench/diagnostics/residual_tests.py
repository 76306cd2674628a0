"""Whether the residuals are what the model says: mean 0, variance 1, normal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.diagnostics._base import Diagnostic
from workbench.diagnostics._hypotheses import (
    Outcome,
    is_normal,
    mean_is_zero,
    median_is_zero,
    variance_is_one,
)
from workbench.diagnostics._residuals import residual_table

if TYPE_CHECKING:
    from workbench.results import FitResult

TESTED = ("WRES", "IWRES", "CWRES", "PWRES", "CWRESI", "NPD", "NPDE")
COLUMNS = ["residual", "test", "statistic", "p", "n", "note"]
GLOBAL = "global (Bonferroni)"


def table(fit: FitResult) -> pd.DataFrame:
    r"""Return one row per residual and test, and per endpoint where there are several.

    Columns: residual, test, statistic, p, n, note (why there is no p). The tests are those that
    npde reports (Comets, Brendel & Mentré 2008, Comput Methods Programs Biomed 90:154), and the
    t test:

    - mean 0, by Student's t and by Wilcoxon's signed ranks;
    - variance 1: :math:`(n - 1) s^2` against :math:`\chi^2_{n-1}`;
    - normality, by Shapiro and Wilk (by D'Agostino and Pearson for more than 5,000 residuals);
    - global: :math:`\min(1, 3 \min(p_{Wilcoxon}, p_{variance}, p_{normality}))`.

    Residuals of one subject are taken for independent, which NPDE nearly are and NPD are not: the
    p values of NPD are too small. IWRES has a variance below 1 where random effects shrink.
    """
    residuals = residual_table(fit)
    several = "ENDPOINT" in residuals
    parts = residuals.groupby("ENDPOINT", sort=False) if several else [("", residuals)]
    rows: list[dict[str, object]] = []
    for endpoint, part in parts:
        for name in TESTED:
            values = part[name].to_numpy(float)
            for found in _tests(values[np.isfinite(values)]):
                place = {"ENDPOINT": endpoint} if several else {}
                rows.append({**place, "residual": name, **_cells(found)})
    tests = pd.DataFrame(rows, columns=["ENDPOINT", *COLUMNS] if several else COLUMNS)
    tests.attrs = dict(residuals.attrs)
    return tests


def _tests(values: NDArray[np.float64]) -> Iterator[Outcome]:
    """Yield the outcome of every test of one residual."""
    ranks, spread, shape = median_is_zero(values), variance_is_one(values), is_normal(values)
    yield mean_is_zero(values)
    yield from (ranks, spread, shape)
    p = np.array([ranks.p, spread.p, shape.p])
    if np.isfinite(p).all():
        yield Outcome(GLOBAL, float(p.min()), min(1.0, 3 * float(p.min())), len(values))
    else:
        note = "a test is missing" if len(values) else "no residuals"
        yield Outcome(GLOBAL, float("nan"), float("nan"), len(values), note)


def _cells(found: Outcome) -> dict[str, object]:
    """Return the columns of an outcome."""
    return {
        "test": found.test,
        "statistic": found.statistic,
        "p": found.p,
        "n": found.n,
        "note": found.note,
    }


DIAGNOSTIC = Diagnostic(name="residual_tests", title="Tests of residuals", table=table)

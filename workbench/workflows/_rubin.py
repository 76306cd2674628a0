"""Rubin's rules, see `multiple_imputation` for the formulas and sources."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student

from workbench.problem.intervals import interval

Floats = NDArray[np.float64]

LEAST_DF = 3.0  # with fewer the quantile of t is above 3.2, and an interval says nothing


def pooled(
    estimates: Floats,
    variances: Floats,
    complete_df: float,
    scales: Sequence[str],
    limits: Sequence[tuple[float, float]] | None = None,
) -> pd.DataFrame:
    """Return one row per parameter: estimate, within, between, se, df, lower, upper and more.

    With fewer than `LEAST_DF` degrees of freedom there is no interval.

    Parameters
    ----------
    estimates, variances : (m, n_parameters)
    complete_df : degrees of freedom that there would be without missing values; may be infinite
    scales : per parameter, the scale of the interval, see `problem.intervals`
    limits : bounds of parameters that lie between some
    """
    limits = limits or [(0.0, 1.0)] * len(scales)
    m = len(estimates)
    mean, within = estimates.mean(axis=0), variances.mean(axis=0)
    between = estimates.var(axis=0, ddof=1)
    extra = (1.0 + 1.0 / m) * between
    total = within + extra
    with np.errstate(divide="ignore", invalid="ignore"):
        increase, share = extra / within, extra / total
        rubin_df = (m - 1) / share**2
        observed_df = complete_df * (1.0 - share)
        if np.isfinite(complete_df):
            observed_df *= (complete_df + 1.0) / (complete_df + 3.0)
        df = 1.0 / (1.0 / rubin_df + 1.0 / observed_df)
        fraction = (increase + 2.0 / (rubin_df + 3.0)) / (increase + 1.0)
    se = np.sqrt(total)
    with np.errstate(invalid="ignore"):
        half = np.where(df >= LEAST_DF, student.ppf(0.975, df) * se, np.nan)
    ends = [
        interval(scale, float(x), float(h), ends_of)
        for scale, x, h, ends_of in zip(scales, mean, half, limits, strict=True)
    ]
    return pd.DataFrame(
        {
            "estimate": mean,
            "within": within,
            "between": between,
            "se": se,
            "df": df,
            "lower": [low for low, _ in ends],
            "upper": [high for _, high in ends],
            "fraction_missing": fraction,
            "relative_increase": increase,
        }
    )

"""Rubin's rules, see `multiple_imputation` for the formulas and sources."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student

Floats = NDArray[np.float64]


def pooled(
    estimates: Floats, variances: Floats, complete_df: float, scales: Sequence[str]
) -> pd.DataFrame:
    """Return one row per parameter: estimate, within, between, se, df, lower, upper and more.

    Parameters
    ----------
    estimates, variances : (m, n_parameters)
    complete_df : degrees of freedom that there would be without missing values; may be infinite
    scales : "log", "fisher" or another word, per parameter: the scale of the interval
    """
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
    limits = [_interval(*row) for row in zip(scales, mean, se, df, strict=True)]
    return pd.DataFrame(
        {
            "estimate": mean,
            "within": within,
            "between": between,
            "se": se,
            "df": df,
            "lower": [low for low, _ in limits],
            "upper": [high for _, high in limits],
            "fraction_missing": fraction,
            "relative_increase": increase,
        }
    )


def _interval(scale: str, estimate: float, se: float, df: float) -> tuple[float, float]:
    """Return the 95 % interval on a scale on which it respects the parameter's range."""
    if not (np.isfinite(se) and df > 0):
        return np.nan, np.nan
    half = float(student.ppf(0.975, df)) * se
    if scale == "log" and estimate > 0:
        with np.errstate(over="ignore"):
            factor = float(np.exp(half / estimate))
            return estimate / factor, estimate * factor
    if scale == "fisher" and abs(estimate) < 1:
        half /= 1.0 - estimate**2
        centre = float(np.arctanh(estimate))
        return float(np.tanh(centre - half)), float(np.tanh(centre + half))
    return estimate - half, estimate + half

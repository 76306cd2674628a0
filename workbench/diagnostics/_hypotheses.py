r"""The tests behind the tables of tests: means, variances, normality, correlations, groups.

Each takes arrays and gives its statistic and two-sided p value; both are NaN, with the reason,
where there is nothing to test. Where several draws of the random effects are given (n_draws, n),
the statistic is averaged over the draws and referred to the distribution that it has for one
draw of n subjects: draws of a subject are not new subjects. The average spreads less than one
draw's, so that such p values are conservative, the more so the more the effects shrink; they are
not biased by shrinkage, as those of empirical Bayes estimates are (Lavielle & Ribba 2016, Pharm
Res 33:2979).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Floats = NDArray[np.float64]

MOST_SHAPIRO = 5000  # values for which its p is known
FEWEST_NORMAL = 3
CONSTANT = "all values are equal"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a test gave.

    Attributes
    ----------
    test : its name
    statistic, p : NaN where it could not be made
    n : values or subjects that took part
    note : why there is no p; else ""
    """

    test: str
    statistic: float
    p: float
    n: int
    note: str = ""


def _none(test: str, n: int, note: str) -> Outcome:
    return Outcome(test, float("nan"), float("nan"), n, note)


def _obstacle(draws: Floats, fewest: int) -> str:
    """Return why (n_draws, n) values cannot be tested; "" where they can."""
    if draws.shape[1] < fewest:
        return f"fewer than {fewest} values"
    spread, size = np.ptp(draws, axis=1), np.abs(draws).max(axis=1)
    return CONSTANT if (spread <= 1e-12 * size).any() else ""


def mean_is_zero(values: Floats) -> Outcome:
    r"""Student's t test of a mean of zero: :math:`t = \bar x \sqrt n / s`, n - 1 df.

    Parameters
    ----------
    values : (n,) or (n_draws, n); t is averaged over draws
    """
    draws = np.atleast_2d(values)
    n, name = draws.shape[1], "mean 0 (t)"
    why = _obstacle(draws, 2)
    if why:
        return _none(name, n, why)
    t = float(np.mean(draws.mean(axis=1) * np.sqrt(n) / draws.std(axis=1, ddof=1)))
    return Outcome(name, t, float(2 * special.stdtr(n - 1, -abs(t))), n)


def median_is_zero(values: Floats) -> Outcome:
    """Wilcoxon's signed-rank test of a distribution that is symmetric about zero, (n,)."""
    n, name = len(values), "mean 0 (Wilcoxon)"
    if n < 1 or not np.any(values):
        return _none(name, n, "all values are zero" if n else "fewer than 1 values")
    tied = len(np.unique(np.abs(values))) < n or not np.all(values)
    method = "exact" if n < 50 and not tied else "asymptotic"
    found = stats.wilcoxon(values, method=method, correction=method == "asymptotic")
    return Outcome(name, float(found.statistic), float(found.pvalue), n)


def variance_is_one(values: Floats) -> Outcome:
    r"""Test of a variance of one: :math:`(n - 1) s^2 \sim \chi^2_{n-1}`, two-sided, (n,)."""
    n, name = len(values), "variance 1 (chi²)"
    if n < 2:
        return _none(name, n, "fewer than 2 values")
    statistic = float((n - 1) * np.var(values, ddof=1))
    below = float(special.chdtr(n - 1, statistic))
    above = float(special.chdtrc(n - 1, statistic))
    return Outcome(name, statistic, min(1.0, 2 * min(below, above)), n)


def is_normal(values: Floats) -> Outcome:
    r"""Shapiro and Wilk's test of normality; D'Agostino and Pearson's for more than 5,000 values.

    Shapiro & Wilk 1965, Biometrika 52:591, with Royston's p (1995, Appl Stat 44:547), which is
    known up to 5,000 values; D'Agostino & Pearson 1973, Biometrika 60:613, is asymptotic.

    Parameters
    ----------
    values : (n,) or (n_draws, n); of draws the statistic is averaged, and p is that of the mean
        normal score, :math:`\Phi(\overline{\Phi^{-1}(p_l)})`
    """
    draws = np.atleast_2d(values)
    n = draws.shape[1]
    test = stats.shapiro if n <= MOST_SHAPIRO else stats.normaltest
    name = f"normality ({'Shapiro–Wilk' if n <= MOST_SHAPIRO else 'D’Agostino–Pearson'})"
    why = _obstacle(draws, FEWEST_NORMAL)
    if why:
        return _none(name, n, why)
    found = [test(one) for one in draws]
    p = [np.clip(float(one.pvalue), 1e-300, 1 - 1e-16) for one in found]
    statistic = float(np.mean([one.statistic for one in found]))
    return Outcome(name, statistic, float(special.ndtr(np.mean(special.ndtri(p)))), n)


def correlation(x: Floats, y: Floats) -> Outcome:
    r"""Pearson's correlation: :math:`t = r \sqrt{(n - 2) / (1 - r^2)}`, n - 2 df.

    Parameters
    ----------
    x, y : (n,) or (n_draws, n); r of draws is averaged on Fisher's scale,
        :math:`r = \tanh(\overline{\operatorname{artanh} r_l})`
    """
    x, y = np.broadcast_arrays(np.atleast_2d(x), np.atleast_2d(y))
    n, name = x.shape[1], "Pearson correlation"
    why = _obstacle(x, 3) or _obstacle(y, 3)
    if why:
        return _none(name, n, why)
    a, b = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    each = (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    r = float(np.tanh(np.mean(np.arctanh(np.clip(each, -1 + 1e-15, 1 - 1e-15)))))
    t = r * np.sqrt((n - 2) / (1 - r * r))
    return Outcome(name, r, float(2 * special.stdtr(n - 2, -abs(t))), n)


def group_means(values: Floats, groups: NDArray[Any]) -> Outcome:
    r"""One-way analysis of variance of g groups.

    .. math::
        F = \frac{\sum_g n_g (\bar x_g - \bar x)^2 / (g - 1)}
                 {\sum_g \sum_i (x_{gi} - \bar x_g)^2 / (n - g)} \sim F_{g-1, n-g}

    Parameters
    ----------
    values : (n,) or (n_draws, n); F is averaged over draws
    groups : (n,)  labels
    """
    draws = np.atleast_2d(values)
    n, name = draws.shape[1], "ANOVA"
    levels, which = np.unique(groups.astype(str), return_inverse=True)
    g = len(levels)
    if g < 2:
        return _none(name, n, "one group only")
    why = _obstacle(draws, g + 1)
    if why:
        return _none(name, n, why)
    member = np.eye(g)[which]  # (n, g)
    sizes = member.sum(axis=0)
    means = draws @ member / sizes
    between = ((means - draws.mean(axis=1, keepdims=True)) ** 2 @ sizes) / (g - 1)
    within = ((draws - means[:, which]) ** 2).sum(axis=1) / (n - g)
    if (within <= 1e-24 * (draws**2).max(axis=1)).any():
        return _none(name, n, "no variability within groups")
    f = float(np.mean(between / within))
    return Outcome(name, f, float(special.fdtrc(g - 1, n - g, f)), n)

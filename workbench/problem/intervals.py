"""95 % intervals from an estimate and its SE that respect the range of a parameter."""

from __future__ import annotations

import numpy as np
from scipy.special import chdtri

from workbench.models.distributions import distributions

NORMAL = 1.959963984540054  # quantile of a 95 % interval
LEAST_DF = 0.1  # of a variance; below, its SE is 4.5 times the estimate, and all is possible

BETWEEN = {"logit": "logitnormal", "probit": "probitnormal"}  # scale → distribution with that link


def interval(
    scale: str, estimate: float, half: float, limits: tuple[float, float] = (0.0, 1.0)
) -> tuple[float, float]:
    r"""Return the ends of :math:`g^{-1}\bigl(g(x) \pm g'(x)\,h\bigr)` (Wald); of a variance others.

    The estimate of a variance times its degrees of freedom over the truth is taken to be
    :math:`\chi^2_\nu` with :math:`\nu = 2 (x / \mathrm{SE})^2` (Satterthwaite 1946, Biometrics
    Bull 2:110): few subjects leave more room above the estimate than below.

    Parameters
    ----------
    scale : that of g: ``"log"``, ``"fisher"`` (arctanh), ``"logit"``, ``"probit"`` or
        ``"identity"``; ``"chi2"`` for a variance
    estimate : x
    half : h, half the length on the natural scale: quantile times SE
    limits : bounds of x, for ``"logit"`` and ``"probit"``
    """
    if not np.isfinite(half):
        return np.nan, np.nan
    if scale == "chi2" and estimate > 0 and half > 0:
        df = 2.0 * (estimate * NORMAL / half) ** 2
        if df < LEAST_DF:
            return 0.0, np.inf
        return df * estimate / float(chdtri(df, 0.025)), df * estimate / float(chdtri(df, 0.975))
    if scale == "log" and estimate > 0:
        with np.errstate(over="ignore"):
            factor = float(np.exp(half / estimate))
            return estimate / factor, estimate * factor
    if scale == "fisher" and abs(estimate) < 1:
        half /= 1.0 - estimate**2
        centre = float(np.arctanh(estimate))
        return float(np.tanh(centre - half)), float(np.tanh(centre + half))
    low, high = limits
    if scale in BETWEEN and low < estimate < high:
        kind, width = distributions.get(BETWEEN[scale]), high - low
        centre = kind.to_psi((estimate - low) / width)
        half /= width * kind.slope(centre)
        return low + width * kind.from_psi(centre - half), low + width * kind.from_psi(
            centre + half
        )
    return estimate - half, estimate + half

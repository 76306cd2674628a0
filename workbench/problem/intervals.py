"""Wald intervals on a scale on which they respect the range of a parameter."""

from __future__ import annotations

import numpy as np

from workbench.models.distributions import distributions

BETWEEN = {"logit": "logitnormal", "probit": "probitnormal"}  # scale → distribution with that link


def interval(
    scale: str, estimate: float, half: float, limits: tuple[float, float] = (0.0, 1.0)
) -> tuple[float, float]:
    r"""Return the ends of :math:`g^{-1}\bigl(g(x) \pm g'(x)\,h\bigr)`.

    Parameters
    ----------
    scale : that of g: ``"log"``, ``"fisher"`` (arctanh), ``"logit"``, ``"probit"`` or
        ``"identity"``
    estimate : x
    half : h, half the length on the natural scale: quantile times SE
    limits : bounds of x, for ``"logit"`` and ``"probit"``
    """
    if not np.isfinite(half):
        return np.nan, np.nan
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

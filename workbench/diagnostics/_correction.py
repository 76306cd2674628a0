r"""Prediction correction of observed and simulated values (Bergstrand et al. 2011).

Bergstrand, Hooker, Wallin & Karlsson 2011, AAPS J 13:143. With :math:`\widetilde{PRED}` the median
of PRED over the observations of a bin and lb the lower bound of the data,

.. math::
    pcY_{ij} = lb + (Y_{ij} - lb)\,\frac{\widetilde{PRED} - lb}{PRED_{ij} - lb}
    \qquad\text{or, of data on a logarithmic scale,}\qquad
    pcY_{ij} = Y_{ij} + \widetilde{PRED} - PRED_{ij}.

With :math:`s_{ij}` the standard deviation of the simulated :math:`pcY_{ij}` over the replicates
and :math:`\tilde s` its median over the bin, the prediction- and variability-corrected value is

.. math:: pvcY_{ij} = \widetilde{PRED} + (pcY_{ij} - \widetilde{PRED})\,\tilde s / s_{ij}.

Either is a straight line in :math:`Y_{ij}`, the same for the observed and the simulated values of
an observation. An observation with PRED = lb has no ratio and stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Correction:
    """What values are corrected for.

    Attributes
    ----------
    kind : "none", "prediction", or "variance" (for prediction and variability)
    log : the data are on a logarithmic scale
    lower : lb, the lower bound of the data on their own scale
    """

    kind: Literal["none", "prediction", "variance"] = "none"
    log: bool = False
    lower: float = 0.0


def lines(
    correction: Correction, pred: Floats, replicates: Floats
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return slope and intercept of each observation's correction within one bin.

    Parameters
    ----------
    pred : (n,)  PRED of the observations in the bin
    replicates : (n_replicates, n)  their simulated values; -inf or NaN does not count

    Returns
    -------
    slope, intercept, left : (n,)  `left` where an observation could not be corrected
    """
    slope, intercept = np.ones(len(pred)), np.zeros(len(pred))
    left = ~np.isfinite(pred)
    if correction.kind == "none":
        return slope, intercept, np.zeros(len(pred), bool)
    middle = float(np.median(pred[~left])) if (~left).any() else np.nan
    if correction.log:
        intercept = np.where(left, 0.0, middle - pred)
    else:
        left = left | (pred == correction.lower)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = (middle - correction.lower) / (pred - correction.lower)
        slope = np.where(left, 1.0, ratio)
        intercept = np.where(left, 0.0, correction.lower * (1.0 - slope))
    if correction.kind == "variance":
        stretch = _stretch(np.abs(slope) * _spread(replicates))
        stretch = np.where(left, 1.0, stretch)
        slope = slope * stretch
        intercept = np.where(left, intercept, middle + stretch * (intercept - middle))
    return slope, intercept, left


def _spread(replicates: Floats) -> Floats:
    """Return the standard deviation of each column over the replicates."""
    if np.isfinite(replicates).all():
        return np.asarray(replicates.std(axis=0, ddof=1 if len(replicates) > 1 else 0))
    seen = np.isfinite(replicates)
    n = np.maximum(seen.sum(axis=0), 1)
    values = np.where(seen, replicates, 0.0)
    mean = values.sum(axis=0) / n
    squares = np.where(seen, (values - mean) ** 2, 0.0).sum(axis=0)
    return np.asarray(np.sqrt(squares / np.maximum(n - 1, 1)))


def _stretch(spread: Floats) -> Floats:
    """Return median spread / spread; 1 where there is no spread to go by."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.median(spread) / spread
    return np.asarray(np.where(np.isfinite(found), found, 1.0))

r"""Prediction discrepancies and prediction distribution errors, from plain arrays.

With :math:`y_i` the observations of subject i, :math:`y_i^{(k)}`, k = 1 … K, data simulated for
the same design, and :math:`\bar y_i`, :math:`V_i` the mean and covariance of these:

.. math::
    pd_{ij} &= \frac1K \sum_k 1[y_{ij}^{(k)} < y_{ij}], & npd &= \Phi^{-1}(pd) \\
    pde_{ij} &= \frac1K \sum_k 1[z_{ij}^{(k)} < z_{ij}], & npde &= \Phi^{-1}(pde),
    \qquad z_i = W_i (y_i - \bar y_i), \; W_i V_i W_i^\top = I

A share of 0 counts as 1/(2K), of 1 as 1 - 1/(2K). W is the inverse of the Cholesky factor of V
(Brendel, Comets, Laffont, Laveille & Mentré 2006, Pharm Res 23:2036; Comets, Brendel & Mentré
2008, Comput Methods Programs Biomed 90:154) or :math:`V^{-1/2}`. Under the model pd and pde are
uniform, npd and npde N(0, 1); npd of one subject are correlated, npde nearly not.

That is so for many replicates: the mean and covariance are themselves simulated, and the
observations took no part in them, so that the variance of npde is about 1 + n/K for n observations
a subject. *Corrected*, the observed vector is one of the K + 1 vectors that the covariance is
taken from; it is then exchangeable with the others under the model, its rank r among them is
uniform on 0 … K for any K, and :math:`pde = (r + \tfrac12) / (K + 1)`, pd likewise.

PWRES is :math:`V_i^{-1/2} (y_i - \bar y_i)`, as in Monolix. Corrected, it is
multiplied by :math:`\sqrt{(K - n - 2)/(K - 1) \cdot K/(K + 1)}`, which makes its variance 1 for
normal data (the mean of an inverse Wishart matrix).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from workbench.diagnostics._censored import impute, impute_above
from workbench.errors import OptionError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DECORRELATIONS = ("cholesky", "inverse", "polar")
CHUNK = 1_000_000  # simulated values that are worked on at once

FINE, NO_VALUE, NO_PREDICTION, NO_SPREAD, FEW_REPLICATES, SINGULAR = range(6)
REASONS = {
    NO_VALUE: "there is no observed value",
    NO_PREDICTION: "most simulated values are not finite",
    NO_SPREAD: "the model gives the observation no variability",
    FEW_REPLICATES: "the subject has about as many observations as there are replicates, or more "
    "(simulate more)",
    SINGULAR: "the covariance of the subject's simulated observations is singular",
}


@dataclass(frozen=True, slots=True)
class PredictionErrors:
    """What the observations look like beside simulated ones; every array is (n_obs,).

    Attributes
    ----------
    observed : the observations, censored ones as they were imputed
    ypred, ysd : mean and SD of the simulated observations
    pwres : population weighted residual
    pd, npd : prediction discrepancy and its normal score
    pde, npde : prediction distribution error and its normal score
    status : `FINE`, or which of `REASONS` an observation has missing values for
    """

    observed: Floats
    ypred: Floats
    ysd: Floats
    pwres: Floats
    pd: Floats
    npd: Floats
    pde: Floats
    npde: Floats
    status: Ints


def prediction_errors(
    observed: Floats,
    simulated: Floats,
    start: Ints,
    *,
    decorrelation: str = "cholesky",
    corrected: bool = False,
    censored: NDArray[np.bool_] | None = None,
    limit: Floats | float | None = None,
    above: NDArray[np.bool_] | None = None,
    upper: Floats | float | None = None,
    seed: int = 0,
) -> PredictionErrors:
    """Compare observations with simulated ones.

    Parameters
    ----------
    observed : (n_obs,)  subject after subject
    simulated : (K, n_obs)  K data sets of the same design
    start : (n_sub + 1,)  offsets of the subjects
    decorrelation : "cholesky", or the symmetric root of the covariance: "inverse" from its
        eigenvectors, "polar" from the polar decomposition of its Cholesky factor. The last two
        are one matrix, and the same code
    corrected : whether to allow for the finite number of replicates, as above; without, the
        published definitions hold to the letter
    censored : (n_obs,)  observations known only to be below their limit; see `impute`
    limit : (n_obs,) or one for all; NaN where there is none
    above, upper : the same of observations known only to be above an upper limit
    seed : of the imputed values; without censoring nothing is random

    Returns
    -------
    PredictionErrors
        A subject whose covariance cannot be inverted keeps pd and npd. A replicate with a value
        that is not finite is left out for that subject.

    Raises
    ------
    OptionError
        The decorrelation is unknown, shapes do not fit, or a censored observation has no limit.
    """
    if decorrelation not in DECORRELATIONS:
        known = ", ".join(repr(name) for name in DECORRELATIONS)
        raise OptionError(f"There is no decorrelation {decorrelation!r}. Known: {known}.")
    if simulated.ndim != 2 or simulated.shape[1] != len(observed) or len(simulated) < 2:
        raise OptionError(
            f"Simulated data must be an array of at least 2 replicates x {len(observed)} "
            f"observations; this one is {' x '.join(map(str, simulated.shape))}."
        )
    known_pd = []
    for marks, bound, draw in ((censored, limit, impute), (above, upper, impute_above)):
        if marks is not None and np.any(marks):
            done = draw(observed, simulated, marks, bound, seed=seed)
            observed, simulated = done.observed, done.simulated
            known_pd.append((marks, done.pd))
    work = _Work(observed, decorrelation == "cholesky", corrected)
    for rows in _chunks(start, len(simulated)):
        _compare(work, rows, observed[rows], _of_subjects(simulated, rows))
    half = 0.5 / (len(simulated) + corrected)
    for marks, drawn in known_pd:
        work.pd[marks] = np.clip(drawn[marks], half, 1 - half)
    return PredictionErrors(
        work.observed,
        work.ypred,
        work.ysd,
        work.pwres,
        work.pd,
        ndtri(work.pd),
        work.pde,
        ndtri(work.pde),
        work.status,
    )


class _Work:
    """The arrays that are filled, chunk after chunk."""

    def __init__(self, observed: Floats, triangular: bool, corrected: bool) -> None:
        n_obs = len(observed)
        self.observed, self.triangular, self.corrected = observed, triangular, corrected
        self.ypred, self.ysd, self.pwres, self.pd, self.pde = np.full((5, n_obs), np.nan)
        self.status = np.full(n_obs, FINE, dtype=np.int64)


def _chunks(start: Ints, replicates: int) -> Iterator[Ints]:
    """Yield observation numbers (n_sub, n) of subjects with equally many observations."""
    sizes = np.diff(start)
    for size in np.unique(sizes[sizes > 0]):
        rows = start[:-1][sizes == size][:, None] + np.arange(size)
        step = max(1, int(CHUNK // (replicates * size)))
        for first in range(0, len(rows), step):
            yield rows[first : first + step]


def _of_subjects(simulated: Floats, rows: Ints) -> Floats:
    """Return the simulated values of some subjects, (n_sub, K, n)."""
    taken = np.take(simulated, rows.ravel(), axis=1).reshape(len(simulated), *rows.shape)
    return np.ascontiguousarray(taken.transpose(1, 0, 2))


def _compare(work: _Work, rows: Ints, y: Floats, simulated: Floats) -> None:
    """Fill in subjects: together those without peculiarities, the others one by one."""
    low, high = simulated.min(axis=1), simulated.max(axis=1)  # NaN where a value is
    with np.errstate(invalid="ignore"):
        spread = high - low > 1e-12 * np.maximum(np.abs(low), np.abs(high))
    fine = (spread & np.isfinite(low) & np.isfinite(high) & np.isfinite(y)).all(axis=1)
    if fine.any():
        _fill(work, rows[fine], y[fine], simulated[fine])
    for i in np.flatnonzero(~fine):
        _fill_odd(work, rows[i], y[i], simulated[i])


def _fill_odd(work: _Work, rows: Ints, y: Floats, simulated: Floats) -> None:
    """Fill in one subject without its unusable observations and replicates."""
    finite = np.isfinite(simulated)
    predicted = finite.mean(axis=0) > 0.5
    kept = simulated[finite[:, predicted].all(axis=1)]
    if len(kept) < 2 or not predicted.any():
        work.status[rows] = NO_PREDICTION
        return
    work.status[rows[~predicted]] = NO_PREDICTION
    low, high = kept.min(axis=0), kept.max(axis=0)
    with np.errstate(invalid="ignore"):
        varies = high - low > 1e-12 * np.maximum(np.abs(low), np.abs(high))
    work.status[rows[predicted & ~varies]] = NO_SPREAD
    constant = predicted & ~varies
    work.ypred[rows[constant]], work.ysd[rows[constant]] = low[constant], 0.0
    unseen = predicted & varies & ~np.isfinite(y)
    work.status[rows[unseen]] = NO_VALUE
    work.ypred[rows[unseen]] = kept[:, unseen].mean(axis=0)
    work.ysd[rows[unseen]] = kept[:, unseen].std(axis=0, ddof=1)
    usable = predicted & varies & np.isfinite(y)
    if usable.any():
        _fill(work, rows[usable][None], y[usable][None], kept[None][:, :, usable])


def _fill(work: _Work, rows: Ints, y: Floats, simulated: Floats) -> None:
    """Fill in subjects whose values are all finite and vary.

    Parameters
    ----------
    rows, y : (n_sub, n)
    simulated : (n_sub, K, n)
    """
    replicates, n = simulated.shape[1:]
    mean = simulated.mean(axis=1)
    centred = simulated - mean[:, None]
    covariance = centred.transpose(0, 2, 1) @ centred / (replicates - 1)
    sd = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    work.ypred[rows], work.ysd[rows] = mean, sd
    work.pd[rows] = _share(simulated, y, work.corrected)
    if n > replicates - (3 if work.corrected else 1):
        work.status[rows] = FEW_REPLICATES
        return
    correlation, sd = _correlation(covariance)
    regular = np.linalg.eigvalsh(correlation)[:, 0] > 16 * n * np.finfo(float).eps
    work.status[rows[~regular]] = SINGULAR
    if not regular.all():
        rows, covariance, correlation = rows[regular], covariance[regular], correlation[regular]
        sd, centred, mean, y = sd[regular], centred[regular], mean[regular], y[regular]
    if not len(rows):
        return
    deviation = y - mean
    shrink = (replicates - n - 2) / (replicates - 1) * replicates / (replicates + 1)
    root = _symmetric_root(correlation, sd)
    white = (deviation[:, None] @ root)[:, 0]
    work.pwres[rows] = white * np.sqrt(shrink) if work.corrected else white
    if work.corrected:  # the observed vector is one more replicate
        outer = deviation[:, :, None] * deviation[:, None, :] / (replicates + 1)
        correlation, sd = _correlation(covariance * (replicates - 1) / replicates + outer)
        root = _symmetric_root(correlation, sd)
    if work.triangular:
        low = np.linalg.cholesky(correlation)
        root = np.linalg.inv(low).transpose(0, 2, 1) / sd[:, :, None]
    observed = (deviation[:, None] @ root)[:, 0]
    work.pde[rows] = _share(centred @ root, observed, work.corrected)


def _correlation(covariance: Floats) -> tuple[Floats, Floats]:
    """Return correlation matrices (n_sub, n, n) and SDs (n_sub, n)."""
    sd = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    return covariance / (sd[:, :, None] * sd[:, None, :]), sd


def _symmetric_root(correlation: Floats, sd: Floats) -> Floats:
    """Return V^(-1/2), by the singular values of the Cholesky factor of V, (n_sub, n, n)."""
    low = sd[:, :, None] * np.linalg.cholesky(correlation)
    left, singular, _ = np.linalg.svd(low)
    return np.asarray((left / singular[:, None, :]) @ left.transpose(0, 2, 1))


def _share(simulated: Floats, y: Floats, corrected: bool) -> Floats:
    """Return the share of simulated values (n_sub, K, n) below the observed ones (n_sub, n)."""
    replicates = simulated.shape[1]
    below = np.count_nonzero(simulated < y[:, None], axis=1)
    if corrected:
        return np.asarray((below + 0.5) / (replicates + 1))
    return np.clip(below / replicates, 0.5 / replicates, 1 - 0.5 / replicates)

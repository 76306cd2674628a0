r"""Predictions and weighted residuals of every observation at given parameters.

With f the prediction, r(f) the residual on the modelled scale, v its variance and
G = -dr/d eta (Hooker, Staatz & Karlsson 2007, Pharm Res 24:2187):

* WRES: :math:`r(f_0)` whitened by :math:`C_0 = G_0 \Omega G_0^\top + \mathrm{diag}(v_0)`,
  everything at eta = 0;
* CWRES: :math:`r(\hat f) + G\hat\eta` whitened by
  :math:`C = G \Omega G^\top + \mathrm{diag}(v)`, everything at the conditional mode (v at
  eta = 0 where the estimator knows no interaction). After FOCEI, R is that at the individual
  prediction, which some authors call CWRESI; here it is CWRES, as in NONMEM's tables;
* CWRESI: as CWRES, but each v is its expectation over eta ~ N(0, Omega) of the linearised model,
  whatever the estimator:

  .. math:: E[v(m + G_f \eta)] = v(m) + \tfrac12 v''(m) \, (G_f \Omega G_f^\top)_{jj},
            \qquad m = \hat f - G_f \hat\eta, \quad G_f = df/d\eta

  This is NONMEM's CWRESI; it is exact where v is at most quadratic in f (additive, proportional,
  combined), and equals CWRES where v does not depend on f. With a random effect u on the error
  it is :math:`E[v\,e^{2u}] = e^{2\omega_u^2} E[v]` with m moved by twice what u explains of
  :math:`G_f \eta`, their covariance;
* IWRES: :math:`r(\hat f) / \sqrt{v(\hat f)}`.

An observation that is known only to lie beyond a limit has no residual: NaN, and the others of
its subject are whitened without it.

Whitening is by the symmetric (eigenvalue) square root of C, as in NONMEM; a Cholesky factor
gives other numbers.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.core.packed import Values
from workbench.core.residuals import DENSITY, V_FF, V
from workbench.data.censoring import flags
from workbench.problem.problem import Problem

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


def whiten(residual: Floats, g: Floats, variance: Floats, omega: Floats, start: Ints) -> Floats:
    """Return each subject's residuals multiplied by C^(-1/2).

    Parameters
    ----------
    residual, variance : (n_obs,)
    g : (n_obs, n_eta)
    omega : (n_eta, n_eta)
    start : (n_sub + 1,)  offsets of the subjects

    Returns
    -------
    (n_obs,) ; NaN for a subject whose C is not positive definite
    """
    out = np.full(len(residual), np.nan)
    sizes = np.diff(start)
    for size in np.unique(sizes[sizes > 0]):
        rows = start[:-1][sizes == size][:, None] + np.arange(size)
        gi = g[rows]
        covariance = gi @ omega @ gi.transpose(0, 2, 1)
        diagonal = np.arange(size)
        covariance[:, diagonal, diagonal] += variance[rows]
        usable = np.isfinite(covariance).all(axis=(1, 2))
        rows, covariance = rows[usable], covariance[usable]
        eigenvalues, vectors = np.linalg.eigh(covariance)
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled = np.einsum("nij,ni->nj", vectors, residual[rows]) / np.sqrt(eigenvalues)
        scaled[(eigenvalues <= 0).any(axis=1)] = np.nan
        out[rows] = np.einsum("nij,nj->ni", vectors, scaled)
    return out


def predictions_table(
    problem: Problem, values: Values, omega: Floats, eta: Floats, *, interaction: bool
) -> pd.DataFrame:
    """Return one row per observation with predictions and residuals.

    Parameters
    ----------
    values, omega : population parameters
    eta : (n_sub, n_eta)  conditional modes
    interaction : whether CWRES takes the residual variance at the mode

    Returns
    -------
    DataFrame
        ROW ID TIME TAD DV PRED IPRED RES IRES WRES IWRES CWRES CWRESI; RES and IRES are plain
        differences in the unit of DV. After TAD, ENDPOINT names the output where the model has
        several; CENS, after DV, is 1 for a value below DV and -1 for one above it, where there
        are any.
    """
    at_zero = problem.predict(values.theta, problem.no_etas())
    at_mode = problem.predict(values.theta, eta)
    population = problem.data.population
    sizes = np.diff(population.obs_start)
    eta_rows = np.repeat(eta, sizes, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        r0, v0, h0 = problem.residuals(at_zero[:, 0], values.sigma)
        r1, v1, h1 = problem.residuals(at_mode[:, 0], values.sigma, eta)
        iwres = r1 / np.sqrt(v1)
    g0, g1 = h0[:, None] * at_zero[:, 1:], h1[:, None] * at_mode[:, 1:]
    conditional = r1 + np.einsum("ij,ij->i", g1, eta_rows)
    v_expected = expected_variance(problem, values, omega, at_mode, eta)
    start, dv = population.obs_start, population.dv
    known = np.isin(population.obs_kind, DENSITY)
    residual = np.where(known, dv, np.nan)

    def white(r: Floats, g: Floats, v: Floats) -> Floats:
        return _whiten_known(r, g, v, omega, start, known)

    table = pd.DataFrame(
        {
            "ROW": problem.data.table["ROW"].to_numpy()[population.obs_row],
            "ID": np.repeat(np.array(population.subjects, dtype=object), sizes),
            "TIME": population.obs_time,
            "TAD": problem.data.time_after_dose,
            "DV": dv,
            "PRED": at_zero[:, 0],
            "IPRED": at_mode[:, 0],
            "RES": residual - at_zero[:, 0],
            "IRES": residual - at_mode[:, 0],
            "WRES": white(r0, g0, v0),
            "IWRES": np.where(known, iwres, np.nan),
            "CWRES": white(conditional, g1, v1 if interaction else v0),
            "CWRESI": white(conditional, g1, v_expected),
        }
    )
    if not known.all():
        side = np.where(known, 0, flags(problem.data.table)[population.obs_row])
        table.insert(list(table).index("DV") + 1, "CENS", side)
    outputs = problem.model.structure.outputs
    if len(outputs) > 1:
        name = np.array(outputs, dtype=object)[problem.outputs]
        table.insert(list(table).index("DV"), "ENDPOINT", name)
    return table


def _whiten_known(
    residual: Floats, g: Floats, variance: Floats, omega: Floats, start: Ints, known: Mask
) -> Floats:
    """Return `whiten` of the observations whose value is known, NaN at the others."""
    if known.all():
        return whiten(residual, g, variance, omega, start)
    out = np.full(len(residual), np.nan)
    kept = np.concatenate([[0], np.cumsum(known)])[start]
    out[known] = whiten(residual[known], g[known], variance[known], omega, kept)
    return out


def expected_variance(
    problem: Problem, values: Values, omega: Floats, at_mode: Floats, eta: Floats
) -> Floats:
    """Return the residual variance expected over eta under the model linearised at the modes.

    Parameters
    ----------
    at_mode : (n_obs, 1 + n_eta)  predictions at the modes and their eta-derivatives
    eta : (n_sub, n_eta)  the modes

    Returns
    -------
    (n_obs,) ; see CWRESI above
    """
    g, eta_rows = at_mode[:, 1:], np.repeat(eta, np.diff(problem.data.population.obs_start), axis=0)
    mean = np.ascontiguousarray(at_mode[:, 0] - np.einsum("ij,ij->i", g, eta_rows))
    spread = np.einsum("ij,jk,ik->i", g, omega, g)
    factor, which = np.ones(len(mean)), problem.scaling_eta
    rows = np.flatnonzero(which >= 0)
    factor[rows] = np.exp(2.0 * omega[which[rows], which[rows]])
    mean[rows] += 2.0 * np.einsum("ij,ij->i", g[rows], omega[which[rows]])
    with np.errstate(divide="ignore", invalid="ignore"):
        table = problem.residual_table(mean, values.sigma)
    found = factor * (table[:, V] + 0.5 * table[:, V_FF] * spread)
    to_scale = problem.stretch(values.sigma)
    return np.asarray(found * to_scale**2 * problem.spread_of_law(values.sigma))

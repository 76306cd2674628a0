r"""What the observations of each subject say about its random effects.

.. math:: I_i(\eta) = \sum_j w_{ij}\, g_{ij} g_{ij}^\top, \qquad
    w = \frac{r_f^2}{v} + \frac{v_f^2}{2 v^2}, \quad g = \partial f / \partial \eta

w is the expected information of one plain observation about its prediction: through its mean, and
through its variance where that depends on f (`core.observation` has the other kinds). About a
random effect on the log of its SD it gives 2, and :math:`v_f/v` jointly with f. With the
prior, :math:`I_i + \Omega^{-1}` is the Hessian that FOCEI puts in the place of the second
derivatives (Wang 2007, J Pharmacokinet Pharmacodyn 34:575) and the Bayesian information matrix of
a design (Combes, Retout, Frey, Mentré 2013, Pharm Res 30:2355).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.core import observation
from workbench.core.packed import Values
from workbench.core.residuals import KIND, R_F, V_F, R, V
from workbench.problem.problem import Problem

Floats = NDArray[np.float64]


def score_and_information(
    problem: Problem, values: Values, eta: Floats, *, through_variance: bool = True
) -> tuple[Floats, Floats]:
    r"""Return the slope of log p(y | eta) in eta, (n_sub, n_eta), and the information.

    .. math:: \frac{\partial \log p}{\partial \eta} = -\sum_j g_j \Bigl(\frac{r r_f}{v}
              + \frac{v_f}{2 v} \Bigl(1 - \frac{r^2}{v}\Bigr)\Bigr)

    The information is (n_sub, n_eta, n_eta). NaN for a subject that has no prediction there. The
    residual variance is that at the individual prediction, whatever the method of the fit.

    Parameters
    ----------
    eta : (n_sub, n_eta)
    through_variance : whether w has its second part
    """
    n_sub, n_eta = eta.shape
    predicted = problem.predict(values.theta, eta)
    with np.errstate(divide="ignore", invalid="ignore"):
        table = problem.residual_table(predicted[:, 0], values.sigma, eta)
        r, r_f, v, v_f = (table[:, column] for column in (R, R_F, V, V_F))
        w = r_f**2 / v + 0.5 * (v_f / v) ** 2 * through_variance
        slope = -(r * r_f / v + 0.5 * v_f / v * (1.0 - r**2 / v))
    for j in np.flatnonzero(table[:, KIND]):
        w[j], slope[j] = observation.weight(table[j]), -observation.slope(table[j])
    g = predicted[:, 1:]
    score, out = np.zeros((n_sub, n_eta)), np.zeros((n_sub, n_eta, n_eta))
    who = np.repeat(np.arange(n_sub), np.diff(problem.data.population.obs_start))
    for a in range(n_eta):
        score[:, a] = np.bincount(who, slope * g[:, a], minlength=n_sub)
        for b in range(a + 1):
            out[:, a, b] = np.bincount(who, w * g[:, a] * g[:, b], minlength=n_sub)
            out[:, b, a] = out[:, a, b]
    if problem.is_scaled:
        _add_scale_effects(problem, who, table, g, score, out, through_variance=through_variance)
    return score, out


def _add_scale_effects(
    problem: Problem,
    who: NDArray[np.int64],
    table: Floats,
    g: Floats,
    score: Floats,
    out: Floats,
    *,
    through_variance: bool,
) -> None:
    """Add what observations tell of the random effects on their errors.

    Parameters
    ----------
    who : (n_obs,)  number of the subject
    table : residual-error table
    g : (n_obs, n_eta)  derivatives of the predictions
    score, out : see `score_and_information`; changed
    """
    which = problem.scaling_eta
    for j in np.flatnonzero(which >= 0):
        row, i, u = table[j], who[j], which[j]
        r_i, v_i, _ = observation.informed(row, 0.0, 2.0 * row[V], 0.0)
        across = (r_i * row[R_F] + v_i * row[V_F] * through_variance) * g[j]
        score[i, u] -= observation.scale_terms(row)[0]
        out[i, u, u] += 2.0 * v_i * row[V]
        out[i, u, :] += across
        out[i, :, u] += across


def conditional_covariances(
    problem: Problem, values: Values, eta: Floats, *, through_variance: bool = True
) -> Floats:
    r"""Return :math:`(I_i(\eta_i) + \Omega^{-1})^{-1}`, (n_sub, n_eta, n_eta); NaN where it fails.

    At the conditional modes these are NONMEM's conditional variances (ETC).

    Parameters
    ----------
    through_variance : whether w has its second part, what the variance tells of f
    """
    found = score_and_information(problem, values, eta, through_variance=through_variance)[1]
    hessian = found + values.precision
    usable = np.isfinite(hessian).all(axis=(1, 2))
    out = np.full_like(hessian, np.nan)
    out[usable] = np.linalg.inv(hessian[usable])  # positive definite: omega's inverse is in it
    return out

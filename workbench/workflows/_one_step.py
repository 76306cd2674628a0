"""What leaving a subject out would change, predicted by one Newton step: no refit is needed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.errors import WorkbenchError
from workbench.estimation import subject_gradients
from workbench.results import FitResult

Floats = NDArray[np.float64]

FAR = 1.0  # decrease of FOCEI's OFV that its gradient may promise at the estimates of the fit


@dataclass(frozen=True, slots=True, eq=False)
class OneStep:
    r"""Predicted changes.

    Attributes
    ----------
    shift : (n_sub, n)  estimate without the subject - estimate, of parameters with an SE; no
        columns without a prediction
    cook : Cook's distance of that
    decrease : of the OFV of the others, :math:`\tfrac12 g_i^T \Delta\theta_i`
    reason : why there is no prediction; "" if there is one
    """

    shift: pd.DataFrame
    cook: pd.Series[float]
    decrease: pd.Series[float]
    reason: str = ""


def one_step(fit: FitResult) -> OneStep:
    r"""Predict the estimates without each subject.

    The objective of the others has the gradient :math:`-g_i` at the estimates of all, and about
    the same curvature, 2R; one Newton step is

    .. math:: \Delta\theta_i = \tfrac12 R^{-1} g_i, \qquad
        cook_i = \Delta\theta_i^T C^{-1} \Delta\theta_i

    where C is :math:`R^{-1}`, and Cook's distance :math:`\tfrac14 g_i^T C g_i`, unless C is the
    sandwich :math:`R^{-1} S R^{-1}`; then :math:`R^{-1}` is the geometric mean of C and
    :math:`S^{-1}`, with :math:`S = \tfrac14 \sum_i g_i g_i^T`.
    (Pregibon 1981, Ann. Stat. 9:705; Cook & Weisberg 1982, Residuals and Influence in Regression,
    chapter 5.) The size of large changes is rough: the curvature that leaves with the subject, and
    its change along the step, are neglected. The gradients are FOCEI's, about their mean, whatever
    the method; where they are far from zero in sum, as they may be at FO's estimates, there is no
    prediction.
    """
    covariance = fit.covariance
    names = [str(name) for name in covariance.index]
    if not names:
        return _none(fit, "the fit has no standard errors")
    try:
        gradients = subject_gradients(fit.final_model, fit.data)[names]
    except (WorkbenchError, ArithmeticError, ValueError, KeyError) as problem:
        return _none(fit, f"the gradients of the subjects could not be computed ({problem})")
    se = np.sqrt(np.diag(covariance))  # scales everything to order one
    g, c = gradients.to_numpy(float) * se, covariance.to_numpy(float) / np.outer(se, se)
    if not (np.isfinite(g).all() and np.isfinite(c).all()):
        return _none(fit, "the gradient of a subject does not exist")
    if not any(p.prior for p in fit.final_model.parameters.values()):
        total = g.sum(axis=0)
        if 0.25 * float(total @ c @ total) > FAR:
            return _none(fit, "the estimates are not close to a minimum of FOCEI's objective")
        g = g - g.mean(axis=0)
    try:
        inverse = _out_of_sandwich(c, g) if fit.options.get("covariance") == "sandwich" else c
        shift = 0.5 * g @ inverse
        cook = np.einsum("ij,ji->i", shift, np.linalg.solve(c, shift.T))
    except np.linalg.LinAlgError:
        return _none(fit, "the covariance matrix, or that of the gradients, is singular")
    return OneStep(
        pd.DataFrame(shift * se, index=gradients.index, columns=names),
        pd.Series(cook, index=gradients.index, name="cook"),
        pd.Series(0.5 * (g * shift).sum(axis=1), index=gradients.index),
    )


def _out_of_sandwich(c: Floats, g: Floats) -> Floats:
    """Return the X with X S X = C: the geometric mean of C and the inverse of S."""
    values, vectors = np.linalg.eigh(0.25 * g.T @ g)
    if values[0] <= 1e-12 * values[-1]:
        raise np.linalg.LinAlgError
    root = (vectors * np.sqrt(values)) @ vectors.T
    spread, axes = np.linalg.eigh(root @ c @ root)
    middle = (axes * np.sqrt(np.maximum(spread, 0.0))) @ axes.T
    inverse = (vectors / np.sqrt(values)) @ vectors.T
    return inverse @ middle @ inverse


def _none(fit: FitResult, reason: str) -> OneStep:
    index = pd.Index(fit.data.subjects, name="ID", dtype=object)
    nothing = pd.Series(np.nan, index=index, name="cook")
    return OneStep(pd.DataFrame(index=index), nothing, nothing, reason)

"""What leaving a subject out would change, predicted by one Newton step: no refit is needed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.errors import WorkbenchError
from workbench.estimation import subject_gradients
from workbench.results import FitResult

FAR = 1.0  # decrease of FOCEI's OFV that its gradient may promise at the estimates of the fit


@dataclass(frozen=True, slots=True, eq=False)
class OneStep:
    """Predicted changes.

    Attributes
    ----------
    shift : (n_sub, n)  estimate without the subject - estimate, of parameters with an SE; no
        columns without a prediction
    cook : Cook's distance of that
    reason : why there is no prediction; "" if there is one
    """

    shift: pd.DataFrame
    cook: pd.Series[float]
    reason: str = ""


def one_step(fit: FitResult) -> OneStep:
    r"""Predict the estimates without each subject.

    The objective of the others has the gradient :math:`-g_i` at the estimates of all, and about
    the same curvature, :math:`2 C^{-1}`; one Newton step is

    .. math:: \Delta\theta_i = \tfrac12 C g_i, \qquad
        cook_i = \tfrac14 g_i^T C g_i

    (Cook & Weisberg 1982, Residuals and Influence in Regression, section 5.2; Pregibon 1981, Ann.
    Stat. 9:705.) It understates large changes: the curvature that leaves with the subject is
    neglected. The gradients are FOCEI's, about their mean, whatever the method; where they are
    far from zero in sum, as at FO's estimates, there is no prediction.
    """
    covariance = fit.covariance
    names = [str(name) for name in covariance.index]
    if not names:
        return _none(fit, "the fit has no standard errors")
    try:
        gradients = subject_gradients(fit.final_model, fit.data)[names]
    except (WorkbenchError, ArithmeticError, ValueError, KeyError) as problem:
        return _none(fit, f"the gradients of the subjects could not be computed ({problem})")
    g, c = gradients.to_numpy(float), covariance.to_numpy(float)
    if not (np.isfinite(g).all() and np.isfinite(c).all()):
        return _none(fit, "the gradient of a subject does not exist")
    if not any(p.prior for p in fit.final_model.parameters.values()):
        total = g.sum(axis=0)
        if 0.25 * float(total @ c @ total) > FAR:
            return _none(fit, "the estimates are not close to a minimum of FOCEI's objective")
        g = g - g.mean(axis=0)
    shift = 0.5 * g @ c
    cook = 0.25 * np.einsum("ij,jk,ik->i", g, c, g)
    return OneStep(
        pd.DataFrame(shift, index=gradients.index, columns=names),
        pd.Series(cook, index=gradients.index, name="cook"),
    )


def _none(fit: FitResult, reason: str) -> OneStep:
    index = pd.Index(fit.data.subjects, name="ID", dtype=object)
    nothing = pd.Series(np.nan, index=index, name="cook")
    return OneStep(pd.DataFrame(index=index), nothing, reason)

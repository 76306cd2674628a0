"""How the model says that individual parameters are distributed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.core.shapes import shaped
from workbench.diagnostics._base import Diagnostic
from workbench.models.parameter import Parameter

if TYPE_CHECKING:
    from workbench.results import FitResult

REACH = 4.0  # SDs of eta to either side
POINTS = 241
FINE = 2001  # points of the inverse of T


def table(fit: FitResult) -> pd.DataFrame:
    r"""Return the density of each parameter with a random effect: parameter, value, density.

    With :math:`\psi = h^{-1}(h(\theta) + \eta)`, :math:`\eta \sim N(0, \omega^2)`,

    .. math:: p(\psi) = \frac{1}{\omega}\,\varphi\Bigl(\frac{h(\psi) - h(\theta)}{\omega}\Bigr)
              \,|h'(\psi)|

    at points even in eta, from -4 to 4 omega; `density` is per unit of the parameter. A parameter
    with omega = 0 has no rows. Of a parameter that covariates act on, the density is the mean over
    the subjects, each with its own covariates in place of :math:`h(\theta)`. Of a random effect
    that is not normal, :math:`h(\psi) - h(\theta) = T(\eta)` with the density of T
    (`core.shapes`).
    """
    omega = np.diag(fit.omega.to_numpy(float))
    parts = []
    for name, variance in zip(fit.etas.columns, omega, strict=True):
        if not variance > 0 or name not in fit.final_model.parameters:  # or on the residual error
            continue
        parameter = fit.final_model.parameters[name]
        sd, middle = float(np.sqrt(variance)), np.array([parameter.to_psi(parameter.typical)])
        if parameter.covariates:
            own = fit.individual_parameters[name]
            added = _transformed(parameter, fit.etas[name].to_numpy(float))
            middle = np.unique([parameter.to_psi(float(v)) for v in own] - added)
        ends = _transformed(parameter, np.array([-REACH * sd, REACH * sd]))
        psi = np.linspace(middle.min() + ends[0], middle.max() + ends[1], POINTS)
        value = np.array([parameter.from_psi(float(at)) for at in psi])
        spread = (
            _normal(psi, middle, sd)
            if parameter.eta is None
            else _shaped(parameter, psi, middle, sd)
        )
        slope = np.array([parameter.psi_slope(float(at)) for at in psi])
        with np.errstate(divide="ignore", invalid="ignore"):
            density = np.where(slope > 0, spread / slope, np.nan)
        parts.append(pd.DataFrame({"parameter": name, "value": value, "density": density}))
    if not parts:
        return pd.DataFrame(
            {"parameter": pd.Series(dtype=object), "value": np.empty(0), "density": np.empty(0)}
        )
    return pd.concat(parts, ignore_index=True)


def _normal(at: NDArray[np.float64], means: NDArray[np.float64], sd: float) -> NDArray[np.float64]:
    """Return the mean of normal densities of one SD."""
    z = (at[:, None] - means) / sd
    return np.asarray(np.exp(-0.5 * z**2).mean(axis=1) / (sd * np.sqrt(2 * np.pi)))


def _transformed(parameter: Parameter, eta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what random effects add to psi."""
    shape = parameter.eta
    if shape is None:
        return eta
    return np.array([shaped(shape.code, float(at), shape.theta)[0] for at in eta])


def _shaped(
    parameter: Parameter, at: NDArray[np.float64], means: NDArray[np.float64], sd: float
) -> NDArray[np.float64]:
    """Return the mean of densities of T(eta) about the means: T is monotone, so is its inverse."""
    shape = parameter.eta
    assert shape is not None  # of the only caller
    eta = np.linspace(-1.5 * REACH * sd, 1.5 * REACH * sd, FINE)
    value, slope = np.array([shaped(shape.code, float(e), shape.theta)[:2] for e in eta]).T
    z = np.interp(at[:, None] - means, value, eta)
    inside = (at[:, None] - means > value[0]) & (at[:, None] - means < value[-1])
    density = np.exp(-0.5 * (z / sd) ** 2) / np.interp(z, eta, slope)
    return np.asarray(np.where(inside, density, 0.0).mean(axis=1) / (sd * np.sqrt(2 * np.pi)))


DIAGNOSTIC = Diagnostic(name="population_density", title="Densities of parameters", table=table)

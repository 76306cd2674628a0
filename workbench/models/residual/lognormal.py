"""Log-normal (exponential) residual error: the logarithm of the data has constant SD."""

from math import log

import numpy as np
from numpy.typing import NDArray

from workbench.core.jit import OutMat, Vec, kernel
from workbench.core.residuals import FIRST_SIGMA, R_F, R_FF, V_F, V_FF, V_FS, V_S, R, V
from workbench.models.residual._base import ErrorModel


@kernel
def residual(y: Vec, f: Vec, sigma: Vec, out: OutMat) -> None:
    r""":math:`\log y = \log f + s\varepsilon`, so :math:`v = s^2`; s = sigma[0]."""
    s = sigma[0]
    for j in range(y.shape[0]):
        out[j, R] = log(y[j]) - log(f[j])
        out[j, R_F] = -1.0 / f[j]
        out[j, R_FF] = 1.0 / (f[j] * f[j])
        out[j, V] = s * s
        out[j, V_F] = 0.0
        out[j, V_FF] = 0.0
        out[j, FIRST_SIGMA + V_S] = 2.0 * s
        out[j, FIRST_SIGMA + V_FS] = 0.0


def log_jacobian(y: NDArray[np.float64]) -> float:
    r"""Return :math:`\sum \log|d \log y / dy| = -\sum \log y`, so that -2LL is that of y."""
    return -float(np.sum(np.log(y)))


def observed(f: NDArray[np.float64], e: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the data whose logarithm is log f + e."""
    data: NDArray[np.float64] = f * np.exp(e)
    return data


ERROR_MODEL = ErrorModel(
    name="lognormal",
    title="Log-normal (exponential)",
    constructor="LogNormal(...)",
    parameters=("sd",),
    scales=("log",),
    defaults=(0.2,),
    units=("",),
    latex=r"\log y_{ij} = \log f_{ij} + s\,\varepsilon_{ij}",
    sd="s",
    residual=residual,
    log_jacobian=log_jacobian,
    observed=observed,
    positive_data=True,
)

"""Combined residual error with an exponent, SD = a + b f^c (Monolix's combined1c)."""

from math import log

import numpy as np
from numpy.typing import NDArray

from workbench.core.jit import OutMat, Vec, kernel
from workbench.core.residuals import FIRST_SIGMA, R_F, R_FF, SIGMA_WIDTH, V_F, V_FF, V_FS, V_S, R, V
from workbench.models.residual._base import ErrorModel, no_jacobian


@kernel
def residual(y: Vec, f: Vec, sigma: Vec, out: OutMat) -> None:
    r""":math:`y = f + (a + b f^c)\varepsilon`, so :math:`v = (a + b |f|^c)^2`.

    a = sigma[0] in the unit of y, b = sigma[1], c = sigma[2]. Only the SD must be positive: b may
    come out negative. At a prediction of 0 the second part and its slopes are 0.
    """
    a, b, c = sigma[0], sigma[1], sigma[2]
    for j in range(y.shape[0]):
        out[j, R] = y[j] - f[j]
        out[j, R_F] = -1.0
        out[j, R_FF] = 0.0
        power, per, size = 0.0, 0.0, 0.0  # f^c, 1/f, log f
        if f[j] != 0.0:
            power, per, size = abs(f[j]) ** c, 1.0 / f[j], log(abs(f[j]))
        sd = a + b * power
        sd_f = b * c * power * per
        sd_ff = (c - 1.0) * sd_f * per
        out[j, V] = sd * sd
        out[j, V_F] = 2.0 * sd * sd_f
        out[j, V_FF] = 2.0 * (sd_f * sd_f + sd * sd_ff)
        at = FIRST_SIGMA
        out[j, at + V_S] = 2.0 * sd
        out[j, at + V_FS] = 2.0 * sd_f
        at += SIGMA_WIDTH
        out[j, at + V_S] = 2.0 * sd * power
        out[j, at + V_FS] = 2.0 * (sd_f * power + sd * c * power * per)
        at += SIGMA_WIDTH
        out[j, at + V_S] = 2.0 * sd * b * power * size
        out[j, at + V_FS] = 2.0 * (sd_f * b * power * size + sd * b * power * per * (1 + c * size))


def signed_sd(f: NDArray[np.float64], sigma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a + b |f|^c, and a where f is 0."""
    size = np.abs(f)
    power = np.power(size, sigma[2], out=np.zeros(len(f)), where=size > 0)
    return np.asarray(sigma[0] + sigma[1] * power)


ERROR_MODEL = ErrorModel(
    name="combined1_power",
    title="Combined 1 with exponent (SD = a + b·f^c)",
    constructor="Combined(..., kind=1)",
    parameters=("additive", "proportional", "exponent"),
    scales=("identity", "identity", "identity"),
    defaults=(0.5, 0.1, 0.8),
    units=("{DV}", "", ""),
    latex=r"y_{ij} = f_{ij} + (a + b\,f_{ij}^{\,c})\,\varepsilon_{ij}",
    sd=r"(a + b\,f_{ij}^{\,c})",
    residual=residual,
    log_jacobian=no_jacobian,
    signed_sd=signed_sd,
    shapes=("exponent",),
)

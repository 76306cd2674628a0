"""Combined residual error, the standard deviations added: SD = a + b f (Monolix's combined1)."""

import numpy as np
from numpy.typing import NDArray

from workbench.core.jit import OutMat, Vec, kernel
from workbench.core.residuals import FIRST_SIGMA, R_F, R_FF, SIGMA_WIDTH, V_F, V_FF, V_FS, V_S, R, V
from workbench.models.residual._base import ErrorModel, no_jacobian


@kernel
def residual(y: Vec, f: Vec, sigma: Vec, out: OutMat) -> None:
    r""":math:`y = f + (a + b f)\varepsilon`, so :math:`v = (a + b f)^2`.

    a = sigma[0] in the unit of y, b = sigma[1] a fraction. Only their sum must be positive:
    b may come out negative.
    """
    a, b = sigma[0], sigma[1]
    for j in range(y.shape[0]):
        sd = a + b * f[j]
        out[j, R] = y[j] - f[j]
        out[j, R_F] = -1.0
        out[j, R_FF] = 0.0
        out[j, V] = sd * sd
        out[j, V_F] = 2.0 * b * sd
        out[j, V_FF] = 2.0 * b * b
        out[j, FIRST_SIGMA + V_S] = 2.0 * sd
        out[j, FIRST_SIGMA + V_FS] = 2.0 * b
        out[j, FIRST_SIGMA + SIGMA_WIDTH + V_S] = 2.0 * sd * f[j]
        out[j, FIRST_SIGMA + SIGMA_WIDTH + V_FS] = 2.0 * (sd + b * f[j])


def signed_sd(f: NDArray[np.float64], sigma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a + b f."""
    return np.asarray(sigma[0] + sigma[1] * f)


ERROR_MODEL = ErrorModel(
    name="combined1",
    title="Combined 1 (SD = a + b·f)",
    constructor="Combined(..., kind=1)",
    parameters=("additive", "proportional"),
    scales=("identity", "identity"),
    defaults=(0.5, 0.1),
    units=("{DV}", ""),
    latex=r"y_{ij} = f_{ij} + (a + b\,f_{ij})\,\varepsilon_{ij}",
    sd=r"(a + b\,f_{ij})",
    residual=residual,
    log_jacobian=no_jacobian,
    signed_sd=signed_sd,
)

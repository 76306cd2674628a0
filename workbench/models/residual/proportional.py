"""Residual error whose standard deviation is a constant fraction of the prediction."""

from workbench.core.jit import OutMat, Vec, kernel
from workbench.core.residuals import FIRST_SIGMA, R_F, R_FF, V_F, V_FF, V_FS, V_S, R, V
from workbench.models.residual._base import ErrorModel, no_jacobian


@kernel
def residual(y: Vec, f: Vec, sigma: Vec, out: OutMat) -> None:
    r""":math:`y = f (1 + b\varepsilon)`, so :math:`v = b^2 f^2`; b = sigma[0], a fraction."""
    b = sigma[0]
    for j in range(y.shape[0]):
        out[j, R] = y[j] - f[j]
        out[j, R_F] = -1.0
        out[j, R_FF] = 0.0
        out[j, V] = b * b * f[j] * f[j]
        out[j, V_F] = 2.0 * b * b * f[j]
        out[j, V_FF] = 2.0 * b * b
        out[j, FIRST_SIGMA + V_S] = 2.0 * b * f[j] * f[j]
        out[j, FIRST_SIGMA + V_FS] = 4.0 * b * f[j]


ERROR_MODEL = ErrorModel(
    name="proportional",
    title="Proportional",
    constructor="Proportional(...)",
    parameters=("proportional",),
    scales=("log",),
    defaults=(0.2,),
    units=("",),
    latex=r"y_{ij} = f_{ij}\,(1 + b\,\varepsilon_{ij})",
    sd=r"b\,f_{ij}",
    residual=residual,
    log_jacobian=no_jacobian,
)

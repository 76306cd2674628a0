"""Residual error of constant standard deviation."""

from workbench.core.jit import OutMat, Vec, kernel
from workbench.core.residuals import FIRST_SIGMA, R_F, R_FF, V_F, V_FF, V_FS, V_S, R, V
from workbench.models.residual._base import ErrorModel, no_jacobian


@kernel
def residual(y: Vec, f: Vec, sigma: Vec, out: OutMat) -> None:
    r""":math:`y = f + a\varepsilon`, so :math:`v = a^2`; a = sigma[0] in the unit of y."""
    a = sigma[0]
    for j in range(y.shape[0]):
        out[j, R] = y[j] - f[j]
        out[j, R_F] = -1.0
        out[j, R_FF] = 0.0
        out[j, V] = a * a
        out[j, V_F] = 0.0
        out[j, V_FF] = 0.0
        out[j, FIRST_SIGMA + V_S] = 2.0 * a
        out[j, FIRST_SIGMA + V_FS] = 0.0


ERROR_MODEL = ErrorModel(
    name="additive",
    title="Additive",
    constructor="Additive(...)",
    parameters=("additive",),
    scales=("log",),
    defaults=(1.0,),
    units=("{DV}",),
    latex=r"y_{ij} = f_{ij} + a\,\varepsilon_{ij}",
    sd="a",
    residual=residual,
    log_jacobian=no_jacobian,
)

"""Combined residual error with an exponent, SD² = a² + b² f^(2c) (Monolix's combined2c)."""

from math import log

from workbench.core.jit import OutMat, Vec, kernel
from workbench.core.residuals import FIRST_SIGMA, R_F, R_FF, SIGMA_WIDTH, V_F, V_FF, V_FS, V_S, R, V
from workbench.models.residual._base import ErrorModel, no_jacobian


@kernel
def residual(y: Vec, f: Vec, sigma: Vec, out: OutMat) -> None:
    r""":math:`y = f + a\varepsilon_1 + b f^c\varepsilon_2`, so :math:`v = a^2 + b^2 |f|^{2c}`.

    a = sigma[0] in the unit of y, b = sigma[1], c = sigma[2]. At a prediction of 0 the second part
    and its slopes are 0.
    """
    a, b, c = sigma[0], sigma[1], sigma[2]
    for j in range(y.shape[0]):
        out[j, R] = y[j] - f[j]
        out[j, R_F] = -1.0
        out[j, R_FF] = 0.0
        power, per, size = 0.0, 0.0, 0.0  # f^(2c), 1/f, log f
        if f[j] != 0.0:
            power, per, size = abs(f[j]) ** (2.0 * c), 1.0 / f[j], log(abs(f[j]))
        part = b * b * power
        out[j, V] = a * a + part
        out[j, V_F] = 2.0 * c * part * per
        out[j, V_FF] = (2.0 * c - 1.0) * out[j, V_F] * per
        at = FIRST_SIGMA
        out[j, at + V_S] = 2.0 * a
        out[j, at + V_FS] = 0.0
        at += SIGMA_WIDTH
        out[j, at + V_S] = 2.0 * b * power
        out[j, at + V_FS] = 4.0 * c * b * power * per
        at += SIGMA_WIDTH
        out[j, at + V_S] = 2.0 * part * size
        out[j, at + V_FS] = 2.0 * part * per * (1.0 + 2.0 * c * size)


ERROR_MODEL = ErrorModel(
    name="combined2_power",
    title="Combined 2 with exponent (SD² = a² + b²·f^2c)",
    constructor="Combined(..., kind=2)",
    parameters=("additive", "proportional", "exponent"),
    scales=("log", "log", "identity"),
    defaults=(0.5, 0.1, 0.8),
    units=("{DV}", "", ""),
    latex=r"y_{ij} = f_{ij} + \sqrt{a^2 + b^2 f_{ij}^{\,2c}}\,\varepsilon_{ij}",
    sd=r"\sqrt{a^2 + b^2 f_{ij}^{\,2c}}",
    residual=residual,
    log_jacobian=no_jacobian,
    shapes=("exponent",),
)

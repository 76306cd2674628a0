"""Combined residual error, the variances added: SD² = a² + b² f² (NONMEM's F + F·EPS1 + EPS2)."""

from workbench.core.jit import OutMat, Vec, kernel
from workbench.core.residuals import FIRST_SIGMA, R_F, R_FF, SIGMA_WIDTH, V_F, V_FF, V_FS, V_S, R, V
from workbench.models.residual._base import ErrorModel, no_jacobian


@kernel
def residual(y: Vec, f: Vec, sigma: Vec, out: OutMat) -> None:
    r""":math:`y = f + a\varepsilon_1 + b f\varepsilon_2`, so :math:`v = a^2 + b^2 f^2`.

    a = sigma[0] in the unit of y, b = sigma[1] a fraction.
    """
    a, b = sigma[0], sigma[1]
    for j in range(y.shape[0]):
        out[j, R] = y[j] - f[j]
        out[j, R_F] = -1.0
        out[j, R_FF] = 0.0
        out[j, V] = a * a + b * b * f[j] * f[j]
        out[j, V_F] = 2.0 * b * b * f[j]
        out[j, V_FF] = 2.0 * b * b
        out[j, FIRST_SIGMA + V_S] = 2.0 * a
        out[j, FIRST_SIGMA + V_FS] = 0.0
        out[j, FIRST_SIGMA + SIGMA_WIDTH + V_S] = 2.0 * b * f[j] * f[j]
        out[j, FIRST_SIGMA + SIGMA_WIDTH + V_FS] = 4.0 * b * f[j]


ERROR_MODEL = ErrorModel(
    name="combined2",
    title="Combined 2 (SD² = a² + b²·f²)",
    constructor="Combined(..., kind=2)",
    parameters=("additive", "proportional"),
    scales=("log", "log"),
    defaults=(0.5, 0.1),
    units=("{DV}", ""),
    latex=r"y_{ij} = f_{ij} + \sqrt{a^2 + b^2 f_{ij}^2}\,\varepsilon_{ij}",
    sd=r"\sqrt{a^2 + b^2 f_{ij}^2}",
    residual=residual,
    log_jacobian=no_jacobian,
)

"""Power residual error: the standard deviation is a power of the prediction, SD = a f^c."""

from math import log

from workbench.core.jit import OutMat, Vec, kernel
from workbench.core.residuals import FIRST_SIGMA, R_F, R_FF, SIGMA_WIDTH, V_F, V_FF, V_FS, V_S, R, V
from workbench.models.residual._base import ErrorModel, no_jacobian


@kernel
def residual(y: Vec, f: Vec, sigma: Vec, out: OutMat) -> None:
    r""":math:`y = f + a f^c \varepsilon`, so :math:`v = a^2 |f|^{2c}`.

    a = sigma[0] is the SD where the prediction is 1, c = sigma[1] the exponent: 0 for additive,
    1 for proportional error. A prediction of 0 has no variance, as with proportional error.
    """
    a, c = sigma[0], sigma[1]
    for j in range(y.shape[0]):
        for column in range(out.shape[1]):
            out[j, column] = 0.0
        out[j, R] = y[j] - f[j]
        out[j, R_F] = -1.0
        out[j, R_FF] = 0.0
        if f[j] == 0.0:
            continue
        power = abs(f[j]) ** (2.0 * c)
        v = a * a * power
        v_f = 2.0 * c * v / f[j]
        size = log(abs(f[j]))
        out[j, V] = v
        out[j, V_F] = v_f
        out[j, V_FF] = (2.0 * c - 1.0) * v_f / f[j]
        out[j, FIRST_SIGMA + V_S] = 2.0 * a * power
        out[j, FIRST_SIGMA + V_FS] = 4.0 * c * a * power / f[j]
        out[j, FIRST_SIGMA + SIGMA_WIDTH + V_S] = 2.0 * v * size
        out[j, FIRST_SIGMA + SIGMA_WIDTH + V_FS] = 2.0 * v_f * size + 2.0 * v / f[j]


ERROR_MODEL = ErrorModel(
    name="power",
    title="Power (SD = a·f^c)",
    constructor="Power(...)",
    parameters=("coefficient", "exponent"),
    scales=("log", "identity"),
    defaults=(0.2, 0.7),
    units=("", ""),
    latex=r"y_{ij} = f_{ij} + a\,f_{ij}^{\,c}\,\varepsilon_{ij}",
    sd=r"a\,f_{ij}^{\,c}",
    residual=residual,
    log_jacobian=no_jacobian,
    shapes=("exponent",),
)

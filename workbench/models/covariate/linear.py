r"""Linear: β (x - reference) is added to a normal parameter.

.. math:: \phi_i = \phi_{pop} + \beta\,(x_i - x_{ref}) + \eta_i
"""

import numpy as np
from numpy.typing import NDArray

from workbench.models.covariate._base import CovariateKind


def column(x: NDArray[np.float64], reference: float) -> NDArray[np.float64]:
    """Return x - reference."""
    return x - reference


COVARIATE = CovariateKind(
    name="linear",
    title="Linear",
    constructor="Linear",
    argument="coefficient",
    factor="",
    term=r"@\,(#_i - &)",
    link_term=r"@\,(#_i - &)",
    text="# − &",
    coefficient_unit="{PARAMETER}/{COVARIATE}",
    advice="For a log-normal parameter 1 + β (x - reference) is not linear in β on the logarithmic "
    "scale, and can become negative. Use wb.covariate.Exponential, whose factor exp(β (x - "
    "reference)) is nearly the same for small effects, or make the parameter normal.",
    column=column,
)

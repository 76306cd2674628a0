r"""Power: a log-normal parameter times (x / reference)^β, so β = 0.75 is allometry.

.. math:: \phi_i = \phi_{pop}\,(x_i/x_{ref})^{\beta}\,e^{\eta_i}
"""

import numpy as np
from numpy.typing import NDArray

from workbench.models.covariate._base import CovariateKind


def column(x: NDArray[np.float64], reference: float) -> NDArray[np.float64]:
    """Return log(x / reference)."""
    return np.asarray(np.log(x / reference))


COVARIATE = CovariateKind(
    name="power",
    title="Power",
    constructor="Power",
    argument="exponent",
    factor=r"\left(\frac{#_i}{&}\right)^{@}",
    term="",
    link_term=r"@\,\log\frac{#_i}{&}",
    text="log(#/&)",
    coefficient_unit="",
    advice="A power multiplies: for a normal parameter use wb.covariate.Linear, or make the "
    "parameter log-normal.",
    column=column,
    positive_data=True,
)

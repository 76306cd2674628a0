r"""Exponential: a log-normal parameter times exp(β (x - reference)).

.. math:: \phi_i = \phi_{pop}\,e^{\beta\,(x_i - x_{ref})}\,e^{\eta_i}

100 (exp(β) - 1) is the change in percent for each unit of x.
"""

import numpy as np
from numpy.typing import NDArray

from workbench.models.covariate._base import CovariateKind


def column(x: NDArray[np.float64], reference: float) -> NDArray[np.float64]:
    """Return x - reference."""
    return x - reference


COVARIATE = CovariateKind(
    name="exponential",
    title="Exponential",
    constructor="Exponential",
    argument="coefficient",
    factor=r"e^{@\,(#_i - &)}",
    term="",
    text="# − &",
    coefficient_unit="1/{COVARIATE}",
    advice="An exponential multiplies: for a normal or logit-normal parameter use "
    "wb.covariate.Linear, or make the parameter log-normal.",
    column=column,
)

r"""Linear: β (x - reference) is added to a normal parameter, or a factor of a log-normal one.

.. math::
    \phi_i = \phi_{pop} + \beta\,(x_i - x_{ref}) + \eta_i, \qquad
    \phi_i = \phi_{pop}\,\bigl(1 + \beta\,(x_i - x_{ref})\bigr)\,e^{\eta_i}

The second is PsN's linear effect; β must keep the factor positive in every subject.
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
    factor=r"\left(1 + @\,(#_i - &)\right)",
    plus_one=True,
    term=r"@\,(#_i - &)",
    link_term=r"@\,(#_i - &)",
    text="# − &",
    coefficient_unit="{PARAMETER}/{COVARIATE}",
    advice="",
    column=column,
)

r"""Categorical: each level but the reference has its own β.

.. math::
    \phi_i = \phi_{pop}\,e^{\beta_{level(i)}}\,e^{\eta_i}, \qquad
    \phi_i = \phi_{pop} + \beta_{level(i)} + \eta_i

for log-normal and normal parameters, with β = 0 for the reference level. NONMEM code often writes
the factor as 1 + θ: then θ = exp(β) - 1.
"""

from workbench.models.covariate._base import CovariateKind

COVARIATE = CovariateKind(
    name="categorical",
    title="Categorical",
    constructor="Categorical",
    argument="effects",
    factor=r"e^{@\,[#_i\,=\,~]}",
    term=r"@\,[#_i\,=\,~]",
    link_term=r"@\,[#_i\,=\,~]",
    text="# ≠ &",
    coefficient_unit="{PARAMETER}",
    advice="",
    categorical=True,
)

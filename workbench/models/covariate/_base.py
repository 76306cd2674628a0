"""What every file of a kind of covariate effects exports."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CovariateKind:
    r"""How a covariate moves a parameter.

    On the scale on which the random effect is added (the logarithm, for a log-normal parameter)
    every effect is linear in its coefficients: :math:`\psi_i = h(\theta) + \beta\,g(x_i) + \eta_i`.
    One with `plus_one` adds :math:`\log(1 + \beta\,g(x_i))` to the logarithm instead.

    Attributes
    ----------
    name : registry key; equals the file name
    title : what a person reads in a picker
    constructor : name of the public function that makes such an effect
    argument : name of that function's argument for the coefficient; also its key in a model card
    categorical : True when the covariate is a label and every level but the reference has its own
        coefficient
    column : for a continuous covariate g(x, reference), the column of the design
    positive_data : True when g needs x > 0 and a reference above 0
    factor : mathtext of the factor on a log-normal parameter, "" where the kind has none; ``#``
        stands for the covariate, ``@`` for the coefficient, ``&`` for the reference, ``~`` for
        the level
    term : mathtext of the term added to a normal parameter, "" where the kind has none
    plus_one : True when a log-normal parameter is multiplied by 1 + β g, not by exp(β g)
    link_term : the same of a logit- or probit-normal parameter, added on that scale
    text : the design column in plain text, for a picker: ``log(#/&)``
    coefficient_unit : template of the coefficient's unit, ``{COVARIATE}`` the covariate's and
        ``{PARAMETER}`` the parameter's (of a log-normal parameter always without a unit)
    advice : what to use in place of a kind that does not apply to the distribution
    """

    name: str
    title: str
    constructor: str
    argument: str
    factor: str
    term: str
    text: str
    coefficient_unit: str
    advice: str
    column: Callable[[Floats, float], Floats] | None = None
    link_term: str = ""
    plus_one: bool = False
    categorical: bool = False
    positive_data: bool = False

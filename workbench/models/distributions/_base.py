"""What every parameter distribution file exports."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Distribution:
    """How an individual parameter is distributed around its typical value.

    Attributes
    ----------
    name : registry key; equals the file name
    title : what a person reads in a picker
    constructor : name of the public function that makes such a parameter
    code : the transformation's code in `core.transforms`
    to_psi, from_psi : between the natural scale and the one on which eta is added
    positive : True when the parameter, so its typical value, must be > 0
    latex : mathtext of the individual parameter with a random effect; ``@`` stands for the
        parameter's symbol
    """

    name: str
    title: str
    constructor: str
    code: int
    to_psi: Callable[[float], float]
    from_psi: Callable[[float], float]
    positive: bool
    latex: str

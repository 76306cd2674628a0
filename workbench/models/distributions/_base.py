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
    code : the transformation's code in `core.transforms`
    to_psi, from_psi : between the natural scale and the one on which eta is added
    positive : True when the parameter, so its typical value, must be > 0
    latex : individual parameter as a function of typical value and eta; ``{p}`` stands for the
        parameter's symbol, ``{eta}`` for its random effect (empty without one)
    """

    name: str
    title: str
    code: int
    to_psi: Callable[[float], float]
    from_psi: Callable[[float], float]
    positive: bool
    latex: str
    latex_without_eta: str

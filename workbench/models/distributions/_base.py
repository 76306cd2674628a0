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
    to_psi, from_psi : between the natural scale and the one on which eta is added; for a
        distribution with bounds, of the parameter's place between them, 0 to 1
    slope : derivative of `from_psi`
    positive : True when the parameter, so its typical value, must be > 0
    limited : True when the parameter lies between two bounds, `Parameter.lower` and `upper`
    interval : scale of a Wald interval of the typical value: ``"log"``, ``"identity"``,
        ``"logit"`` or ``"probit"``
    latex : mathtext of the individual parameter with a random effect; ``@`` stands for the
        parameter's symbol
    link : mathtext of the function whose value eta is added to, for a distribution with bounds
    """

    name: str
    title: str
    constructor: str
    code: int
    to_psi: Callable[[float], float]
    from_psi: Callable[[float], float]
    slope: Callable[[float], float]
    positive: bool
    interval: str
    latex: str
    limited: bool = False
    link: str = ""

    @property
    def unitless(self) -> bool:
        """Whether psi has no unit, being a logarithm, a logit or a probit."""
        return self.positive or self.limited

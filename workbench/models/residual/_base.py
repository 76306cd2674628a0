"""What every residual error model file exports."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ErrorModel:
    """A residual error model: its parameters and the kernel of residual and variance.

    Attributes
    ----------
    name : registry key; equals the file name
    title : what a person reads in a picker
    constructor : the public call that makes it, with ``...`` in place of the values
    parameters : names of sigma, in the kernel's order; each an SD or a fraction
    scales : for each sigma, ``"log"`` (positive, estimated on the log scale) or ``"identity"``
    defaults : starting values
    units : for each sigma, a template in the data's units (``{DV}``) or ``""``
    latex : the model in mathtext
    sd : its SD in mathtext, as a factor, for the scale of a transformation
    residual : kernel ``residual(y, f, sigma, out)``, see `core.residuals`
    log_jacobian : for observations y, the sum of log |h'(y)|
    observed : from predictions f and errors e on the modelled scale, the data: h^-1(h(f) + e)
    positive_data : True when h needs y > 0 and f > 0: it cannot be transformed any further
    shapes : parameters that are no SD or fraction: larger ones do not mean more error
    signed_sd : of predictions and sigma, the SD with its sign, which V has lost; None where no
        sigma can make it negative
    """

    name: str
    title: str
    constructor: str
    parameters: tuple[str, ...]
    scales: tuple[str, ...]
    defaults: tuple[float, ...]
    units: tuple[str, ...]
    latex: str
    sd: str
    residual: Callable[..., None]
    log_jacobian: Callable[[NDArray[np.float64]], float]
    observed: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]] = np.add
    positive_data: bool = False
    shapes: tuple[str, ...] = ()
    signed_sd: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]] | None = (
        None
    )


def no_jacobian(y: NDArray[np.float64]) -> float:
    """Return 0: the data are modelled as they are."""
    return 0.0

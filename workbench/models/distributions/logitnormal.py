r"""Logit-normal: the logit of the place between two bounds is normal.

.. math:: \log\frac{\phi_i - a}{b - \phi_i} = \log\frac{\phi_{pop} - a}{b - \phi_{pop}} + \eta_i

The typical value is the median.
"""

from math import exp, log

from workbench.core.transforms import LOGIT
from workbench.models.distributions._base import Distribution


def to_psi(share: float) -> float:
    """Return log(p / (1 - p))."""
    return log(share / (1.0 - share))


def from_psi(psi: float) -> float:
    """Return 1 / (1 + exp(-psi)), without overflow."""
    e = exp(-abs(psi))
    return 1.0 / (1.0 + e) if psi > 0 else e / (1.0 + e)


def slope(psi: float) -> float:
    """Return p (1 - p)."""
    e = exp(-abs(psi))
    return e / (1.0 + e) ** 2


DISTRIBUTION = Distribution(
    name="logitnormal",
    title="Logit-normal",
    constructor="LogitNormal",
    code=LOGIT,
    to_psi=to_psi,
    from_psi=from_psi,
    slope=slope,
    positive=False,
    interval="logit",
    latex=r"\mathrm{logit}(@_i) = \mathrm{logit}(@_{pop}) + \eta_{@,i}",
    limited=True,
    link=r"\mathrm{logit}",
)

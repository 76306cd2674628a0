r"""Probit-normal: the normal quantile of the place between two bounds is normal.

.. math:: \Phi^{-1}\Big(\frac{\phi_i - a}{b - a}\Big)
    = \Phi^{-1}\Big(\frac{\phi_{pop} - a}{b - a}\Big) + \eta_i

The typical value is the median.
"""

from math import erfc, exp, pi, sqrt
from statistics import NormalDist

from workbench.core.transforms import PROBIT
from workbench.models.distributions._base import Distribution

STANDARD = NormalDist()


def from_psi(psi: float) -> float:
    """Return the normal distribution function, with all digits in the lower tail."""
    return 0.5 * erfc(-psi * sqrt(0.5))


def slope(psi: float) -> float:
    """Return the normal density."""
    return exp(-0.5 * psi * psi) / sqrt(2.0 * pi)


DISTRIBUTION = Distribution(
    name="probitnormal",
    title="Probit-normal",
    constructor="ProbitNormal",
    code=PROBIT,
    to_psi=STANDARD.inv_cdf,
    from_psi=from_psi,
    slope=slope,
    positive=False,
    interval="probit",
    latex=r"\Phi^{-1}(@_i) = \Phi^{-1}(@_{pop}) + \eta_{@,i}",
    limited=True,
    link=r"\Phi^{-1}",
)

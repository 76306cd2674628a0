"""Normal: the individual parameter is the typical value plus eta."""

from workbench.core.transforms import IDENTITY
from workbench.models.distributions._base import Distribution


def same(value: float) -> float:
    """Return the value: psi is the natural scale."""
    return value


def one(_psi: float) -> float:
    """Return the slope of the identity."""
    return 1.0


DISTRIBUTION = Distribution(
    name="normal",
    title="Normal",
    constructor="Normal",
    code=IDENTITY,
    to_psi=same,
    from_psi=same,
    slope=one,
    positive=False,
    interval="identity",
    latex=r"@_i = @_{pop} + \eta_{@,i}",
)

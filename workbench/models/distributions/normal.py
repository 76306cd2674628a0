"""Normal: the individual parameter is the typical value plus eta."""

from workbench.core.transforms import IDENTITY
from workbench.models.distributions._base import Distribution


def same(value: float) -> float:
    """Return the value: psi is the natural scale."""
    return value


DISTRIBUTION = Distribution(
    name="normal",
    title="Normal",
    code=IDENTITY,
    to_psi=same,
    from_psi=same,
    positive=False,
    latex=r"{p}_i = {p}_{{pop}} + \eta_{{{p},i}}",
    latex_without_eta=r"{p}_i = {p}_{{pop}}",
)

"""Parameter distributions: one file each, exporting DISTRIBUTION."""

from workbench.models.distributions._base import Distribution
from workbench.registry import Registry

distributions: Registry[Distribution] = Registry(
    __name__, "DISTRIBUTION", Distribution, "parameter distribution"
)

__all__ = ["Distribution", "distributions"]

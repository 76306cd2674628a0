"""Log-normal: the typical value (the median) times exp(eta)."""

from math import exp, log

from workbench.core.transforms import EXP
from workbench.models.distributions._base import Distribution

DISTRIBUTION = Distribution(
    name="lognormal",
    title="Log-normal",
    constructor="LogNormal",
    code=EXP,
    to_psi=log,
    from_psi=exp,
    slope=exp,
    positive=True,
    interval="log",
    latex=r"@_i = @_{pop}\, e^{\eta_{@,i}}",
)

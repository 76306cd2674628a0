"""What can be chosen about a SAEM run."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.errors import OptionError
from workbench.estimation._saem_likelihood import LIKELIHOODS

ENOUGH_CHAINS = 50  # subjects times chains
MANY_CHAINS = 300  # the same, where up to five chains per subject give as many
COVARIANCES = ("linearisation", "stochastic", "none")


@dataclass(frozen=True, slots=True)
class SaemOptions:
    """Options of SAEM.

    Attributes
    ----------
    exploration, smoothing : most iterations of the two phases. A run whose smoothing phase ends at
        its limit before it has settled is doubtful.
    max_iter : most iterations in all; None for exploration + smoothing
    auto_stop : end a phase when its stopping rule holds (`_saem_stopping`); False runs both to
        their limits
    tolerance : the smoothing phase has settled when the Monte-Carlo error of every parameter is
        below this part of the standard error it would have if the random effects were observed
    n_chains : chains per subject; None for 5 (fewer from 75 subjects on, as long as there are 300
        in all; more below 10 subjects, to have 50)
    burn_in : sweeps of the chains before the first iteration
    annealing : iterations during which variances may fall only slowly; 0 for none
    tau : least factor of a variance (omega, residual error) from one iteration to the next in
        the annealing
    prior, single, block : proposals per iteration from the prior, of random walks one by one, and
        of random walks in blocks
    likelihood : how -2LL of the result is computed: ``"is"`` (importance sampling: the likelihood
        itself, with a Monte-Carlo error) or ``"linearisation"`` (FOCEI's approximation)
    covariance : standard errors from ``"linearisation"`` (the model linearised at the conditional
        modes), ``"stochastic"`` (Louis' formula on draws) or ``"none"``
    draws : draws per subject for conditional means and SDs of eta (and for ``"stochastic"``)
    threads : threads over subjects; None chooses by the size of the data. Never changes results.

    Raises
    ------
    OptionError
        A value is out of range.
    """

    exploration: int = 300
    smoothing: int = 200
    max_iter: int | None = None
    auto_stop: bool = True
    tolerance: float = 0.2
    n_chains: int | None = None
    burn_in: int = 5
    annealing: int = 100
    tau: float = 0.95
    prior: int = 1
    single: int = 1
    block: int = 3
    likelihood: str = "is"
    covariance: str = "linearisation"
    draws: int = 200
    threads: int | None = None

    def __post_init__(self) -> None:
        for name in ("exploration", "smoothing", "burn_in", "annealing"):
            _check_whole(name, getattr(self, name), 0)
        for name in ("prior", "single", "block"):
            _check_whole(name, getattr(self, name), 0)
        if not self.prior + self.single + self.block:
            raise OptionError(
                "One of prior, single and block must be above 0: the chains must move."
            )
        for name, least in (("draws", 1), ("max_iter", 0), ("n_chains", 1), ("threads", 1)):
            if getattr(self, name) is not None:
                _check_whole(name, getattr(self, name), least, "None or ")
        if not isinstance(self.auto_stop, bool):
            raise OptionError(f"auto_stop must be True or False, not {self.auto_stop!r}.")
        for name in ("tolerance", "tau"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not 0 < value < 1:
                raise OptionError(f"{name} must lie between 0 and 1, not {value}.")
        for name, choices in (("likelihood", tuple(LIKELIHOODS)), ("covariance", COVARIANCES)):
            if getattr(self, name) not in choices:
                raise OptionError(
                    f"{name} must be one of {', '.join(choices)}, not {getattr(self, name)!r}."
                )

    def chains(self, n_sub: int) -> int:
        """Return the number of chains per subject."""
        if self.n_chains is not None:
            return self.n_chains
        # Exploration with few chains is noisy: correlations then run to their boundary.
        return max(-(-ENOUGH_CHAINS // n_sub), min(5, -(-MANY_CHAINS // n_sub)))

    @property
    def limit(self) -> int:
        """Most iterations in all."""
        both = self.exploration + self.smoothing
        return both if self.max_iter is None else min(both, self.max_iter)


def _check_whole(name: str, value: object, least: int, other: str = "") -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise OptionError(f"{name} must be {other}a whole number of at least {least}, not {value}.")

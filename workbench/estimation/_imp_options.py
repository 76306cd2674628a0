"""Options of importance sampling."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.errors import OptionError

COVARIANCES = ("hessian", "sandwich", "scores", "none")


@dataclass(frozen=True, slots=True)
class ImpOptions:
    """Options of EM by importance sampling.

    Attributes
    ----------
    max_iter : most iterations of EM; 0 leaves the parameters where they are and only computes
        -2LL (NONMEM's EONLY=1)
    draws : of each subject for -2LL, its Monte-Carlo error and the standard errors
    draws_per_iteration : of each subject in an iteration (NONMEM's ISAMPLE)
    df : degrees of freedom of the t proposal; 0 for a normal one
    scale : factor on the SD of the proposal (NONMEM's ISCALE)
    window : iterations without a trend that end the search (NONMEM's CITER); estimates are their
        averages
    covariance : ``"hessian"`` (R⁻¹), ``"sandwich"`` (R⁻¹SR⁻¹), ``"scores"`` (S⁻¹, without further
        sampling) or ``"none"``
    threads : threads over subjects; None chooses by the size of the data. Never changes results.

    Raises
    ------
    OptionError
        A value is out of range.
    """

    max_iter: int = 200
    draws: int = 3000
    draws_per_iteration: int = 300
    df: int = 5
    scale: float = 1.0
    window: int = 10
    covariance: str = "hessian"
    threads: int | None = None

    def __post_init__(self) -> None:
        least = {"max_iter": 0, "draws": 10, "draws_per_iteration": 10, "df": 0, "window": 5}
        for name, bound in least.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < bound:
                raise OptionError(
                    f"{name} must be a whole number of at least {bound}, not {value}."
                )
        if not isinstance(self.scale, int | float) or not 0.2 <= self.scale <= 10:
            raise OptionError(f"scale must lie between 0.2 and 10, not {self.scale}.")
        if self.covariance not in COVARIANCES:
            raise OptionError(
                f"covariance must be one of {', '.join(COVARIANCES)}, not {self.covariance!r}."
            )
        if self.threads is not None and (not isinstance(self.threads, int) or self.threads < 1):
            raise OptionError(f"threads must be None or at least 1, not {self.threads}.")

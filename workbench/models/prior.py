"""What is known of a typical value before the data: bounds, and a normal prior."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import ModelError


@dataclass(frozen=True, slots=True)
class Prior:
    """Normal prior of a typical value, on the scale on which its random effect is added.

    For a log-normal parameter log(theta) is normal around log(mean): ``Prior(2.8, sd=0.2)`` says
    that the typical value is 2.8, give or take 20 %.

    Attributes
    ----------
    mean : centre, on the natural scale of the parameter
    sd : standard deviation on the scale of the distribution: a relative one for a log-normal
        parameter, in the parameter's unit for a normal one, of the logit for a logit-normal one

    Raises
    ------
    ModelError
        A value is not finite, or sd is not positive.
    """

    mean: float
    sd: float

    def __post_init__(self) -> None:
        for name, value in (("mean", self.mean), ("sd", self.sd)):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ModelError(f"The {name} of a prior must be a number, not {value!r}.")
            if not math.isfinite(value):
                raise ModelError(f"The {name} of a prior must be finite, not {value}.")
        if self.sd <= 0:
            raise ModelError(
                f"The sd of a prior must be above 0, not {self.sd:g}. To hold a value, fix it."
            )
        object.__setattr__(self, "mean", float(self.mean))
        object.__setattr__(self, "sd", float(self.sd))

    def python(self) -> str:
        """Return the call that makes it."""
        return f"wb.Prior({self.mean!r}, sd={self.sd!r})"


def check_bounds(
    bounds: Sequence[float | None], typical: float, support: tuple[float, float]
) -> tuple[float, float]:
    """Return lower and upper bound of a typical value, infinite where there is none.

    Parameters
    ----------
    bounds : (lower, upper) on the natural scale; None for no bound
    typical : the typical value, which must lie between them
    support : where the parameter lies in any case; a bound at or beyond an end of it is none

    Raises
    ------
    ModelError
    """
    try:
        low, high = bounds
        lower = -math.inf if low is None else float(low)
        upper = math.inf if high is None else float(high)
    except (TypeError, ValueError):
        raise ModelError(
            f"bounds must be a pair (lower, upper), None for no bound, not {bounds!r}."
        ) from None
    if lower <= support[0]:
        lower = -math.inf
    if upper >= support[1]:
        upper = math.inf
    if math.isnan(lower) or math.isnan(upper) or not lower < upper:
        raise ModelError(f"The lower bound must be below the upper one, not {low} and {high}.")
    if not lower < typical < upper:
        where = f"between its bounds, {lower:g} and {upper:g}"
        if math.isinf(upper):
            where = f"above its lower bound, {lower:g}"
        elif math.isinf(lower):
            where = f"below its upper bound, {upper:g}"
        raise ModelError(
            f"The typical value {typical:g} must lie {where}. Start further inside, or widen it."
        )
    return lower, upper


def bounds_card(lower: float, upper: float) -> list[float | None]:
    """Return bounds as a model card writes them."""
    return [None if math.isinf(value) else value for value in (lower, upper)]


def read_prior(card: Any) -> Prior | None:
    """Return the prior of a model card."""
    if card is None:
        return None
    if not isinstance(card, dict) or set(card) != {"mean", "sd"}:
        raise ModelError(f'A "prior" must have "mean" and "sd" and nothing else, not {card!r}.')
    return Prior(card["mean"], card["sd"])

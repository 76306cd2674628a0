"""A parameter of the model: typical value, distribution and between-subject variability."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import ModelError
from workbench.models.distributions import distributions
from workbench.models.prior import Prior, bounds_card, check_bounds

Bounds = Sequence[float | None]
NO_BOUNDS = (-math.inf, math.inf)

PARTS = ("typical", "iiv")


@dataclass(frozen=True, slots=True)
class Fixed:
    """A value that is held, not estimated: ``LogNormal(Fixed(0.75))``."""

    value: float


@dataclass(frozen=True, slots=True)
class Parameter:
    """One structural parameter.

    Attributes
    ----------
    distribution : name in the registry of distributions
    typical : typical value (theta) on the natural scale
    iiv : SD of eta on the scale of the distribution (omega is its square); 0 = no random effect
    fixed : which of ``"typical"`` and ``"iiv"`` are held at these values
    bounds : (lower, upper) of the typical value on the natural scale, infinite where there is none
    prior : normal prior of the typical value, or None

    Raises
    ------
    ModelError
        A value is not finite, negative where it must be positive, or of the wrong kind.
    """

    distribution: str
    typical: float
    iiv: float = 0.0
    fixed: frozenset[str] = frozenset()
    bounds: Bounds = NO_BOUNDS
    prior: Prior | None = None

    def __post_init__(self) -> None:
        kind = distributions.get(self.distribution)
        typical = number(self.typical, f"The typical value of a {kind.title} parameter")
        iiv = number(self.iiv, "The IIV (SD of eta)")
        if kind.positive and typical <= 0:
            raise ModelError(
                f"A log-normal parameter needs a typical value above 0, not {typical:g}. "
                "Give a positive value, or choose the normal distribution."
            )
        if iiv < 0:
            raise ModelError(
                f"The IIV is the standard deviation of eta and cannot be negative ({iiv:g}). "
                "Give 0 for a parameter without a random effect."
            )
        unknown = set(self.fixed) - set(PARTS)
        if unknown:
            raise ModelError(
                f"Cannot fix {', '.join(sorted(unknown))}: "
                f"a parameter has only {' and '.join(PARTS)}."
            )
        bounds = check_bounds(self.bounds, typical, kind)
        _check_prior(self.prior, kind.positive, held="typical" in self.fixed)
        object.__setattr__(self, "bounds", bounds)
        object.__setattr__(self, "typical", typical)
        object.__setattr__(self, "iiv", iiv)
        object.__setattr__(self, "fixed", frozenset(self.fixed))

    @property
    def has_eta(self) -> bool:
        """True when the parameter varies between subjects."""
        return self.iiv > 0

    @property
    def bounded(self) -> bool:
        """True when the typical value has a bound."""
        return tuple(self.bounds) != NO_BOUNDS

    @property
    def limits(self) -> tuple[float, float]:
        """Lower and upper bound of the typical value, infinite where there is none."""
        low, high = self.bounds
        return (-math.inf if low is None else low), (math.inf if high is None else high)

    @property
    def bounds_given(self) -> tuple[float | None, float | None]:
        """Lower and upper bound of the typical value, None where there is none."""
        low, high = bounds_card(*self.limits)
        return low, high

    def to_dict(self) -> dict[str, Any]:
        """Return the parameter's part of a model card."""
        card: dict[str, Any] = {"distribution": self.distribution, "typical": self.typical}
        card["iiv"] = self.iiv
        if self.fixed:
            card["fixed"] = sorted(self.fixed)
        if self.bounded:
            card["bounds"] = bounds_card(*self.limits)
        if self.prior is not None:
            card["prior"] = {"mean": self.prior.mean, "sd": self.prior.sd}
        return card

    def python(self) -> str:
        """Return the call that makes this parameter."""
        typical = _argument(self.typical, "typical" in self.fixed)
        call = f"wb.{distributions.get(self.distribution).constructor}({typical}"
        if self.has_eta or "iiv" in self.fixed:
            call += f", iiv={_argument(self.iiv, 'iiv' in self.fixed)}"
        if self.bounded:
            low, high = bounds_card(*self.limits)
            call += f", bounds=({low!r}, {high!r})"
        if self.prior is not None:
            call += f", prior={self.prior.python()}"
        return call + ")"


def _check_prior(prior: Prior | None, positive: bool, *, held: bool) -> None:
    if prior is None:
        return
    if not isinstance(prior, Prior):
        raise ModelError(f"prior must be wb.Prior(mean, sd=...), not {prior!r}.")
    if positive and prior.mean <= 0:
        raise ModelError(
            f"The prior of a log-normal parameter needs a mean above 0, not {prior.mean:g}."
        )
    if held:
        raise ModelError(
            "A typical value that is fixed cannot have a prior. Leave one of them out."
        )


def number(value: Any, what: str) -> float:
    """Return a finite number, or refuse what is none: also True, which counts as 1 elsewhere."""
    try:
        if isinstance(value, bool):
            raise TypeError
        found = float(value)
    except (TypeError, ValueError):
        raise ModelError(f"{what} must be a number, not {value!r}.") from None
    if not math.isfinite(found):
        raise ModelError(f"{what} must be a finite number, not {found}.")
    return found


def names_of_fixed(value: Any, what: str) -> frozenset[str]:
    """Read the "fixed" of a model card; a single word would fall apart into its letters."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ModelError(f'The "fixed" of {what} must be a list of names, not {value!r}.')
    return frozenset(str(name) for name in value)


def _argument(value: float, fixed: bool) -> str:
    return f"wb.Fixed({value!r})" if fixed else repr(value)


def unfix(**values: float | Fixed) -> tuple[dict[str, float], frozenset[str]]:
    """Split named values into plain numbers and the names of those that are fixed."""
    fixed = frozenset(name for name, value in values.items() if isinstance(value, Fixed))
    plain = {n: v.value if isinstance(v, Fixed) else v for n, v in values.items()}
    return plain, fixed


def LogNormal(  # noqa: N802
    typical: float | Fixed,
    *,
    iiv: float | Fixed = 0.0,
    bounds: Bounds | None = None,
    prior: Prior | None = None,
) -> Parameter:
    """Return a log-normal parameter: typical value (median) times exp(eta), eta ~ N(0, iiv²).

    Parameters
    ----------
    typical : median on the natural scale, > 0; wrap it in `Fixed` to hold it
    iiv : SD of eta; 0 for no random effect; wrap it in `Fixed` to hold it
    bounds : (lower, upper) of the typical value, None for no bound
    prior : normal prior of the typical value, see `Prior`
    """
    values, fixed = unfix(typical=typical, iiv=iiv)
    return Parameter(
        "lognormal", values["typical"], values["iiv"], fixed, bounds or NO_BOUNDS, prior
    )


def Normal(  # noqa: N802
    typical: float | Fixed,
    *,
    iiv: float | Fixed = 0.0,
    bounds: Bounds | None = None,
    prior: Prior | None = None,
) -> Parameter:
    """Return a normal parameter: typical value plus eta, eta ~ N(0, iiv²).

    Parameters
    ----------
    typical : mean on the natural scale; wrap it in `Fixed` to hold it
    iiv : SD of eta, in the parameter's unit; 0 for no random effect
    bounds : (lower, upper) of the typical value, None for no bound
    prior : normal prior of the typical value, see `Prior`
    """
    values, fixed = unfix(typical=typical, iiv=iiv)
    return Parameter("normal", values["typical"], values["iiv"], fixed, bounds or NO_BOUNDS, prior)

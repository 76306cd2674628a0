"""A parameter of the model: typical value, distribution and between-subject variability."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import ModelError
from workbench.models.covariates import CovariateEffect, check_effects
from workbench.models.distributions import Distribution, distributions
from workbench.models.eta import EtaShape
from workbench.models.prior import Prior, bounds_card, check_bounds
from workbench.models.values import Fixed, argument, number, unfix

Bounds = Sequence[float | None]
NO_BOUNDS = (-math.inf, math.inf)

PARTS = ("typical", "iiv", "iov")
SMALLEST_SHARE, LARGEST_SHARE = 1e-300, 2.0**-53  # nearest to the bounds, as shares of the width


@dataclass(frozen=True, slots=True)
class Parameter:
    """One structural parameter.

    Attributes
    ----------
    distribution : name in the registry of distributions
    typical : typical value (theta) on the natural scale
    iiv : SD of eta on the scale of the distribution (omega is its square); 0 = no random effect
    fixed : which of ``"typical"``, ``"iiv"`` and ``"iov"`` are held at these values
    bounds : (lower, upper) of the typical value on the natural scale, infinite where there is none
    prior : normal prior of the typical value, or None
    covariates : effects of the subjects' covariates, see `workbench.models.covariates`
    lower, upper : bounds of a logit- or probit-normal parameter in every subject, 0 and 1 if not
        given; None for the other distributions
    iov : SD of kappa, which varies between the occasions of a subject; 0 = none
    eta : shape of the random effect, None for a normal one (`workbench.models.eta`), and where
        there is no random effect

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
    covariates: Sequence[CovariateEffect] = ()
    lower: float | None = None
    upper: float | None = None
    iov: float = 0.0
    eta: EtaShape | None = None

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
        iov = number(self.iov, "The IOV (SD of kappa)")
        if iov < 0:
            raise ModelError(
                f"The IOV is the standard deviation of kappa and cannot be negative ({iov:g}). "
                "Give 0 for a parameter that does not vary between occasions."
            )
        unknown = set(self.fixed) - set(PARTS)
        if unknown:
            raise ModelError(
                f"Cannot fix {', '.join(sorted(unknown))}: a parameter has only {', '.join(PARTS)}."
            )
        if self.eta is not None and not isinstance(self.eta, EtaShape):
            raise ModelError(
                f"eta is the shape of the random effect, such as wb.eta.BoxCox(0.5), not "
                f"{self.eta!r}. Its SD is given by iiv."
            )
        self._set_range(kind, typical)
        bounds = check_bounds(self.bounds, typical, self.support)
        _check_prior(self.prior, self, held="typical" in self.fixed)
        object.__setattr__(self, "covariates", check_effects(self.covariates, kind))
        object.__setattr__(self, "bounds", bounds)
        object.__setattr__(self, "typical", typical)
        object.__setattr__(self, "iiv", iiv)
        object.__setattr__(self, "iov", iov)
        object.__setattr__(self, "fixed", frozenset(self.fixed))
        if iiv == 0:  # a shape needs something to be the shape of
            object.__setattr__(self, "eta", None)

    def _set_range(self, kind: Distribution, typical: float) -> None:
        """Fill in and check the bounds of the distribution."""
        if not kind.limited:
            if self.lower is not None or self.upper is not None:
                raise ModelError(
                    f"A {kind.title.lower()} parameter has no lower and upper. Make it "
                    "logit-normal (wb.LogitNormal) if it lies between two values in every "
                    "subject, or give bounds=(lower, upper) if only its typical value does."
                )
            return
        lower = number(0.0 if self.lower is None else self.lower, "The lower bound")
        upper = number(1.0 if self.upper is None else self.upper, "The upper bound")
        if not lower < upper:
            raise ModelError(
                f"The lower bound of a {kind.title.lower()} parameter must be below the upper one, "
                f"not {lower:g} and {upper:g}."
            )
        if not lower < typical < upper:
            raise ModelError(
                f"The typical value of a {kind.title.lower()} parameter must lie between its "
                f"bounds, {lower:g} and {upper:g}, and {typical:g} does not. Give another typical "
                "value, or other bounds (lower=, upper=)."
            )
        object.__setattr__(self, "lower", lower)
        object.__setattr__(self, "upper", upper)

    @property
    def range(self) -> tuple[float, float]:
        """Lower and upper bound of the distribution; (0, 1) for one without bounds."""
        return 0.0 if self.lower is None else self.lower, 1.0 if self.upper is None else self.upper

    @property
    def support(self) -> tuple[float, float]:
        """The open interval in which the parameter lies in every subject."""
        kind = distributions.get(self.distribution)
        if kind.limited:
            return self.range
        return (0.0 if kind.positive else -math.inf), math.inf

    def to_psi(self, value: float) -> float:
        """Return a natural value on the scale on which eta is added.

        What is at or beyond the bounds of the distribution counts as just inside.
        """
        kind = distributions.get(self.distribution)
        if not kind.limited:
            return kind.to_psi(value)
        lower, upper = self.range
        share = (value - lower) / (upper - lower)
        return kind.to_psi(min(max(share, SMALLEST_SHARE), 1.0 - LARGEST_SHARE))

    def from_psi(self, psi: float) -> float:
        """Return the natural value of psi, inside the bounds of the distribution."""
        kind = distributions.get(self.distribution)
        if not kind.limited:
            return kind.from_psi(psi)
        lower, upper = self.range
        far = kind.from_psi(-abs(psi)) * (upper - lower)  # from the nearer bound
        value = upper - far if psi > 0 else lower + far
        return min(max(value, math.nextafter(lower, upper)), math.nextafter(upper, lower))

    def psi_slope(self, psi: float) -> float:
        """Return the derivative of `from_psi`."""
        kind = distributions.get(self.distribution)
        lower, upper = self.range
        return kind.slope(psi) * (upper - lower if kind.limited else 1.0)

    def times(self, factor: float) -> float:
        """Return the typical value times a factor; between bounds, its odds times the factor."""
        kind = distributions.get(self.distribution)
        if not kind.limited:
            return self.typical * factor
        return self.from_psi(self.to_psi(self.typical) + math.log(factor))

    @property
    def has_eta(self) -> bool:
        """True when the parameter varies between subjects."""
        return self.iiv > 0

    @property
    def has_iov(self) -> bool:
        """True when the parameter varies between the occasions of a subject."""
        return self.iov > 0

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
        if self.has_iov or "iov" in self.fixed:
            card["iov"] = self.iov
        if self.fixed:
            card["fixed"] = sorted(self.fixed)
        if self.bounded:
            card["bounds"] = bounds_card(*self.limits)
        if self.prior is not None:
            card["prior"] = {"mean": self.prior.mean, "sd": self.prior.sd}
        if self.covariates:
            card["covariates"] = [effect.to_dict() for effect in self.covariates]
        if self.lower is not None:
            card["lower"], card["upper"] = self.range
        if self.eta is not None:
            card["eta"] = self.eta.to_dict()
        return card

    def python(self) -> str:
        """Return the call that makes this parameter."""
        typical = argument(self.typical, "typical" in self.fixed)
        call = f"wb.{distributions.get(self.distribution).constructor}({typical}"
        if self.has_eta or "iiv" in self.fixed:
            call += f", iiv={argument(self.iiv, 'iiv' in self.fixed)}"
        if self.has_iov or "iov" in self.fixed:
            call += f", iov={argument(self.iov, 'iov' in self.fixed)}"
        if self.lower is not None:
            call += f", lower={self.lower!r}, upper={self.upper!r}"
        if self.eta is not None:
            call += f", eta={self.eta.python()}"
        if self.bounded:
            low, high = bounds_card(*self.limits)
            call += f", bounds=({low!r}, {high!r})"
        if self.prior is not None:
            call += f", prior={self.prior.python()}"
        if self.covariates:
            call += f", covariates=[{', '.join(e.python() for e in self.covariates)}]"
        return call + ")"


def _check_prior(prior: Prior | None, parameter: Parameter, *, held: bool) -> None:
    if prior is None:
        return
    if not isinstance(prior, Prior):
        raise ModelError(f"prior must be wb.Prior(mean, sd=...), not {prior!r}.")
    lower, upper = parameter.support
    if lower == 0.0 and math.isinf(upper) and prior.mean <= 0:
        raise ModelError(
            f"The prior of a log-normal parameter needs a mean above 0, not {prior.mean:g}."
        )
    if not lower < prior.mean < upper:
        raise ModelError(
            f"The mean of the prior must lie between the bounds of the parameter, {lower:g} and "
            f"{upper:g}, not at {prior.mean:g}."
        )
    if held:
        raise ModelError(
            "A typical value that is fixed cannot have a prior. Leave one of them out."
        )


def LogNormal(  # noqa: N802
    typical: float | Fixed,
    *,
    iiv: float | Fixed = 0.0,
    iov: float | Fixed = 0.0,
    bounds: Bounds | None = None,
    prior: Prior | None = None,
    covariates: Sequence[CovariateEffect] = (),
    eta: EtaShape | None = None,
) -> Parameter:
    """Return a log-normal parameter: typical value (median) times exp(eta), eta ~ N(0, iiv²).

    Parameters
    ----------
    typical : median on the natural scale, > 0; wrap it in `Fixed` to hold it
    iiv : SD of eta; 0 for no random effect; wrap it in `Fixed` to hold it
    iov : SD of kappa, added to eta and drawn anew for each occasion (`Model`); 0 for none
    bounds : (lower, upper) of the typical value, None for no bound
    prior : normal prior of the typical value, see `Prior`
    covariates : effects such as ``wb.covariate.Power("WT", reference=70)``; the typical value is
        then that of a subject whose covariates are at their references
    eta : shape of the random effect (which needs an `iiv`), ``wb.eta.BoxCox(0.5)`` or
        ``wb.eta.StudentT(5)``; None for a normal one
    """
    return _parameter("lognormal", typical, iiv, iov, bounds, prior, covariates, eta)


def Normal(  # noqa: N802
    typical: float | Fixed,
    *,
    iiv: float | Fixed = 0.0,
    iov: float | Fixed = 0.0,
    bounds: Bounds | None = None,
    prior: Prior | None = None,
    covariates: Sequence[CovariateEffect] = (),
    eta: EtaShape | None = None,
) -> Parameter:
    """Return a normal parameter: typical value plus eta, eta ~ N(0, iiv²).

    Parameters
    ----------
    typical : mean on the natural scale; wrap it in `Fixed` to hold it
    iiv : SD of eta, in the parameter's unit; 0 for no random effect
    iov : SD of kappa, added to eta and drawn anew for each occasion (`Model`); 0 for none
    bounds : (lower, upper) of the typical value, None for no bound
    prior : normal prior of the typical value, see `Prior`
    covariates : effects such as ``wb.covariate.Power("WT", reference=70)``; the typical value is
        then that of a subject whose covariates are at their references
    eta : shape of the random effect (which needs an `iiv`), ``wb.eta.BoxCox(0.5)`` or
        ``wb.eta.StudentT(5)``; None for a normal one
    """
    return _parameter("normal", typical, iiv, iov, bounds, prior, covariates, eta)


def LogitNormal(  # noqa: N802
    typical: float | Fixed,
    *,
    iiv: float | Fixed = 0.0,
    iov: float | Fixed = 0.0,
    lower: float = 0.0,
    upper: float = 1.0,
    bounds: Bounds | None = None,
    prior: Prior | None = None,
    covariates: Sequence[CovariateEffect] = (),
    eta: EtaShape | None = None,
) -> Parameter:
    r"""Return a logit-normal parameter: between two bounds in every subject.

    .. math:: \phi_i = a + \frac{b - a}{1 + e^{-\psi_i}}, \qquad
        \psi_i = \log\frac{\theta - a}{b - \theta} + \eta_i

    Parameters
    ----------
    typical : median on the natural scale, between the bounds; wrap it in `Fixed` to hold it
    iiv : SD of eta, on the logit scale; wrap it in `Fixed` to hold it
    iov : SD of kappa, added to eta and drawn anew for each occasion (`Model`); 0 for none
    lower, upper : the bounds a and b of the parameter
    bounds : (lower, upper) of the typical value, None for no bound but a and b
    prior : normal prior of the typical value, its sd on the logit scale
    covariates : effects such as ``wb.covariate.Power("WT")``; they are added on the logit scale
    eta : shape of the random effect on the logit scale, None for a normal one

    Raises
    ------
    ModelError
        The typical value does not lie between the bounds.
    """
    return _parameter(
        "logitnormal", typical, iiv, iov, bounds, prior, covariates, eta, lower, upper
    )


def ProbitNormal(  # noqa: N802
    typical: float | Fixed,
    *,
    iiv: float | Fixed = 0.0,
    iov: float | Fixed = 0.0,
    lower: float = 0.0,
    upper: float = 1.0,
    bounds: Bounds | None = None,
    prior: Prior | None = None,
    covariates: Sequence[CovariateEffect] = (),
    eta: EtaShape | None = None,
) -> Parameter:
    r"""Return a probit-normal parameter: between two bounds in every subject.

    .. math:: \phi_i = a + (b - a)\,\Phi(\psi_i), \qquad
        \psi_i = \Phi^{-1}\Big(\frac{\theta - a}{b - a}\Big) + \eta_i

    With typical value in the middle and iiv = 1 it is uniform between the bounds.

    Parameters
    ----------
    typical, iiv, iov, lower, upper, bounds, prior, covariates : as of `LogitNormal`; SDs and
        effects are those of the normal quantile

    Raises
    ------
    ModelError
        The typical value does not lie between the bounds.
    """
    return _parameter(
        "probitnormal", typical, iiv, iov, bounds, prior, covariates, eta, lower, upper
    )


def _parameter(
    distribution: str,
    typical: float | Fixed,
    iiv: float | Fixed,
    iov: float | Fixed,
    bounds: Bounds | None,
    prior: Prior | None,
    covariates: Sequence[CovariateEffect],
    eta: EtaShape | None,
    lower: float | None = None,
    upper: float | None = None,
) -> Parameter:
    values, fixed = unfix(typical=typical, iiv=iiv, iov=iov)
    made = Parameter(
        distribution,
        values["typical"],
        values["iiv"],
        fixed,
        bounds or NO_BOUNDS,
        prior,
        covariates,
        lower,
        upper,
        values["iov"],
        eta,
    )
    check_shape(made, eta)
    return made


def check_shape(parameter: Parameter, eta: EtaShape | None) -> None:
    """Refuse a shape that was given to a parameter without a random effect.

    Raises
    ------
    ModelError
    """
    if eta is None or parameter.has_eta:
        return
    kappa = " (Differences between occasions, iov, are always normal.)" * parameter.has_iov
    raise ModelError(
        f"eta is the shape of the random effect, {eta.python()}, but the parameter has none: its "
        f"iiv is 0.{kappa} Give an iiv above 0, or leave eta= out."
    )

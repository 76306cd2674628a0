"""Typical values between bounds, as a variable without bounds, and their normal priors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf, isfinite

import numpy as np
from numpy.typing import NDArray

from workbench.models.parameter import Parameter

Floats = NDArray[np.float64]

INSIDE = 1e-9  # share of the width by which a packed value stays inside its bounds
AT_BOUND = 1e-3  # share of the width (or of the size) that counts as being at the bound


class Bounds:
    r"""Maps theta on the psi scale to an unbounded variable and back.

    Without bounds the variable is theta over a scale; with two it is the logit of the place
    between them; with one, the logarithm of the distance to it over the scale.

    Parameters
    ----------
    parameters : in the kernels' order
    scale : (n_theta,)  sizes of theta; elements between those of the parameters and the last ones
        have no bounds
    last : limits of the last elements of theta
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        scale: Floats,
        last: Sequence[tuple[float, float]] = (),
    ) -> None:
        limits = [_psi_limits(parameter) for parameter in parameters]
        limits += [(-inf, inf)] * (len(scale) - len(limits) - len(last))
        limits += last
        self.scale = scale
        self.lower = np.array([low for low, _ in limits])
        self.upper = np.array([high for _, high in limits])
        low, high = np.isfinite(self.lower), np.isfinite(self.upper)
        self._both, self._low, self._high = low & high, low & ~high, high & ~low
        self.any = bool((low | high).any())
        self._width = np.where(self._both, self.upper - self.lower, scale)

    @property
    def inner_lower(self) -> Floats:
        """Least values that count as inside the bounds, (n_theta,)."""
        return np.asarray(self.lower + INSIDE * self._width)

    @property
    def inner_upper(self) -> Floats:
        """Largest values that count as inside the bounds, (n_theta,)."""
        return np.asarray(self.upper - INSIDE * self._width)

    def to_free(self, theta: Floats) -> Floats:
        """Return the variable of theta; a theta outside its bounds counts as just inside."""
        free = theta / self.scale
        if not self.any:
            return free
        edge = INSIDE * self._width
        inside = np.clip(theta, self.lower + edge, self.upper - edge)
        with np.errstate(all="ignore"):
            place = (inside - self.lower) / self._width
            back = (self.upper - inside) / self._width
            free = np.where(self._both, np.log(place / back), free)
            free = np.where(self._low, np.log(place), free)
            return np.where(self._high, -np.log(back), free)

    def to_theta(self, free: Floats) -> Floats:
        """Return theta of the variable."""
        theta = free * self.scale
        if not self.any:
            return theta
        with np.errstate(all="ignore"):
            theta = np.where(self._both, self.lower + self._width / (1.0 + np.exp(-free)), theta)
            theta = np.where(self._low, self.lower + self._width * np.exp(free), theta)
            return np.where(self._high, self.upper - self._width * np.exp(-free), theta)

    def slope(self, free: Floats) -> Floats:
        """Return d theta / d free."""
        slope = self.scale * np.ones_like(free)
        if not self.any:
            return slope
        with np.errstate(all="ignore"):
            share = 1.0 / (1.0 + np.exp(-free))
            slope = np.where(self._both, self._width * share * (1.0 - share), slope)
            slope = np.where(self._low, self._width * np.exp(free), slope)
            return np.where(self._high, self._width * np.exp(-free), slope)

    def reached(self, theta: Floats) -> list[tuple[int, str]]:
        """Return the numbers of the parameters at a bound, with "lower" or "upper"."""
        near = AT_BOUND * self._width
        found = [(int(k), "lower") for k in np.flatnonzero(theta - self.lower < near)]
        return found + [(int(k), "upper") for k in np.flatnonzero(self.upper - theta < near)]


class Priors:
    r"""Normal priors of theta: the penalty :math:`\sum_k (\theta_k - m_k)^2 / s_k^2`.

    It is minus twice the log density without constants, and is added to -2LL.

    Parameters
    ----------
    parameters : in the kernels' order
    n_more : elements of theta after those of the parameters; they have no priors

    Attributes
    ----------
    mean : (n_theta,)  on the psi scale; 0 without a prior
    precision : (n_theta,)  1 / sd²; 0 without a prior
    """

    def __init__(self, parameters: Iterable[Parameter], n_more: int = 0) -> None:
        rows = [_psi_prior(parameter) for parameter in parameters] + [(0.0, 0.0)] * n_more
        self.mean = np.array([mean for mean, _ in rows])
        self.precision = np.array([precision for _, precision in rows])
        self.any = bool((self.precision > 0).any())

    def penalty(self, theta: Floats) -> float:
        """Return the penalty at theta on the psi scale."""
        return float(self.precision @ (theta - self.mean) ** 2)

    def slope(self, theta: Floats) -> Floats:
        """Return the derivative of the penalty in theta."""
        return 2.0 * self.precision * (theta - self.mean)


def _psi_limits(parameter: Parameter) -> tuple[float, float]:
    to_psi = parameter.to_psi
    low, high = parameter.limits
    return (to_psi(low) if isfinite(low) else low), (to_psi(high) if isfinite(high) else high)


def _psi_prior(parameter: Parameter) -> tuple[float, float]:
    if parameter.prior is None:
        return 0.0, 0.0
    return parameter.to_psi(parameter.prior.mean), parameter.prior.sd**-2

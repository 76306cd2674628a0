r"""The vector that an optimiser moves, and what its elements mean.

The vector x is unbounded and of order one:

* theta on the psi scale (the logarithm for a log-normal parameter), a normal one divided by
  the size of its starting value; one with bounds by its place between them (`problem.bounds`);
  then the covariates' coefficients, times the SD of their covariate over the subjects (over the
  size of the parameter, for a normal one);
* omega as in `problem.covariance`: log SDs (conditional on the earlier etas of the block), then an
  element for each correlation;
* sigma as a logarithm, or divided by its starting value where it may change sign.

Fixed elements stay out of x. The natural vector u, which is what a person reads, holds the
typical values, the covariates' coefficients, the variances and correlations of omega, and sigma.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from workbench.core.conditional import Objective
from workbench.core.likelihood import Values
from workbench.errors import ModelError
from workbench.models.distributions import distributions
from workbench.models.error import LAMBDA, ResidualError
from workbench.models.model import Model
from workbench.problem.bounds import Bounds, Priors
from workbench.problem.covariance import CovarianceMap

Floats = NDArray[np.float64]


Number = TypeVar("Number", np.float64, np.int64)


def frozen(array: NDArray[Number]) -> NDArray[Number]:
    """Return a contiguous read-only copy."""
    copy = np.array(array, order="C")
    copy.flags.writeable = False
    return copy


@dataclass(frozen=True, slots=True)
class Entry:
    """One element of the natural vector.

    Attributes
    ----------
    name : ``cl``, ``beta[cl,WT]``, ``omega[cl]``, ``corr[cl,v]`` or ``sigma[additive]``, of
        several outputs ``sigma[cp.additive]``
    kind : ``"theta"``, ``"beta"``, ``"omega"``, ``"correlation"`` or ``"sigma"``
    fixed : held at its starting value
    interval : how its interval is computed (`problem.intervals`): ``"log"``, ``"identity"``,
        ``"chi2"`` (of a variance), ``"fisher"`` (the z transformation, for correlations),
        ``"logit"`` or ``"probit"``
    output : of a sigma, the output to whose error it belongs
    limits : bounds of a parameter whose interval is computed on a scale between them
    """

    name: str
    kind: str
    fixed: bool
    interval: str
    output: str = ""
    limits: tuple[float, float] = (0.0, 1.0)


class ParameterSpace:
    """Translates between x, the natural vector and what the kernels need.

    Parameters
    ----------
    model : its starting values give the starting point and the scales
    held : outputs that are not observed; their residual errors stay as they are
    spreads : (n_beta,)  SDs of the coefficients' columns of the design, for the scales; None for 1

    Attributes
    ----------
    n_phi : number of individual parameters, so of typical values
    n_theta : number of elements of theta: typical values, then coefficients of covariates

    Raises
    ------
    ModelError
        A covariate's reference or levels are still to be taken from data.
    """

    def __init__(
        self, model: Model, *, held: Collection[str] = (), spreads: Floats | None = None
    ) -> None:
        self.model = model
        self.n_phi = len(model.parameters)
        start, self._beta_fixed = _coefficients(model)
        self.n_theta = self.n_phi + len(start)
        self.etas = model.etas
        self.n_eta = len(self.etas)
        self._pairs = [(self.etas.index(a), self.etas.index(b)) for a, b in model.correlations]
        held_etas = ["iiv" in model.parameters[name].fixed for name in self.etas]
        held_pairs = [pair in model.fixed_correlations for pair in model.correlations]
        self.covariance = CovarianceMap(model.omega, self._pairs, held_etas + held_pairs)
        self._distributions = [distributions.get(p.distribution) for p in model.parameters.values()]
        self._theta_scale = np.array(
            [
                1.0 if d.unitless else max(abs(p.typical), p.iiv, 1e-8)
                for d, p in zip(self._distributions, model.parameters.values(), strict=True)
            ]
        )
        if len(start):
            self._theta_scale = np.concatenate([self._theta_scale, self._beta_scale(spreads)])
        self.bounds = Bounds(model.parameters.values(), self._theta_scale)
        self.priors = Priors(model.parameters.values(), len(start))
        errors, self._held = model.errors.values(), held
        scales = [scale for error in errors for scale in error.scales]
        self._sigma_log = np.array([scale == "log" for scale in scales])
        self._sigma_start = np.array([value for error in errors for value in error.values])
        self._sigma_scale = np.concatenate([_sizes(error) for error in errors])
        self.entries = self._make_entries()
        self._full_start = self._pack_start()
        self.free = np.array(self._free_mask())
        self.n_free = int(self.free.sum())

    def _beta_scale(self, spreads: Floats | None) -> Floats:
        """Return the sizes of the coefficients: one of them moves psi by about its own size."""
        owner = [
            k
            for k, p in enumerate(self.model.parameters.values())
            for effect in p.covariates
            for _ in effect.levels
        ]
        return self._theta_scale[owner] / (1.0 if spreads is None else spreads)

    def _make_entries(self) -> list[Entry]:
        model = self.model
        entries = [
            Entry(name, "theta", "typical" in p.fixed, d.interval, limits=p.range)
            for (name, p), d in zip(model.parameters.items(), self._distributions, strict=True)
        ]
        entries += [
            Entry(name, "beta", held, "identity")
            for name, held in zip(model.beta_names, self._beta_fixed, strict=True)
        ]
        entries += [
            Entry(f"omega[{name}]", "omega", "iiv" in model.parameters[name].fixed, "chi2")
            for name in self.etas
        ]
        entries += [
            Entry(f"corr[{a},{b}]", "correlation", (a, b) in model.fixed_correlations, "fisher")
            for a, b in model.correlations
        ]
        parameters = [
            (output, parameter, error)
            for output, error in model.errors.items()
            for parameter in error.parameters
        ]
        for (output, parameter, error), name, log in zip(
            parameters, model.sigma_names, self._sigma_log, strict=True
        ):
            fixed = parameter in error.fixed or output in self._held
            scale = "log" if log else "identity"
            entries.append(Entry(f"sigma[{name}]", "sigma", fixed, scale, output))
        return entries

    def _free_mask(self) -> list[bool]:
        # x has the same order and length as the natural vector: one element for each correlation,
        # one log SD for each variance.
        return [not entry.fixed for entry in self.entries]

    def _pack_start(self) -> Floats:
        return self._pack(theta_of(self.model), self.model.omega, self._sigma_start)

    def _pack(self, theta: Floats, omega: Floats, sigma: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            sigma = np.where(self._sigma_log, np.log(np.abs(sigma)), sigma / self._sigma_scale)
        of_omega = self.covariance.to_free(omega)
        return np.concatenate([self.bounds.to_free(theta), of_omega, sigma])

    def pack(self, theta: Floats, omega: Floats, sigma: Floats) -> Floats:
        """Return the x of given values; fixed entries are ignored.

        Parameters
        ----------
        theta : (n_theta,)  on the psi scale
        omega : (n_eta, n_eta)  covariances outside the model's blocks are ignored; within a block
            with fixed zeros or values, the nearest omega that has these is taken
        sigma : (n_sigma,)
        """
        return self._pack(theta, self.covariance.nearest(omega), sigma)[self.free]

    @property
    def start(self) -> Floats:
        """Starting x, (n_free,)."""
        return self._full_start[self.free]

    def full(self, x: Floats) -> Floats:
        """Return x with the fixed elements put back."""
        full = self._full_start.copy()
        full[self.free] = x
        return full

    def theta(self, full: Floats) -> Floats:
        """Return theta on the psi scale, (n_theta,)."""
        return self.bounds.to_theta(full[: self.n_theta])

    def low(self, full: Floats) -> Floats:
        """Return a root L of omega, L L' = omega, (n_eta, n_eta), its diagonal positive.

        It is the Cholesky factor in the order of `covariance`; NaN where no omega has the values
        that are fixed.
        """
        return self.covariance.root(self._of_omega(full))

    def _of_omega(self, full: Floats) -> Floats:
        return full[self.n_theta : self.n_theta + self.covariance.size]

    def sigma(self, full: Floats) -> Floats:
        """Return sigma as the error models want it, output after output, (n_sigma,)."""
        tail = full[self.n_theta + self.covariance.size :]
        return np.where(self._sigma_log, np.exp(tail), tail * self._sigma_scale)

    def theta_slope(self, theta: Floats) -> Floats:
        """Return the slopes d theta / dx at given values, (n_theta,)."""
        return self.bounds.slope(self.bounds.to_free(theta))

    def move_theta(self, theta: Floats, step: Floats) -> Floats:
        """Return theta after a step in x, (n_theta,)."""
        return self.bounds.to_theta(self.bounds.to_free(theta) + step)

    def sigma_slope(self, sigma: Floats) -> Floats:
        """Return the slopes d sigma / dx at given values, (n_sigma,)."""
        return np.where(self._sigma_log, sigma, self._sigma_scale)

    def move_sigma(self, sigma: Floats, step: Floats) -> Floats:
        """Return sigma after a step in x, (n_sigma,)."""
        return np.where(self._sigma_log, sigma * np.exp(step), sigma + step * self._sigma_scale)

    def values(self, x: Floats) -> Values:
        """Return what the kernels need at x."""
        full = self.full(x)
        low = self.low(full)
        inverse = np.linalg.inv(low) if self.n_eta else low
        precision = inverse.T @ inverse
        log_det = 2.0 * float(np.sum(np.log(np.diag(low))))
        return Values(
            frozen(self.theta(full)), frozen(precision), log_det, frozen(self.sigma(full))
        )

    def gradient(self, x: Floats, values: Values, out: Objective) -> Floats:
        r"""Return each subject's gradient with respect to x, (n_sub, n_free).

        With :math:`P = \Omega^{-1}` and :math:`S_i` the kernel's derivative in P,
        :math:`\partial OFV_i/\partial\Omega = -P (S_i - \Omega) P`.
        """
        full = self.full(x)
        low = self.low(full)
        columns = [out.by_theta * self.bounds.slope(full[: self.n_theta])]
        if self.n_eta:
            precision = values.precision
            by_omega = -precision @ (out.by_precision - low @ low.T) @ precision
            columns.append(self.covariance.gradient(self._of_omega(full), low, by_omega))
        columns.append(out.by_sigma * self.sigma_slope(values.sigma))
        return np.concatenate(columns, axis=1)[:, self.free]

    def stretch(self, theta: Floats, sigma: Floats) -> Floats:
        """Return the slopes of theta and sigma in their elements of x, (n_theta + n_sigma,)."""
        return np.concatenate([self.theta_slope(theta), self.sigma_slope(sigma)])

    def slope_of_typical(self, k: int, psi: float) -> float:
        """Return d natural / d theta of element k of theta, which is psi."""
        if k >= self.n_phi:
            return 1.0
        return list(self.model.parameters.values())[k].psi_slope(psi)

    def penalty(self, x: Floats) -> float:
        """Return minus twice the log density of the priors, without constants."""
        return self.priors.penalty(self.theta(self.full(x)))

    def penalty_gradient(self, x: Floats) -> Floats:
        """Return the derivative of the penalty in x, (n_free,)."""
        full = self.full(x)
        gradient = np.zeros(len(full))
        free = full[: self.n_theta]
        gradient[: self.n_theta] = self.priors.slope(self.theta(full)) * self.bounds.slope(free)
        return gradient[self.free]

    def prior_information(self, x: Floats) -> Floats:
        """Return the information that the priors add about x, (n_free, n_free)."""
        full = self.full(x)
        added = np.zeros(len(full))
        slope = self.bounds.slope(full[: self.n_theta])
        added[: self.n_theta] = self.priors.precision * slope**2
        return np.diag(added[self.free])

    def at_bounds(self, x: Floats) -> list[tuple[str, str]]:
        """Return the estimated parameters that ended at a bound, with "lower" or "upper"."""
        names = list(self.model.parameters)
        reached = self.bounds.reached(self.theta(self.full(x)))
        return [(names[k], side) for k, side in reached if not self.entries[k].fixed]

    def natural(self, x: Floats) -> Floats:
        """Return the natural vector at x, all entries, fixed ones included."""
        full = self.full(x)
        low = self.low(full)
        omega = low @ low.T
        variance = np.diag(omega)
        correlation = [omega[i, j] / np.sqrt(variance[i] * variance[j]) for i, j in self._pairs]
        theta = self.theta(full)
        parameters = self.model.parameters.values()
        typical = [p.from_psi(psi) for p, psi in zip(parameters, theta[: self.n_phi], strict=True)]
        beta = theta[self.n_phi :]
        return np.concatenate([typical, beta, variance, correlation, self.sigma(full)])

    def jacobian(self, x: Floats) -> Floats:
        """Return d natural / dx, (n_entries, n_free), by central differences.

        The map is a few exponentials and products, so a step of 1e-5 leaves about 1e-10.
        """
        columns = []
        for k in range(self.n_free):
            step = np.zeros(self.n_free)
            step[k] = 1e-5
            columns.append((self.natural(x + step) - self.natural(x - step)) / 2e-5)
        return np.array(columns).reshape(self.n_free, len(self.entries)).T

    def omega(self, x: Floats) -> Floats:
        """Return omega at x, (n_eta, n_eta)."""
        return self.covariance.omega(self._of_omega(self.full(x)))

    def model_at(self, x: Floats) -> Model:
        """Return the model with the values at x in place of the starting values."""
        full = self.full(x)
        omega = self.omega(x)
        sd = dict(zip(self.etas, np.sqrt(np.diag(omega)), strict=True))
        psi = self.theta(full)
        beta = iter(psi[self.n_phi :].tolist())
        parameters = {
            name: replace(
                p,
                typical=p.from_psi(psi[k]),
                iiv=float(sd.get(name, 0.0)),
                covariates=tuple(e.with_values(next(beta) for _ in e.levels) for e in p.covariates),
            )
            for k, (name, p) in enumerate(self.model.parameters.items())
        }
        correlations = {
            pair: float(omega[i, j] / np.sqrt(omega[i, i] * omega[j, j]))
            for pair, (i, j) in zip(self.model.correlations, self._pairs, strict=True)
        }
        sigma = iter(self.sigma(full).tolist())
        errors = {
            output: error.with_values(next(sigma) for _ in error.values)
            for output, error in self.model.errors.items()
        }
        return self.model.replace(parameters=parameters, correlations=correlations, error=errors)


def theta_of(model: Model) -> Floats:
    """Return theta of a model's values on the psi scale: typical values, then coefficients.

    Raises
    ------
    ModelError
        A covariate's reference or levels are still to be taken from data.
    """
    psi = [p.to_psi(p.typical) for p in model.parameters.values()]
    return np.array([*psi, *_coefficients(model)[0]])


def _coefficients(model: Model) -> tuple[list[float], list[bool]]:
    """Return starting values of the covariates' coefficients, and which of them are held."""
    effects = [effect for p in model.parameters.values() for effect in p.covariates]
    for effect in effects:
        if not effect.resolved:
            raise ModelError(
                f"The effect of {effect.column} takes its reference from the data, and has none "
                "yet. Give reference= (and the levels), or bind the model to data first."
            )
    values = [value for effect in effects for value in effect.values]
    return values, [held for effect in effects for held in effect.held]


def _sizes(error: ResidualError) -> Floats:
    """Return the sizes of an error's parameters; one that starts at 0 has that of the largest.

    That of a transformation's lambda is 1, whatever it starts from.
    """
    size = np.abs(np.array(error.values))
    size = np.where(size == 0.0, size.max(), size)
    return np.where(np.array(error.names) == LAMBDA, 1.0, size)

r"""The vector that an optimiser moves, and what its elements mean.

The vector x is unbounded and of order one:

* theta on the psi scale (the logarithm for a log-normal parameter), a normal one divided by
  the size of its starting value; one with bounds by its place between them (`problem.bounds`);
  then the covariates' coefficients, times the SD of their covariate over the subjects (over the
  size of the parameter, for a normal one);
* omega as in `problem.covariance`: log SDs (conditional on the earlier etas of the block), then an
  element for each correlation; then the omega of the kappas of one occasion likewise;
* sigma as a logarithm, or divided by its starting value where it may change sign.

Fixed elements stay out of x. The natural vector u, which is what a person reads, holds the
typical values, the covariates' coefficients, the variances and correlations of omega, those of
the kappas (`omega_iov`), and sigma.

The omega of the kernels is that of all random effects of a subject, :math:`\mathrm{diag}(\Omega,
\Omega_\kappa, \Omega_\kappa, \dots)` with one block for each occasion: the kappas of an occasion
that a subject does not have stay at zero, and add nothing to its likelihood.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from workbench.core.conditional import Objective
from workbench.core.packed import Values
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
    kind : ``"theta"``, ``"beta"``, ``"shape"`` (``shape[ka]``), ``"omega"``, ``"correlation"`` or
        ``"sigma"``
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
    n_occasions : most occasions of one subject

    Attributes
    ----------
    etas : parameters with an eta
    n_between, n_iov : number of etas, and of kappas of one occasion
    n_eta : number of random effects of one subject, kappas included
    covariance, kappas : the maps of the omega of eta, and of that of one occasion's kappas
    n_phi : number of individual parameters, so of typical values
    n_theta : number of elements of theta: typical values, then coefficients of covariates

    Raises
    ------
    ModelError
        A covariate's reference or levels are still to be taken from data.
    """

    def __init__(
        self,
        model: Model,
        *,
        held: Collection[str] = (),
        spreads: Floats | None = None,
        n_occasions: int = 0,
    ) -> None:
        self.model = model
        self.n_phi = len(model.parameters)
        start, self._beta_fixed = _coefficients(model)
        self._shapes = list(model.eta_shapes.values())
        self.n_beta = len(start)
        self.n_theta = self.n_phi + self.n_beta + len(self._shapes)
        self.etas = model.etas
        self.n_between, self.n_iov = len(self.etas), len(model.iov)
        self.n_occasions = n_occasions if self.n_iov else 0
        self.n_eta = self.n_between + self.n_iov * self.n_occasions
        self._pairs = [(self.etas.index(a), self.etas.index(b)) for a, b in model.correlations]
        self._held = held
        held_etas = [self.holds_eta(name) for name in self.etas]
        held_pairs = [pair in model.fixed_correlations for pair in model.correlations]
        self.covariance = CovarianceMap(model.omega, self._pairs, held_etas + held_pairs)
        self._kappa_pairs = [
            (model.iov.index(a), model.iov.index(b)) for a, b in model.iov_correlations
        ]
        held_kappas = ["iov" in model.parameters[name].fixed for name in model.iov]
        held_kappas += [False] * len(self._kappa_pairs)
        self.kappas = CovarianceMap(model.omega_iov, self._kappa_pairs, held_kappas)
        self._distributions = [distributions.get(p.distribution) for p in model.parameters.values()]
        self._theta_scale = np.array(
            [
                1.0 if d.unitless else max(abs(p.typical), p.iiv, 1e-8)
                for d, p in zip(self._distributions, model.parameters.values(), strict=True)
            ]
        )
        if len(start):
            self._theta_scale = np.concatenate([self._theta_scale, self._beta_scale(spreads)])
        if self._shapes:
            self._theta_scale = np.concatenate([self._theta_scale, np.ones(len(self._shapes))])
        self.bounds = Bounds(
            model.parameters.values(),
            self._theta_scale,
            [shape.theta_limits for shape in self._shapes],
        )
        self.priors = Priors(model.parameters.values(), len(start) + len(self._shapes))
        errors = model.errors.values()
        scales = [scale for error in errors for scale in error.scales]
        self._sigma_log = np.array([scale == "log" for scale in scales])
        self._sigma_start = np.array([value for error in errors for value in error.values])
        self._sigma_scale = np.concatenate([_sizes(error) for error in errors])
        self.entries = self._make_entries()
        self._full_start = self._pack_start()
        self.free = np.array(self._free_mask())
        self.n_free = int(self.free.sum())

    def holds_eta(self, name: str) -> bool:
        """Say whether the SD of an eta stays: it is fixed, or on an error that is not observed."""
        return self.model.holds_eta(name) or self.model.scaled.get(name) in self._held

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
            Entry(f"shape[{name}]", "shape", shape.fixed, shape.interval)
            for name, shape in zip(model.shaped, self._shapes, strict=True)
        ]
        entries += [
            Entry(f"omega[{name}]", "omega", self.holds_eta(name), "chi2") for name in self.etas
        ]
        entries += [
            Entry(f"corr[{a},{b}]", "correlation", (a, b) in model.fixed_correlations, "fisher")
            for a, b in model.correlations
        ]
        entries += [
            Entry(f"omega_iov[{name}]", "omega_iov", "iov" in model.parameters[name].fixed, "chi2")
            for name in model.iov
        ]
        entries += [
            Entry(f"corr_iov[{a},{b}]", "correlation_iov", False, "fisher")
            for a, b in model.iov_correlations
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
        omega = self.extended(self.model.omega, self.model.omega_iov)
        return self._pack(theta_of(self.model), omega, self._sigma_start)

    def extended(self, omega: Floats, omega_iov: Floats) -> Floats:
        """Return the omega of all random effects from that of eta and of one occasion's kappas.

        Roots of the two give a root of it.
        """
        if not self.n_iov:
            return omega
        out = np.zeros((self.n_eta, self.n_eta))
        out[: self.n_between, : self.n_between] = omega
        for part in self.occasions:
            out[part, part] = omega_iov
        return out

    @property
    def occasions(self) -> list[slice]:
        """Places of each occasion's kappas among the random effects."""
        first, n = self.n_between, self.n_iov
        return [slice(first + k * n, first + (k + 1) * n) for k in range(self.n_occasions)]

    @property
    def random_effects(self) -> tuple[str, ...]:
        """Names of all random effects: the parameter, and of a kappa the number of its occasion."""
        kappas = (f"{n} ({k + 1})" for k in range(self.n_occasions) for n in self.model.iov)
        return (*self.etas, *kappas)

    def _parts(self, omega: Floats) -> tuple[Floats, Floats]:
        """Return the omega of eta and that of kappa, the mean over the occasions' blocks."""
        own = omega[: self.n_between, : self.n_between]
        if not self.n_occasions:
            return own, self.model.omega_iov
        return own, np.asarray(np.mean([omega[part, part] for part in self.occasions], axis=0))

    def nearest(self, moments: Floats) -> Floats:
        """Return the omega of the model that is best for second moments, (n_eta, n_eta).

        `covariance` says how; of the occasions' blocks the mean counts.
        """
        own, kappas = self._parts(moments)
        return self.extended(self.covariance.nearest(own), self.kappas.nearest(kappas))

    def _pack(self, theta: Floats, omega: Floats, sigma: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            sigma = np.where(self._sigma_log, np.log(np.abs(sigma)), sigma / self._sigma_scale)
        own, kappas = self._parts(omega)
        of_omega = [self.covariance.to_free(own), self.kappas.to_free(kappas)]
        return np.concatenate([self.bounds.to_free(theta), *of_omega, sigma])

    def pack(self, theta: Floats, omega: Floats, sigma: Floats) -> Floats:
        """Return the x of given values; fixed entries are ignored.

        Parameters
        ----------
        theta : (n_theta,)  on the psi scale
        omega : (n_eta, n_eta)  covariances outside the model's blocks are ignored; within a block
            with fixed zeros or values, the nearest omega that has these is taken; of the
            occasions' blocks the mean counts
        sigma : (n_sigma,)
        """
        return self._pack(theta, self.nearest(omega), sigma)[self.free]

    @property
    def in_blocks(self) -> NDArray[np.bool_]:
        """Mark the elements of omega that the model has, (n_eta, n_eta)."""
        keep = np.eye(self.n_eta, dtype=bool)
        pairs = list(self._pairs)
        for part in self.occasions:
            pairs += [(part.start + i, part.start + j) for i, j in self._kappa_pairs]
        for i, j in pairs:
            keep[i, j] = keep[j, i] = True
        return keep

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
        own = self.covariance.root(self._of_omega(full))
        return self.extended(own, self.kappas.root(self._of_kappas(full))) if self.n_iov else own

    def _of_omega(self, full: Floats) -> Floats:
        return full[self.n_theta : self.first_iov]

    def _of_kappas(self, full: Floats) -> Floats:
        return full[self.first_iov : self.first_iov + self.kappas.size]

    @property
    def first_iov(self) -> int:
        """Place of the first element of the kappas' omega in the full vector."""
        return self.n_theta + self.covariance.size

    def sigma(self, full: Floats) -> Floats:
        """Return sigma as the error models want it, output after output, (n_sigma,)."""
        tail = full[self.first_iov + self.kappas.size :]
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
            own = slice(0, self.n_between)
            columns.append(
                self.covariance.gradient(self._of_omega(full), low[own, own], by_omega[:, own, own])
            )
        if self.n_occasions:
            parts = self.occasions
            by_kappas = np.sum([by_omega[:, part, part] for part in parts], axis=0)
            root = low[parts[0], parts[0]]
            columns.append(self.kappas.gradient(self._of_kappas(full), root, by_kappas))
        elif self.n_iov:
            columns.append(np.zeros((len(out.by_theta), self.kappas.size)))
        columns.append(out.by_sigma * self.sigma_slope(values.sigma))
        return np.concatenate(columns, axis=1)[:, self.free]

    def stretch(self, theta: Floats, sigma: Floats) -> Floats:
        """Return the slopes of theta and sigma in their elements of x, (n_theta + n_sigma,)."""
        return np.concatenate([self.theta_slope(theta), self.sigma_slope(sigma)])

    def slope_of_typical(self, k: int, psi: float) -> float:
        """Return d natural / d theta of element k of theta, which is psi."""
        if k >= self.n_phi + self.n_beta:
            return self._shapes[k - self.n_phi - self.n_beta].theta_slope(psi)
        if k >= self.n_phi:
            return 1.0
        return list(self.model.parameters.values())[k].psi_slope(psi)

    def _shape_part(self, theta: Floats) -> Floats:
        return theta[self.n_phi + self.n_beta :]

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
        """Return what of theta was estimated and ended at a bound: name, "lower" or "upper"."""
        reached = self.bounds.reached(self.theta(self.full(x)))
        found = ((self.entries[k], side) for k, side in reached)
        return [(entry.name, side) for entry, side in found if not entry.fixed]

    def natural(self, x: Floats) -> Floats:
        """Return the natural vector at x, all entries, fixed ones included."""
        full = self.full(x)
        spread = _natural(self.covariance.root(self._of_omega(full)), self._pairs)
        spread += _natural(self.kappas.root(self._of_kappas(full)), self._kappa_pairs)
        theta = self.theta(full)
        parameters = self.model.parameters.values()
        typical = [p.from_psi(psi) for p, psi in zip(parameters, theta[: self.n_phi], strict=True)]
        beta = theta[self.n_phi : self.n_phi + self.n_beta]
        shapes = [s.of_theta(v) for s, v in zip(self._shapes, self._shape_part(theta), strict=True)]
        return np.concatenate([typical, beta, shapes, *spread, self.sigma(full)])

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
        """Return the omega of all random effects at x, (n_eta, n_eta)."""
        full = self.full(x)
        own = self.covariance.omega(self._of_omega(full))
        return self.extended(own, self.kappas.omega(self._of_kappas(full)))

    def model_at(self, x: Floats) -> Model:
        """Return the model with the values at x in place of the starting values."""
        full = self.full(x)
        omega = self.covariance.omega(self._of_omega(full))
        omega_iov = self.kappas.omega(self._of_kappas(full))
        sd = dict(zip(self.etas, np.sqrt(np.diag(omega)), strict=True))
        sd_iov = dict(zip(self.model.iov, np.sqrt(np.diag(omega_iov)), strict=True))
        psi = self.theta(full)
        beta = iter(psi[self.n_phi : self.n_phi + self.n_beta].tolist())
        shapes = {
            name: shape.with_value(shape.of_theta(value))
            for name, shape, value in zip(
                self.model.shaped, self._shapes, self._shape_part(psi).tolist(), strict=True
            )
        }
        parameters = {
            name: replace(
                p,
                typical=p.from_psi(psi[k]),
                iiv=float(sd.get(name, 0.0)),
                iov=float(sd_iov.get(name, 0.0)),
                covariates=tuple(e.with_values(next(beta) for _ in e.levels) for e in p.covariates),
                eta=shapes.get(name, p.eta),
            )
            for k, (name, p) in enumerate(self.model.parameters.items())
        }
        correlations, iov_correlations = (
            {
                pair: float(matrix[i, j] / np.sqrt(matrix[i, i] * matrix[j, j]))
                for pair, (i, j) in zip(named, places, strict=True)
            }
            for named, places, matrix in (
                (self.model.correlations, self._pairs, omega),
                (self.model.iov_correlations, self._kappa_pairs, omega_iov),
            )
        )
        sigma = iter(self.sigma(full).tolist())
        spread = {output: float(sd[name]) for name, output in self.model.scaled.items()}
        errors = {
            output: replace(
                error.with_values(next(sigma) for _ in error.values), iiv=spread.get(output, 0.0)
            )
            for output, error in self.model.errors.items()
        }
        return self.model.replace(
            parameters=parameters,
            correlations=correlations,
            iov_correlations=iov_correlations,
            error=errors,
        )


def _natural(root: Floats, pairs: Sequence[tuple[int, int]]) -> list[Floats]:
    """Return the variances and correlations of an omega from its root."""
    omega = root @ root.T
    variance = np.diag(omega)
    correlation = [omega[i, j] / np.sqrt(variance[i] * variance[j]) for i, j in pairs]
    return [variance, np.array(correlation)]


def theta_of(model: Model) -> Floats:
    """Return theta of a model's values on the psi scale: typical values, then coefficients.

    Raises
    ------
    ModelError
        A covariate's reference or levels are still to be taken from data.
    """
    psi = [p.to_psi(p.typical) for p in model.parameters.values()]
    shapes = [shape.theta for shape in model.eta_shapes.values()]
    return np.array([*psi, *_coefficients(model)[0], *shapes])


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

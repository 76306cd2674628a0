"""The outcome of a fit: plain, immutable, and enough to judge and repeat it."""

from __future__ import annotations

import html
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.arguments import checked_seed, whole_number
from workbench.core.residuals import DENSITY
from workbench.data.dataset import Dataset
from workbench.errors import OptionError
from workbench.models.model import Model
from workbench.problem import Problem
from workbench.problem.conditional_draws import conditional_draws
from workbench.problem.units import units_of
from workbench.results import individuals, occasions
from workbench.results.saved import to_json, write_text

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class FitResult:
    """Estimates, uncertainty, random effects and residuals, with the verdict on convergence.

    Attributes
    ----------
    model : the model with the values it started from
    final_model : the same model with the estimates as its values
    data : the data set
    method : name of the estimator, e.g. ``"focei"``; of several in a row ``"saem+focei"``
    options : the estimator's options, by name; `given` holds only those the caller chose
    seed : seed of the run (methods without random numbers only record it)
    estimated : False for `evaluate`
    ofv : -2 log L without n·log 2π (NONMEM's objective function value); with log-normal error it
        is that of DV, so it differs from a NONMEM run on log DV by 2·sum(log DV)
    m2ll : -2 log L complete; with log-normal error it is that of DV, not of log DV
    likelihood : how -2LL was obtained: ``"FOCEI"``, ``"AGQ(5)"``, ``"IS"`` …; -2LL of two fits can
        be compared only if it is the same
    likelihood_se : Monte-Carlo standard error of -2LL, 0 where there is no Monte Carlo
    penalty : minus twice the log density of the priors at the estimates, without constants; the
        objective that was minimised is ofv + penalty, and so is the trace's
    n_parameters : estimated parameters
    verdict : ``"converged"``, ``"doubtful"`` or ``"failed"``
    reasons : sentences that say why
    warnings : sentences on data, model or results that are worth knowing
    seconds : wall time
    parameters : one row per parameter: kind, unit, estimate, se, rse (%), lower, upper, fixed, sd,
        cv_percent, shrinkage_sd and shrinkage_var (%). Rows ``beta[...]`` hold the
        coefficients of covariates, rows ``omega[...]`` the variance as
        the estimate and its square root as sd. Intervals are 95 % Wald intervals on the natural
        scale, computed on the logarithm for positive parameters and on Fisher's z for
        correlations; those of variances are Satterthwaite's (`problem.intervals`)
    covariance : of the estimates on the natural scale (variances for omega), labelled
    etas : (n_sub, n_eta) conditional modes (EBE)
    kappas : conditional modes of what varies between occasions: ID, OCC and a column for each
        such parameter, one row per occasion of a subject; no rows without
    eta_mean, eta_sd : (n_sub, n_eta) mean and SD of the conditional distributions; no rows where
        the method does not compute them (`draws` does for any fit)
    individual_parameters : (n_sub, n_phi); of parameters that change within a subject those of its
        first row without kappas, see `individual_parameters_over_time`
    individual_ofv : each subject's part of the ofv
    predictions : one row per observation, see `problem.residuals.predictions_table`; the
        residuals that need simulation (PWRES, NPD, NPDE) come from `workbench.npde`
    shrinkage : percent per random effect: ``sd`` is 1 - SD(eta)/omega_sd, ``variance`` is
        1 - Var(eta)/omega, both about the mean with divisor n - 1 (NONMEM's ETASHRINKSD); may
        be negative
    epsilon_shrinkage : percent, 1 - sqrt(mean IWRES²)
    trace : one row per iteration
    condition_number : of the correlation matrix of the estimates; NaN without one
    stages : of several methods in a row, one row for each that ran: stage, method, verdict,
        likelihood, ofv, m2ll, seconds, iterations; no rows otherwise
    """

    model: Model
    final_model: Model
    data: Dataset
    method: str
    options: Mapping[str, Any]
    given: Mapping[str, Any]
    seed: int
    estimated: bool
    ofv: float
    m2ll: float
    likelihood: str
    likelihood_se: float
    penalty: float
    n_parameters: int
    verdict: str
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    seconds: float
    parameters: pd.DataFrame
    covariance: pd.DataFrame
    etas: pd.DataFrame
    kappas: pd.DataFrame
    eta_mean: pd.DataFrame
    eta_sd: pd.DataFrame
    individual_parameters: pd.DataFrame
    individual_ofv: pd.Series[float]
    predictions: pd.DataFrame
    shrinkage: pd.DataFrame
    epsilon_shrinkage: float
    trace: pd.DataFrame
    condition_number: float
    stages: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def updated_model(self) -> Model:
        """The model that was fitted, with the estimates as its values, to start from again.

        It is `final_model`, except that what the method left out (the random effects, of a pooled
        fit) stays as it was.
        """
        final, start = self.final_model, self.model.parameters
        parameters = {
            name: replace(
                p,
                iiv=p.iiv if p.has_eta else start[name].iiv,
                iov=p.iov if p.has_iov else start[name].iov,
                eta=p.eta if p.has_eta else start[name].eta,
                fixed=start[name].fixed,
            )
            for name, p in final.parameters.items()
        }
        errors = {
            output: replace(error, iiv=error.iiv or own.iiv, fixed=own.fixed)
            for (output, error), own in zip(
                final.errors.items(), self.model.errors.values(), strict=True
            )
        }
        correlations = {**self.model.correlations, **final.correlations}
        iov_correlations = {**self.model.iov_correlations, **final.iov_correlations}
        return final.replace(
            parameters=parameters,
            error=errors,
            correlations=correlations,
            fixed_correlations=self.model.fixed_correlations,
            iov_correlations=iov_correlations,
        )

    @property
    def obtained(self) -> str:
        """How -2LL was obtained, with its Monte-Carlo standard error where it has one."""
        error = f" ± {self.likelihood_se:.2g}" if self.likelihood_se else ""
        return f"{self.likelihood}{error}"

    @property
    def m2ll_of_log_dv(self) -> float:
        r"""-2 log L of log DV, :math:`-2LL - 2 \sum \log DV`: that of a fit to logarithms.

        NONMEM's OFV of log-transformed data is this less n·log 2π.

        Raises
        ------
        DataError
            An observation is not above 0.
        """
        population = self.data.log_dv().population
        logs = population.dv[np.isin(population.obs_kind, DENSITY)]
        return self.m2ll - 2.0 * float(logs.sum())

    @property
    def aic(self) -> float:
        """Akaike's criterion, m2ll + 2k."""
        return self.m2ll + 2.0 * self.n_parameters

    @property
    def bic(self) -> float:
        """Bayesian information criterion, m2ll + k·log(number of subjects)."""
        return self.m2ll + self.n_parameters * math.log(self.data.n_sub)

    @property
    def bicc(self) -> float:
        r"""BIC for mixed-effects models, m2ll + k_R·log(subjects) + k_F·log(observations).

        .. math:: BICc = -2LL + \dim(\theta_R) \log N + \dim(\theta_F) \log n_{obs}

        (Delattre, Lavielle, Poursat 2014, Electron. J. Stat. 8:456.) What is learnt from
        subjects counts log N: the distribution of the individual parameters that vary, so the
        typical values of parameters with a random effect and the effects of covariates on them,
        their variances and correlations. What
        is learnt from every observation counts log n_obs: typical values of parameters without a
        random effect, and the residual error. Fixed ones do not count.

        Notes
        -----
        The information on a variance between subjects grows with the number of subjects, which
        is why omega counts log N here, and in Pharmpy. Monolix (2023R1) gives log n_obs to
        omega: its BICc is higher by (number of estimated variances and correlations)·log(n_obs /
        N). saemix leaves omega and the residual error out: they are the same in the models it
        compares. Compare BICc of one tool only.
        """
        by_subject = self._learnt_by_subject()
        by_observation = self.n_parameters - by_subject
        penalty = by_subject * math.log(self.data.n_sub)
        return self.m2ll + penalty + by_observation * math.log(self.data.n_obs)

    def _learnt_by_subject(self) -> int:
        """Count the estimated parameters of the distribution of individual parameters."""
        free = self.parameters[~self.parameters["fixed"]]
        parameters = self.final_model.parameters.items()
        effects = [
            b
            for n, p in parameters
            if p.has_eta or p.has_iov
            for e in p.covariates
            for b in e.names(n)
        ]
        of_subjects = free.index.isin([*self.final_model.etas, *self.final_model.iov, *effects])
        vary = of_subjects & free["kind"].isin(("theta", "beta"))
        return int(
            (
                vary | free["kind"].isin(("omega", "correlation", "omega_iov", "correlation_iov"))
            ).sum()
        )

    @property
    def theta(self) -> pd.Series[float]:
        """Typical values on the natural scale."""
        return self._of_kind("theta")

    @property
    def beta(self) -> pd.Series[float]:
        """Coefficients of covariates, ``beta[cl,WT]``."""
        return self._of_kind("beta")

    @property
    def sigma(self) -> pd.Series[float]:
        """Residual-error parameters, as SDs or fractions; ``cp.additive`` of several outputs."""
        sigma = self._of_kind("sigma")
        return sigma.set_axis([name[len("sigma[") : -1] for name in sigma.index])

    @property
    def omega(self) -> pd.DataFrame:
        """Variance-covariance matrix of eta."""
        etas = list(self.final_model.etas)
        return pd.DataFrame(self.final_model.omega, index=etas, columns=etas)

    @property
    def omega_iov(self) -> pd.DataFrame:
        """Variance-covariance matrix of the kappas of one occasion."""
        names = list(self.final_model.iov)
        return pd.DataFrame(self.final_model.omega_iov, index=names, columns=names)

    def kappa_shrinkage(self) -> pd.DataFrame:
        """Return the shrinkage of kappa by occasion, in percent, as `shrinkage` defines it.

        parameter, OCC, n (subjects with this occasion), sd, variance. Where labels differ from
        subject to subject, an occasion may have one subject only, and no shrinkage.
        """
        return occasions.kappa_shrinkage(self)

    def individual_parameters_over_time(self) -> pd.DataFrame:
        """Return the individual parameters wherever they change within a subject.

        ID, TIME from which on (the first row's own, or that of the row before), OCC where
        parameters vary between occasions, and a column for each parameter at the conditional
        modes. One row for each stretch of constant parameters.
        """
        return occasions.parameters_over_time(self)

    @property
    def correlation(self) -> pd.DataFrame:
        """Correlation matrix of the estimates."""
        sd = np.sqrt(np.diag(self.covariance))
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled = self.covariance.to_numpy() / np.outer(sd, sd)
        return pd.DataFrame(scaled, self.covariance.index, self.covariance.columns)

    @property
    def units(self) -> dict[str, str]:
        """Units of TIME, DV, AMT and of the parameters; "" where unknown."""
        return {**dict(self.data.units), **units_of(self.model, self.data)}

    def _of_kind(self, kind: str) -> pd.Series[float]:
        return self.parameters.loc[self.parameters["kind"] == kind, "estimate"]

    def curves(
        self,
        n: int = 150,
        *,
        subjects: Sequence[Hashable] | None = None,
        individual: str = "ebe",
        band: float | None = None,
    ) -> pd.DataFrame:
        r"""Return dense population and individual curves: ID, TIME, PRED, IPRED.

        Where the model has several outputs, each has its curves, named by OUTPUT after TIME.

        Parameters
        ----------
        n : points of the even grid of each subject; its event times are added
        subjects : whose curves; all by default
        individual : IPRED at the conditional mode ("ebe") or mean ("mean"), or its mean over
            40 draws of eta ("draws"; 10 or more where over 60 subjects are asked for at once)
        band : probability of an interval for a new observation of the subject, such as 0.9, in
            LOWER and UPPER; by default none. It holds the residual error at IPRED; of draws also
            the uncertainty of eta: quantiles of

            .. math:: p(y) = \frac{1}{D} \sum_d p(y \mid \eta^{(d)}), \qquad
                      \eta^{(d)} \sim p(\eta_i \mid y_i)

            Population parameters count as known.

        Raises
        ------
        OptionError, UnknownNameError, DataError
            The probability is none, or the kind or a subject unknown.
        """
        if subjects is not None or individual != "ebe" or band is not None:
            return individuals.curves_by(
                self, n, subjects=subjects, individual=individual, band=band
            )
        problem = Problem(self.final_model, self.data)
        values = problem.space.values(problem.space.start)
        eta = np.ascontiguousarray(self._modes(problem))
        return problem.curves(values.theta, eta, n)

    def etas_by(self, individual: str = "ebe") -> pd.DataFrame:
        """Return random effects, one row per subject and draw: ID, DRAW and a column for each.

        Parameters
        ----------
        individual : "ebe", the conditional mode; "mean", the conditional mean (`eta_mean`, or that
            of draws); "draws", draws from the conditional distributions, 1,200 in all but at
            most 50 a subject, always the same for a fit (see `problem.laplace_draws`). DRAW
            counts from 1

        Raises
        ------
        UnknownNameError
        """
        return individuals.etas_by(self, individual)

    def individual_parameters_by(self, individual: str = "ebe") -> pd.DataFrame:
        """Return individual parameters on the natural scale, as `etas_by` the random effects."""
        return individuals.parameters_by(self, individual)

    def predictions_by(self, individual: str = "ebe") -> pd.DataFrame:
        """Return `predictions` with IPRED, IRES and IWRES of another individual estimate.

        Of draws, one is taken for each subject (the first): IWRES are then independent and
        N(0, 1) under the model (Lavielle & Ribba 2016, Pharm Res 33:2979), which neither those at
        the EBE nor those of several draws are.

        Parameters
        ----------
        individual : as in `etas_by`
        """
        return individuals.predictions_by(self, individual)

    def conditional_variances(self) -> pd.DataFrame:
        r"""Return the variances of eta given the data, (n_sub, n_eta).

        `eta_sd` squared where the method computed it; otherwise, with the expected information w
        of `problem.information`,

        .. math:: \Bigl[\bigl(\textstyle\sum_j w_{ij}\, g_{ij} g_{ij}^\top
                  + \Omega^{-1}\bigr)^{-1}\Bigr]_{kk} \quad \text{at } \hat\eta_i

        (NONMEM's ETC after FOCEI).
        """
        return individuals.conditional_variances(self)

    def predicted_shrinkage(self) -> pd.DataFrame:
        r"""Return the shrinkage that design and model lead to, one row per random effect.

        A fraction of the variance, from the Bayesian information matrix of each subject's design
        (Combes, Retout, Frey & Mentré 2013, Pharm Res 30:2355):

        .. math:: \frac{1}{N} \sum_i \Bigl[\bigl(\textstyle\sum_j w_{ij}\, g_{ij}
                  g_{ij}^\top + \Omega^{-1}\bigr)^{-1}\Bigr]_{kk} / \omega_k^2

        Column eta_zero takes g at eta = 0 and w = 1/v, so that the sum is G' R^-1 G (PopED's
        first-order prediction); eta_simulated the mean over eta from N(0, omega) (600 simulated
        subjects or more, a fixed seed), with the whole w, as in `conditional_variances`. Its mean
        is of the inverse, which is the conditional variance to be expected and what EBV-shrinkage
        comes out as; Combes et al. invert the mean information. No observed value enters.
        """
        return individuals.predicted_shrinkage(self)

    def draws(self, n: int, *, seed: int = 0) -> pd.DataFrame:
        r"""Return draws of eta from its conditional distributions :math:`p(\eta_i \mid y_i)`.

        By Metropolis-Hastings at the estimates, with the complete likelihood (residual variance
        at the individual prediction) whatever the method of the fit. Draws of one subject are
        nearly independent: five sweeps of a chain lie between two of them.

        Parameters
        ----------
        n : draws per subject
        seed : of the random numbers

        Returns
        -------
        DataFrame
            ID, DRAW (from 1) and a column per random effect; `kappa_draws` has those of occasions.
        """
        eta = self._sampled(n, seed)
        labels = np.array(self.data.population.subjects, dtype=object)
        table = pd.DataFrame(
            {"ID": np.repeat(labels, n), "DRAW": np.tile(np.arange(1, n + 1), len(labels))}
        )
        etas = eta[:, :, : len(self.final_model.etas)]
        flat = etas.reshape(len(table), etas.shape[2])
        return table.assign(**dict(zip(self.final_model.etas, flat.T, strict=True)))

    def kappa_draws(self, n: int, *, seed: int = 0) -> pd.DataFrame:
        """Return draws of kappa, from the same chains as `draws` with the same arguments.

        Returns
        -------
        DataFrame
            ID, OCC, DRAW (from 1) and a column per parameter that varies between occasions; no
            rows where none does.
        """
        return occasions.kappa_draws(self, self._sampled(n, seed))

    def conditional(self, n: int = 200, *, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return mean and SD of eta in its conditional distributions, each (n_sub, n_eta).

        Parameters are those of `draws`; a method that samples leaves its own in `eta_mean` and
        `eta_sd`.
        """
        names = list(self.final_model.etas)
        eta = self._sampled(n, seed)[:, :, : len(names)]
        mean, sd = eta.mean(axis=1), eta.std(axis=1, ddof=1 if n > 1 else 0)
        return (
            pd.DataFrame(mean, index=self.etas.index, columns=names),
            pd.DataFrame(sd, index=self.etas.index, columns=names),
        )

    def _modes(self, problem: Problem) -> Floats:
        """Return the modes of all random effects, (n_sub, n_eta)."""
        return problem.joined(self.etas.to_numpy(float), occasions.kappas_of(self))

    def _sampled(self, n: int, seed: int) -> Floats:
        n, seed = whole_number("n", n, 1), checked_seed(seed)
        problem = Problem(self.final_model, self.data)
        space = problem.space
        return conditional_draws(
            problem,
            space.values(space.start),
            space.low(space.full(space.start)),
            start=self._modes(problem),
            n=n,
            seed=seed,
        )

    def python(self) -> str:
        """Return the script that repeats this fit."""
        call = "fit" if self.estimated else "evaluate"
        names = self.method.split("+")
        arguments = [f"method={names if len(names) > 1 else self.method!r}"]
        arguments += [f"{name}={value!r}" for name, value in self.given.items()]
        if self.seed:
            arguments.append(f"seed={self.seed}")
        return (
            "import workbench as wb\n\n"
            f"data = {self.data.python()}\n"
            f"model = {self.model.python()}\n"
            f"fit = wb.{call}(model, data, {', '.join(arguments)})\n"
            "print(fit)\n"
        )

    def save(self, path: str | Path) -> None:
        """Write the whole fit, its data included, as JSON; `load_fit` reopens it.

        Raises
        ------
        OptionError
            The file cannot be written there.
        """
        write_text(path, to_json(self), "fit")

    def __repr__(self) -> str:
        did = "Fit" if self.estimated else "Evaluation"
        head = (
            f"{did} of {self.model.structure.name} to {self.data.name} by {self.method.upper()}: "
            f"OFV {self.ofv:.3f}, -2LL {self.m2ll:.3f} ({self.obtained}), AIC {self.aic:.2f}, "
            f"BIC {self.bic:.2f}"
        )
        lines = [head, f"{self.verdict}: {' '.join(self.reasons)}"]
        lines += [f"note: {sentence}" for sentence in self.warnings]
        shown = self._shown()
        return "\n".join([*lines, shown.to_string(na_rep="", float_format=lambda v: f"{v:.4g}")])

    def _shown(self) -> pd.DataFrame:
        """Columns of the parameter table that a summary shows."""
        shown = self.parameters[["unit", "estimate", "se", "rse", "lower", "upper"]].copy()
        shown["CV %"] = self.parameters["cv_percent"]
        shown["shrinkage %"] = self.parameters["shrinkage_sd"]
        return shown

    def _repr_html_(self) -> str:
        numbers = (
            f"OFV <b>{self.ofv:.3f}</b> · −2LL {self.m2ll:.3f} ({html.escape(self.obtained)}) · "
            f"AIC {self.aic:.2f} · BIC {self.bic:.2f}"
        )
        title = (
            f"<b>{html.escape(self.method.upper())}</b> {html.escape(self.model.structure.title)}, "
            f"{html.escape(self.data.name)}"
        )
        notes = "".join(f"<br><i>{html.escape(sentence)}</i>" for sentence in self.warnings)
        verdict = f"<b>{self.verdict}</b>: {html.escape(' '.join(self.reasons))}"
        table = self._shown().to_html(na_rep="", float_format=lambda v: f"{v:.4g}", border=0)
        return f"<div>{title}<br>{numbers}<br>{verdict}{notes}{table}</div>"


def check_fit(value: Any, what: str) -> None:
    """Refuse what is no fit.

    Parameters
    ----------
    what : the argument, as a message names it

    Raises
    ------
    OptionError
    """
    if not isinstance(value, FitResult):
        raise OptionError(
            f"{what} must be a fit, what wb.fit or wb.evaluate returns, not a "
            f"{type(value).__name__}."
        )

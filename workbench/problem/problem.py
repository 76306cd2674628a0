"""`Problem`: a model and a data set, checked against each other and packed for the kernels."""

from __future__ import annotations

from copy import copy

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.core.abi import export_predict, export_residual
from workbench.core.both_sides import HOW
from workbench.core.conditional import Objective
from workbench.core.packed import Structure, Subjects
from workbench.core.predictions import parameters_of_blocks, predict_range
from workbench.core.residuals import BELOW, DENSITY, KIND, R_F, R, V
from workbench.core.simulate import simulate_range
from workbench.data.dataset import Dataset
from workbench.data.imputation import imputation_notes
from workbench.errors import ModelError
from workbench.models.distributions import distributions
from workbench.models.model import Model
from workbench.models.structural import Approximate
from workbench.problem.checks import (
    check_observations,
    check_sd,
    check_start,
    limit_notes,
    notes,
    refuse_limits_of_student,
)
from workbench.problem.covariates import group_notes, spreads, with_references
from workbench.problem.directions import make_directions
from workbench.problem.endpoints import (
    endpoint_notes,
    jacobians,
    make_endpoints,
    observed_outputs,
    residual_table,
)
from workbench.problem.error_scale import how_it_is, is_plain, stretch, variance_of_law
from workbench.problem.explain import why_not
from workbench.problem.grid import of_output, on_a_grid, on_times
from workbench.problem.occasions import find_occasions, single_observations
from workbench.problem.scale_effects import WithScaleEffects
from workbench.problem.space import ParameterSpace, frozen
from workbench.problem.structure import pack_context, ready_made
from workbench.problem.subjects import pack_subjects
from workbench.problem.within import WithinSubjects

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Problem(WithinSubjects, WithScaleEffects):
    """A model bound to a data set: the one object that estimators see.

    Parameters
    ----------
    model, data : immutable; nothing in them is changed
    estimable : whether to refuse covariate effects that these data cannot tell, as an estimator
        needs it; a prediction does not

    Attributes
    ----------
    model : with the references of its covariates written out
    space : the optimiser's vector and its meaning
    structure, subjects : what the kernels see; the records of `subjects` are the events that
        follow from them where no parameter moves these
    recorded : the subjects with their records in any case
    occasions : None where no parameter varies between occasions
    eta_index : (p,)  number of the random effect of each direction (`problem.directions`)
    outputs : (n_obs,)  number of the model's output that was observed
    endpoints : the outputs that have a residual error, each with its observations
    notes : sentences on what is legal but should be known
    n_density : number of observations whose likelihood is a density: those that -2LL has a
        log 2 pi of

    Raises
    ------
    DataError, ModelError
        The two do not fit; the message says where and what to do.
    """

    def __init__(self, model: Model, data: Dataset, *, estimable: bool = False) -> None:
        population = data.population
        model = with_references(model, data)
        self.model, self.data = model, data
        self.n_sub, self.n_obs = population.n_sub, population.n_obs
        self.outputs = frozen(observed_outputs(model, data))
        self.endpoints = make_endpoints(model, self.outputs)
        if not data.design:
            check_observations(data, self.endpoints)
        unseen = [endpoint.output for endpoint in self.endpoints if not len(endpoint.rows)]
        self.occasions = find_occasions(model, data, estimable=estimable)
        directions = make_directions(model, data, self.occasions, estimable=estimable)
        self.eta_index, self._scaled = directions.eta_index, directions.scaled
        self.space = ParameterSpace(
            model,
            held=unseen,
            spreads=spreads(model, directions.design, directions.changing),
            n_occasions=0 if self.occasions is None else self.occasions.most,
        )
        recorded, self._packed = pack_subjects(model, data, self.outputs, directions)
        refuse_limits_of_student(recorded, self.endpoints)
        self._bind(recorded)
        self.notes = notes(model, data) + endpoint_notes(model, data, self.endpoints)
        self.notes += limit_notes(data) + imputation_notes(data) + group_notes(model, data)
        self.notes += single_observations(model, data, self.occasions)
        of_density = np.isin(population.obs_kind, DENSITY)
        self.n_density = int(of_density.sum())
        self.jacobian = jacobians(self.endpoints, population.dv, population.obs_start, of_density)
        if not data.design:
            self._check_start(estimable=estimable)

    def _bind(self, recorded: Subjects) -> None:
        """Take records, with their events made beforehand where no parameter moves them."""
        made = ready_made(self.model.structure.family.routes, recorded)
        self.recorded = recorded
        self.structure = self._structure(recorded, ready=made is not None)
        self.subjects = recorded if made is None else made

    def _check_start(self, *, estimable: bool) -> None:
        values = self.space.values(self.space.start)
        prediction = self.predict(values.theta, self.no_etas())[:, 0]
        if not np.isfinite(prediction).all():
            reason = self.why_not(values.theta, self.no_etas())
            if reason:
                raise ModelError(f"There is no prediction at the starting values. {reason}")
        with np.errstate(invalid="ignore", divide="ignore"):
            table = self.residual_table(prediction, values.sigma)
        # Without variance, a value below a limit above its prediction is certain.
        certain = (table[:, V] == 0) & (table[:, KIND] == BELOW) & (table[:, R] > 0)
        variance = np.where(certain, np.inf, table[:, V])
        check_start(self.data, self.endpoints, prediction, variance)
        if estimable:
            check_sd(self.data, self.endpoints, prediction, values.sigma)

    def _structure(self, subjects: Subjects, *, ready: bool = False) -> Structure:
        model = self.model
        codes = [distributions.get(p.distribution).code for p in model.parameters.values()]
        index = self.eta_index
        family = model.structure.family
        context, n_work = pack_context(
            model.structure,
            subjects.records,
            subjects.record_start,
            int(np.diff(subjects.block_start).max(initial=1)),
            p=len(index),
            ready=ready,
        )
        n_outputs = len(model.structure.outputs)
        addresses, starts = np.zeros(n_outputs, np.int64), np.zeros(n_outputs + 1, np.int64)
        how, ends = np.zeros((n_outputs, HOW), np.int64), np.zeros((n_outputs, 2))
        for endpoint in self.endpoints:
            addresses[endpoint.number] = export_residual(endpoint.error.residual)
            starts[endpoint.number + 1 :] = endpoint.sigma.stop
            how[endpoint.number], ends[endpoint.number] = how_it_is(endpoint.spec)
        unusual = not all(is_plain(endpoint.spec) for endpoint in self.endpoints)
        precision, (draft, draft_precision) = 0.0, (np.zeros(0), 0.0)
        if isinstance(family, Approximate):
            precision, (draft, draft_precision) = family.precision(), family.draft()
        return Structure(
            export_predict(family.kernel()),
            int(addresses[0]) if n_outputs == 1 and not unusual else 0,
            frozen(addresses),
            frozen(starts),
            frozen(context),
            frozen(family.settings()),
            n_work,
            frozen(np.array(codes, dtype=np.int64)),
            index,
            precision,
            frozen(draft),
            draft_precision,
            frozen(self._scanned([index[k] for k in family.lags() if index[k] >= 0])),
            int(unusual),
            frozen(how),
            frozen(ends),
            frozen(np.array([p.range for p in model.parameters.values()]).reshape(-1, 2)),
            int(self.is_scaled),
            self._scaled,
        )

    def _scanned(self, lags: list[int]) -> Ints:
        """Return the random effects along which a subject may have several modes.

        Those of lags; and all where an SD is an expression, which may fall as the prediction
        rises: then a poor prediction far away can be as likely as a good one nearby.
        """
        if any(endpoint.spec.expression for endpoint in self.endpoints):
            return np.arange(self.space.n_eta, dtype=np.int64)
        return np.array(lags, dtype=np.int64)

    def no_etas(self) -> Floats:
        """Return etas of zero, (n_sub, n_eta)."""
        return frozen(np.zeros((self.n_sub, self.space.n_eta)))

    def objective_arrays(self) -> Objective:
        """Return fresh arrays for an objective kernel to fill."""
        n_eta = self.space.n_eta
        return Objective(
            np.full(self.n_sub, np.nan),
            np.zeros(self.n_sub, dtype=np.int64),
            np.zeros((self.n_sub, n_eta)),
            np.zeros((self.n_sub, self.space.n_theta)),
            np.zeros((self.n_sub, n_eta, n_eta)),
            np.zeros((self.n_sub, len(self.model.sigma_names))),
        )

    def predict(self, theta: Floats, eta: Floats) -> Floats:
        """Return predictions and their eta-derivatives, (n_obs, 1 + n_eta).

        Parameters
        ----------
        theta : (n_theta,)  on the psi scale
        eta : (n_sub, n_eta)
        """
        return self._predict(self.subjects, self.n_obs, theta, eta)

    def _predict(self, subjects: Subjects, n_obs: int, theta: Floats, eta: Floats) -> Floats:
        out = np.zeros((n_obs, 1 + self.space.n_eta))
        n_sub = len(subjects.obs_start) - 1
        structure = self.structure if subjects is self.subjects else self._structure(subjects)
        predict_range(1, 0, n_sub, structure, subjects, frozen(theta), frozen(eta), out)
        return out

    def values(self, theta: Floats, eta: Floats) -> Floats:
        """Return predictions without derivatives, (n_obs,)."""
        out = np.zeros((self.n_obs, 1))
        predict_range(0, 0, self.n_sub, self.structure, self.subjects, theta, frozen(eta), out)
        return out[:, 0]

    def values_of_each(self, theta: Floats, eta: Floats) -> Floats:
        """Return predictions at many random effects of each subject, (n, n_obs).

        Parameters
        ----------
        theta : (n_theta,)  on the psi scale
        eta : (n, n_sub, n_eta)
        """
        out = np.zeros((len(eta), self.n_obs))
        simulate_range(0, len(eta), self.structure, self.subjects, frozen(theta), frozen(eta), out)
        return out

    def residual_sd(self, prediction: Floats, sigma: Floats, eta: Floats | None = None) -> Floats:
        """Return the SD of the residual error at predictions (..., n_obs), on the modelled scale.

        Of Student-t error it is the scale. `Endpoint.observed` makes observations of it.

        Parameters
        ----------
        eta : (..., n_sub, n_eta)  for random effects on the error; None for 0
        """
        out = np.zeros_like(prediction)
        for endpoint in self.endpoints:
            f = np.ascontiguousarray(prediction[..., endpoint.rows])
            out[..., endpoint.rows] = endpoint.sd(f.ravel(), sigma).reshape(f.shape)
        return out if eta is None or not self.is_scaled else out * self.scale(eta)

    def with_error(
        self, prediction: Floats, sigma: Floats, noise: Floats, eta: Floats | None = None
    ) -> Floats:
        """Return simulated observations (..., n_obs), given standard normal numbers.

        Parameters
        ----------
        eta : see `residual_sd`
        """
        out, spread = prediction.copy(), self.residual_sd(prediction, sigma, eta)
        for endpoint in self.endpoints:
            rows = (..., endpoint.rows)
            out[rows] = endpoint.observed(prediction[rows], noise[rows], spread[rows], sigma)
        return out

    def points(self) -> pd.DataFrame:
        """Return what identifies each observation: ID, TIME and, if there are several, ENDPOINT."""
        population = self.data.population
        who = np.repeat(np.array(population.subjects, dtype=object), np.diff(population.obs_start))
        table = pd.DataFrame({"ID": who, "TIME": population.obs_time})
        outputs = self.model.structure.outputs
        if len(outputs) > 1:
            table["ENDPOINT"] = np.array(outputs, dtype=object)[self.outputs]
        return table

    def residual_table(
        self, prediction: Floats, sigma: Floats, eta: Floats | None = None
    ) -> Floats:
        """Return the residual-error table (n_obs, columns) for given predictions.

        Parameters
        ----------
        eta : (n_sub, n_eta)  for random effects on the error; None for 0
        """
        table = residual_table(self.endpoints, self.subjects, prediction, sigma)
        return self.scale_table(table, eta)

    def residuals(
        self, prediction: Floats, sigma: Floats, eta: Floats | None = None
    ) -> tuple[Floats, Floats, Floats]:
        """Return residuals r, their variances v and -dr/df at given predictions.

        They are on the modelled scale. The variance of Student-t error is that of its
        distribution, the squared scale times df/(df - 2), where that exists.

        Parameters
        ----------
        eta : see `residual_table`
        """
        table, to_scale = self.residual_table(prediction, sigma, eta), self.stretch(sigma)
        variance = table[:, V] * to_scale**2 * self.spread_of_law(sigma)
        return table[:, R] * to_scale, variance, -table[:, R_F] * to_scale

    def stretch(self, sigma: Floats) -> Floats:
        """Return by what residuals of the table are those on the modelled scale, (n_obs,)."""
        out, dv = np.ones(self.n_obs), self.subjects.dv
        for endpoint in self.endpoints:
            rows = endpoint.rows
            out[rows] = stretch(endpoint.spec, dv[rows], endpoint.own(sigma))
        return out

    def spread_of_law(self, sigma: Floats) -> Floats:
        """Return the variance of the standardised errors, (n_obs,); 1 where there is none."""
        out = np.ones(self.n_obs)
        for endpoint in self.endpoints:
            out[endpoint.rows] = variance_of_law(endpoint.spec, endpoint.own(sigma))
        return out

    def individual_parameters(self, theta: Floats, eta: Floats) -> Floats:
        """Return the individual parameters on the natural scale, (n_sub, n_phi).

        Where they change within a subject, they are those of its first block without kappas.
        """
        eta = np.array(eta)
        eta[:, self.space.n_between :] = 0.0
        return self.block_parameters(theta, eta)[self.subjects.block_start[:-1]]

    def block_parameters(self, theta: Floats, eta: Floats) -> Floats:
        """Return the parameters of every subject's blocks, (n_blocks, n_phi)."""
        out = np.zeros((int(self.subjects.block_start[-1]), self.space.n_phi))
        parameters_of_blocks(self.structure, self.subjects, frozen(theta), frozen(eta), out)
        return out

    def why_not(self, theta: Floats, eta: Floats) -> str:
        """Say for which subject, when and why there is no prediction; "" if there are all."""
        phi = self.block_parameters(theta, eta)
        labels = self.data.population.subjects
        return why_not(self.model, self.structure, self.subjects, labels, phi)

    def at_times(self, times: Floats, output: int) -> tuple[Problem, Ints, Ints]:
        """Return the problem with one output at common times in place of the observations.

        It is for simulation: its `data` remain those of this problem.

        Parameters
        ----------
        times : (n,)  ascending; each subject has those within its own records
        output : number of the output

        Returns
        -------
        problem, who, which
            The number of the subject and of the time of each of its observations.
        """
        recorded, who, which = on_times(self.recorded, self._packed.record_shift, times, output)
        other = copy(self)
        other.n_obs, other.outputs = len(who), recorded.endpoint
        other.endpoints = make_endpoints(self.model, recorded.endpoint)
        other._bind(recorded)
        return other, who, which

    def curves(self, theta: Floats, eta: Floats, n: int) -> pd.DataFrame:
        """Return dense PRED and IPRED curves of every subject (ID, TIME, PRED, IPRED).

        The grid holds `n` equal steps from the subject's first to its last event, and all its
        event times; at a dose time the value after the dose is given too. A model of several
        outputs has a curve for each, named in a column OUTPUT after TIME.
        """
        subjects, who, times = on_a_grid(self.recorded, self._packed.record_shift, n)
        theta, n_points = frozen(theta), len(times)
        labels = np.array(self.data.population.subjects, dtype=object)[who]
        outputs = self.model.structure.outputs
        parts = []
        for k, output in enumerate(outputs):
            asked = of_output(subjects, k)
            pred = self._predict(asked, n_points, theta, np.zeros_like(eta))[:, 0]
            ipred = self._predict(asked, n_points, theta, eta)[:, 0]
            columns = {"ID": labels, "TIME": times, "OUTPUT": output, "PRED": pred, "IPRED": ipred}
            parts.append(pd.DataFrame(columns))
        if len(outputs) == 1:
            return parts[0].drop(columns="OUTPUT")
        order = np.argsort(np.tile(who, len(outputs)), kind="stable")
        return pd.concat(parts, ignore_index=True).iloc[order].reset_index(drop=True)

    def dense(self, theta: Floats, etas: Floats, n: int) -> tuple[Ints, Floats, dict[str, Floats]]:
        """Return predictions on a dense grid for several sets of random effects.

        Parameters
        ----------
        etas : (n_draws, n_sub, n_eta)
        n : as in `curves`

        Returns
        -------
        who, times : (n_points,)  number of the subject, and time, of each point
        predictions : by output, (n_draws, n_points)
        """
        subjects, who, times = on_a_grid(self.recorded, self._packed.record_shift, n)
        structure, found = self._structure(subjects), {}
        for k, output in enumerate(self.model.structure.outputs):
            asked = of_output(subjects, k)
            out = np.zeros((len(etas), len(times), 1))
            for eta, row in zip(etas, out, strict=True):
                predict_range(0, 0, self.n_sub, structure, asked, frozen(theta), frozen(eta), row)
            found[output] = out[:, :, 0]
        return who, times, found

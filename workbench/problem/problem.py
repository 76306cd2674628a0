"""`Problem`: a model and a data set, checked against each other and packed for the kernels."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.core import records as rec
from workbench.core.abi import export_predict, export_residual
from workbench.core.conditional import Objective
from workbench.core.likelihood import Structure, Subjects
from workbench.core.predictions import individual_range, predict_range
from workbench.core.residuals import R_F, R, V, n_columns
from workbench.data.dataset import Dataset
from workbench.models.distributions import distributions
from workbench.models.model import Model
from workbench.models.residual import error_models
from workbench.problem.checks import check_doses, check_observations, check_start, notes
from workbench.problem.space import ParameterSpace, frozen
from workbench.problem.structure import pack_context

Floats = NDArray[np.float64]


class Problem:
    """A model bound to a data set: the one object that estimators see.

    Parameters
    ----------
    model, data : immutable; nothing in them is changed

    Attributes
    ----------
    space : the optimiser's vector and its meaning
    structure, subjects : what the kernels see
    notes : sentences on what is legal but should be known

    Raises
    ------
    DataError, ModelError
        The two do not fit; the message says where and what to do.
    """

    def __init__(self, model: Model, data: Dataset) -> None:
        check_doses(model, data)
        check_observations(model, data)
        self.model, self.data = model, data
        self.space = ParameterSpace(model)
        self.error_model = error_models.get(model.error.model)
        self.subjects = self._subjects()
        self.structure = self._structure(self.subjects)
        self.n_sub, self.n_obs = data.population.n_sub, data.population.n_obs
        self.notes = notes(model, data)
        # Each subject's sum over its data: moves -2LL from the modelled scale to that of DV.
        self.jacobian = np.array(
            [
                -2.0 * self.error_model.log_jacobian(dv)
                for dv in np.split(data.population.dv, data.population.obs_start[1:-1])
            ]
        )
        values = self.space.values(self.space.start)
        prediction = self.predict(values.theta, self.no_etas())[:, 0]
        with np.errstate(invalid="ignore"):
            variance = self.residual_table(prediction, values.sigma)[:, V]
        check_start(model, data, prediction, variance)

    def _structure(self, subjects: Subjects) -> Structure:
        model = self.model
        codes = [distributions.get(p.distribution).code for p in model.parameters.values()]
        etas = model.etas
        index = [etas.index(n) if n in etas else -1 for n in model.parameters]
        family = model.structure.family
        context, n_work = pack_context(model.structure, subjects.records, subjects.record_start)
        return Structure(
            export_predict(family.kernel()),
            export_residual(self.error_model.residual),
            frozen(context),
            frozen(family.settings()),
            n_work,
            frozen(np.array(codes, dtype=np.int64)),
            frozen(np.array(index, dtype=np.int64)),
        )

    def _subjects(self) -> Subjects:
        population = self.data.population
        n = len(self.model.parameters)
        return Subjects(
            population.record_start,
            population.records,
            population.obs_start,
            population.dv,
            frozen(np.eye(n)[None]),
            frozen(np.arange(population.n_sub + 1)),
            frozen(np.zeros((population.n_sub, 0))),
        )

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
            np.zeros((self.n_sub, len(self.error_model.parameters))),
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
        predict_range(0, n_sub, structure, subjects, frozen(theta), frozen(eta), out)
        return out

    def residual_table(self, prediction: Floats, sigma: Floats) -> Floats:
        """Return the residual-error table (n_obs, columns) for given predictions."""
        out = np.zeros((self.n_obs, n_columns(len(sigma))))
        dv = self.data.population.dv
        self.error_model.residual(dv, frozen(prediction), frozen(sigma), out)
        return out

    def residuals(self, prediction: Floats, sigma: Floats) -> tuple[Floats, Floats, Floats]:
        """Return residuals r, their variances v and -dr/df at given predictions."""
        table = self.residual_table(prediction, sigma)
        return table[:, R], table[:, V], -table[:, R_F]

    def individual_parameters(self, theta: Floats, eta: Floats) -> Floats:
        """Return the individual parameters on the natural scale, (n_sub, n_phi)."""
        out = np.zeros((self.n_sub, self.space.n_theta))
        individual_range(self.structure, self.subjects, frozen(theta), frozen(eta), out)
        return out

    def curves(self, theta: Floats, eta: Floats, n: int) -> pd.DataFrame:
        """Return dense PRED and IPRED curves of every subject (ID, TIME, PRED, IPRED).

        The grid holds `n` equal steps from the subject's first to its last event, and all its
        event times; at a dose time the value after the dose is given too.
        """
        subjects, who, times = _on_a_grid(self.subjects, n)
        labels = np.array(self.data.population.subjects, dtype=object)[who]
        dense_theta, n_dense = frozen(theta), len(times)
        pred = self._predict(subjects, n_dense, dense_theta, np.zeros_like(eta))[:, 0]
        ipred = self._predict(subjects, n_dense, dense_theta, eta)[:, 0]
        return pd.DataFrame({"ID": labels, "TIME": times, "PRED": pred, "IPRED": ipred})


def _on_a_grid(subjects: Subjects, n: int) -> tuple[Subjects, NDArray[np.int64], Floats]:
    """Replace the observations by a dense grid; return also subject and time of each point."""
    n_sub = len(subjects.record_start) - 1
    blocks, counts, obs_counts = [], [], []
    for first, last in pairwise(subjects.record_start):
        points = _dense(subjects.records[first:last], n)
        blocks.append(points)
        counts.append(len(points))
        obs_counts.append(int(np.sum(points[:, rec.KIND] == rec.OBSERVATION)))
    records = np.concatenate(blocks)
    observed = records[:, rec.KIND] == rec.OBSERVATION
    start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    obs_start = np.concatenate([[0], np.cumsum(obs_counts)]).astype(np.int64)
    dense = subjects._replace(
        record_start=frozen(start),
        records=frozen(records),
        obs_start=frozen(obs_start),
        dv=frozen(np.zeros(int(observed.sum()))),
    )
    who = np.repeat(np.arange(n_sub), obs_counts)
    return dense, who, records[observed, rec.TIME]


def _dense(rows: Floats, n: int) -> Floats:
    """Replace one subject's observations by a grid with one point more before each dose."""
    times = rows[:, rec.TIME]
    doses = rows[np.isin(rows[:, rec.KIND], (rec.DOSE, rec.RESET, rec.RESET_DOSE))]
    given = [times]
    for dose in doses[doses[:, rec.ADDL] > 0]:
        added = dose[rec.TIME] + dose[rec.II] * np.arange(1, dose[rec.ADDL] + 1)
        given.append(added[added <= times.max()])
    grid = np.union1d(np.linspace(times.min(), times.max(), n), np.concatenate(given))
    before = np.intersect1d(grid, doses[:, rec.TIME])  # a point before, as a trough sample
    points = np.zeros((len(before) + len(doses) + len(grid), rec.N_COLUMNS))
    points[:, rec.KIND] = rec.OBSERVATION
    points[: len(before), rec.TIME] = before
    points[len(before) : len(before) + len(doses)] = doses
    points[len(before) + len(doses) :, rec.TIME] = grid
    points = points[np.argsort(points[:, rec.TIME], kind="stable")]
    position = np.searchsorted(times, points[:, rec.TIME])
    points[:, rec.BLOCK] = rows[np.minimum(position, len(rows) - 1), rec.BLOCK]
    return points

"""What a bound problem knows of random effects and parameters that change within a subject."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.core import records as rec
from workbench.data.dataset import Dataset
from workbench.data.population import Population
from workbench.models.model import Model
from workbench.problem.occasions import Occasions
from workbench.problem.space import ParameterSpace

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class WithinSubjects:
    """The part of `Problem` that deals with occasions and blocks."""

    model: Model
    data: Dataset
    n_sub: int
    space: ParameterSpace
    occasions: Occasions | None
    _packed: Population

    @property
    def used(self) -> Bools | None:
        """Mark the random effects that a subject has, (n_sub, n_eta); None where it has all."""
        occasions = self.occasions
        if occasions is None or occasions.used.all():
            return None
        between = np.ones((self.n_sub, self.space.n_between), dtype=bool)
        return np.hstack([between, np.repeat(occasions.used, self.space.n_iov, axis=1)])

    def joined(self, etas: Floats, kappas: Floats) -> Floats:
        """Return all random effects, (n_sub, n_eta).

        Parameters
        ----------
        etas : (n_sub, n_between)
        kappas : (number of all subjects' occasions, n_iov)  subject after subject
        """
        if self.occasions is None:
            return etas
        used = self.occasions.used
        out = np.zeros((*used.shape, self.space.n_iov))
        out[used] = kappas
        return np.hstack([etas, out.reshape(self.n_sub, -1)])

    def kappas_of(self, eta: Floats) -> pd.DataFrame:
        """Return the kappas among all random effects (n_sub, n_eta): ID, OCC and a column each."""
        names = list(self.model.iov)
        if self.occasions is None:
            return pd.DataFrame(columns=["ID", "OCC", *names])
        labels = self.occasions.labels
        who = [s for s, own in zip(self.data.subjects, labels, strict=True) for _ in own]
        used = self.occasions.used
        own = eta[:, self.space.n_between :].reshape(*used.shape, len(names))[used]
        table = pd.DataFrame({"ID": who, "OCC": [label for own in labels for label in own]})
        return table.assign(**dict(zip(names, own.T, strict=True)))

    def mean_omega(self, total: Floats) -> Floats:
        """Return the omega that second moments of the random effects give, (n_eta, n_eta).

        It is their mean over subjects, and of kappas over all occasions that there are.

        Parameters
        ----------
        total : sum over subjects of E[eta eta'], zero where a subject has no such occasion
        """
        omega = total / self.n_sub
        if self.occasions is None:
            return omega
        parts = self.space.occasions
        kappas = np.sum([total[part, part] for part in parts], axis=0) / self.occasions.used.sum()
        first = self.space.n_between
        omega[first:, :], omega[:, first:] = 0.0, 0.0
        for part in parts:
            omega[part, part] = kappas
        return omega

    def blocks(self) -> pd.DataFrame:
        """Return what identifies the blocks that `block_parameters` has: ID, TIME and OCC.

        TIME is that from which on a block holds; OCC is there where parameters vary between
        occasions.
        """
        packed = self._packed
        block, start = packed.records[:, rec.BLOCK], packed.record_start[:-1]
        opens = np.append(True, block[1:] != block[:-1])
        opens[start] = True
        rows = np.flatnonzero(opens)
        before = np.where(np.isin(rows, start), rows, rows - 1)
        subject = np.searchsorted(packed.record_start, rows, "right") - 1
        table = pd.DataFrame(
            {
                "ID": np.array(self.data.subjects, dtype=object)[subject],
                "TIME": packed.records[before, rec.TIME] - packed.record_shift[before],
            }
        )
        if self.occasions is not None:
            number = self.occasions.of_row[packed.record_row[rows]]
            labels = self.occasions.labels
            table["OCC"] = [labels[i][k] for i, k in zip(subject, number, strict=True)]
        return table

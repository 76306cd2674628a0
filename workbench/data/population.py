"""`Population`: what the kernels see of a data set, as flat read-only arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.core import records as rec

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """All subjects' events and observations, subject after subject.

    Rows of subject i are ``start[i]:start[i + 1]``. Arrays are read-only and C-contiguous.

    Attributes
    ----------
    subjects : (n_sub,)  labels
    record_start : (n_sub + 1,)  offsets into `records`
    records : (n_rec, N_COLUMNS)  events in time order, see `workbench.core.events`
    obs_start : (n_sub + 1,)  offsets into `dv`, `obs_time`, `obs_row`
    dv : (n_obs,)  observations, in the order of the OBSERVATION records
    obs_time : (n_obs,)  their times
    obs_row : (n_obs,)  their positions in the data set's table
    covariates : name -> (n_sub,)  numeric constants of the subject; NaN where missing
    """

    subjects: tuple[Any, ...]
    record_start: Ints
    records: Floats
    obs_start: Ints
    dv: Floats
    obs_time: Floats
    obs_row: Ints
    covariates: Mapping[str, Floats]

    def __post_init__(self) -> None:
        """Make every array contiguous and read-only."""
        for name in ("record_start", "records", "obs_start", "dv", "obs_time", "obs_row"):
            object.__setattr__(self, name, _frozen(getattr(self, name)))
        covariates = {name: _frozen(values) for name, values in self.covariates.items()}
        object.__setattr__(self, "covariates", covariates)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle through the constructor, so that a copy's arrays are read-only too."""
        return type(self), tuple(getattr(self, field.name) for field in fields(self))

    @property
    def n_sub(self) -> int:
        """Number of subjects."""
        return len(self.subjects)

    @property
    def n_obs(self) -> int:
        """Number of observations."""
        return len(self.dv)

    def __repr__(self) -> str:
        """Return the sizes."""
        return f"Population({self.n_sub} subjects, {self.n_obs} observations)"


def pack(table: pd.DataFrame, covariates: Mapping[str, Floats]) -> Population:
    """Pack a canonical table (checked, subjects in blocks, rows in time order).

    Parameters
    ----------
    table : ID, TIME, DV, AMT, EVID, MDV, CMT and, where present, RATE, II, ADDL
    covariates : name -> (n_sub,)  constants of each subject, in the table's order
    """
    ids = table["ID"].to_numpy()
    first = np.ones(len(ids), dtype=bool)
    first[1:] = ids[1:] != ids[:-1]
    subject = np.cumsum(first) - 1
    n_sub = int(subject[-1]) + 1

    records = _file_records(table)
    obs_row = np.flatnonzero(records[:, rec.KIND] == rec.OBSERVATION)
    return Population(
        subjects=tuple(ids[first].tolist()),
        record_start=_offsets(subject, n_sub),
        records=records,
        obs_start=_offsets(subject[obs_row], n_sub),
        dv=table["DV"].to_numpy(dtype=np.float64)[obs_row],
        obs_time=records[obs_row, rec.TIME],
        obs_row=obs_row.astype(np.int64),
        covariates=covariates,
    )


def dose_table(table: pd.DataFrame) -> tuple[Ints, Floats]:
    """Return every single dose, additional ones included: its row in the table, and its time."""
    dose = np.flatnonzero(table["EVID"].to_numpy() == 1)
    addl = _column(table, "ADDL")[dose].astype(np.int64)
    row = np.repeat(dose, addl + 1)
    start = np.cumsum(addl + 1) - (addl + 1)
    count = np.arange(len(row)) - np.repeat(start, addl + 1)
    time = _column(table, "TIME")[row] + count * _column(table, "II")[row]
    return row.astype(np.int64), time


def _column(table: pd.DataFrame, name: str) -> Floats:
    """Return a column as numbers; zeros where the table has none."""
    if name not in table:
        return np.zeros(len(table))
    return np.nan_to_num(table[name].to_numpy(dtype=np.float64))


def _file_records(table: pd.DataFrame) -> Floats:
    """Return one record per row of the table."""
    evid, mdv = _column(table, "EVID"), _column(table, "MDV")
    dose = evid == 1
    records = np.zeros((len(table), rec.N_COLUMNS))
    records[:, rec.TIME] = _column(table, "TIME")
    records[:, rec.KIND] = rec.OTHER
    records[(evid == 0) & (mdv == 0), rec.KIND] = rec.OBSERVATION
    records[dose, rec.KIND] = rec.DOSE
    for column, name in (
        (rec.CMT, "CMT"),
        (rec.AMT, "AMT"),
        (rec.RATE, "RATE"),
        (rec.II, "II"),
        (rec.ADDL, "ADDL"),
        (rec.SS, "SS"),
    ):
        records[dose, column] = _column(table, name)[dose]
    return records


def _offsets(subject: Ints, n_sub: int) -> Ints:
    """Return where each subject's rows start, and where the last one's end."""
    start = np.zeros(n_sub + 1, dtype=np.int64)
    np.cumsum(np.bincount(subject, minlength=n_sub), out=start[1:])
    return start


def _frozen(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the array contiguous and read-only."""
    if values.flags.c_contiguous and not values.flags.writeable:
        return values
    frozen = np.array(values, order="C")
    frozen.setflags(write=False)
    return frozen

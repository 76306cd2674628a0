"""`Population`: what the kernels see of a data set, as flat read-only arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.core import records as rec
from workbench.data.blocks import changes, make_blocks
from workbench.data.censoring import Limit, handle
from workbench.data.columns import did_you_mean
from workbench.data.doses import dose_rows, first_rows, numeric, time_shift
from workbench.data.endpoints import endpoint_numbers
from workbench.errors import DataError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """All subjects' records and observations, subject after subject.

    Rows of subject i are ``start[i]:start[i + 1]``. Arrays are read-only and C-contiguous.

    Attributes
    ----------
    subjects : (n_sub,)  labels
    record_start : (n_sub + 1,)  offsets into `records`, `record_row`, `record_shift`
    records : (n_rec, N_COLUMNS)  in time order, see `workbench.core.records`; CMT is NaN where
        the data name the compartment (see `Dataset.resolve_compartments`)
    record_row : (n_rec,)  their positions in the data set's table
    record_shift : (n_rec,)  what was added to TIME, which may start again at a reset
    obs_start : (n_sub + 1,)  offsets into `dv`, `obs_time`, `obs_row`, `obs_endpoint`
    dv : (n_obs,)  observations, in the order of the OBSERVATION records; NaN in a design. The
        limit of those that are known only to lie beyond one
    obs_time : (n_obs,)  their TIME, without shift
    obs_row : (n_obs,)  their positions in the data set's table
    obs_endpoint : (n_obs,)  0-based index into `Dataset.endpoints`
    obs_kind : (n_obs,)  kind of the observation, see `workbench.core.residuals`
    obs_limit : (n_obs,)  its other limit; dv for kinds that have none
    block_start : (n_sub + 1,)  offsets into `block_covariates`
    block_names : (n_cov,)  numeric covariates, constant or not
    block_covariates : (n_blocks, n_cov)  their values in each block; NaN where missing
    covariates : name -> (n_sub,)  numeric constants of the subject; NaN where missing

    Notes
    -----
    The covariates of a record's block hold over (time of the record before, time of the record].
    With NOCB these are the values of its own row. With LOCF they would be those of the row
    before, while dose and prediction at the record take its own: so where the covariates change,
    a record OTHER with the old block stands before the row's own record, at the same time.
    """

    subjects: tuple[Any, ...]
    record_start: Ints
    records: Floats
    record_row: Ints
    record_shift: Floats
    obs_start: Ints
    dv: Floats
    obs_time: Floats
    obs_row: Ints
    obs_endpoint: Ints
    obs_kind: Ints
    obs_limit: Floats
    block_start: Ints
    block_names: tuple[str, ...]
    block_covariates: Floats
    covariates: Mapping[str, Floats]

    def __post_init__(self) -> None:
        """Make every array contiguous and read-only."""
        for field in fields(self):
            values = getattr(self, field.name)
            if isinstance(values, np.ndarray):
                object.__setattr__(self, field.name, _frozen(values))
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

    def with_blocks_of(self, names: Sequence[str]) -> Population:
        """Return the same records in blocks of some of the covariates, in the order given.

        Raises
        ------
        DataError
            A covariate is not there, or is no number.
        """
        for name in names:
            if name not in self.block_names:
                advice = did_you_mean(name, self.block_names)
                raise DataError(f"There is no numeric covariate {name!r} in the data. {advice}")
        columns = [self.block_names.index(name) for name in names]
        first = np.zeros(len(self.block_covariates), dtype=bool)
        first[self.block_start[:-1]] = True
        blocks = make_blocks(self.block_covariates[:, columns], first)
        base = np.repeat(self.block_start[:-1], np.diff(self.record_start))
        records = self.records.copy()
        old = records[:, rec.BLOCK].astype(np.int64)
        records[:, rec.BLOCK] = blocks.of_row[base + old]
        return replace(
            self,
            records=records,
            block_start=blocks.start,
            block_names=tuple(names),
            block_covariates=blocks.values,
        )

    def __repr__(self) -> str:
        """Return the sizes."""
        return f"Population({self.n_sub} subjects, {self.n_obs} observations)"


def pack(
    table: pd.DataFrame,
    covariates: Mapping[str, Floats],
    numbers: Sequence[str],
    *,
    endpoints: tuple[Any, ...],
    interpolation: str = "nocb",
    design: bool = False,
    blq: str = "",
    blq_limit: Limit | None = None,
) -> Population:
    """Pack a canonical table (checked, subjects in blocks, rows in time order).

    Parameters
    ----------
    table : ID, TIME, DV, AMT, EVID, MDV, CMT and, where present, RATE, II, ADDL, SS, DVID
    covariates : name -> (n_sub,)  constants of each subject, in the table's order
    numbers : the numeric covariates of the table
    endpoints : labels, in the order of their numbers
    interpolation : "nocb" or "locf"
    design : rows with EVID 0 or 2 are to be predicted, whatever their MDV
    blq, blq_limit : method for values below the limit, see `censoring.handle`
    """
    first = first_rows(table)
    n_sub = int(first.sum())
    observed = observed_rows(table, design)
    endpoint = endpoint_numbers(table, observed, endpoints)
    dv = table["DV"].to_numpy(dtype=np.float64)
    kind, limit = np.zeros(len(table), dtype=np.int64), dv
    if not design and "CENS" in table:
        places = np.array(endpoints, dtype=object)[endpoint]
        seen = handle(table, observed, blq, blq_limit, places)
        observed, dv, kind, limit = seen.observed, seen.dv, seen.kind, seen.limit
    shift = time_shift(table)
    values = table[list(numbers)].to_numpy(dtype=np.float64).reshape(len(table), len(numbers))
    blocks = make_blocks(values, first)
    records = _records(table, observed, shift)
    records[:, rec.BLOCK] = blocks.of_row
    records[:, rec.ENDPOINT] = np.where(records[:, rec.KIND] <= rec.OTHER, endpoint, 0)
    records[dose_rows(table), rec.ENDPOINT] = 0
    row = np.arange(len(table))
    if interpolation == "locf":
        records, row = _carried_forward(records, row, changes(values) & ~first)
    subject = np.cumsum(first) - 1
    obs_row = np.flatnonzero(observed)
    return Population(
        subjects=tuple(table["ID"].to_numpy()[first].tolist()),
        record_start=_offsets(subject[row], n_sub),
        records=records,
        record_row=row.astype(np.int64),
        record_shift=shift[row],
        obs_start=_offsets(subject[obs_row], n_sub),
        dv=dv[obs_row],
        obs_time=numeric(table, "TIME")[obs_row],
        obs_row=obs_row.astype(np.int64),
        obs_endpoint=endpoint[obs_row],
        obs_kind=kind[obs_row],
        obs_limit=limit[obs_row],
        block_start=blocks.start,
        block_names=tuple(numbers),
        block_covariates=blocks.values,
        covariates=covariates,
    )


def observed_rows(table: pd.DataFrame, design: bool) -> Mask:
    """Mark the observations; in a design, all rows that are to be predicted."""
    evid = table["EVID"].to_numpy()
    if design:
        return np.isin(evid, (0, 2))
    observed: Mask = (evid == 0) & (table["MDV"].to_numpy() == 0)
    return observed


def _records(table: pd.DataFrame, observed: Mask, shift: Floats) -> Floats:
    """Return one record per row of the table, BLOCK and ENDPOINT still 0."""
    evid, dose = table["EVID"].to_numpy(), dose_rows(table)
    records = np.zeros((len(table), rec.N_COLUMNS))
    records[:, rec.TIME] = numeric(table, "TIME") + shift
    records[:, rec.KIND] = rec.OTHER
    records[observed, rec.KIND] = rec.OBSERVATION
    for code, kind in ((1, rec.DOSE), (3, rec.RESET), (4, rec.RESET_DOSE)):
        records[evid == code, rec.KIND] = kind
    for column, name in (
        (rec.AMT, "AMT"),
        (rec.RATE, "RATE"),
        (rec.II, "II"),
        (rec.ADDL, "ADDL"),
        (rec.SS, "SS"),
    ):
        records[dose, column] = numeric(table, name)[dose]
    if pd.api.types.is_numeric_dtype(table["CMT"]):
        records[dose, rec.CMT] = numeric(table, "CMT")[dose]
    else:
        records[dose, rec.CMT] = np.nan
    return records


def _carried_forward(records: Floats, row: Ints, new: Mask) -> tuple[Floats, Ints]:
    """Put a record OTHER with the old block before each row with new covariates."""
    gap = np.zeros(len(records), dtype=bool)
    gap[1:] = records[1:, rec.TIME] > records[:-1, rec.TIME]
    at = np.flatnonzero(new & gap)
    added = np.zeros((len(at), rec.N_COLUMNS))
    added[:, rec.TIME] = records[at, rec.TIME]
    added[:, rec.KIND] = rec.OTHER
    added[:, rec.BLOCK] = records[at - 1, rec.BLOCK]
    return np.insert(records, at, added, axis=0), np.insert(row, at, row[at])


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

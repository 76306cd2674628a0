"""`Dataset`: a checked data set, its audit, and the packed population."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench.data.assemble import assemble, canonical_units
from workbench.data.checks import run_checks
from workbench.data.columns import assign_columns, did_you_mean
from workbench.data.covariates import constant_names, constants
from workbench.data.draft import make_draft
from workbench.data.findings import Findings
from workbench.data.population import Population, dose_table, pack
from workbench.data.reader import Source, read_table, source_name
from workbench.errors import DataError, OptionError


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """What the catalogue says about a data set that comes with the package."""

    name: str
    title: str
    description: str
    source: str
    licence: str
    citation: str
    provenance: str
    units: Mapping[str, str]
    suggested_model: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """A data set that has passed every check; made by `read_dataset` or `load_dataset`.

    Attributes
    ----------
    name : what plots and reports call it
    table : one row per file row, canonical NONMEM columns, then covariates
    covariate_names : columns of `table` that are covariates, numbers or labels
    units : unit of TIME, DV, AMT and each covariate, "" where unknown
    audit : every repair, warning and note: ROW (0: the whole file), ID, COLUMN, LEVEL, MESSAGE
    info : the catalogue's entry, None for other data
    population : the packed arrays that estimators read
    """

    name: str
    table: pd.DataFrame
    covariate_names: tuple[str, ...]
    units: Mapping[str, str]
    audit: pd.DataFrame
    info: DatasetInfo | None = None
    code: str = ""  # the Python expression that makes this data set again
    population: Population = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Pack the population."""
        packed = pack(self.table, constants(self.table, self.covariate_names))
        object.__setattr__(self, "population", packed)

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        columns: Mapping[str, str] | None = None,
        units: Mapping[str, str] | None = None,
        name: str | None = None,
    ) -> Dataset:
        """Check a DataFrame in NONMEM layout, as `read_dataset` does."""
        return read_dataset(frame, columns=columns, units=units, name=name)

    @property
    def subjects(self) -> tuple[Any, ...]:
        """Labels of the subjects, in order."""
        return self.population.subjects

    @property
    def n_sub(self) -> int:
        """Number of subjects."""
        return self.population.n_sub

    @property
    def n_obs(self) -> int:
        """Number of observations."""
        return self.population.n_obs

    @property
    def observations(self) -> pd.DataFrame:
        """The observations: ROW, ID, TIME, TAD (time since the last dose), DV, covariates."""
        rows = self.table.iloc[self.population.obs_row].reset_index(drop=True)
        rows.insert(list(rows).index("TIME") + 1, "TAD", self.time_after_dose)
        return rows.drop(
            columns=["AMT", "EVID", "MDV", "RATE", "II", "ADDL", "SS"], errors="ignore"
        )

    @property
    def time_after_dose(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Time since the last dose of each observation, (n_obs,); NaN before the first."""
        return _time_after_dose(self.population, self.table)

    @property
    def doses(self) -> pd.DataFrame:
        """Every single dose, ADDL written out: ROW, ID, TIME, AMT, CMT, RATE, DURATION."""
        index, time = dose_table(self.table)
        doses = self.table.iloc[index][["ROW", "ID", "TIME", "AMT", "CMT"]].reset_index(drop=True)
        doses["TIME"] = time
        rate = (
            self.table["RATE"].to_numpy()[index] if "RATE" in self.table else np.zeros(len(index))
        )
        doses["RATE"] = rate
        amount = doses["AMT"].to_numpy()
        doses["DURATION"] = np.divide(amount, rate, out=np.zeros(len(index)), where=rate > 0)
        block = pd.Series(doses["ID"]).map({label: k for k, label in enumerate(self.subjects)})
        order = np.lexsort((np.arange(len(index)), time, block.to_numpy()))
        return doses.iloc[order].reset_index(drop=True)

    @property
    def covariates(self) -> pd.DataFrame:
        """One row per subject: ID and the covariates that are constant within subjects."""
        names = constant_names(self.table, self.covariate_names)
        first = ~self.table["ID"].duplicated()
        return self.table.loc[first, ["ID", *names]].reset_index(drop=True)

    def select(self, subjects: Iterable[Any]) -> Dataset:
        """Return the data of some subjects, in the data's order.

        Raises
        ------
        DataError
            A label is unknown, or none is given.
        """
        wanted = [subjects] if isinstance(subjects, str | int | np.integer) else list(subjects)
        known = {str(label): label for label in self.subjects}
        for label in wanted:
            if str(label) not in known:
                advice = did_you_mean(str(label), known)
                raise DataError(f"{self.name} has no subject {label!r}. {advice}")
        if not wanted:
            raise DataError(f"No subject was selected from {self.name}.")
        chosen = {known[str(label)] for label in wanted}
        labels = [label for label in self.subjects if label in chosen]
        table = self.table[self.table["ID"].isin(labels)].reset_index(drop=True)
        of_them = (self.audit["ROW"] == 0) | self.audit["ROW"].isin(table["ROW"])
        audit = self.audit[of_them].reset_index(drop=True)
        code = f"{self.code}.select({labels!r})"
        return replace(self, table=table, audit=audit, code=code)

    def to_csv(self, path: str | Path) -> None:
        """Write the canonical table as CSV that `read_dataset` reads back ('.' = missing)."""
        self.table.drop(columns="ROW").to_csv(path, index=False, na_rep=".")

    def python(self) -> str:
        """Return the line of Python that loads these data again."""
        return self.code

    def __repr__(self) -> str:
        """Return the name and the sizes."""
        return f"<Dataset {self.name!r}: {self._summary()}>"

    def _summary(self) -> str:
        """Return the sizes and how much the audit holds."""
        n_doses = int(np.sum(self.table["EVID"] == 1))
        parts = [f"{self.n_sub} subjects", f"{self.n_obs} observations", f"{n_doses} dose rows"]
        if self.covariate_names:
            parts.append("covariates " + ", ".join(self.covariate_names))
        levels = self.audit["LEVEL"].value_counts()
        parts += [f"{levels[k]} {k}s in the audit" for k in ("repair", "warning") if k in levels]
        return ", ".join(parts)

    def _repr_html_(self) -> str:
        """Return the summary and the first rows."""
        title = html.escape(self.info.title if self.info else self.name)
        head = self.table.head(6).to_html(index=False, na_rep=".", border=0)
        return f"<div><b>{title}</b><br>{html.escape(self._summary())}{head}</div>"


def read_dataset(
    source: Source,
    *,
    columns: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    name: str | None = None,
) -> Dataset:
    """Read and check data in NONMEM layout.

    Parameters
    ----------
    source : path, open file, bytes (an upload) or DataFrame; docs/data-format.md has the layout
    columns : which column of the file is which, e.g. ``{"ID": "SUBJ", "DV": "CONC"}``
    units : units of columns, e.g. ``{"TIME": "h", "DV": "mg/L"}``
    name : what to call the data; the file's name by default

    Returns
    -------
    Dataset
        Its `audit` lists every repair, warning and note by file row.

    Raises
    ------
    DataError
        The data break a rule; up to five problems are spelt out, all are counted.
    OptionError
        `columns` or `units` has a misspelt key.
    """
    file = source_name(source)
    findings = Findings(file if name is None or isinstance(source, str | Path) else name)
    raw = read_table(source, findings)
    assign_columns(raw, columns, findings)
    draft = make_draft(raw, findings)
    run_checks(draft, findings)
    table, covariates = assemble(draft, findings)
    _check_units(units, covariates)
    return Dataset(
        name=name if name is not None else Path(file).stem,
        table=table,
        covariate_names=covariates,
        units=canonical_units(units or {}, raw.units, covariates),
        audit=findings.audit(),
        code=_code(source, columns, units, name),
    )


def _check_units(units: Mapping[str, str] | None, covariates: tuple[str, ...]) -> None:
    """Refuse a unit for a column that is not there."""
    known = ("TIME", "DV", "AMT", *covariates)
    for name in units or {}:
        if name not in known:
            raise OptionError(
                f"units= names {name!r}, which is not a column with a unit. "
                f"{did_you_mean(name, known)}"
            )


def _code(
    source: Source,
    columns: Mapping[str, str] | None,
    units: Mapping[str, str] | None,
    name: str | None,
) -> str:
    """Return the call of `read_dataset`; an upload is named as the file it came from."""
    if isinstance(source, pd.DataFrame):
        first, named = "frame", name
    elif isinstance(source, str | Path):
        first, named = repr(str(source)), name
    else:
        first, named = repr(name or source_name(source)), None
    options = [f"columns={dict(columns)!r}"] if columns else []
    options += [f"units={dict(units)!r}"] if units else []
    options += [f"name={named!r}"] if named else []
    return f"wb.read_dataset({', '.join([first, *options])})"


def _time_after_dose(
    population: Population, table: pd.DataFrame
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return, per observation, the time since the last dose; NaN before the first."""
    row, dosed = dose_table(table)
    ids = table["ID"].to_numpy()
    block = np.cumsum(np.r_[True, ids[1:] != ids[:-1]]) - 1
    out = np.full(population.n_obs, np.nan)
    for i in range(population.n_sub):
        mine = block[row] == i
        order = np.lexsort((row[mine], dosed[mine]))
        times = dosed[mine][order]
        for j in range(population.obs_start[i], population.obs_start[i + 1]):
            before = times <= population.obs_time[j]
            explicit = (row[mine][order] > population.obs_row[j]) & (
                times == population.obs_time[j]
            )
            last = times[before & ~explicit]
            out[j] = population.obs_time[j] - last[-1] if len(last) else np.nan
    return out

"""`Dataset`: a checked data set, its audit, and the packed population."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.core import records as rec
from workbench.data.assemble import assemble, canonical_units
from workbench.data.blocks import INTERPOLATIONS
from workbench.data.blq import with_marks, with_method
from workbench.data.censoring import Limit, flags
from workbench.data.checks import run_checks
from workbench.data.columns import assign_columns, did_you_mean
from workbench.data.compartments import resolve_compartments
from workbench.data.covariates import constants, numeric_names, varying_names
from workbench.data.doses import dose_rows, single_doses, time_after_dose
from workbench.data.draft import make_draft
from workbench.data.endpoints import endpoint_labels
from workbench.data.findings import Findings
from workbench.data.imputation import imputed
from workbench.data.log_scale import exp_dv, log_dv
from workbench.data.missing import missing_table
from workbench.data.population import Population, observed_rows, pack
from workbench.data.reader import Source, read_table, source_name
from workbench.errors import DataError, ModelError, OptionError


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
    units : unit of TIME, DV, AMT and each covariate, "" where unknown; of endpoints that have one
        of their own, by label
    audit : every repair, warning and note: ROW (0: the whole file), ID, COLUMN, LEVEL, MESSAGE
    info : the catalogue's entry, None for other data
    code : the Python expression that makes this data set again
    endpoints : labels of the endpoints: DVID (or CMT) of the observations, numbers ascending,
        text in the order in which it appears; ``("DV",)`` where the data name none
    covariate_interpolation : "nocb" or "locf": which way covariates that change are carried
    design : rows with EVID 0 or 2 are to be predicted; there need not be any DV
    blq : what is done with values below the limit of quantification, "M1" to "M7" (see
        `with_blq`); "" where there are none
    blq_limit : see `with_blq`
    time_varying : the covariates, numbers or labels, that change within a subject
    population : the packed arrays that estimators read
    """

    name: str
    table: pd.DataFrame
    covariate_names: tuple[str, ...]
    units: Mapping[str, str]
    audit: pd.DataFrame
    info: DatasetInfo | None = None
    code: str = ""
    endpoints: tuple[Any, ...] = ()
    covariate_interpolation: str = "nocb"
    design: bool = False
    blq: str = ""
    blq_limit: Limit | None = None
    time_varying: tuple[str, ...] = field(init=False)
    population: Population = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Pack the population; name the endpoints if they are not given."""
        table, names = self.table, self.covariate_names
        if not self.endpoints:
            labels = endpoint_labels(table, observed_rows(table, self.design))
            object.__setattr__(self, "endpoints", labels)
        if not self.blq and (flags(table)[observed_rows(table, self.design)] == 1).any():
            object.__setattr__(self, "blq", "M3")
        object.__setattr__(self, "time_varying", tuple(varying_names(table, names)))
        object.__setattr__(self, "population", self._packed(table, ()))

    def _packed(self, table: pd.DataFrame, more: Sequence[str]) -> Population:
        names = self.covariate_names
        return pack(
            table,
            constants(table, names),
            [*numeric_names(table, names), *more],
            endpoints=self.endpoints,
            interpolation=self.covariate_interpolation,
            design=self.design,
            blq=self.blq,
            blq_limit=self.blq_limit,
        )

    def population_with(self, columns: Mapping[str, npt.NDArray[np.float64]]) -> Population:
        """Return the packed arrays with columns that are not in the table, as covariates.

        Parameters
        ----------
        columns : name → (n_rows,)  one number for each row of the table
        """
        if not columns:
            return self.population
        return self._packed(self.table.assign(**columns), tuple(columns))

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        columns: Mapping[str, str] | None = None,
        units: Mapping[str, str] | None = None,
        name: str | None = None,
        covariate_interpolation: str = "nocb",
        keep_unobserved: bool = False,
        design: bool = False,
    ) -> Dataset:
        """Check a DataFrame in NONMEM layout, as `read_dataset` does."""
        return read_dataset(
            frame,
            columns=columns,
            units=units,
            name=name,
            covariate_interpolation=covariate_interpolation,
            keep_unobserved=keep_unobserved,
            design=design,
        )

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
        """The observations: ROW, ID, TIME, TAD (time since the last dose), DV, DVID, covariates.

        CENS and LIMIT are those of the data; DV is what the method for values below the limit
        puts there (`with_blq`).
        """
        rows = self.table.iloc[self.population.obs_row].reset_index(drop=True)
        rows["DV"] = self.population.dv
        rows.insert(list(rows).index("TIME") + 1, "TAD", self.time_after_dose)
        return rows.drop(
            columns=["AMT", "EVID", "MDV", "RATE", "II", "ADDL", "SS"], errors="ignore"
        )

    @property
    def time_after_dose(self) -> npt.NDArray[np.float64]:
        """Time since the last dose of each observation, (n_obs,).

        NaN before the first dose, and after a reset without a dose.
        """
        return time_after_dose(self.table, self.population.obs_row)

    @property
    def doses(self) -> pd.DataFrame:
        """Every single dose, ADDL written out: ROW, ID, TIME, AMT, CMT, RATE, DURATION, SS.

        RATE is -1 or -2, and DURATION missing, where the model gives them.
        """
        return single_doses(self.table)

    def resolve_compartments(
        self,
        names: Sequence[str],
        *,
        model: str = "the model",
        population: Population | None = None,
    ) -> npt.NDArray[np.int64]:
        """Return the compartment of each record of the population, (n_rec,): 1-based, 0: no dose.

        Parameters
        ----------
        names : the compartments that the model has, in order
        model : what a message calls it
        population : of `population_with`; None for that of the data

        Raises
        ------
        DataError
            A dose goes into a compartment that is not there, by number or by name.
        """
        own = resolve_compartments(self.table, names, source=self.name, model=model)
        packed = self.population if population is None else population
        kept = packed.records[:, rec.KIND] != rec.OTHER
        return np.where(kept, own[packed.record_row], 0)

    @property
    def covariates(self) -> pd.DataFrame:
        """One row per subject: ID and the covariates that are constant within subjects."""
        names = [name for name in self.covariate_names if name not in self.time_varying]
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

    @property
    def n_below(self) -> int:
        """Number of values below the limit of quantification (CENS 1), used or not."""
        return int((flags(self.table)[observed_rows(self.table, self.design)] == 1).sum())

    @property
    def n_above(self) -> int:
        """Number of values above a limit (CENS -1)."""
        return int((flags(self.table)[observed_rows(self.table, self.design)] == -1).sum())

    def with_blq(self, method: str, *, limit: Limit | None = None) -> Dataset:
        """Return the data with another treatment of the values below the limit of quantification.

        Values above a limit (CENS -1) are always used by their likelihood.

        Parameters
        ----------
        method : of Beal (2001)

            - ``"M1"``: discard them;
            - ``"M2"``: discard them, and take the others as values that could not have been
              below the limit;
            - ``"M3"``: the likelihood of being below the limit (or between LIMIT and it); what is
              done unless another method is named;
            - ``"M4"``: as M3, given that every value of the endpoint, seen or not, is above 0;
            - ``"M5"``: half the limit in their place;
            - ``"M6"``: half the limit for the first of a run, the later ones discarded;
            - ``"M7"``: 0 in their place
        limit : of M2 the limit at which the others are truncated (the endpoint's limit of
            quantification by default), of M4 the limit below which no value can be (0); one, or
            by endpoint

        Raises
        ------
        OptionError
            The method is unknown, or `limit` goes with M2 and M4 only.
        DataError
            No value is below a limit, or the data contradict the method.
        """
        return with_method(self, method, limit)

    def censor(self, lloq: Limit | None = None, *, uloq: Limit | None = None) -> Dataset:
        """Return the data in which values beyond limits of quantification are marked so.

        DV below `lloq` becomes that limit with CENS 1, DV above `uloq` that one with CENS -1; rows
        that are marked stay as they are.

        Parameters
        ----------
        lloq, uloq : in the unit of DV; one, or by endpoint

        Raises
        ------
        OptionError
            No limit is given, one is not a number, an endpoint is unknown, or `lloq` is not below
            `uloq`.

        Warns
        -----
        DataWarning
            No value lies beyond the limits.
        """
        return with_marks(self, lloq, uloq)

    @property
    def missing_covariates(self) -> pd.DataFrame:
        """Who misses what, one row per covariate that is missing for anybody.

        covariate, n_missing (subjects with a row without it), percent (of the subjects), subjects
        (their labels), all_missing, time_varying.
        """
        return missing_table(self.table, self.covariate_names, self.time_varying)

    def impute(
        self,
        method: str,
        covariates: str | Iterable[str] | None = None,
        *,
        seed: int = 0,
        draw: int = 0,
    ) -> Dataset:
        """Return data in which no covariate is missing; the audit says what was done to whom.

        Covariates that change within a subject are left to NOCB or LOCF, which fill gaps when the
        data are read.

        Parameters
        ----------
        method :
            - ``"complete_case"``: leave out the subjects that miss any;
            - ``"median"``: the median over subjects, or the most frequent value of a categorical
              covariate (text, or whole numbers with at most five different values);
            - ``"indicator"``: the same, and a covariate ``WT_MISSING`` that is 1 where WT was
              missing, else 0;
            - ``"regression"``: predicted by least squares from those other covariates that the
              subject has (Buck 1960), with logarithms where a covariate is positive; a
              categorical one is the most frequent level of the five nearest subjects. The median
              where no other covariate is known, which the audit says;
            - ``"stochastic"``: a draw in place of the prediction, see `multiple_imputation`, where
              one such draw is of use
        covariates : which; all that miss a value by default, but those that cannot be filled in,
            of which the audit tells
        seed, draw : name the random numbers of ``"stochastic"``: the draw-th of a seed

        Raises
        ------
        OptionError
            The method or a covariate is unknown.
        DataError
            A covariate that was named is missing in all subjects or changes within them; nobody
            would be left; too few subjects to draw from.
        """
        return imputed(self, method, covariates, seed=seed, draw_number=draw)

    def log_dv(self) -> Dataset:
        """Return the data with log DV in the place of DV; the audit says so.

        For a model whose output is a logarithm. Its -2LL is that of log DV, which is another one
        than that of DV: `FitResult.m2ll_of_log_dv` of a fit with log-normal error compares.

        Raises
        ------
        DataError
            An observation is not above 0.
        """
        return log_dv(self)

    def exp_dv(self) -> Dataset:
        """Return the data with exp DV in the place of DV, where DV holds logarithms.

        A model of the quantity itself, with log-normal error, then has a -2LL that compares with
        those of all other errors.

        Raises
        ------
        DataError
            A DV is too large to be a logarithm.
        """
        return exp_dv(self)

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
        n_doses = int(dose_rows(self.table).sum())
        points = "times to predict" if self.design else "observations"
        parts = [f"{self.n_sub} subjects", f"{self.n_obs} {points}", f"{n_doses} dose rows"]
        if len(self.endpoints) > 1:
            parts.append(f"endpoints {', '.join(map(str, self.endpoints))}")
        if self.n_below:
            parts.append(f"{self.n_below} below the limit of quantification ({self.blq})")
        if self.n_above:
            parts.append(f"{self.n_above} above a limit")
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


def check_dataset(data: Any, what: str = "second argument") -> None:
    """Refuse what is no data set.

    Parameters
    ----------
    what : the argument, as a message names it

    Raises
    ------
    ModelError
    """
    if not isinstance(data, Dataset):
        raise ModelError(
            f"The {what} must be a data set, not {type(data).__name__}. Read one with "
            "wb.read_dataset(...) or wb.load_dataset(...)."
        )


def read_dataset(
    source: Source,
    *,
    columns: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    name: str | None = None,
    covariate_interpolation: str = "nocb",
    keep_unobserved: bool = False,
    design: bool = False,
) -> Dataset:
    """Read and check data in NONMEM layout.

    Parameters
    ----------
    source : path, open file, bytes (an upload) or DataFrame; docs/data-format.md has the layout
    columns : which column of the file is which, e.g. ``{"ID": "SUBJ", "DV": "CONC"}``
    units : units of columns, e.g. ``{"TIME": "h", "DV": "mg/L"}``; clock times and dates are
        converted to that of TIME (h, min or day), and "DATE" says the order of dates, e.g.
        ``{"DATE": "day/month/year"}``
    name : what to call the data; the file's name by default
    covariate_interpolation : where a covariate changes, "nocb" (next observation carried
        backward, as NONMEM) or "locf" (last observation carried forward)
    keep_unobserved : keep subjects without observations
    design : read times to predict: every row with EVID 0 or 2, with or without DV

    Returns
    -------
    Dataset
        Its `audit` lists every repair, warning and note by file row.

    Raises
    ------
    DataError
        The data break a rule; up to five problems are spelt out, all are counted.
    OptionError
        `columns` or `units` has a misspelt key, or an option a value it does not have.
    """
    if covariate_interpolation not in INTERPOLATIONS:
        raise OptionError(
            f"covariate_interpolation= is {covariate_interpolation!r}. "
            f"{did_you_mean(str(covariate_interpolation), INTERPOLATIONS)}"
        )
    for key, named in (("columns", columns), ("units", units)):
        if named is not None and not isinstance(named, Mapping):
            raise OptionError(
                f'{key}= names columns one by one, such as columns={{"DV": "CONC"}} or '
                f'units={{"TIME": "h"}}, not {named!r}.'
            )
    file = source_name(source)
    findings = Findings(file if name is None or isinstance(source, str | Path) else name)
    raw = read_table(source, findings)
    assign_columns(raw, columns, findings, design=design)
    draft = make_draft(raw, findings, units=units, design=design)
    run_checks(draft, findings)
    table, covariates = assemble(
        draft,
        findings,
        interpolation=covariate_interpolation,
        keep_unobserved=keep_unobserved,
    )
    options = {
        "columns": dict(columns or {}),
        "units": dict(units or {}),
        "covariate_interpolation": "" if covariate_interpolation == "nocb" else "locf",
        "keep_unobserved": keep_unobserved,
        "design": design,
    }
    read = Dataset(
        name=name if name is not None else Path(file).stem,
        table=table,
        covariate_names=covariates,
        units={},
        audit=findings.audit(),
        code=_code(source, name, options),
        covariate_interpolation=covariate_interpolation,
        design=design,
    )
    labels = () if len(read.endpoints) < 2 else tuple(map(str, read.endpoints))
    _check_units(units, (*covariates, *labels))
    return replace(read, units=canonical_units(units or {}, raw.units, covariates, labels))


def _check_units(units: Mapping[str, str] | None, more: tuple[str, ...]) -> None:
    """Refuse a unit for a column (or an endpoint) that is not there."""
    known = ("TIME", "DV", "AMT", "DATE", *more)
    for name in units or {}:
        if name not in known:
            raise OptionError(
                f"units= names {name!r}, which is not a column with a unit. "
                f"{did_you_mean(name, known)}"
            )


def _code(source: Source, name: str | None, options: Mapping[str, Any]) -> str:
    """Return the call of `read_dataset`; an upload is named as the file it came from."""
    if isinstance(source, pd.DataFrame):
        first, named = "frame", name
    elif isinstance(source, str | Path):
        first, named = repr(str(source)), name
    else:
        first, named = repr(name or source_name(source)), None
    given = [f"{key}={value!r}" for key, value in {**options, "name": named}.items() if value]
    return f"wb.read_dataset({', '.join([first, *given])})"

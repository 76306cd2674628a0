"""Visual predictive checks: percentiles of the observations beside those of simulated data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.data.dataset import Dataset
from workbench.diagnostics._binning import bin_edges, checked_edges
from workbench.diagnostics._correction import Correction, lines
from workbench.diagnostics._npc import npc_table
from workbench.diagnostics._panels import BIN_COLUMNS, Bin, make_bins, panels
from workbench.diagnostics._percentiles import outside, row_percentiles, seen, spread_over
from workbench.diagnostics._simulated_data import Arrays, OnProgress, Simulated, simulated
from workbench.diagnostics._strata import Groups, Labels, Stratum, grouped, labels, stratum
from workbench.errors import OptionError
from workbench.models.model import Model
from workbench.registry import unknown_name
from workbench.simulation import Cancel

if TYPE_CHECKING:
    from workbench.results import FitResult

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

X_COLUMNS = ("TIME", "TAD", "PRED")
NOT_CORRECTED = Correction()


@dataclass(frozen=True, slots=True, eq=False)
class Vpc:
    """A visual predictive check: one simulation, and how it is looked at.

    Immutable: `rebin`, `correct`, `stratify`, `group`, `against` and `percentiles` return another
    look at the same simulation, and their order does not matter, for tables are made from all
    choices together when they are asked for.

    Attributes
    ----------
    simulated : observations and their simulated twins
    x : what the bins are of: "TIME", "TAD", "PRED" or a numeric covariate
    binning, n_bins : way of binning and number of bins (None: chosen), see `bin_edges`
    edges : of bins given by hand; they come before `binning`
    percents : percentiles on show
    ci : share of the replicates within the bands
    correction : what values are corrected for
    strata : covariates that give a panel of its own to each of their values
    groups : label of each observation (None: left out), and the labels in order; None for no groups
    """

    simulated: Simulated
    x: str = "TIME"
    binning: str = "auto"
    n_bins: int | None = None
    edges: tuple[float, ...] | None = None
    percents: tuple[float, ...] = (5.0, 50.0, 95.0)
    ci: float = 0.95
    correction: Correction = NOT_CORRECTED
    strata: tuple[Stratum, ...] = ()
    groups: Labels | None = None
    _made: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def from_arrays(
        cls,
        x: Any,
        observed: Any,
        simulated: Any,
        *,
        pred: Any = None,
        endpoint: Any = None,
        covariates: Mapping[str, Any] | None = None,
        lloq: float | None = None,
    ) -> Vpc:
        """Check a simulation made elsewhere.

        Parameters
        ----------
        x, observed : (n_obs,)
        simulated : (n_replicates, n_obs)  in the order of the observations
        pred : (n_obs,)  typical predictions, for prediction correction
        endpoint : (n_obs,)  names
        covariates : name → (n_obs,), for strata
        lloq : limit of quantification

        Raises
        ------
        OptionError
            The sizes do not fit each other.
        """
        x, dv, values = (np.asarray(part, float) for part in (x, observed, simulated))
        if values.ndim != 2 or dv.shape != x.shape or values.shape[1:] != x.shape:
            raise OptionError(
                "x and observed must be of one length, and simulated of shape (replicates, that "
                f"length): {x.shape}, {dv.shape}, {values.shape}."
            )
        missing = np.full(len(x), np.nan)
        points = pd.DataFrame(
            {
                "ID": np.arange(1, len(x) + 1),
                "TIME": x,
                "TAD": missing,
                "ENDPOINT": "DV" if endpoint is None else np.asarray(endpoint, dtype=object),
                "DV": dv,
                "PRED": missing if pred is None else np.asarray(pred, float),
                **{name: np.asarray(v) for name, v in (covariates or {}).items()},
            }
        )
        limit = np.full(len(x), np.nan if lloq is None else float(lloq))
        with np.errstate(invalid="ignore"):
            censored = np.asarray(dv < limit)
        names = tuple(covariates or ())
        source = Arrays(points[["ID", *names]])
        return cls(
            Simulated(points, values, limit, censored, names, asked=len(values), source=source)
        )

    # Looks

    def rebin(
        self,
        method: str = "auto",
        n: int | None = None,
        *,
        edges: Sequence[float] | None = None,
    ) -> Vpc:
        """Return the check in other bins.

        Parameters
        ----------
        method : "auto", "equal_count", "equal_width", "kmeans" or "jenks", see `bin_edges`
        n : how many; None for as many as "auto" takes
        edges : bins by hand, ``[0, 1, 4, 24]``; observations outside are left out and counted

        Raises
        ------
        OptionError, UnknownNameError
        """
        if edges is not None:
            return replace(self, edges=tuple(checked_edges(edges)), binning="edges", n_bins=None)
        bin_edges(np.zeros(1), method, n)  # complains of what cannot be
        return replace(self, binning=method, n_bins=n, edges=None)

    def correct(
        self,
        prediction: bool = True,
        *,
        variance: bool = False,
        log: bool = False,
        lower: float = 0,
    ) -> Vpc:
        """Return the check of prediction-corrected values (pcVPC), see `diagnostics._correction`.

        Parameters
        ----------
        prediction : False takes a correction back
        variance : correct for variability as well (pvcVPC)
        log : the data are on a logarithmic scale: differences take the place of ratios
        lower : lower bound of the data, e.g. a baseline

        Raises
        ------
        OptionError
            There is no PRED to correct by, or one replicate has no variability.
        """
        if not prediction and not variance:
            return replace(self, correction=NOT_CORRECTED)
        if not np.isfinite(self.simulated.points["PRED"].to_numpy(float)).any():
            raise OptionError("There is no PRED to correct by: give pred=.")
        if variance and self.simulated.n_replicates < 2:
            raise OptionError("Variability is known from two replicates on: simulate more.")
        kind = "variance" if variance else "prediction"
        return replace(self, correction=Correction(kind, log, float(lower)))  # type: ignore[arg-type]

    def stratify(self, *names: str, cuts: int | Sequence[float] | None = None) -> Vpc:
        """Return the check with a panel for each value of covariates; without names: for all.

        Parameters
        ----------
        names : of covariates
        cuts : where to cut continuous ones: a number of quantile groups of the subjects, or the
            cut points. By default a covariate of more than 6 different numbers is cut at the
            median of the subjects' (first) values. Groups are closed at the left

        Raises
        ------
        OptionError, UnknownNameError
        """
        known = self.simulated.covariates
        found = tuple(stratum(name, known, cuts) for name in names)
        labels(self.simulated.points, found)  # complains of what cannot be
        return replace(self, strata=found)

    def group(self, groups: Groups | None) -> Vpc:
        """Return the check of groups of one's own, a panel each; what is in none is left out.

        Of a group its observations and their simulated twins are compared; bins, corrections and
        the numerical check are made anew from them. ``wb.plots.groups`` makes groups from a
        filter and a variable to split by.

        Parameters
        ----------
        groups : name of each subject's group (a mapping or Series; no entry or None: left out), or
            of each observation's; None for one group of all

        Raises
        ------
        OptionError
            There are not as many labels as observations.
        """
        return replace(self, groups=grouped(self.simulated.points, groups))

    def against(self, x: str) -> Vpc:
        """Return the check over another variable: "TIME", "TAD", "PRED" or a numeric covariate."""
        points = self.simulated.points
        known = [*X_COLUMNS, *self.simulated.covariates]
        if x not in known:
            raise unknown_name("variable to bin", x, known)
        if not pd.api.types.is_numeric_dtype(points[x]) or not np.isfinite(points[x]).any():
            raise OptionError(f"{x} holds no numbers that could be put into bins.")
        return replace(self, x=x)

    def percentiles(self, percents: Sequence[float] = (5, 50, 95), ci: float = 0.95) -> Vpc:
        """Return the check with other percentiles, or bands that hold another share.

        Raises
        ------
        OptionError
            A percentile is not between 0 and 100, or `ci` not between 0 and 1.
        """
        found = tuple(sorted({float(p) for p in percents}))
        if not found or not all(0 < p < 100 for p in found):
            raise OptionError(f"Percentiles must lie between 0 and 100: {list(percents)}.")
        if not 0 < ci < 1:
            raise OptionError(f"ci= is the share within the bands, between 0 and 1, not {ci}.")
        return replace(self, percents=found, ci=float(ci))

    # Tables

    @property
    def table(self) -> pd.DataFrame:
        """One row per panel, bin and percentile.

        STRATUM ENDPOINT BIN X_LOW X_HIGH X_MEDIAN N PERCENTILE OBSERVED LOWER MEDIAN UPPER
        OUTSIDE. OBSERVED is the percentile of the observations; LOWER, MEDIAN and UPPER are
        percentiles over the replicates of the same percentile of each simulated data set; OUTSIDE
        says that OBSERVED is not between LOWER and UPPER. Values below the limit of quantification
        rank lowest; a percentile among them is missing.
        """
        return self._tables()["table"].copy()

    @property
    def blq(self) -> pd.DataFrame:
        """Share of the values below the limit of quantification, one row per panel and bin.

        STRATUM ENDPOINT BIN X_LOW X_HIGH X_MEDIAN N LLOQ OBSERVED LOWER MEDIAN UPPER OUTSIDE; no
        rows where there is no limit.
        """
        return self._tables()["blq"].copy()

    @property
    def points(self) -> pd.DataFrame:
        """The observations as they are checked, corrected if that was asked for.

        STRATUM ENDPOINT ID TIME X DV BIN, and BLQ where one is below its limit of quantification
        (its DV is missing). BIN is 0 outside all bins.
        """
        return self._tables()["points"].copy()

    @property
    def npc(self) -> pd.DataFrame:
        """Numerical predictive check by stratum and endpoint, see `diagnostics._npc`."""
        if "npc" not in self._made:
            points = self.simulated.points
            found = panels(points, self._labels())
            self._made["npc"] = npc_table(self.simulated, found, self.ci)
        table: pd.DataFrame = self._made["npc"]
        return table.copy()

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what was left out or should be known."""
        return (*self.simulated.notes, *self._tables()["notes"])

    @property
    def seconds(self) -> float:
        """Time that the simulation took."""
        return self.simulated.seconds

    def bins(self) -> list[Bin]:
        """Return the bins that hold observations, panel by panel."""
        return list(self._tables()["bins"])

    def _labels(self) -> Labels:
        """Return the label of each observation, and all labels in order."""
        return labels(self.simulated.points, self.strata, self.groups)

    def _tables(self) -> dict[str, Any]:
        """Make all tables of the bins, once."""
        if "table" in self._made:
            return self._made
        points = self.simulated.points
        label, order = self._labels()
        kept = np.array([name is not None for name in label], dtype=bool)
        bins = make_bins(points, self.x, (label, order), self.binning, self.n_bins, self.edges)
        x = points[self.x].to_numpy(float)
        corrected = self.simulated.observed(np.arange(len(points)))
        number = np.zeros(len(points), np.int64)
        parts, shares, uncorrected = [], [], 0
        for one in bins:
            found, share, values, left = self._of_bin(one)
            place = one.place(x)
            parts += [[*place, *row] for row in found]
            shares += [[*place, *share]] if share else []
            corrected[one.rows], number[one.rows] = values, one.number
            uncorrected += left
        columns = [*BIN_COLUMNS, "PERCENTILE", "OBSERVED", "LOWER", "MEDIAN", "UPPER", "OUTSIDE"]
        below = [*BIN_COLUMNS, "LLOQ", "OBSERVED", "LOWER", "MEDIAN", "UPPER", "OUTSIDE"]
        self._made["points"] = pd.DataFrame(
            {
                "STRATUM": label,
                "ENDPOINT": points["ENDPOINT"].astype(str),
                "ID": points["ID"],
                "TIME": points["TIME"],
                "X": x,
                "DV": seen(corrected),
                "BIN": number,
                "BLQ": self.simulated.censored,
            }
        )[kept].reset_index(drop=True)
        self._made["bins"] = bins
        self._made["blq"] = pd.DataFrame(shares, columns=below)
        self._made["notes"] = self._notes(number[kept], kept, uncorrected)
        self._made["table"] = pd.DataFrame(parts, columns=columns)
        return self._made

    def _of_bin(self, one: Bin) -> tuple[list[list[Any]], list[Any], Floats, int]:
        """Return percentiles, share below the limit, corrected observations, how many are not."""
        source, rows = self.simulated, one.rows
        values = np.ascontiguousarray(source.values[:, rows])
        below = source.below(rows, values)
        observed, left = source.observed(rows), 0
        if self.correction.kind != "none":
            pred = source.points["PRED"].to_numpy(float)[rows]
            slope, intercept, kept = lines(self.correction, pred, values)
            values, left = values * slope + intercept, int(kept.sum())
            censored = np.isneginf(observed)
            observed = np.where(censored, observed, observed * slope + intercept)
        share: list[Any] = []
        if below is not None:
            values[below] = -np.inf
            share = self._share(below, source.censored[rows], float(np.nanmax(source.lloq[rows])))
        of_data = row_percentiles(observed[None, :], self.percents)[0]
        low, middle, high = spread_over(row_percentiles(values, self.percents), self.ci)
        beyond = outside(of_data, low, high)
        limits = (seen(part).tolist() for part in (of_data, low, middle, high))
        found = [list(row) for row in zip(self.percents, *limits, beyond.tolist(), strict=True)]
        return found, share, observed, left

    def _share(
        self, below: NDArray[np.bool_], censored: NDArray[np.bool_], lloq: float
    ) -> list[Any]:
        """Return the share of a bin's values below the limit, observed and simulated."""
        observed = np.array([censored.mean()])
        low, middle, high = spread_over(below.mean(axis=1)[:, None], self.ci)
        beyond = bool(outside(observed, low, high)[0])
        return [lloq, *(float(v[0]) for v in (observed, low, middle, high)), beyond]

    def _notes(self, number: Ints, kept: NDArray[np.bool_], uncorrected: int) -> list[str]:
        points, notes = self.simulated.points[kept], []
        gone = int((~kept).sum())
        if gone:
            notes.append(f"{gone} of {len(kept)} observations are in no group and are left out.")
        x = points[self.x].to_numpy(float)
        missing = int((~np.isfinite(x)).sum())
        if missing:
            notes.append(f"{missing} observations have no {self.x} and are left out.")
        out = int((number == 0).sum()) - missing
        if out:
            notes.append(f"{out} observations lie outside the bins and are left out.")
        if uncorrected:
            notes.append(
                f"{uncorrected} observations have no PRED to correct by (it is missing or "
                f"{self.correction.lower:g}) and stay as they are."
            )
        pred = points["PRED"].to_numpy(float) - self.correction.lower
        if self.correction.kind != "none" and not self.correction.log and (pred < 0).any():
            notes.append(
                "PRED is below the lower bound of the data at some observations, where the ratio "
                "of prediction correction has no meaning: give lower=, or log=True if the data "
                "are on a logarithmic scale."
            )
        return notes

    def __repr__(self) -> str:
        """Return what was simulated and how it is looked at."""
        s, made = self.simulated, self._tables()
        table = made["table"]
        how = "by hand" if self.edges is not None else self.binning
        corrected = {
            "none": "",
            "prediction": ", prediction-corrected",
            "variance": ", prediction- and variability-corrected",
        }[self.correction.kind]
        by = f", by {', '.join(one.name for one in self.strata)}" if self.strata else ""
        head = (
            f"VPC of {s.name or 'the data'}: {s.n_replicates} replicates (seed {s.seed}, "
            f"{s.seconds:.2f} s); {self.x} in {len(made['bins'])} bins ({how}){corrected}{by}. "
            f"{int(table['OUTSIDE'].sum())} of {len(table)} observed percentiles lie outside "
            f"their {100 * self.ci:g} % bands."
        )
        return "\n".join([head, *(f"note: {sentence}" for sentence in self.notes)])


def vpc(
    source: FitResult | Model,
    data: Dataset | None = None,
    *,
    replicates: int = 1000,
    seed: int = 1,
    lloq: float | Mapping[str, float] | None = None,
    threads: int | None = None,
    on_progress: OnProgress | None = None,
    cancel: Cancel | None = None,
) -> Vpc:
    """Simulate the design of the data many times, for a visual predictive check.

    New random effects and residual errors are drawn for each replicate, at the estimates; doses,
    times and covariates stay as they were. Holford (2005, PAGE 14, abstract 738); Karlsson &
    Holford (2008, PAGE 17, abstract 1434).

    Parameters
    ----------
    source : a fit, or a model (at its values; `data` is then needed)
    data : other data than the fit's own, e.g. for external validation
    replicates : how many data sets to simulate. They are kept: 8 bytes for each simulated value,
        160 MB for 1,000 replicates of 20,000 observations
    seed : of the random numbers: the same seed gives the same numbers, on any number of threads
    lloq : limit of quantification, one for all or by endpoint. Observations below it, and those
        that the data mark by CENS 1, count as censored, and so do simulated values below it
    threads : None for one per core
    on_progress : called with the replicates done and asked for, from the calling thread
    cancel : set it from another thread to stop with the replicates so far

    Raises
    ------
    DataError, ModelError, OptionError
    """
    return Vpc(
        simulated(
            source,
            data,
            replicates=replicates,
            seed=seed,
            lloq=lloq,
            threads=threads,
            on_progress=on_progress,
            cancel=cancel,
        )
    )

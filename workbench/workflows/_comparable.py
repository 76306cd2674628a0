"""Whether -2LL of two fits can be compared: of the same data, by content, in the same way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.data.dataset import Dataset
from workbench.results import FitResult

EXACT = "no random effects"  # -2LL of a model without random effects: every method gives the same
DOSE_COLUMNS = ("TIME", "AMT", "CMT", "RATE", "DURATION", "SS")


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A fit with the name by which a comparison calls it, and its observations in order."""

    name: str
    fit: FitResult
    observed: pd.DataFrame


def make_run(name: str, fit: FitResult) -> Run:
    """Return the fit ready to be compared."""
    return Run(name, fit, observed(fit.data))


def observed(data: Dataset) -> pd.DataFrame:
    """Return what -2LL is the likelihood of: ID, TIME, ENDPOINT, DV, KIND, LIMIT, by subject."""
    population = data.population
    counts = np.diff(population.obs_start)
    labels = np.array([str(label) for label in population.subjects], dtype=object)
    endpoints = np.array([str(label) for label in data.endpoints], dtype=object)
    table = pd.DataFrame(
        {
            "ID": np.repeat(labels, counts),
            "TIME": population.obs_time,
            "ENDPOINT": endpoints[population.obs_endpoint],
            "DV": population.dv,
            "KIND": population.obs_kind,
            "LIMIT": population.obs_limit,
        }
    )
    return table.sort_values("ID", kind="stable", ignore_index=True)


def why_incomparable(one: Run, other: Run) -> str:
    """Return why -2LL of two fits cannot be compared, "" if it can.

    -2LL is comparable when it is that of the same numbers, obtained in the same way. Log-normal
    error is no obstacle: its -2LL is that of DV.
    """
    for run in (one, other):
        if not np.isfinite(run.fit.m2ll):
            return f"{run.name} has no −2LL ({run.fit.verdict}: {' '.join(run.fit.reasons)})."
    return _other_observations(one, other) or _other_likelihood(one, other)


def _other_likelihood(one: Run, other: Run) -> str:
    labels = [run.fit.likelihood for run in (one, other)]
    if labels[0] == labels[1] or EXACT in labels:
        return ""
    return (
        f"−2LL of {one.name} was obtained by {labels[0]}, that of {other.name} by {labels[1]}: "
        "their difference says as much of the methods as of the models. Fit both by one method, "
        'or end both with importance sampling, method=["focei", "imp"], imp={"max_iter": 0}.'
    )


def _other_observations(one: Run, other: Run) -> str:
    if one.fit.data is other.fit.data:
        return ""
    ways = [run.fit.data.blq for run in (one, other)]
    if ways[0] != ways[1]:
        said = " and ".join(
            f"{run.name} {f'by {way}' if way else 'not at all'}"
            for run, way in zip((one, other), ways, strict=True)
        )
        return (
            "Values below the limit of quantification were treated differently: "
            f"{said}. A likelihood of other data is no measure. Compare the parameters instead."
        )
    a, b = one.observed, other.observed
    for what, counts in (
        ("subjects", (one.fit.data.n_sub, other.fit.data.n_sub)),
        ("observations", (len(a), len(b))),
    ):
        if counts[0] != counts[1]:
            return (
                f"{one.name} was fitted to {counts[0]} {what}, {other.name} to {counts[1]}: "
                "a likelihood of other data is no measure. Fit both to the same data."
            )
    for column in ("ID", "TIME", "ENDPOINT", "DV", "KIND", "LIMIT"):
        differ = np.flatnonzero(a[column].to_numpy() != b[column].to_numpy())
        if len(differ):
            return _first_difference(one, other, column, differ)
    return ""


def _first_difference(one: Run, other: Run, column: str, rows: np.ndarray) -> str:
    a, b = one.observed.iloc[rows[0]], other.observed.iloc[rows[0]]
    where = f"ID {a['ID']}" + ("" if column in ("ID", "TIME") else f", TIME {a['TIME']:g}")
    values = [f"{v:g}" if isinstance(v, float) else str(v) for v in (a[column], b[column])]
    said = (
        f"The observations of {one.name} and {other.name} differ in {len(rows)} of "
        f"{len(one.observed)} rows, first at {where}: {column} {values[0]} and {values[1]}."
    )
    if column == "DV" and _is_logarithm(one.observed["DV"], other.observed["DV"]):
        return (
            f"{said} One is the logarithm of the other: −2LL of transformed data differs by the "
            "Jacobian. Fit DV itself (data.exp_dv()) with wb.error.LogNormal(...), whose −2LL is "
            "that of DV; its m2ll_of_log_dv is that of the logarithms."
        )
    return f"{said} Fit both to the same data."


def _is_logarithm(one: pd.Series[float], other: pd.Series[float]) -> bool:
    a, b = one.to_numpy(float), other.to_numpy(float)
    for raw, log in ((a, b), (b, a)):
        if (raw > 0).all() and np.allclose(np.log(raw), log, rtol=1e-4, atol=1e-4):
            return True
    return False


def why_other_inputs(one: Run, other: Run) -> str:
    """Return what differs in doses or covariates of the model, "" if nothing does.

    Models of other doses can still be compared by AIC, but none is a special case of the other.
    """
    if one.fit.data is other.fit.data:
        return ""
    if not _same(_doses(one.fit.data), _doses(other.fit.data)):
        return f"The doses of {one.name} and {other.name} differ. Fit both to the same data."
    used = {*one.fit.model.structure.covariates, *other.fit.model.structure.covariates}
    for name in sorted(used):
        ours, theirs = (_covariate(run.fit.data, name) for run in (one, other))
        if ours is not None and theirs is not None and not _same(ours, theirs):
            return (
                f"The covariate {name} differs between the data of {one.name} and {other.name}. "
                "Fit both to the same data."
            )
    return ""


def _doses(data: Dataset) -> pd.DataFrame:
    table = data.doses
    kept = table[[name for name in DOSE_COLUMNS if name in table]]
    return _by_subject(table["ID"], kept)


def _covariate(data: Dataset, name: str) -> pd.DataFrame | None:
    if name not in data.table:
        return None
    return _by_subject(data.table["ID"], data.table[["TIME", name]])


def _by_subject(who: pd.Series[str], table: pd.DataFrame) -> pd.DataFrame:
    labelled = table.assign(ID=[str(label) for label in who])
    return labelled.sort_values("ID", kind="stable", ignore_index=True)


def _same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Whether two tables hold the same values, whatever their types; missing equals missing."""
    if one.shape != other.shape or list(one) != list(other):
        return False
    return bool((one.astype(object).fillna("") == other.astype(object).fillna("")).all(axis=None))

"""Missing covariates filled in, or their subjects left out, and what the audit says of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.arguments import checked_seed, whole_number
from workbench.data.columns import did_you_mean
from workbench.data.covariates import unusable
from workbench.data.doses import first_rows
from workbench.data.findings import AUDIT_COLUMNS, NOTE, REPAIR, WARNING, count
from workbench.data.missing import (
    Values,
    is_categorical,
    missing_subjects,
    subject_values,
    typical_value,
)
from workbench.data.regression import Predictors, draw, predict, predictors_of
from workbench.errors import DataError, OptionError

if TYPE_CHECKING:
    from workbench.data.dataset import Dataset

METHODS = ("complete_case", "median", "regression", "indicator", "stochastic")
CYCLES = 10  # of chained equations, where several covariates are drawn

_PURPOSE = 0x494D50  # of the random numbers


@dataclass(frozen=True, slots=True)
class _Fill:
    """What a subject is given, and a clause that says where it comes from."""

    value: Any
    source: str


_Fills = dict[int, _Fill]


def imputed(
    data: Dataset,
    method: str,
    covariates: Iterable[str] | None,
    *,
    seed: int,
    draw_number: int,
) -> Dataset:
    """Return the data without missing values, see `Dataset.impute`."""
    if method not in METHODS:
        raise OptionError(
            f"There is no imputation method {method!r}. {did_you_mean(str(method), METHODS)}"
        )
    seed, draw_number = checked_seed(seed), whole_number("draw", draw_number)
    names, notes = _wanted(data, method, covariates)
    code = _code(data, method, names, seed, draw_number)
    targets = [name for name in names if missing_subjects(data.table, name).any()]
    notes += [f"{name} is missing for nobody." for name in names if name not in targets]
    lines = [(0, "", "", NOTE, f"impute({method!r}): {note}") for note in notes]
    if not targets:
        lines = lines or [(0, "", "", NOTE, f"impute({method!r}): no covariate is missing.")]
        return replace(data, audit=_audit(data.audit, lines), code=code)
    if method == "complete_case":
        return _without(data, targets, lines, code)
    fills = _fills(data, method, targets, seed, draw_number)
    return _filled(data, method, fills, lines, code)


def imputation_notes(data: Dataset) -> list[str]:
    """Return what was filled in for missing covariates, in one sentence, or nothing."""
    said = data.audit[data.audit["ROW"] == 0]["MESSAGE"].astype(str)
    found = [re.fullmatch(r"impute\('(\w+)'\): (.+ (?:filled in|left out) .+)", m) for m in said]
    parts = [f"{one[2].removesuffix('.')} ({one[1]})." for one in found if one]
    return [f"Missing covariates: {' '.join(parts)}"] if parts else []


def _wanted(
    data: Dataset, method: str, covariates: Iterable[str] | None
) -> tuple[list[str], list[str]]:
    """Return the covariates to look at, and what is said of those that are left as they are."""
    if covariates is None:
        named, reasons = [], []
        for name in data.covariate_names:
            if missing_subjects(data.table, name).any():
                why = _why_not(data, method, name)
                named += [] if why else [name]
                reasons += [f"{why} Left as it is."] if why else []
        return named, reasons
    if not isinstance(covariates, Iterable):
        raise OptionError(
            f'covariates are names of columns, such as ["WT"], not {covariates!r}. Leave them out '
            "to fill in all."
        )
    named = [covariates] if isinstance(covariates, str) else list(dict.fromkeys(covariates))
    if not named:
        raise OptionError(
            "No covariate was named, so there is nothing to fill in. Leave covariates out to fill "
            "in all that are missing."
        )
    for name in named:
        if name not in data.covariate_names:
            known = data.covariate_names
            advice = did_you_mean(str(name), known) if known else "It has none at all."
            raise OptionError(f"{data.name} has no covariate {name!r}. {advice}")
        why = _why_not(data, method, name)
        if why and missing_subjects(data.table, name).any():
            raise DataError(f"{data.name}: {why}")
    return named, []


def _why_not(data: Dataset, method: str, name: str) -> str:
    """Return why a covariate cannot be imputed, "" where it can."""
    if data.table[name].isna().all():
        return f"{name} is missing in all subjects, so nothing tells its values."
    if name in data.time_varying and method != "complete_case":
        return (
            f"{name} changes within subjects; only covariates with one value for each subject are "
            "filled in from other subjects. Put its baseline into a column of its own, or use "
            '"complete_case".'
        )
    return ""


def _code(data: Dataset, method: str, names: Sequence[str], seed: int, draw_number: int) -> str:
    """Return the expression that makes the data again."""
    given = [repr(method), *([repr(list(names))] if names else [])]
    if method == "stochastic":
        given += [f"seed={seed}", *([f"draw={draw_number}"] if draw_number else [])]
    return f"{data.code}.impute({', '.join(given)})"


def _without(
    data: Dataset, targets: Sequence[str], lines: list[tuple[Any, ...]], code: str
) -> Dataset:
    """Leave out the subjects with a missing covariate."""
    gone = {name: missing_subjects(data.table, name) for name in targets}
    out = np.logical_or.reduce(list(gone.values()))
    if out.all():
        raise DataError(
            f"{data.name}: no subject has all of {', '.join(targets)}, so complete_case would "
            "leave nothing. Name fewer covariates, or fill them in with another method."
        )
    first = first_rows(data.table)
    rows = data.table["ROW"].to_numpy()[first]
    dropped = [data.subjects[i] for i in np.flatnonzero(out)]
    for i in np.flatnonzero(out):
        missing = ", ".join(name for name in targets if gone[name][i])
        text = f"The subject was left out, because it has no {missing} (complete_case)."
        lines.append((int(rows[i]), data.subjects[i], missing, WARNING, text))
    shown = ", ".join(map(str, dropped[:10])) + (" …" if len(dropped) > 10 else "")
    summary = (
        f"impute('complete_case'): {count(len(dropped), 'subject')} of {data.n_sub} left out for "
        f"want of {', '.join(targets)} (ID {shown})."
    )
    kept = data.table[~out[np.cumsum(first) - 1]].reset_index(drop=True)
    of_them = data.audit[(data.audit["ROW"] == 0) | data.audit["ROW"].isin(kept["ROW"])]
    audit = _audit(of_them, [(0, "", "", WARNING, summary), *lines])
    return replace(data, table=kept, audit=audit, code=code)


def _fills(
    data: Dataset, method: str, targets: Sequence[str], seed: int, draw_number: int
) -> dict[str, _Fills]:
    """Return what each covariate's subjects are given."""
    values = {
        name: subject_values(data.table, name)
        for name in data.covariate_names
        if name not in data.time_varying and not data.table[name].isna().all()
    }
    if method == "regression":
        return {name: _by_regression(name, values) for name in targets}
    if method == "stochastic":
        return _drawn(targets, values, seed, draw_number)
    return {name: _by_median(values[name]) for name in targets}


def _by_median(values: Values, but: str = "") -> _Fills:
    gone = pd.isna(values)
    what = "most frequent value" if is_categorical(values) else "median"
    source = f"the {what} of {count(int((~gone).sum()), 'subject')}{but}"
    return {int(i): _Fill(typical_value(values), source) for i in np.flatnonzero(gone)}


def _by_regression(name: str, values: Mapping[str, Values]) -> _Fills:
    """Predict from what is known of each subject (Buck 1960, J R Stat Soc B 22:302)."""
    y = values[name]
    gone = np.asarray(pd.isna(y))
    known = {other: ~np.asarray(pd.isna(v)) for other, v in values.items() if other != name}
    patterns: dict[tuple[str, ...], list[int]] = {}
    for i in np.flatnonzero(gone):
        patterns.setdefault(tuple(n for n, k in known.items() if k[i]), []).append(int(i))
    fills: _Fills = {}
    for names, subjects in patterns.items():
        donors = np.logical_and.reduce([~gone, *(known[other] for other in names)])
        wanted = np.zeros(len(y), dtype=bool)
        wanted[subjects] = True
        x = predictors_of(names, values, donors) if donors.any() else None
        predicted = predict(y, x, donors, wanted) if x is not None else None
        if x is None or predicted is None:
            few = f"too few subjects have {', '.join((name, *names))}"
            no = few if x is not None or not donors.any() else "no other covariate tells it"
            median = _by_median(y, f": {no}, so there is no regression")
            fills |= {i: median[i] for i in subjects}
        else:
            source = _source(name, y, x, int(donors.sum()))
            fills |= {i: _Fill(v, source) for i, v in zip(subjects, predicted, strict=True)}
    return fills


def _source(name: str, y: Values, x: Predictors, n: int) -> str:
    others = ", ".join(x.names)
    if is_categorical(y):
        return f"the most frequent value of the nearest of {n} subjects by {others}"
    return f"predicted by the regression of {name} on {others} in {count(n, 'subject')}"


def _drawn(
    targets: Sequence[str], values: Mapping[str, Values], seed: int, draw_number: int
) -> dict[str, _Fills]:
    """Draw by chained equations (van Buuren 2007, Stat Methods Med Res 16:219)."""
    key = np.array([seed, _PURPOSE], dtype=np.uint64)
    random = np.random.Generator(np.random.Philox(key=key).jumped(draw_number))
    gone = {name: np.asarray(pd.isna(values[name])) for name in values}
    order = sorted(targets, key=lambda name: int(gone[name].sum()))
    now = {n: v for n, v in values.items() if not gone[n].any()}
    fills: dict[str, _Fills] = {}
    for _ in range(CYCLES if len(order) > 1 else 1):
        for name in order:
            others = [other for other in now if other != name]
            now[name], source = _redrawn(name, values[name], others, now, random)
            fills[name] = {int(i): _Fill(now[name][i], source) for i in np.flatnonzero(gone[name])}
    said = f" (draw {draw_number} of seed {seed})"
    return {
        name: {i: replace(fill, source=fill.source + said) for i, fill in fills[name].items()}
        for name in targets
    }


def _redrawn(
    name: str,
    y: Values,
    others: Sequence[str],
    now: Mapping[str, Values],
    random: np.random.Generator,
) -> tuple[Values, str]:
    """Return the covariate with its missing values drawn, and where they come from."""
    gone = np.asarray(pd.isna(y))
    x = predictors_of(others, now, ~gone)
    drawn = draw(y, x, ~gone, gone, random)
    if drawn is None and x is not None:
        x, drawn = None, draw(y, None, ~gone, gone, random)
    if drawn is None:
        raise DataError(
            f"{name} is known for {count(int((~gone).sum()), 'subject')} only: too few to draw "
            'from. Use "median", or leave the covariate out.'
        )
    values = y.copy()
    values[gone] = drawn
    given = ", ".join(x.names) if x is not None else "nothing else"
    return values, f"drawn given {given} from {count(int((~gone).sum()), 'subject')}"


def _filled(
    data: Dataset,
    method: str,
    fills: Mapping[str, _Fills],
    lines: list[tuple[Any, ...]],
    code: str,
) -> Dataset:
    """Return the data with the values filled in and said."""
    first = first_rows(data.table)
    subject, rows = np.cumsum(first) - 1, data.table["ROW"].to_numpy()[first]
    table, names, units = data.table.copy(), list(data.covariate_names), dict(data.units)
    for name, own in fills.items():
        column = table[name].to_numpy(copy=True)
        marked = np.zeros(data.n_sub)
        for i, fill in own.items():
            column[subject == i] = fill.value
            marked[i] = 1.0
            text = f"{name} was missing: {_shown(fill.value)} was filled in, {fill.source}."
            lines.append((int(rows[i]), data.subjects[i], name, REPAIR, text))
        table[name] = column
        summary = f"{name} was filled in for {count(len(own), 'subject')} of {data.n_sub}."
        if method == "indicator":
            extra = _free_name(f"{name}_MISSING", table)
            table[extra] = marked[subject]
            names.append(extra)
            units[extra] = ""
            summary += f" {extra} is 1 for them."
        lines.append((0, "", name, NOTE, f"impute({method!r}): {summary}"))
    stale = np.logical_or.reduce(list(_stale(data.audit, fills)))
    audit = _audit(data.audit[~stale], lines)
    return replace(
        data, table=table, covariate_names=tuple(names), units=units, audit=audit, code=code
    )


def _stale(audit: pd.DataFrame, names: Iterable[str]) -> Iterator[Any]:
    """Mark the lines that say of these covariates that they are missing."""
    for name in names:
        about = audit["MESSAGE"].astype(str).str.startswith(unusable(name)).to_numpy(dtype=bool)
        yield about & (audit["COLUMN"] == name).to_numpy(dtype=bool)


def _free_name(name: str, table: pd.DataFrame) -> str:
    if name in table.columns:
        raise DataError(
            f"The indicator would be called {name}, but the data have a column of that name "
            "already. Rename it first."
        )
    return name


def _audit(audit: pd.DataFrame, lines: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    """Return the audit with more lines, in file order."""
    more = pd.DataFrame(list(lines), columns=list(AUDIT_COLUMNS))
    parts = [part for part in (audit, more) if len(part)]
    if not parts:
        return audit
    whole = pd.concat(parts, ignore_index=True)
    whole["ROW"] = whole["ROW"].astype(np.int64)
    return whole.sort_values("ROW", kind="stable", ignore_index=True)


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)

"""Data with values beyond limits of quantification: marked, and treated by a named method."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.arguments import is_finite_number
from workbench.data.censoring import BLQ_METHODS, Limit, flags
from workbench.data.columns import did_you_mean
from workbench.data.endpoints import endpoint_numbers
from workbench.data.findings import count, with_note
from workbench.data.population import observed_rows
from workbench.errors import DataError, DataWarning, OptionError

if TYPE_CHECKING:
    from workbench.data.dataset import Dataset

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def with_method(data: Dataset, method: str, limit: Limit | None) -> Dataset:
    """Return the data with a method for values below the limit; see `Dataset.with_blq`."""
    if method not in BLQ_METHODS:
        listed = "; ".join(f"{name}: {what}" for name, what in BLQ_METHODS.items())
        raise OptionError(f"There is no method {method!r} for values below the limit. {listed}.")
    if limit is not None and method not in ("M2", "M4"):
        raise OptionError(f"limit= goes with M2 and M4, not with {method}.")
    n = data.n_below
    if not n and limit is None:
        raise DataError(
            f"{data.name} has no value below a limit of quantification: no row has CENS 1. "
            "Mark them in the data, or by data.censor(lloq=…)."
        )
    given = "" if limit is None else f", limit={limit!r}"
    # What an earlier method did is undone, so nothing need be said of it.
    code = re.sub(r"\.with_blq\([^()]*\)$", "", data.code) + f".with_blq({method!r}{given})"
    earlier = data.audit["MESSAGE"].astype(str).str.match(r"M[1-7]: ")
    known = data.audit[~earlier.to_numpy(dtype=bool)]
    if limit is not None:
        limit_of_endpoints(data, limit)
    elif method == "M2":
        limit = _limits_of(data)
    text = f"{count(n, 'value')} below the limit of quantification: {BLQ_METHODS[method]}"
    audit = with_note(known, "CENS", text, method)
    other = replace(data, blq=method, blq_limit=limit, audit=audit, code=code)
    if other.n_obs == 0:
        raise DataError(f"{method} leaves no observation in {data.name}: use M3.")
    lost = int((np.diff(other.population.obs_start) == 0).sum())
    if lost:
        text = f"{count(lost, 'subject')} without any observation left"
        other = replace(other, audit=with_note(audit, "CENS", text, method))
    return other


def with_marks(data: Dataset, lloq: Limit | None, uloq: Limit | None) -> Dataset:
    """Return the data with values beyond limits marked; see `Dataset.censor`."""
    if lloq is None and uloq is None:
        raise OptionError("censor() needs lloq= or uloq=.")
    table, observed = data.table, observed_rows(data.table, data.design)
    dv, cens = table["DV"].to_numpy(dtype=np.float64).copy(), flags(table).copy()
    audit, was, found = data.audit, cens.copy(), 0
    bounds = [None if limit is None else limit_of_endpoints(data, limit) for limit in (lloq, uloq)]
    _check_order(data, *bounds)
    for bound, sign, word in zip(bounds, (1, -1), ("below lloq", "above uloq"), strict=True):
        if bound is None:
            continue
        with np.errstate(invalid="ignore"):
            beyond = observed & (was == 0) & (sign * dv < sign * bound)
        dv[beyond], cens[beyond] = bound[beyond], sign
        text = f"{count(int(beyond.sum()), 'value')} {word} marked as censored"
        audit = with_note(audit, "CENS", text, "censor")
        found += int((observed & (cens == sign)).sum())
    if not found:
        asked = " and ".join(
            f"{n}={v}" for n, v in (("lloq", lloq), ("uloq", uloq)) if v is not None
        )
        warnings.warn(
            f"{data.name}: no value lies beyond {asked}, so nothing was marked.",
            DataWarning,
            stacklevel=3,
        )
    table = table.assign(DV=dv)
    if "CENS" in table:
        table = table.assign(CENS=cens)
    else:
        table.insert(list(table).index("CMT") + 1, "CENS", cens)
    given = [f"{n}={v!r}" for n, v in (("lloq", lloq), ("uloq", uloq)) if v is not None]
    code = f"{data.code}.censor({', '.join(given)})"
    return replace(data, table=table, audit=audit, code=code)


def _check_order(data: Dataset, lower: Floats | None, upper: Floats | None) -> None:
    """Refuse limits between which no value can lie."""
    if lower is None or upper is None:
        return
    wrong = np.flatnonzero(lower >= upper)
    if len(wrong):
        low, high = lower[wrong[0]], upper[wrong[0]]
        of = ""
        if len(data.endpoints) > 1:
            of = f" of endpoint {data.endpoints[_endpoints(data)[wrong[0]]]}"
        raise OptionError(
            f"lloq must be below uloq, but{of} they are {low:g} and {high:g}: no value could be "
            "measured. Exchange them?"
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of quantification of some rows or observations; every array is (n,).

    Attributes
    ----------
    value : NaN where none is known
    guessed : where several are known for the endpoint and nothing says which one holds
    """

    value: Floats
    guessed: Mask


def known_limits(
    subject: npt.NDArray[Any], place: npt.NDArray[Any], at: Floats, sign: int = 1
) -> Limits:
    """Return the limit of quantification of each row, from those that are censored.

    A censored row has its own limit, another row that of its subject's censored rows, and where
    the subject has none that of the endpoint. Where these are several, it is the one that
    censors least: the lowest lower limit, the highest upper one.

    Parameters
    ----------
    subject, place : (n,)  label of the subject and the endpoint of each row
    at : (n,)  the limit at a censored row, NaN at the others
    sign : 1 for the lower limit, -1 for the upper one
    """
    frame = pd.DataFrame({"subject": subject, "place": place, "at": sign * at})
    own = frame.groupby(["subject", "place"], sort=False)["at"]
    of_place = frame.groupby("place", sort=False)["at"]
    least, most = own.transform("min"), own.transform("max")
    unknown = least.isna()
    least = least.where(~unknown, of_place.transform("min"))
    most = most.where(~unknown, of_place.transform("max"))
    censored = ~np.isnan(at)
    value = np.where(censored, at, sign * least.to_numpy(dtype=np.float64))
    return Limits(value, np.asarray((least < most).to_numpy(dtype=bool) & ~censored))


def limits_by_row(data: Dataset, sign: int = 1) -> Floats:
    """Return the limit of quantification of every row of the table, NaN where none is known.

    See `known_limits`.

    Parameters
    ----------
    sign : 1 for the lower limit, -1 for the upper one
    """
    return _limits_by_row(data, sign).value


def _limits_by_row(data: Dataset, sign: int) -> Limits:
    table = data.table
    known = (flags(table) == sign) & observed_rows(table, data.design)
    at = np.where(known, table["DV"].to_numpy(dtype=np.float64), np.nan)
    return known_limits(table["ID"].to_numpy(), _endpoints(data), at, sign)


def guessed_limits(data: Dataset, *, lower: bool = True) -> list[str]:
    """Return sentences on observations whose limit of quantification is not known for certain.

    Parameters
    ----------
    lower : whether to tell of the lower limits, not of the upper ones alone
    """
    found, rows = [], data.population.obs_row
    for sign, word, which in ((1, "limits of quantification", "lowest"),) * lower + (
        (-1, "upper limits", "highest"),
    ):
        limits = _limits_by_row(data, sign)
        guessed = rows[limits.guessed[rows]]
        if len(guessed):
            censored = (flags(data.table) == sign) & observed_rows(data.table, data.design)
            values = data.table["DV"].to_numpy(dtype=np.float64)[censored]
            found.append(limits_sentence(values, len(guessed), word, which))
    return found


def limits_sentence(values: Floats, n: int, word: str, which: str) -> str:
    """Return what is done with observations whose limit is one of several."""
    different = sorted(set(values.tolist()))
    listed = ", ".join(f"{value:g}" for value in different[:4]) + " …" * (len(different) > 4)
    return (
        f"The data have several {word} ({listed}). {count(n, 'observation')} of subjects whose "
        f"censored rows do not say which one is theirs took the {which} that is possible."
    )


def as_measured(data: Dataset) -> Dataset:
    """Return the data with all values below the limit as censored, whatever the method."""
    if not data.n_below or data.blq in ("M3", "M4"):
        return data
    return replace(data, blq="M3", blq_limit=None)


def limit_of_endpoints(data: Dataset, limit: Limit) -> Floats:
    """Return a limit for every row of the table, NaN where its endpoint has none.

    Raises
    ------
    OptionError
        One is not a number, or an endpoint is unknown.
    """
    named = limit if isinstance(limit, Mapping) else dict.fromkeys(data.endpoints, limit)
    known = {str(label): k for k, label in enumerate(data.endpoints)}
    number, out = _endpoints(data), np.full(len(data.table), np.nan)
    for label, value in named.items():
        if str(label) not in known:
            advice = did_you_mean(str(label), known)
            raise OptionError(f"{data.name} has no endpoint {label!r}. {advice}")
        if not is_finite_number(value):
            raise OptionError(f"A limit of quantification is a number, not {value!r}.")
        out[number == known[str(label)]] = float(value)
    return out


def _limits_of(data: Dataset) -> dict[Any, float]:
    """Return the limit of quantification of each endpoint that has values below one."""
    table, number = data.table, _endpoints(data)
    below = (flags(table) == 1) & observed_rows(table, data.design)
    found = {}
    for k, label in enumerate(data.endpoints):
        values = pd.unique(table.loc[below & (number == k), "DV"])
        if len(values) > 1:
            listed = ", ".join(f"{v:g}" for v in sorted(values)[:4])
            raise DataError(
                f"M2 truncates at the limit of quantification, but there are {len(values)} "
                f"({listed}). Say which: limit={max(values):g}."
            )
        if len(values):
            found[label] = float(values[0])
    return found


def _endpoints(data: Dataset) -> npt.NDArray[np.int64]:
    """Return the number of the endpoint of each row."""
    return endpoint_numbers(data.table, observed_rows(data.table, data.design), data.endpoints)

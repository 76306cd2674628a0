"""Data with values beyond limits of quantification: marked, and treated by a named method."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.data.censoring import BLQ_METHODS, Limit, flags
from workbench.data.columns import did_you_mean
from workbench.data.endpoints import endpoint_numbers
from workbench.data.findings import count, with_note
from workbench.data.population import observed_rows
from workbench.errors import DataError, OptionError

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
        _by_endpoint(data, limit)
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
    audit, was = data.audit, cens.copy()
    for limit, sign, word in ((lloq, 1, "below lloq"), (uloq, -1, "above uloq")):
        if limit is None:
            continue
        bound = _by_endpoint(data, limit)
        with np.errstate(invalid="ignore"):
            beyond = observed & (was == 0) & (sign * dv < sign * bound)
        dv[beyond], cens[beyond] = bound[beyond], sign
        text = f"{count(int(beyond.sum()), 'value')} {word} marked as censored"
        audit = with_note(audit, "CENS", text, "censor")
    table = table.assign(DV=dv)
    if "CENS" in table:
        table = table.assign(CENS=cens)
    else:
        table.insert(list(table).index("CMT") + 1, "CENS", cens)
    given = [f"{n}={v!r}" for n, v in (("lloq", lloq), ("uloq", uloq)) if v is not None]
    code = f"{data.code}.censor({', '.join(given)})"
    return replace(data, table=table, audit=audit, code=code)


def limits_by_row(data: Dataset, sign: int = 1) -> Floats:
    """Return the limit of quantification of every row of the table, NaN where none is known.

    A censored row has its own, the others of its endpoint the one that is nearest to their values
    (the highest lower limit, the lowest upper one).

    Parameters
    ----------
    sign : 1 for the lower limit, -1 for the upper one
    """
    table, number = data.table, _endpoints(data)
    dv = table["DV"].to_numpy(dtype=np.float64)
    known = (flags(table) == sign) & observed_rows(table, data.design)
    out = np.full(len(table), np.nan)
    for k in np.unique(number[known]):
        of_endpoint = dv[known & (number == k)]
        out[number == k] = of_endpoint.max() if sign > 0 else of_endpoint.min()
    out[known] = dv[known]
    return out


def as_measured(data: Dataset) -> Dataset:
    """Return the data with all values below the limit as censored, whatever the method."""
    if not data.n_below or data.blq in ("M3", "M4"):
        return data
    return replace(data, blq="M3", blq_limit=None)


def _by_endpoint(data: Dataset, limit: Limit) -> Floats:
    """Return a limit for every row of the table, NaN where its endpoint has none."""
    named = limit if isinstance(limit, Mapping) else dict.fromkeys(data.endpoints, limit)
    known = {str(label): k for k, label in enumerate(data.endpoints)}
    number, out = _endpoints(data), np.full(len(data.table), np.nan)
    for label, value in named.items():
        if str(label) not in known:
            advice = did_you_mean(str(label), known)
            raise OptionError(f"{data.name} has no endpoint {label!r}. {advice}")
        if isinstance(value, bool) or not np.isfinite(value):
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

"""One model fitted with several methods for values below the limit of quantification."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from workbench.data.censoring import BLQ_METHODS
from workbench.data.columns import did_you_mean
from workbench.data.dataset import Dataset
from workbench.errors import EstimationError, OptionError, WorkbenchError
from workbench.estimation import CancelToken, check_arguments, fit
from workbench.models.model import Model
from workbench.results import FitResult

NOTE = (
    "OFV, AIC and BIC of these fits cannot be compared: each method takes other numbers for the "
    "data. Compare the parameters."
)


@dataclass(frozen=True, slots=True, eq=False)
class BlqComparison:
    """Fits of one model to the same data, by method for values below the limit.

    Attributes
    ----------
    fits : method → fit, in the order asked for; methods that failed are missing
    failed : method → why
    note : why the likelihoods are not side by side too
    """

    fits: Mapping[str, FitResult]
    failed: Mapping[str, str]
    note: str = NOTE

    @property
    def table(self) -> pd.DataFrame:
        """One row per parameter: estimate, RSE and change by method.

        RSE is in percent, and so is the change, from the estimate of the first method. Columns
        are pairs (method, "estimate" | "rse" | "change"); NaN where there is none. A last row
        "n_obs" has the numbers of observations in the likelihood.
        """
        columns: dict[tuple[str, str], Any] = {}
        first: pd.Series[float] | None = None
        for method, one in self.fits.items():
            estimate = one.parameters["estimate"].astype(float)
            columns[method, "estimate"] = estimate
            columns[method, "rse"] = one.parameters["rse"].astype(float)
            if first is None:
                first = estimate
            else:
                with np.errstate(divide="ignore", invalid="ignore"):
                    columns[method, "change"] = 100.0 * (estimate / first - 1.0)
        table = pd.DataFrame(columns)
        for method, one in self.fits.items():
            table.loc["n_obs", (method, "estimate")] = one.data.n_obs
        return table

    def __repr__(self) -> str:
        lines = [self.table.to_string(float_format=lambda v: f"{v:.4g}", na_rep="")]
        lines += [f"{method}: {one.verdict}" for method, one in self.fits.items()]
        lines += [f"{method} failed: {why}" for method, why in self.failed.items()]
        return "\n".join([*lines, self.note])


def compare_blq(
    model: Model,
    data: Dataset,
    *,
    methods: Sequence[str] = ("M1", "M3", "M5", "M7"),
    method: str | Sequence[str] = "focei",
    seed: int = 0,
    on_fit: Callable[[int, int, BlqComparison], None] | None = None,
    cancel: CancelToken | None = None,
    **options: Any,
) -> BlqComparison:
    """Fit a model with several methods for values below the limit of quantification.

    Parameters
    ----------
    model : its values are the starting values of every fit
    data : with values below a limit (CENS 1)
    methods : of `Dataset.with_blq`, the first one being what the others are compared with
    method, seed, options : of `wb.fit`, the same for all
    on_fit : called in the calling thread with the number of finished methods, how many there are,
        and what there is so far
    cancel : set it from another thread; the methods that are finished are returned

    Returns
    -------
    BlqComparison
        A method that these data or the estimator refuse is in `failed`, with the reason; the
        others are there all the same.

    Raises
    ------
    OptionError
        No method is given, one that there is not, or one twice.
    DataError, ModelError, UnknownNameError
        No fit can be made at all; the message is that of the first method.
    EstimationError
        It was stopped before the first fit was finished.
    """
    check_arguments(model, data)
    asked = _checked_methods(methods)
    fits, failed, first = dict[str, FitResult](), dict[str, str](), None
    for done, name in enumerate(asked, 1):
        try:
            treated = data.with_blq(name)
            found = fit(model, treated, method=method, seed=seed, cancel=cancel, **options)
        except WorkbenchError as error:
            problem: WorkbenchError | None = error
        else:
            problem = None
        if cancel is not None and cancel.is_set():
            break  # what was cut short is no fit
        if problem is None:
            fits[name] = found
        else:
            failed[name] = str(problem)
            first = first or problem
        if on_fit is not None:
            on_fit(done, len(asked), _comparison(fits, failed))
    if first is not None and not fits:
        raise first
    if not fits:
        raise EstimationError("Stopped on request before the first method was fitted.")
    return _comparison(fits, failed)


def _checked_methods(methods: Any) -> list[str]:
    """Return the methods to compare; what is none is refused before anything is fitted."""
    asked = [methods] if isinstance(methods, str) else methods
    asked = list(asked) if isinstance(asked, Iterable) else []
    if not asked or len(asked) > len({str(name) for name in asked}):
        raise OptionError("compare_blq: methods= names one or more, each once: ('M1', 'M3').")
    for name in asked:
        if name not in BLQ_METHODS:
            raise OptionError(
                f"compare_blq: there is no method {name!r} for values below the limit. "
                f"{did_you_mean(str(name), BLQ_METHODS)}"
            )
    return asked


def _comparison(fits: Mapping[str, FitResult], failed: Mapping[str, str]) -> BlqComparison:
    return BlqComparison(MappingProxyType(dict(fits)), MappingProxyType(dict(failed)))

"""One model fitted with several methods for values below the limit of quantification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from workbench.data.dataset import Dataset
from workbench.errors import OptionError, WorkbenchError
from workbench.estimation import fit
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
    **options: Any,
) -> BlqComparison:
    """Fit a model with several methods for values below the limit of quantification.

    Parameters
    ----------
    model : its values are the starting values of every fit
    data : with values below a limit (CENS 1)
    methods : of `Dataset.with_blq`, the first one being what the others are compared with
    method, seed, options : of `wb.fit`, the same for all

    Returns
    -------
    BlqComparison
        A method that these data or the estimator refuse is in `failed`, with the reason; the
        others are there all the same.

    Raises
    ------
    OptionError
        No method is given, or one twice.
    DataError, ModelError, UnknownNameError
        No fit can be made at all; the message is that of the first method.
    """
    asked = [methods] if isinstance(methods, str) else list(methods)
    if not asked or len(set(asked)) < len(asked):
        raise OptionError("compare_blq: methods= names one or more, each once: ('M1', 'M3').")
    fits, failed, first = dict[str, FitResult](), dict[str, str](), None
    for name in asked:
        try:
            fits[name] = fit(model, data.with_blq(name), method=method, seed=seed, **options)
        except WorkbenchError as error:
            failed[name] = str(error)
            first = first or error
    if first is not None and not fits:
        raise first
    return BlqComparison(MappingProxyType(fits), MappingProxyType(failed))

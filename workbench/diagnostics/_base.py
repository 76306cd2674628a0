"""What every diagnostic file exports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

#: What stands for a subject; see `FitResult.etas_by`.
Individual = Literal["ebe", "mean", "draws"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A tidy table that says something about a fit (or about the data alone).

    Attributes
    ----------
    name : registry key; equals the file name
    title : what a person reads in a picker
    table : ``table(source) -> DataFrame``; `source` is a FitResult, or a Dataset where `needs`
        says so. It never changes its source. Where `by_individual` says so, it takes
        ``individual="ebe"``, ``"mean"`` or ``"draws"`` too
    needs : "fit" or "dataset"
    by_individual : whether the table shows numbers of single subjects that can be had from their
        conditional modes (the default), their conditional means or draws
    """

    name: str
    title: str
    table: Callable[..., pd.DataFrame]
    needs: Literal["fit", "dataset"] = "fit"
    by_individual: bool = False


def with_endpoint(columns: list[str], table: pd.DataFrame) -> list[str]:
    """Return the columns, with ENDPOINT after TAD where the table tells endpoints apart."""
    if "ENDPOINT" not in table:
        return columns
    place = columns.index("TAD") + 1
    return [*columns[:place], "ENDPOINT", *columns[place:]]

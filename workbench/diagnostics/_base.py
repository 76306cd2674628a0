"""What every diagnostic file exports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pandas as pd


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A tidy table that says something about a fit (or about the data alone).

    Attributes
    ----------
    name : registry key; equals the file name
    title : what a person reads in a picker
    table : ``table(source) -> DataFrame``; `source` is a FitResult, or a Dataset where `needs`
        says so. It never changes its source.
    needs : "fit" or "dataset"
    """

    name: str
    title: str
    table: Callable[..., pd.DataFrame]
    needs: Literal["fit", "dataset"] = "fit"


def with_endpoint(columns: list[str], table: pd.DataFrame) -> list[str]:
    """Return the columns, with ENDPOINT after TAD where the table tells endpoints apart."""
    if "ENDPOINT" not in table:
        return columns
    place = columns.index("TAD") + 1
    return [*columns[:place], "ENDPOINT", *columns[place:]]

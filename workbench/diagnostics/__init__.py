"""Diagnostics: a fit in, a tidy table out; one file each, exporting DIAGNOSTIC."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from workbench.diagnostics._base import Diagnostic, Individual
from workbench.diagnostics._binning import bin_edges
from workbench.diagnostics._prediction_distribution import (
    PredictionDistribution,
    prediction_distribution,
)
from workbench.diagnostics._simulated_data import check_numbers
from workbench.diagnostics._variance import VarianceDecomposition, variance_decomposition
from workbench.diagnostics._vpc import Vpc, vpc
from workbench.registry import Registry

diagnostics: Registry[Diagnostic] = Registry(__name__, "DIAGNOSTIC", Diagnostic, "diagnostic")


def table(
    name: str, source: Any, *, individual: Individual = "ebe", **options: Any
) -> pd.DataFrame:
    """Return one diagnostic table of a fit (or of a dataset, for those that need no fit).

    Parameters
    ----------
    individual : what stands for a subject, its conditional mode ("ebe"), its conditional mean
        ("mean") or draws ("draws"), in tables that show single subjects
    options : what the diagnostic itself takes, e.g. ``draws=100``
    """
    diagnostic = diagnostics.get(name)
    if diagnostic.needs == "dataset":
        source = getattr(source, "data", source)
    if diagnostic.by_individual:
        options["individual"] = individual
    return diagnostic.table(source, **options)


def tables(
    names: Iterable[str], source: Any, *, individual: Individual = "ebe"
) -> dict[str, pd.DataFrame]:
    """Return several diagnostic tables by name: what `Plot.draw` takes."""
    return {name: table(name, source, individual=individual) for name in names}


__all__ = [
    "Diagnostic",
    "Individual",
    "PredictionDistribution",
    "VarianceDecomposition",
    "Vpc",
    "bin_edges",
    "check_numbers",
    "diagnostics",
    "prediction_distribution",
    "table",
    "tables",
    "variance_decomposition",
    "vpc",
]

"""The statistical tests of a fit as the page keeps them: plain tables, made in the background."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from workbench.diagnostics import table

OF_RESIDUALS = ("residual_tests", "parameter_tests")
OF_EFFECTS = ("eta_tests", "covariate_tests")
MOST_DRAWS, FEWEST_DRAWS = 20, 2  # of each subject
ALL_DRAWS = 4_000  # of all subjects, beyond the fewest


def draws_for(n_sub: int) -> int:
    """Return how many conditional draws of each subject are tested: fewer of many subjects."""
    return min(MOST_DRAWS, max(FEWEST_DRAWS, ALL_DRAWS // max(n_sub, 1)))


@dataclass(frozen=True, slots=True)
class FitTests:
    """Tables of tests of one fit.

    Attributes
    ----------
    fit : what was tested
    draws : of each subject's random effects; 0 for empirical Bayes estimates
    tables : by the name of their diagnostic; empty while they are being made
    complaints : by the name of the diagnostic, why a table could not be made
    """

    fit: Any
    draws: int
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    complaints: Mapping[str, str] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether the tables have been made, as far as they can be."""
        return bool(self.tables or self.complaints)


def make_tests(fit: Any, draws: int) -> FitTests:
    """Make every table; one that fails takes no other with it."""
    tables: dict[str, pd.DataFrame] = {}
    complaints: dict[str, str] = {}
    for name in (*OF_RESIDUALS, *OF_EFFECTS):
        options: dict[str, Any] = {"draws": draws} if name in OF_EFFECTS else {}
        try:
            tables[name] = table(name, fit, **options)
        except Exception as error:  # noqa: BLE001  the other tables must still be seen
            complaints[name] = f"{type(error).__name__}: {error}"
    return FitTests(fit, draws, tables, complaints)

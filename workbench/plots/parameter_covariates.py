"""Individual parameters of every subject against covariates."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from workbench.plots._base import Drawn, Label, Plot
from workbench.plots._covariates import against_covariates
from workbench.plots.theme import Palette


def draw(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    *,
    units: Mapping[str, str],
    palette: Palette,
    selected: Label | None = None,
    covariate: str | None = None,
) -> Drawn:
    """Draw one row of panels per parameter, one column per covariate; dashed, the typical value.

    `covariate`: draw only this one.
    """
    return against_covariates(
        ax,
        tables["individual_parameters"],
        tables["covariates"],
        "value",
        "Parameters",
        units=units,
        palette=palette,
        selected=selected,
        covariate=covariate,
    )


PLOT = Plot(
    name="parameter_covariates",
    title="Parameters vs covariates",
    diagnostics=("individual_parameters", "covariates"),
    draw=draw,
    alt="Individual parameters against covariates, as scatter plots with a trend or as boxes",
    group="random effects",
)

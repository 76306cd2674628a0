"""Random effects of every subject against covariates."""

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
    """Draw one row of panels per random effect, one column per covariate.

    A covariate that explains a random effect shows as a trend, or as boxes at other heights. EBEs
    show less of it than there is where they shrink, and may show what there is not; draws do not
    (Lavielle & Ribba 2016, Pharm Res 33:2979). `covariate`: draw only this one.
    """
    return against_covariates(
        ax,
        tables["random_effects"],
        tables["covariates"],
        "eta",
        "Random effects",
        units=units,
        palette=palette,
        selected=selected,
        covariate=covariate,
    )


PLOT = Plot(
    name="eta_covariates",
    title="Random effects vs covariates",
    diagnostics=("random_effects", "covariates"),
    draw=draw,
    alt="Random effects of each subject against its covariates, as scatter plots with a trend or "
    "as boxes",
    group="random effects",
)

"""Plots: tidy tables and an axes in, a picture and its hit points out; each file exports PLOT.

A plugin's name must differ from every function of this package: importing ``plots/trace.py``
would put the module where the function ``trace`` was.
"""

from workbench.plots._base import Drawn, Margins, Plot
from workbench.plots._compartments import compartment_diagram
from workbench.plots._figures import (
    all_units,
    data,
    etas,
    gof,
    individual,
    individual_fits,
    plots,
    residuals,
    show,
    trace,
)
from workbench.plots._multistart import multistart
from workbench.plots._pages import Pages, pages, sort_keys
from workbench.plots.theme import DARK, LIGHT, Palette, rc

__all__ = [
    "plots",
    "Plot",
    "Drawn",
    "Margins",
    "Pages",
    "Palette",
    "LIGHT",
    "DARK",
    "rc",
    "all_units",
    "compartment_diagram",
    "show",
    "gof",
    "residuals",
    "etas",
    "individual",
    "individual_fits",
    "multistart",
    "pages",
    "sort_keys",
    "data",
    "trace",
]

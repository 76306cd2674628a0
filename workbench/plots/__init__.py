"""Plots: tidy tables and an axes in, a picture and its hit points out; each file exports PLOT.

A plugin's name must differ from every function of this package: importing ``plots/trace.py``
would put the module where a function ``trace`` was.
"""

from workbench.plots._base import Drawn, Margins, Plot
from workbench.plots.theme import DARK, LIGHT, Palette, rc
from workbench.registry import Registry

plots: Registry[Plot] = Registry(__name__, "PLOT", Plot, "plot", besides=("theme",))

__all__ = ["plots", "Plot", "Drawn", "Margins", "Palette", "LIGHT", "DARK", "rc"]

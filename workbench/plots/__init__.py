"""Plots: tidy tables and an axes in, a picture and its hit points out; each file exports PLOT.

A plugin's name must differ from every function of this package: importing ``plots/trace.py``
would put the module where the function ``trace`` was.
"""

from workbench.plots._base import Drawn, Margins, Plot
from workbench.plots._checks import (
    CheckPlot,
    draw_seen,
    groups,
    groups_of,
    seen,
    through,
)
from workbench.plots._compartments import compartment_diagram
from workbench.plots._facets import Task, draw_through
from workbench.plots._figures import (
    all_units,
    data,
    etas,
    individual,
    individual_fits,
    plots,
    residuals,
    show,
    trace,
)
from workbench.plots._gallery import gof
from workbench.plots._influence import CHANGES, DISTANCES, influence, influence_task
from workbench.plots._lens import Condition, Lens
from workbench.plots._multistart import multistart
from workbench.plots._npc import NPC, draw_npc, npc
from workbench.plots._pages import Pages, pages, sort_keys
from workbench.plots._parts import Sight, endpoint_names, look
from workbench.plots._prediction_distribution import (
    DISTRIBUTION,
    draw_distribution,
    prediction_distribution,
    within,
)
from workbench.plots._variables import Variable, variables
from workbench.plots._variance import VARIANCE, draw_variance, variance_decomposition
from workbench.plots._vpc import VPC, draw_vpc, vpc
from workbench.plots.theme import DARK, LIGHT, Palette, rc

__all__ = [
    "plots",
    "Plot",
    "Drawn",
    "Margins",
    "Pages",
    "Lens",
    "Condition",
    "Sight",
    "Task",
    "Variable",
    "draw_through",
    "endpoint_names",
    "look",
    "variables",
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
    "influence",
    "influence_task",
    "DISTANCES",
    "CHANGES",
    "multistart",
    "pages",
    "sort_keys",
    "data",
    "trace",
    "vpc",
    "npc",
    "prediction_distribution",
    "variance_decomposition",
    "CheckPlot",
    "VPC",
    "NPC",
    "DISTRIBUTION",
    "VARIANCE",
    "draw_seen",
    "draw_vpc",
    "draw_npc",
    "draw_distribution",
    "draw_variance",
    "seen",
    "within",
    "through",
    "groups",
    "groups_of",
]

"""A parent drug, absorbed at first order, and a metabolite formed by its elimination."""

from workbench.models.structural._equations import equation_model

TEXT = """
cp = parent/v
cm = metabolite/vm
d/dt(depot) = -ka*depot
d/dt(parent) = ka*depot - cl*cp
d/dt(metabolite) = fm*cl*cp - clm*cm
"""

# Parameter: symbol, unit, meaning, typical value.
PARAMETERS = {
    "ka": ("k_a", "1/{TIME}", "absorption rate constant", 1.0),
    "cl": ("CL", "{VOLUME}/{TIME}", "clearance of the parent", 2.0),
    "v": ("V", "{VOLUME}", "volume of the parent", 20.0),
    "fm": ("F_m", "", "fraction of the clearance that forms the metabolite", 0.5),
    "clm": ("CL_m", "{VOLUME}/{TIME}", "clearance of the metabolite", 1.0),
    "vm": ("V_m", "{VOLUME}", "volume of the metabolite", 10.0),
}

MODEL = equation_model(
    "parent_metabolite",
    "Parent and metabolite",
    TEXT,
    ["cp", "cm"],
    PARAMETERS,
)

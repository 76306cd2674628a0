"""Tumour growth with transit of damaged cells (Simeoni et al. 2004), drug by one compartment."""

from workbench.models.structural._equations import equation_model

TEXT = """
c = central/v
w = x1 + x2 + x3 + x4
d/dt(central) = -cl*c
d/dt(x1) = l0*x1/(1 + (l0/l1*w)^20)^(1/20) - k2*c*x1
d/dt(x2) = k2*c*x1 - k1*x2
d/dt(x3) = k1*(x2 - x3)
d/dt(x4) = k1*(x3 - x4)
x1(0) = w0
"""

# Parameter: symbol, unit, meaning, typical value.
PARAMETERS = {
    "cl": ("CL", "{VOLUME}/{TIME}", "clearance", 1.0),
    "v": ("V", "{VOLUME}", "volume of distribution", 10.0),
    "l0": ("\\lambda_0", "1/{TIME}", "exponential growth rate", 0.15),
    "l1": ("\\lambda_1", "{DV}/{TIME}", "linear growth rate", 0.3),
    "k2": ("k_2", "1/(({AMT}/{VOLUME}) {TIME})", "potency of the drug", 0.05),
    "k1": ("k_1", "1/{TIME}", "transit of damaged cells", 0.5),
    "w0": ("w_0", "{DV}", "weight at time 0", 0.05),
}

MODEL = equation_model(
    "tumour_simeoni",
    "Tumour growth, Simeoni",
    TEXT,
    ["w", "c"],
    PARAMETERS,
    compartments=("central",),
)

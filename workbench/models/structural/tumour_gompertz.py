"""Gompertz tumour growth."""

from workbench.models.structural._equations import equation_model

TEXT = """
d/dt(y) = kg*y*log(ymax/y)
y(0) = y0
"""

# Parameter: symbol, unit, meaning, typical value.
PARAMETERS = {
    "y0": ("y_0", "{DV}", "size at time 0", 50.0),
    "kg": ("k_g", "1/{TIME}", "growth rate constant", 0.02),
    "ymax": ("y_{max}", "{DV}", "greatest size", 1000.0),
}

MODEL = equation_model(
    "tumour_gompertz",
    "Tumour growth, Gompertz",
    TEXT,
    ["y"],
    PARAMETERS,
)

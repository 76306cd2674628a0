"""Exponential tumour growth."""

from workbench.models.structural._equations import equation_model

TEXT = """
y = y0*exp(kg*t)
"""

# Parameter: symbol, unit, meaning, typical value.
PARAMETERS = {
    "y0": ("y_0", "{DV}", "size at time 0", 50.0),
    "kg": ("k_g", "1/{TIME}", "growth rate constant", 0.02),
}

MODEL = equation_model(
    "tumour_exponential",
    "Tumour growth, exponential",
    TEXT,
    ["y"],
    PARAMETERS,
)

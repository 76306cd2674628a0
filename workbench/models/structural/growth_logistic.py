"""Logistic growth curve."""

from workbench.models.structural._equations import equation_model

TEXT = """
y = asym/(1 + exp(-(t - xmid)/scal))
"""

# Parameter: symbol, unit, meaning, typical value.
PARAMETERS = {
    "asym": ("A", "{DV}", "final size", 200.0),
    "xmid": ("t_{mid}", "{TIME}", "time of half the final size", 700.0),
    "scal": ("s", "{TIME}", "time scale of the growth", 350.0),
}

MODEL = equation_model(
    "growth_logistic",
    "Growth curve, logistic",
    TEXT,
    ["y"],
    PARAMETERS,
)

"""Gompertz growth curve."""

from workbench.models.structural._equations import equation_model

TEXT = """
y = asym*exp(-exp(-(t - xmid)/scal))
"""

# Parameter: symbol, unit, meaning, typical value.
PARAMETERS = {
    "asym": ("A", "{DV}", "final size", 200.0),
    "xmid": ("t_{infl}", "{TIME}", "time of the greatest growth", 700.0),
    "scal": ("s", "{TIME}", "time scale of the growth", 350.0),
}

MODEL = equation_model(
    "growth_gompertz",
    "Growth curve, Gompertz",
    TEXT,
    ["y"],
    PARAMETERS,
)

"""Tumour growth with inhibition by exposure that wears off (Claret et al. 2009)."""

from workbench.models.structural._equations import equation_model

TEXT = """
d/dt(y) = kl*y - kd*exp(-lam*t)*EXPOSURE*y
y(0) = y0
"""

# Parameter: symbol, unit, meaning, typical value.
PARAMETERS = {
    "y0": ("y_0", "{DV}", "size at time 0", 50.0),
    "kl": ("k_L", "1/{TIME}", "growth rate constant", 0.02),
    "kd": ("k_D", "1/({TIME} exposure)", "kill rate constant for one unit of EXPOSURE", 0.05),
    "lam": ("\\lambda", "1/{TIME}", "rate at which the effect wears off (resistance)", 0.05),
}

MODEL = equation_model(
    "tumour_claret",
    "Tumour growth, Claret inhibition",
    TEXT,
    ["y"],
    PARAMETERS,
    covariates=["EXPOSURE"],  # of the data: a dose rate, an AUC or a concentration
    compartments=(),
)

"""Target-mediated drug disposition, Michaelis-Menten approximation (Gibiansky et al. 2008)."""

from workbench.models.structural._equations import equation_model

TEXT = """
c = central/v
d/dt(central) = -cl*c - q*(c - peripheral/v2) - vmax*c/(km + c)
d/dt(peripheral) = q*(c - peripheral/v2)
"""

# Parameter: symbol, unit, meaning, typical value.
PARAMETERS = {
    "cl": ("CL", "{VOLUME}/{TIME}", "clearance of the free drug", 0.3),
    "v": ("V", "{VOLUME}", "volume of the central compartment", 3.0),
    "q": ("Q", "{VOLUME}/{TIME}", "inter-compartmental clearance", 0.5),
    "v2": ("V_2", "{VOLUME}", "volume of the peripheral compartment", 3.0),
    "vmax": ("V_{max}", "{AMT}/{TIME}", "greatest rate of elimination by the target", 1.5),
    "km": ("K_m", "{DV}", "concentration of half the greatest rate", 0.15),
}

MODEL = equation_model(
    "tmdd_mm",
    "Target-mediated disposition, Michaelis-Menten",
    TEXT,
    ["c"],
    PARAMETERS,
)

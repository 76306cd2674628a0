"""Target-mediated drug disposition, full model (Mager & Jusko 2001)."""

from workbench.models.structural._equations import equation_model

TEXT = """
c = central/v
d/dt(central) = -cl*c - q*(c - peripheral/v2) - v*(kon*c*target - koff*complex)
d/dt(peripheral) = q*(c - peripheral/v2)
d/dt(target) = ksyn - kdeg*target - kon*c*target + koff*complex
d/dt(complex) = kon*c*target - (koff + kint)*complex
target(0) = ksyn/kdeg
"""

# Parameter: symbol, unit, meaning, typical value.
PARAMETERS = {
    "cl": ("CL", "{VOLUME}/{TIME}", "clearance of the free drug", 0.3),
    "v": ("V", "{VOLUME}", "volume of the central compartment", 3.0),
    "q": ("Q", "{VOLUME}/{TIME}", "inter-compartmental clearance", 0.5),
    "v2": ("V_2", "{VOLUME}", "volume of the peripheral compartment", 3.0),
    "kon": ("k_{on}", "1/({DV} {TIME})", "association rate constant", 1.0),
    "koff": ("k_{off}", "1/{TIME}", "dissociation rate constant", 0.1),
    "kint": ("k_{int}", "1/{TIME}", "internalisation of the complex", 0.05),
    "ksyn": ("k_{syn}", "{DV}/{TIME}", "synthesis of the target", 0.5),
    "kdeg": ("k_{deg}", "1/{TIME}", "degradation of the free target", 0.1),
}

MODEL = equation_model(
    "tmdd_full",
    "Target-mediated disposition, full",
    TEXT,
    ["c", "target", "complex"],
    PARAMETERS,
    compartments=("central", "peripheral"),
)

"""Target-mediated drug disposition, quasi-equilibrium (Mager & Krzyzanski 2005)."""

from workbench.models.structural._equations import equation_model

TEXT = """
ctot = central/v
excess = ctot - rtot - kd
c = (excess + sqrt(excess^2 + 4*kd*ctot))/2
complex = ctot - c
d/dt(central) = -cl*c - q*(c - peripheral/v2) - v*kint*complex
d/dt(peripheral) = q*(c - peripheral/v2)
d/dt(rtot) = ksyn - kdeg*(rtot - complex) - kint*complex
rtot(0) = ksyn/kdeg
"""

# Parameter: symbol, unit, meaning, typical value.
PARAMETERS = {
    "cl": ("CL", "{VOLUME}/{TIME}", "clearance of the free drug", 0.3),
    "v": ("V", "{VOLUME}", "volume of the central compartment", 3.0),
    "q": ("Q", "{VOLUME}/{TIME}", "inter-compartmental clearance", 0.5),
    "v2": ("V_2", "{VOLUME}", "volume of the peripheral compartment", 3.0),
    "kd": ("K_d", "{DV}", "dissociation constant", 0.1),
    "kint": ("k_{int}", "1/{TIME}", "internalisation of the complex", 0.05),
    "ksyn": ("k_{syn}", "{DV}/{TIME}", "synthesis of the target", 0.5),
    "kdeg": ("k_{deg}", "1/{TIME}", "degradation of the free target", 0.1),
}

MODEL = equation_model(
    "tmdd_qe",
    "Target-mediated disposition, quasi-equilibrium",
    TEXT,
    ["c", "ctot", "rtot"],
    PARAMETERS,
    compartments=("central", "peripheral"),
)

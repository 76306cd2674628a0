"""Target-mediated drug disposition, quasi-steady state (Gibiansky et al. 2008)."""

from workbench.models.structural._equations import equation_model

TEXT = """
ctot = central/v
excess = ctot - rtot - kss
c = (excess + sqrt(excess^2 + 4*kss*ctot))/2
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
    "kss": ("K_{ss}", "{DV}", "steady-state constant, (koff + kint)/kon", 0.15),
    "kint": ("k_{int}", "1/{TIME}", "internalisation of the complex", 0.05),
    "ksyn": ("k_{syn}", "{DV}/{TIME}", "synthesis of the target", 0.5),
    "kdeg": ("k_{deg}", "1/{TIME}", "degradation of the free target", 0.1),
}

MODEL = equation_model(
    "tmdd_qss",
    "Target-mediated disposition, quasi-steady state",
    TEXT,
    ["c", "ctot", "rtot"],
    PARAMETERS,
    compartments=("central", "peripheral"),
)

"""Viral dynamics with limited target cells: target, infected cells, virus."""

from workbench.models.structural._equations import Solver, equation_model

TEXT = """
d/dt(target) = -beta*target*virus
d/dt(infected) = beta*target*virus - delta*infected
d/dt(virus) = p*infected - c*virus
target(0) = t0
virus(0) = v0
y = log10(max(virus, 1e-6))
"""

# Parameter: symbol, unit, meaning, typical value.
PARAMETERS = {
    "beta": ("\\beta", "1/(virus {TIME})", "infection rate constant", 2.7e-5),
    "delta": ("\\delta", "1/{TIME}", "loss of infected cells", 4.0),
    "p": ("p", "virus/(cell {TIME})", "production of virus", 0.012),
    "c": ("c", "1/{TIME}", "clearance of virus", 3.0),
    "t0": ("T_0", "", "target cells at time 0", 4e8),
    "v0": ("V_0", "", "virus at time 0", 0.093),
}

MODEL = equation_model(
    "viral_tiv",
    "Viral dynamics, target cells",
    TEXT,
    ["y"],
    PARAMETERS,
    compartments=(),
    solver=Solver(atol=1e-18),  # virus falls by many orders of magnitude
)

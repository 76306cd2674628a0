"""HIV dynamics under treatment that starts at time 0, from the untreated steady state."""

from workbench.models.structural._equations import Solver, equation_model

TEXT = """
healthy0 = delta*c/(beta*p)
virus0 = (lam - d*healthy0)/(beta*healthy0)
d/dt(healthy) = lam - d*healthy - (1 - eff)*beta*healthy*virus
d/dt(infected) = (1 - eff)*beta*healthy*virus - delta*infected
d/dt(virus) = p*infected - c*virus
healthy(0) = healthy0
infected(0) = c*virus0/p
virus(0) = virus0
y = log10(max(virus, 1e-6))
"""

# Parameter: symbol, unit, meaning, typical value.
PARAMETERS = {
    "delta": ("\\delta", "1/{TIME}", "loss of infected cells", 0.5),
    "c": ("c", "1/{TIME}", "clearance of virus", 3.0),
    "beta": ("\\beta", "1/(virus {TIME})", "infection rate constant", 2e-05),
    "p": ("p", "virus/(cell {TIME})", "production of virus", 200.0),
    "lam": ("\\lambda", "cells/{TIME}", "production of target cells", 10.0),
    "d": ("d", "1/{TIME}", "loss of target cells", 0.01),
    "eff": ("\\varepsilon", "", "efficacy of the treatment, a fraction", 0.5),
}

MODEL = equation_model(
    "hiv_target_cell",
    "HIV dynamics under treatment",
    TEXT,
    ["y", "healthy"],
    PARAMETERS,
    compartments=(),
    solver=Solver(atol=1e-18),  # virus falls by many orders of magnitude
)

"""Equations of each temper against scipy at 1e-12: at default and at tight tolerances.

tests/unit/core/test_odes.py has van der Pol's oscillator and saturable elimination, on the
solver alone; here whole models are predicted, doses included.
"""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from tests.structures import dose, in_order, predict, record
from workbench.models.structural import Solver, equations

TIMES = np.array([0.2, 0.7, 1.5, 3.0, 6.0, 10.0, 16.0, 25.0, 40.0, 60.0])

SATURABLE = (
    """
    c = central/v
    d/dt(depot) = -ka*depot
    d/dt(central) = ka*depot - vmax*c/(km + c) - q*(c - peripheral/v2)
    d/dt(peripheral) = q*(c - peripheral/v2)
    """,
    ["c"],
    {"ka": 1.1, "v": 9.0, "vmax": 6.0, "km": 0.8, "q": 0.7, "v2": 15.0},
)
OSCILLATING = (
    """
    d/dt(prey) = a*prey - b*prey*hunter
    d/dt(hunter) = b*prey*hunter - m*hunter
    prey(0) = 1
    hunter(0) = 0.5
    """,
    ["prey", "hunter"],
    {"a": 1.3, "b": 0.9, "m": 0.8},
)
STIFF = (
    """
    c = central/v
    d/dt(central) = -cl*c - v*(kon*c*target - koff*bound)
    d/dt(target) = ksyn - kdeg*target - kon*c*target + koff*bound
    d/dt(bound) = kon*c*target - (koff + kint)*bound
    target(0) = ksyn/kdeg
    """,
    ["c", "target", "bound"],
    {
        "cl": 0.3,
        "v": 3.0,
        "kon": 100.0,
        "koff": 10.0,
        "ksyn": 0.5,
        "kdeg": 0.1,
        "kint": 0.05,
    },
)


def saturable(_, x, p):
    c = x[1] / p["v"]
    flow = p["q"] * (c - x[2] / p["v2"])
    absorbed = p["ka"] * x[0]
    return [-absorbed, absorbed - p["vmax"] * c / (p["km"] + c) - flow, flow]


def oscillating(_, x, p):
    eaten = p["b"] * x[0] * x[1]
    return [p["a"] * x[0] - eaten, eaten - p["m"] * x[1]]


def stiff(_, x, p):
    c = x[0] / p["v"]
    bound = p["kon"] * c * x[1] - p["koff"] * x[2]
    return [
        -p["cl"] * c - p["v"] * bound,
        p["ksyn"] - p["kdeg"] * x[1] - bound,
        bound - p["kint"] * x[2],
    ]


# Model, the same by hand, start, scipy's method, and what it makes of its states.
CASES = {
    "saturable": (SATURABLE, saturable, [100.0, 0.0, 0.0], "DOP853"),
    "oscillating": (OSCILLATING, oscillating, [1.0, 0.5], "DOP853"),
    "stiff": (STIFF, stiff, [100.0, 5.0, 0.0], "Radau"),
}


@pytest.mark.parametrize(
    ("solver", "tolerance"),
    [
        pytest.param(Solver(), 2e-7, id="default"),
        pytest.param(Solver(rtol=1e-12, atol=1e-14), 1e-10, id="tight"),
    ],
)
@pytest.mark.parametrize("name", CASES)
def test_against_scipy(name, solver, tolerance):
    """Relative to each output's largest; errors of steps add up over 12 periods and 60 hours."""
    (text, outputs, values), slope, start, method = CASES[name]
    model = equations(text, outputs, solver=solver)
    run = solve_ivp(
        slope,
        (0.0, TIMES[-1]),
        start,
        t_eval=TIMES,
        args=(values,),
        method=method,
        rtol=1e-12,
        atol=1e-13,
    )
    expected = {
        "saturable": lambda y: [y[1] / values["v"]],
        "oscillating": lambda y: [y[0], y[1]],
        "stiff": lambda y: [y[0] / values["v"], y[1], y[2]],
    }[name](run.y)
    doses = [record(0.0, 2)] if name == "oscillating" else [dose(0.0, 100.0)]
    phi = np.array([values[parameter] for parameter in model.parameters])
    for endpoint, curve in enumerate(expected):
        rows = in_order([*doses, *(record(t, endpoint=endpoint) for t in TIMES)])
        found = predict(model, phi, rows)[:, 0]
        error = np.abs(found - curve).max() / np.abs(curve).max()
        assert error < tolerance

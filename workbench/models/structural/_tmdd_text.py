"""Target-mediated drug disposition as equations: how the drug binds to its target.

The target stands in the central compartment and binds the drug there. `central` is the amount of
free drug in the full and the Michaelis-Menten model, of free and bound drug in the other two,
which find the free concentration c as the root of a quadratic. In these texts VOLUME stands for
the volume of the central compartment.
"""

from __future__ import annotations

from dataclasses import dataclass

# Parameter: symbol, unit, meaning, typical value.
PARAMETERS: dict[str, tuple[str, str, str, float]] = {
    "kon": ("k_{on}", "1/({DV} {TIME})", "association rate constant", 1.0),
    "koff": ("k_{off}", "1/{TIME}", "dissociation rate constant", 0.1),
    "kd": ("K_d", "{DV}", "dissociation constant, koff/kon", 0.1),
    "kss": ("K_{ss}", "{DV}", "steady-state constant, (koff + kint)/kon", 0.15),
    "kint": ("k_{int}", "1/{TIME}", "internalisation of the complex", 0.05),
    "ksyn": ("k_{syn}", "{DV}/{TIME}", "synthesis of the target", 0.5),
    "kdeg": ("k_{deg}", "1/{TIME}", "degradation of the free target", 0.1),
}
# These have another meaning, or another typical value, where there is a target.
CHANGED: dict[str, tuple[str, str, str, float]] = {
    "cl": ("CL", "{VOLUME}/{TIME}", "clearance of the free drug", 0.3),
    "k": ("k", "1/{TIME}", "elimination rate constant of the free drug", 0.1),
    "v": ("V", "{VOLUME}", "volume of the central compartment", 3.0),
    "v1": ("V_1", "{VOLUME}", "volume of the central compartment", 3.0),
    "v2": ("V_2", "{VOLUME}", "volume of the peripheral compartment", 3.0),
    "vmax": ("V_{max}", "{AMT}/{TIME}", "greatest rate of elimination by the target", 1.5),
    "km": ("K_m", "{DV}", "concentration of half the greatest rate", 0.15),
}


@dataclass(frozen=True, slots=True)
class Binding:
    """One model of the binding.

    Attributes
    ----------
    title : what it is called
    parameters : names, after those of the disposition
    free : the concentration of free drug, and what it is found from
    loss : what leaves the central compartment to the target
    target : equations of the target
    outputs : what is predicted, the free drug first
    bound : whether `central` holds the complex as well
    """

    title: str
    parameters: tuple[str, ...]
    free: tuple[str, ...]
    loss: str
    target: tuple[str, ...]
    outputs: tuple[str, ...]
    bound: bool


def _in_balance(title: str, constant: str) -> Binding:
    """Return the model with free drug, target and complex in a balance of this constant.

    The root of the quadratic is written so that nothing cancels where c is far below the target.
    """
    return Binding(
        title,
        (constant, "kint", "ksyn", "kdeg"),
        (
            "ctot = central/VOLUME",
            f"excess = ctot - rtot - {constant}",
            f"root = sqrt(excess^2 + 4*{constant}*ctot)",
            f"c = ifelse(excess > 0, (root + excess)/2, 2*{constant}*ctot/(root - excess))",
            "complex = ctot - c",
        ),
        "VOLUME*kint*complex",
        (
            "d/dt(rtot) = ksyn - kdeg*(rtot - complex) - kint*complex",
            "rtot(0) = ksyn/kdeg",
        ),
        ("c", "ctot", "rtot"),
        bound=True,
    )


BINDINGS: dict[str, Binding] = {
    "full": Binding(  # Mager & Jusko 2001
        "full",
        ("kon", "koff", "kint", "ksyn", "kdeg"),
        ("c = central/VOLUME",),
        "VOLUME*(kon*c*target - koff*complex)",
        (
            "d/dt(target) = ksyn - kdeg*target - kon*c*target + koff*complex",
            "d/dt(complex) = kon*c*target - (koff + kint)*complex",
            "target(0) = ksyn/kdeg",
            "ctot = c + complex",
        ),
        ("c", "target", "complex", "ctot"),
        bound=False,
    ),
    "qe": _in_balance("quasi-equilibrium", "kd"),  # Mager & Krzyzanski 2005
    "qss": _in_balance("quasi-steady state", "kss"),  # Gibiansky et al. 2008
    "mm": Binding(  # Gibiansky et al. 2008
        "Michaelis-Menten",
        ("vmax", "km"),
        ("c = central/VOLUME",),
        "vmax*c/(km + c)",
        (),
        ("c",),
        bound=False,
    ),
}

"""Pharmacokinetic and pharmacodynamic options as equations.

The text is what a person could have typed; panels show it, and closed forms are tested against
it. Where a closed form exists it is used unless the equations are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.models.structural import _tmdd_text as tmdd

ELIMINATION = ("linear", "michaelis_menten", "parallel")

# Parameter: symbol, unit, meaning, typical value.
PARAMETERS: dict[str, tuple[str, str, str, float]] = {
    "ka": ("k_a", "1/{TIME}", "absorption rate constant", 1.0),
    "fr": ("F_r", "", "fraction absorbed at first order; the rest at zero order", 0.5),
    "tk0": ("T_{k0}", "{TIME}", "duration of the zero-order absorption", 2.0),
    "mtt": ("MTT", "{TIME}", "mean transit time of the absorption", 1.0),
    "n": ("n", "", "number of transit compartments (any number above 0)", 3.0),
    "cl": ("CL", "{VOLUME}/{TIME}", "clearance", 1.0),
    "v": ("V", "{VOLUME}", "volume of distribution", 10.0),
    "v1": ("V_1", "{VOLUME}", "volume of the central compartment", 10.0),
    "q": ("Q", "{VOLUME}/{TIME}", "inter-compartmental clearance", 0.5),
    "v2": ("V_2", "{VOLUME}", "volume of the peripheral compartment", 20.0),
    "q2": ("Q_2", "{VOLUME}/{TIME}", "clearance to the first peripheral compartment", 0.5),
    "q3": ("Q_3", "{VOLUME}/{TIME}", "clearance to the second peripheral compartment", 0.1),
    "v3": ("V_3", "{VOLUME}", "volume of the second peripheral compartment", 50.0),
    "k": ("k", "1/{TIME}", "elimination rate constant", 0.1),
    "k12": ("k_{12}", "1/{TIME}", "rate constant from central to peripheral", 0.05),
    "k21": ("k_{21}", "1/{TIME}", "rate constant from peripheral to central", 0.025),
    "k13": ("k_{13}", "1/{TIME}", "rate constant from central to the second peripheral", 0.01),
    "k31": ("k_{31}", "1/{TIME}", "rate constant from the second peripheral to central", 0.002),
    "vmax": ("V_{max}", "{AMT}/{TIME}", "greatest rate of saturable elimination", 10.0),
    "km": ("K_m", "{DV}", "concentration of half the greatest rate", 2.0),
    "tlag": ("T_{lag}", "{TIME}", "lag before a dose arrives", 0.5),
    "f": ("F", "", "bioavailability", 0.8),
    "rate": ("R", "{AMT}/{TIME}", "rate of infusions with RATE = -1", 10.0),
    "dur": ("D", "{TIME}", "duration of infusions with RATE = -2", 2.0),
    "ke0": ("k_{e0}", "1/{TIME}", "rate constant of the effect compartment", 0.5),
    "e0": ("E_0", "", "baseline of the effect", 10.0),
    "emax": ("E_{max}", "", "greatest effect", 50.0),
    "ec50": ("EC_{50}", "{DV}", "concentration of half the greatest effect", 2.0),
    "imax": ("I_{max}", "", "greatest inhibition, a fraction", 0.9),
    "ic50": ("IC_{50}", "{DV}", "concentration of half the greatest inhibition", 2.0),
    "gam": (r"\gamma", "", "Hill exponent", 1.5),
    "slope": ("S", "", "slope of the effect", 1.0),
    "kin": ("k_{in}", "{DV}/{TIME}", "production of the response", 10.0),
    "kout": ("k_{out}", "1/{TIME}", "loss of the response", 0.5),
    "kp": ("k_p", "1/{TIME}", "release from the precursor", 0.2),
}


def disposition_parameters(compartments: int, parametrisation: str) -> tuple[str, ...]:
    """Return the names of the parameters of distribution and linear elimination."""
    if parametrisation == "rates":
        return ("k", "v", "k12", "k21", "k13", "k31")[: 2 * compartments]
    return {
        1: ("cl", "v"),
        2: ("cl", "v1", "q", "v2"),
        3: ("cl", "v1", "q2", "v2", "q3", "v3"),
    }[compartments]


def described(parameter: str, options: Mapping[str, Any]) -> tuple[str, str, str, float]:
    """Return symbol, unit, meaning and typical value of a parameter."""
    known = PARAMETERS | tmdd.PARAMETERS
    if options["tmdd"] is not None:
        known |= tmdd.CHANGED
    symbol, unit, meaning, typical = known[parameter]
    if parameter == "v2" and options["compartments"] == 3:
        meaning = "volume of the first peripheral compartment"
    return symbol, unit, meaning, typical


def pk_parameters(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the parameters of the pharmacokinetic options, in the kernels' order."""
    absorption, elimination = options["absorption"], options["elimination"]
    names: tuple[str, ...] = {
        "first_order": ("ka",),
        "zero_order": ("tk0",),
        "mixed": ("ka", "fr", "tk0"),
        "transit": ("ka", "mtt", "n"),
    }.get(absorption, ())
    disposition = disposition_parameters(options["compartments"], options["parametrisation"])
    if elimination == "michaelis_menten":
        disposition = ("vmax", "km", *disposition[1:])
    elif elimination == "parallel":
        disposition = (disposition[0], "vmax", "km", *disposition[1:])
    names += disposition
    if options["tmdd"] is not None:
        names += tmdd.BINDINGS[options["tmdd"]].parameters
    for option, name in (("lag", "tlag"), ("bioavailability", "f")):
        names += (name,) if options[option] else ()
    for option, name in (("rate", "rate"), ("duration", "dur")):
        names += (name,) if options[option] else ()
    return names


def compartment_names(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the compartments that take doses."""
    depot = ("depot",) if options["absorption"] in ("first_order", "mixed", "transit") else ()
    return depot + ("central", "peripheral", "peripheral2")[: options["compartments"]]


def pk_title(options: Mapping[str, Any]) -> str:
    """Say what the options are, for a picker."""
    n = options["compartments"]
    how = {
        None: "intravenous",
        "first_order": "first-order absorption",
        "zero_order": "zero-order absorption",
        "mixed": "first- and zero-order absorption",
        "transit": "transit absorption",
    }[options["absorption"]]
    parts = [f"{n} compartment{'s' if n > 1 else ''}", how]
    parts += ["lag"] * options["lag"] + ["bioavailability"] * options["bioavailability"]
    parts += {
        "linear": [],
        "michaelis_menten": ["Michaelis-Menten elimination"],
        "parallel": ["linear and Michaelis-Menten elimination"],
    }[options["elimination"]]
    if options["tmdd"] is not None:
        parts.append(f"target-mediated disposition ({tmdd.BINDINGS[options['tmdd']].title})")
    parts += ["rate constants"] * (options["parametrisation"] == "rates")
    return ", ".join(parts)


def pk_outputs(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what the pharmacokinetic options predict, the concentration of (free) drug first."""
    return ("c",) if options["tmdd"] is None else tmdd.BINDINGS[options["tmdd"]].outputs


def pk_text(options: Mapping[str, Any], central_volume: str = "") -> str:
    """Return the differential equations of the pharmacokinetic options.

    Parameters
    ----------
    central_volume : its name, where it is not V, or V1 beside other volumes
    """
    by_rates = options["parametrisation"] == "rates"
    volume = central_volume or ("v1" if options["compartments"] > 1 and not by_rates else "v")
    binding = tmdd.BINDINGS.get(options["tmdd"])
    lines = [f"c = central/{volume}"] if binding is None else [*binding.free]
    # Amount of free drug in the central compartment.
    free = f"{volume}*c" if binding is not None and binding.bound else "central"
    absorption, into = _absorption(options["absorption"])
    linear = f"k*{free}" if by_rates else "cl*c"
    out = {
        "linear": linear,
        "michaelis_menten": "vmax*c/(km + c)",
        "parallel": f"{linear} - vmax*c/(km + c)",
    }[options["elimination"]]
    flows = []
    for j, name in enumerate(("peripheral", "peripheral2")[: options["compartments"] - 1]):
        flow = _flow(options, j, name, free)
        flows.append(f"d/dt({name}) = {flow}")
        out += f" - ({flow})"
    if binding is not None:
        out += f" - {binding.loss}"
        flows += binding.target
    lines += [*absorption, f"d/dt(central) = {into} - {out}" if into else f"d/dt(central) = -{out}"]
    return "\n".join(lines + flows).replace("VOLUME", volume)


def _absorption(absorption: str | None) -> tuple[list[str], str]:
    """Return the equations of the depot, and what it gives to the central compartment."""
    if absorption == "transit":
        return [
            "ktr = (n + 1)/mtt",
            "x = ktr*tad(depot) + 1e-300",
            "input = dose(depot)*ktr*exp(n*log(x) - x - lgamma(n + 1))",
            "d/dt(depot) = input - ka*depot",
        ], "ka*depot"
    if absorption in ("first_order", "mixed"):
        return ["d/dt(depot) = -ka*depot"], "ka*depot"
    return [], ""


def _flow(options: Mapping[str, Any], j: int, name: str, free: str) -> str:
    """Return the flow from the central into a peripheral compartment."""
    if options["parametrisation"] == "rates":
        return f"k1{j + 2}*{free} - k{j + 2}1*{name}"
    q = "q" if options["compartments"] == 2 else f"q{j + 2}"
    return f"{q}*(c - {name}/v{j + 2})"


# Response: title, parameters, lines. DRIVER is the concentration that acts.
RESPONSES: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "linear": ("linear effect", ("e0", "slope"), ("e = e0 + slope*DRIVER",)),
    "log_linear": ("log-linear effect", ("e0", "slope"), ("e = e0 + slope*log(1 + DRIVER)",)),
    "emax": ("Emax", ("e0", "emax", "ec50"), ("e = e0 + emax*DRIVER/(ec50 + DRIVER)",)),
    "sigmoid_emax": (
        "sigmoid Emax",
        ("e0", "emax", "ec50", "gam"),
        ("e = e0 + emax*DRIVER^gam/(ec50^gam + DRIVER^gam)",),
    ),
    "imax": (
        "Imax",
        ("e0", "imax", "ic50"),
        ("e = e0*(1 - imax*DRIVER/(ic50 + DRIVER))",),
    ),
    "sigmoid_imax": (
        "sigmoid Imax",
        ("e0", "imax", "ic50", "gam"),
        ("e = e0*(1 - imax*DRIVER^gam/(ic50^gam + DRIVER^gam))",),
    ),
    "indirect_1": (
        "indirect response I: production inhibited",
        ("kin", "kout", "imax", "ic50"),
        (
            "d/dt(e) = kin*(1 - imax*DRIVER/(ic50 + DRIVER)) - kout*e",
            "e(0) = kin/kout",
        ),
    ),
    "indirect_2": (
        "indirect response II: loss inhibited",
        ("kin", "kout", "imax", "ic50"),
        (
            "d/dt(e) = kin - kout*(1 - imax*DRIVER/(ic50 + DRIVER))*e",
            "e(0) = kin/kout",
        ),
    ),
    "indirect_3": (
        "indirect response III: production stimulated",
        ("kin", "kout", "emax", "ec50"),
        (
            "d/dt(e) = kin*(1 + emax*DRIVER/(ec50 + DRIVER)) - kout*e",
            "e(0) = kin/kout",
        ),
    ),
    "indirect_4": (
        "indirect response IV: loss stimulated",
        ("kin", "kout", "emax", "ec50"),
        (
            "d/dt(e) = kin - kout*(1 + emax*DRIVER/(ec50 + DRIVER))*e",
            "e(0) = kin/kout",
        ),
    ),
    "precursor": (
        "turnover with a precursor (tolerance, rebound)",
        ("kin", "kp", "kout", "emax", "ec50"),
        (
            "release = kp*(1 + emax*DRIVER/(ec50 + DRIVER))*precursor",
            "d/dt(precursor) = kin - release",
            "d/dt(e) = release - kout*e",
            "precursor(0) = kin/kp",
            "e(0) = kin/kout",
        ),
    ),
}


def response_text(response: str, *, effect_compartment: bool) -> str:
    """Return the equations of a response driven by the concentration c, or by ce."""
    lines = ["d/dt(ce) = ke0*(c - ce)"] if effect_compartment else []
    driver = "ce" if effect_compartment else "c"
    return "\n".join(lines + [line.replace("DRIVER", driver) for line in RESPONSES[response][2]])


def response_parameters(response: str, *, effect_compartment: bool) -> tuple[str, ...]:
    """Return the parameters of a response."""
    return (("ke0",) if effect_compartment else ()) + RESPONSES[response][1]

"""Linear compartment models from options: compartments, absorption, lag, bioavailability."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.core import linear, mammillary
from workbench.models.structural._base import StructuralModel, route

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

COMPARTMENTS = (1, 2, 3)
ABSORPTION = (None, "first_order", "zero_order", "mixed")
PARAMETRISATION = ("clearance", "rates")
_DEPOT, _CENTRAL = 0, 1  # states of the linear family; peripheral ones follow

# Parameter: symbol, unit, meaning, typical value.
_PARAMETERS = {
    "ka": ("k_a", "1/{TIME}", "absorption rate constant", 1.0),
    "fr": ("F_r", "", "fraction absorbed at first order; the rest at zero order", 0.5),
    "tk0": ("T_{k0}", "{TIME}", "duration of the zero-order absorption", 2.0),
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
    "tlag": ("T_{lag}", "{TIME}", "lag before a dose arrives", 0.5),
    "f": ("F", "", "bioavailability", 0.8),
    "rate": ("R", "{AMT}/{TIME}", "rate of infusions with RATE = -1", 10.0),
    "dur": ("D", "{TIME}", "duration of infusions with RATE = -2", 2.0),
}


@dataclass(frozen=True, slots=True, eq=False)
class LinearFamily:
    """One model of the linear family: numbers of parameters, and where doses go.

    Attributes
    ----------
    n_modes : compartments besides the depot
    absorption : number of the parameter ka, -1 without
    by_rates : the parameters are rate constants
    roles : numbers of CL V Q V2 Q3 V3, or k V k12 k21 k13 k31
    routes : (n_routes, schedule.N_ROUTE)
    """

    n_modes: int
    absorption: int
    by_rates: bool
    roles: tuple[int, ...]
    routes: Ints

    def kernel(self) -> Callable[..., int]:
        """Return the kernel of all linear models."""
        return linear.predict

    def context(self) -> Ints:
        """Return the layout that `core.mammillary` describes."""
        own = np.full(mammillary.N_CONTEXT, -1, dtype=np.int64)
        own[mammillary.N_MODES] = self.n_modes
        own[mammillary.ABSORPTION] = self.absorption
        own[mammillary.BY_RATES] = self.by_rates
        own[mammillary.PERIPHERAL] = np.any(self.routes[:, 1] > _CENTRAL)
        own[mammillary.FIRST_ROLE : mammillary.FIRST_ROLE + len(self.roles)] = self.roles
        return own

    def settings(self) -> Floats:
        """Return nothing: closed forms have no tolerance."""
        return np.zeros(0)

    def work_size(self, parts: int) -> int:
        """Return the numbers of scratch."""
        return linear.work_size(self.n_modes, parts)


def disposition_parameters(compartments: int, parametrisation: str) -> tuple[str, ...]:
    """Return the names of the parameters of distribution and elimination."""
    if parametrisation == "rates":
        return ("k", "v", "k12", "k21", "k13", "k31")[: 2 * compartments]
    return {
        1: ("cl", "v"),
        2: ("cl", "v1", "q", "v2"),
        3: ("cl", "v1", "q2", "v2", "q3", "v3"),
    }[compartments]


def linear_model(
    name: str,
    *,
    compartments: int = 1,
    absorption: str | None = None,
    lag: bool = False,
    bioavailability: bool = False,
    rate: bool = False,
    duration: bool = False,
    parametrisation: str = "clearance",
) -> StructuralModel:
    """Build a linear compartment model; `wb.pk` has the meaning of the options."""
    by_depot = absorption in ("first_order", "mixed")
    parameters = ("ka",) * by_depot
    parameters += {"zero_order": ("tk0",), "mixed": ("fr", "tk0")}.get(absorption or "", ())
    parameters += disposition_parameters(compartments, parametrisation)
    parameters += ("tlag",) * lag + ("f",) * bioavailability
    parameters += ("rate",) * rate + ("dur",) * duration

    def number(parameter: str) -> int:
        return parameters.index(parameter) if parameter in parameters else -1

    family = LinearFamily(
        n_modes=compartments,
        absorption=number("ka"),
        by_rates=parametrisation == "rates",
        roles=tuple(
            parameters.index(p) for p in disposition_parameters(compartments, parametrisation)
        ),
        routes=np.array(_routes(compartments, absorption, number), dtype=np.int64),
    )
    described = [_described(parameter, compartments) for parameter in parameters]
    return StructuralModel(
        name=name,
        title=_title(compartments, absorption, lag, bioavailability, parametrisation),
        parameters=parameters,
        symbols=tuple(d[0] for d in described),
        units=tuple(d[1] for d in described),
        meanings=tuple(d[2] for d in described),
        typical=tuple(d[3] for d in described),
        compartments=("depot",) * by_depot + _compartments(compartments),
        observed=2 if by_depot else 1,
        equations=_equations(compartments, absorption, parametrisation, lag, bioavailability),
        family=family,
        outputs=("c",),
        card=name,
        code=f"wb.structure({name!r})",
    )


def _compartments(n: int) -> tuple[str, ...]:
    return ("central", "peripheral", "peripheral2")[:n]


def _described(parameter: str, compartments: int) -> tuple[str, str, str, float]:
    if parameter == "v2" and compartments == 3:
        symbol, unit, _, typical = _PARAMETERS["v2"]
        return symbol, unit, "volume of the first peripheral compartment", typical
    return _PARAMETERS[parameter]


def _routes(
    compartments: int, absorption: str | None, number: Callable[[str], int]
) -> list[list[int]]:
    """Return the table of routes: the options act on the compartment that is absorbed from."""
    extras = {
        "lag": number("tlag"),
        "bioavailability": number("f"),
        "rate": number("rate"),
        "duration": number("dur"),
    }
    if absorption == "first_order":
        first = [route(1, _DEPOT, **extras)]
    elif absorption == "zero_order":
        first = [route(1, _CENTRAL, **extras | {"duration": number("tk0")}, always=True)]
    elif absorption == "mixed":
        lag = {"lag": number("tlag")}
        fraction, length = number("fr"), number("tk0")
        first = [
            route(1, _DEPOT, bioavailability=fraction, **lag),
            route(
                1,
                _CENTRAL,
                bioavailability=fraction,
                complement=True,
                duration=length,
                always=True,
                **lag,
            ),
        ]
    else:
        first = [route(1, _CENTRAL, **extras)]
    shift = 1 if absorption in ("first_order", "mixed") else 0
    others = [
        route(state + shift, state)
        for state in range(_CENTRAL, compartments + 1)
        if state + shift > 1
    ]
    return first + others


def _title(
    compartments: int,
    absorption: str | None,
    lag: bool,
    bioavailability: bool,
    parametrisation: str,
) -> str:
    how = {
        None: "intravenous",
        "first_order": "first-order absorption",
        "zero_order": "zero-order absorption",
        "mixed": "first- and zero-order absorption",
    }[absorption]
    title = f"{compartments} compartment{'s' if compartments > 1 else ''}, {how}"
    title += ", lag" if lag else ""
    title += ", bioavailability" if bioavailability else ""
    return title + (", rate constants" if parametrisation == "rates" else "")


def _equations(
    compartments: int, absorption: str | None, parametrisation: str, lag: bool, f: bool
) -> tuple[str, ...]:
    lines = []
    by_depot = absorption in ("first_order", "mixed")
    into = "k_a A_d" if by_depot else "R(t)"
    if absorption == "mixed":
        into = "k_a A_d + R(t)"
    if by_depot:
        lines.append(r"\frac{dA_d}{dt} = -k_a A_d")
    lines += _exchange(compartments, parametrisation, into)
    if absorption == "zero_order":
        lines.append(r"R(t) = D / T_{k0} \quad (0 \leq t < T_{k0})")
    if absorption == "mixed":
        lines.append(r"A_d(0) = F_r D, \quad R(t) = (1 - F_r) D / T_{k0} \quad (t < T_{k0})")
    if lag:
        lines.append(r"t = t_{dose} + T_{lag} \quad \mathrm{when\ a\ dose\ arrives}")
    if f:
        lines.append(r"D = F \cdot \mathrm{AMT}")
    return tuple(lines)


def _exchange(compartments: int, parametrisation: str, into: str) -> list[str]:
    """Return the equations of the central and the peripheral compartments."""
    if parametrisation == "rates":
        out, back = [r"k\,A_1"], []
        for j in range(2, compartments + 1):
            out.append(rf"k_{{1{j}}} A_1")
            into += rf" + k_{{{j}1}} A_{j}"
            back.append(rf"\frac{{dA_{j}}}{{dt}} = k_{{1{j}}} A_1 - k_{{{j}1}} A_{j}")
        volume = "V"
        first = rf"\frac{{dA_1}}{{dt}} = {into} - " + " - ".join(out)
        return [first, *back, rf"f(t) = A_1(t) / {volume}"]
    if compartments == 1:
        return [rf"V \frac{{dc}}{{dt}} = {into} - CL\,c", r"f(t) = c(t)"]
    q = {2: ("Q",), 3: ("Q_2", "Q_3")}[compartments]
    flows = [rf"{q[j]} (c_1 - c_{j + 2})" for j in range(compartments - 1)]
    first = rf"\frac{{dA_1}}{{dt}} = {into} - CL\,c_1 - " + " - ".join(flows)
    others = [rf"\frac{{dA_{j + 2}}}{{dt}} = {flow}" for j, flow in enumerate(flows)]
    return [first, *others, r"c_j = A_j / V_j, \quad f(t) = c_1(t)"]

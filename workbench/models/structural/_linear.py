"""Linear compartment models from options: compartments, absorption, lag, bioavailability."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.core import linear, mammillary
from workbench.core.schedule import R_LAG
from workbench.models.structural._base import StructuralModel
from workbench.models.structural._pk_text import (
    compartment_names,
    described,
    disposition_parameters,
    pk_parameters,
    pk_title,
)
from workbench.models.structural._routes import pk_routes

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# States of the linear family.
_STATES = {"depot": 0, "central": 1, "peripheral": 2, "peripheral2": 3}


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

    def context(self, n_blocks: int) -> Ints:  # noqa: ARG002 - every family is asked the same
        """Return the layout that `core.mammillary` describes."""
        own = np.full(mammillary.N_CONTEXT, -1, dtype=np.int64)
        own[mammillary.N_MODES] = self.n_modes
        own[mammillary.ABSORPTION] = self.absorption
        own[mammillary.BY_RATES] = self.by_rates
        own[mammillary.PERIPHERAL] = np.any(self.routes[:, 1] > _STATES["central"])
        own[mammillary.FIRST_ROLE : mammillary.FIRST_ROLE + len(self.roles)] = self.roles
        return own

    def lags(self) -> tuple[int, ...]:
        """Return the numbers of the lag times."""
        return tuple(int(k) for k in np.unique(self.routes[:, R_LAG]) if k >= 0)

    def settings(self) -> Floats:
        """Return nothing: closed forms have no tolerance."""
        return np.zeros(0)

    def work_size(self, parts: int, n_blocks: int) -> int:  # noqa: ARG002
        """Return the numbers of scratch."""
        return linear.work_size(self.n_modes, parts)


def options(compartments: int, absorption: str | None) -> dict[str, Any]:
    """Return the options of a model without lag and the like."""
    return {
        "compartments": compartments,
        "absorption": absorption,
        "elimination": "linear",
        "tmdd": None,
        "parametrisation": "clearance",
        "lag": False,
        "bioavailability": False,
        "rate": False,
        "duration": False,
    }


def linear_model(name: str, options: Mapping[str, Any]) -> StructuralModel:
    """Build a linear compartment model in closed form; `wb.pk` has the meaning of the options."""
    compartments, parametrisation = options["compartments"], options["parametrisation"]
    parameters, names = pk_parameters(options), compartment_names(options)
    roles = disposition_parameters(compartments, parametrisation)
    family = LinearFamily(
        n_modes=compartments,
        absorption=parameters.index("ka") if "ka" in parameters else -1,
        by_rates=parametrisation == "rates",
        roles=tuple(parameters.index(p) for p in roles),
        routes=pk_routes(options, parameters, names, _STATES),
    )
    details = [described(parameter, options) for parameter in parameters]
    symbols, units, meanings, typical = zip(*details, strict=True)
    return StructuralModel(
        name=name,
        title=pk_title(options),
        parameters=parameters,
        symbols=symbols,
        units=units,
        meanings=meanings,
        typical=typical,
        compartments=names,
        observed=names.index("central") + 1,
        equations=_equations(
            compartments,
            options["absorption"],
            parametrisation,
            options["lag"],
            options["bioavailability"],
        ),
        family=family,
        outputs=("c",),
        card=name,
        code=f"wb.structure({name!r})",
    )


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
        return [rf"V\,\frac{{dc}}{{dt}} = {into} - CL\,c", r"f(t) = c(t)"]
    q = {2: ("Q",), 3: ("Q_2", "Q_3")}[compartments]
    flows = [rf"{q[j]} (c_1 - c_{j + 2})" for j in range(compartments - 1)]
    first = rf"\frac{{dA_1}}{{dt}} = {into} - CL\,c_1 - " + " - ".join(flows)
    others = [rf"\frac{{dA_{j + 2}}}{{dt}} = {flow}" for j, flow in enumerate(flows)]
    return [first, *others, r"c_j = A_j / V_j, \quad f(t) = c_1(t)"]

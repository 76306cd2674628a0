"""Where the doses of pharmacokinetic options go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.models.structural._base import route

Ints = NDArray[np.int64]


def pk_routes(
    options: Mapping[str, Any],
    parameters: Sequence[str],
    compartments: Sequence[str],
    states: Mapping[str, int],
) -> Ints:
    """Return the table of routes; lag, F, rate and duration belong to the first compartment.

    Parameters
    ----------
    parameters : names, in the kernel's order
    compartments : names, in the order of CMT
    states : number of the state that stands for each compartment
    """

    def number(parameter: str) -> int:
        return parameters.index(parameter) if parameter in parameters else -1

    lag = {"lag": number("tlag")}
    extras = lag | {
        "bioavailability": number("f"),
        "rate": number("rate"),
        "duration": number("dur"),
    }
    first = states[compartments[0]]
    absorption = options["absorption"]
    if absorption == "zero_order":
        extras |= {"duration": number("tk0"), "always": 1}
    rows = [route(1, first, **extras)]
    if absorption == "mixed":
        fraction, length = number("fr"), number("tk0")
        rows = [
            route(1, first, bioavailability=fraction, **lag),
            route(
                1,
                states["central"],
                bioavailability=fraction,
                complement=1,
                duration=length,
                always=1,
                **lag,
            ),
        ]
    rows += [route(k, states[name]) for k, name in enumerate(compartments[1:], start=2)]
    return np.array(rows, dtype=np.int64)

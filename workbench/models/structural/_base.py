"""What every structural model file exports."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StructuralModel:
    """A structural model: its parameters, its compartments and one compiled prediction.

    Attributes
    ----------
    name : registry key; equals the file name
    title : what a person reads in a picker
    parameters : names of phi, in the kernel's order, e.g. ``("ka", "cl", "v")``
    symbols : mathtext of each parameter, e.g. ``("k_a", "CL", "V")``
    units : one template per parameter in the data's units: ``{TIME}``, ``{VOLUME}`` (amount unit
        over concentration unit), ``{DV}``, ``{AMT}``
    meanings : one short phrase per parameter
    typical : starting values a person may begin from when the data suggest none
    compartments : names of the compartments that take doses; CMT counts them from 1
    observed : 1-based compartment whose concentration is predicted
    equations : lines of LaTeX (mathtext) for the reader
    predict : kernel ``predict(order, phi, records, out, jets)``; `out` holds, for each
        observation, the prediction and its derivatives with respect to phi (see `core.jets`)
    n_jets : rows of scratch that `predict` needs
    """

    name: str
    title: str
    parameters: tuple[str, ...]
    symbols: tuple[str, ...]
    units: tuple[str, ...]
    meanings: tuple[str, ...]
    typical: tuple[float, ...]
    compartments: tuple[str, ...]
    observed: int
    equations: tuple[str, ...]
    predict: Callable[..., int]
    n_jets: int

"""A model made of equations, read and checked: what it is made of, in a fixed order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from workbench.models.equations.syntax import Expression, names
from workbench.models.equations.typeset import latex_lines


@dataclass(frozen=True, slots=True)
class DoseInput:
    """What the solver says about the last dose into a state.

    Attributes
    ----------
    quantity : "time" of the dose (``tad(state)`` is t minus this) or "amount" (``dose(state)``)
    state : the state it went into
    """

    quantity: str
    state: str

    @property
    def name(self) -> str:
        """Return the name of its entry of z; no user can write it."""
        return f"__{'tdose' if self.quantity == 'time' else 'dose'}_{self.state}"


@dataclass(frozen=True, slots=True)
class System:
    """Equations of one's own.

    Two are equal when text, outputs, covariates and the order of the parameters are.

    Attributes
    ----------
    text : as typed, line ends unified
    outputs : the names that are predicted, in the caller's order
    covariates : the data columns that the equations use, in the caller's order
    states : one for each d/dt, in the order of the text; doses go into them
    parameters : every name that is nothing else, in the order of first appearance
    dose_inputs : last doses that the equations ask for; the solver supplies them
    dosing : (kind, state) of the dosing quantities, kind "lag", "f", "rate" or "dur"
    warnings : sentences about what is allowed but looks odd
    definitions : (version of a name, expression), each after those it needs; only the needed
    latest : (name, its version that counts)
    rhs, initial : one expression for each state; initial is None where the state starts at 0
    observed : one expression for each output
    quantities : one expression for each entry of `dosing`
    """

    text: str
    outputs: tuple[str, ...]
    covariates: tuple[str, ...]
    states: tuple[str, ...] = field(compare=False)
    parameters: tuple[str, ...]
    dose_inputs: tuple[DoseInput, ...] = field(compare=False)
    dosing: tuple[tuple[str, str], ...] = field(compare=False)
    warnings: tuple[str, ...] = field(compare=False)
    definitions: tuple[tuple[str, Expression], ...] = field(compare=False, repr=False)
    latest: tuple[tuple[str, str], ...] = field(compare=False, repr=False)
    rhs: tuple[Expression, ...] = field(compare=False, repr=False)
    initial: tuple[Expression | None, ...] = field(compare=False, repr=False)
    observed: tuple[Expression, ...] = field(compare=False, repr=False)
    quantities: tuple[Expression, ...] = field(compare=False, repr=False)

    @property
    def z(self) -> tuple[str, ...]:
        """Names of the entries of z: states, parameters, covariates, dose inputs, time."""
        doses = tuple(one.name for one in self.dose_inputs)
        return (*self.states, *self.parameters, *self.covariates, *doses, "t")

    def names_of(self, kind: str) -> set[str]:
        """Return all names that the dosing quantities of a kind depend on."""
        found: set[str] = set()
        asked = [
            quantity
            for (of, _), quantity in zip(self.dosing, self.quantities, strict=True)
            if of == kind
        ]
        defined, latest = dict(self.definitions), dict(self.latest)
        while asked:
            new = {one.name for one in names(asked.pop())} - found
            found |= new
            versions = [latest.get(name, name) for name in new]
            asked += [defined[version] for version in versions if version in defined]
        return found

    def latex(self) -> tuple[str, ...]:
        """Return the equations as lines of mathtext, without dollar signs."""
        return latex_lines(self)

    def to_dict(self) -> dict[str, Any]:
        """Return what a saved model keeps; ``parse(**saved)`` reads it again."""
        return {
            "text": self.text,
            "outputs": list(self.outputs),
            "covariates": list(self.covariates),
        }

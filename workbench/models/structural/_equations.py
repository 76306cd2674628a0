"""Structural models made of equations: typed by a person, or generated from options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from textwrap import dedent
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.core import dynamic, odes
from workbench.core.jets import directions_of
from workbench.core.schedule import N_ROUTE
from workbench.errors import ModelError
from workbench.models.equations import CompiledSystem, System, compile_system, parse
from workbench.models.equations.typeset import symbols
from workbench.models.structural._base import StructuralModel, route
from workbench.registry import unknown_name

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

DRAFT = 1e-4  # tolerance of predictions far from where they are wanted
METHODS = ("auto", "explicit", "stiff", "linear")  # in the order of `odes_layout`

_DOSING = {"lag": "lag", "f": "bioavailability", "rate": "rate", "dur": "duration"}


@dataclass(frozen=True, slots=True)
class Solver:
    """Options of the differential equations' solver.

    Attributes
    ----------
    rtol : tolerance of one step, relative to each state
    atol : the same, relative to the greatest value that each state has had
    max_steps : steps allowed between two observations of a subject
    method
        "auto", "explicit" (Dormand-Prince), "stiff" (Radau IIA) or "linear" (exact, by the series
        of the exponential, for equations linear in the states with constant coefficients; the
        tolerances do not matter). "auto" is "linear" where possible, and otherwise begins with
        "explicit" and goes over to "stiff" where that pays.
    """

    rtol: float = 1e-8
    atol: float = 1e-12
    max_steps: int = 100_000
    method: str = "auto"

    def __post_init__(self) -> None:
        """Refuse what no solver can do."""
        if self.method not in METHODS:
            raise unknown_name("method of the solver", str(self.method), METHODS)
        for name, value, least, most in (
            ("rtol", self.rtol, 1e-14, 0.1),
            ("atol", self.atol, 0.0, 0.1),
            ("max_steps", self.max_steps, 1, 10**9),
        ):
            if not (isinstance(value, int | float) and least <= value <= most):
                raise ModelError(
                    f"wb.Solver({name}={value!r}): {name} is a number from {least:g} to {most:g}."
                )

    def packed(self) -> Floats:
        """Return the numbers that the kernel reads."""
        settings = np.array(
            [self.rtol, self.atol, self.max_steps, METHODS.index(self.method)], dtype=np.float64
        )
        assert len(settings) == odes.N_SETTINGS
        return settings


@dataclass(frozen=True, slots=True, eq=False)
class EquationFamily:
    """One model of the family of equations.

    Attributes
    ----------
    system : the equations, read and checked; compiled when the kernel is first asked for
    routes : (n_routes, schedule.N_ROUTE)  where doses go
    solver : the solver's options
    """

    system: System
    routes: Ints
    solver: Solver = field(default_factory=Solver)

    @property
    def compiled(self) -> CompiledSystem:
        """The equations as compiled functions."""
        return compile_system(self.system)

    def kernel(self) -> Callable[..., int]:
        """Return the kernel of all models made of equations."""
        return dynamic.predict

    def context(self, n_blocks: int) -> Ints:
        """Return the layout that `core.dynamic` and `core.odes_layout` describe."""
        compiled, system = self.compiled, self.system
        if self.solver.method == "linear" and not compiled.is_linear:
            raise ModelError(
                'wb.Solver(method="linear") needs equations that are linear in the states, with '
                'coefficients that do not depend on the time. Use method="auto".'
            )
        dosing = compiled.dosing
        n_dosing = len(system.dosing)
        head = [
            n_dosing,
            dosing.address if n_dosing else 0,
            dosing.nnz if n_dosing else 0,
            n_blocks,
        ]
        triplets = dosing.hessian_index.ravel() if n_dosing else np.zeros(0, np.int64)
        packed = odes.pack_system(
            n_states=len(system.states),
            n_phi=len(system.parameters),
            n_covariates=len(system.covariates) + len(system.dose_inputs),
            n_outputs=len(system.outputs),
            rhs=compiled.rhs.address,
            output=compiled.output.address,
            initial=compiled.initial.address,
            rhs_hessian=compiled.rhs.hessian_index.tolist(),
            output_hessian=compiled.output.hessian_index.tolist(),
            initial_hessian=compiled.initial.hessian_index.tolist(),
            dose_inputs=self._dose_inputs(),
            is_linear=compiled.is_linear,
        )
        return np.concatenate([np.array(head, np.int64), triplets, packed]).astype(np.int64)

    def _dose_inputs(self) -> list[tuple[int, int, int, int]]:
        """Return which places of z say when and how large the last dose into a state was.

        A state whose ``dose(...)`` is used receives nothing itself: the equations spread the dose.
        """
        system = self.system
        first = len(system.covariates)
        places = {(d.state, d.quantity): first + k for k, d in enumerate(system.dose_inputs)}
        table = []
        for state in dict.fromkeys(d.state for d in system.dose_inputs):
            consumed = (state, "amount") in places
            table.append(
                (
                    system.states.index(state),
                    places.get((state, "time"), -1),
                    places.get((state, "amount"), -1),
                    int(consumed),
                )
            )
        return table

    def lags(self) -> tuple[int, ...]:
        """Return the numbers of the parameters in ``lag(...) = ...``."""
        used = self.system.names_of("lag")
        return tuple(k for k, name in enumerate(self.system.parameters) if name in used)

    def settings(self) -> Floats:
        """Return the solver's tolerances."""
        return self.solver.packed()

    def precision(self) -> float:
        """Return the solver's relative tolerance; 0 where predictions are exact to rounding."""
        return 0.0 if self._exact else self.solver.rtol

    def draft(self) -> tuple[Floats, float]:
        """Return looser tolerances for predictions far from where they are wanted."""
        solver = self.solver
        if self._exact or solver.rtol >= DRAFT:
            return np.zeros(0), 0.0
        loose = replace(solver, rtol=DRAFT, atol=max(solver.atol, 1e-3 * DRAFT))
        return loose.packed(), DRAFT

    @property
    def _exact(self) -> bool:
        """True of explicit curves, and of linear systems that are advanced by the exponential."""
        linear = self.solver.method in ("auto", "linear") and self.compiled.is_linear
        return linear or not self.system.states

    def work_size(self, parts: int, n_blocks: int) -> int:
        """Return the numbers of scratch."""
        context, n_phi = self.context(n_blocks), len(self.system.parameters)
        own = context[dynamic.TRIPLETS + 3 * context[dynamic.NNZ] :]
        solver = odes.work_size(own, 2, directions_of(parts))
        return dynamic.extra_work(context, n_phi, parts) + solver


def routes_of(system: System, compartments: Iterable[str]) -> Ints:
    """Return one route for each compartment, which is a state of that name.

    The dosing quantities stand behind the parameters, see `core.dynamic`.
    """
    n_phi = len(system.parameters)
    rows = []
    for number, name in enumerate(compartments, start=1):
        extras = {
            _DOSING[kind]: n_phi + k for k, (kind, of) in enumerate(system.dosing) if of == name
        }
        rows.append(route(number, system.states.index(name), **extras))
    return np.array(rows, dtype=np.int64).reshape(-1, N_ROUTE)


def equation_model(
    name: str,
    title: str,
    text: str,
    outputs: Iterable[str],
    parameters: Mapping[str, tuple[str, str, str, float]],
    *,
    covariates: Iterable[str] = (),
    compartments: Iterable[str] | None = None,
    routes: Callable[[Mapping[str, int]], Ints] | None = None,
    solver: Solver | None = None,
) -> StructuralModel:
    """Build a model of the library from equations.

    Parameters
    ----------
    outputs : names of what is predicted
    parameters : name → symbol, unit, meaning, typical value; in the order of the kernel
    covariates : columns of the data that the equations use
    compartments : states that take doses, in the order of CMT; all by default
    routes : the table of routes, given the number of each state; one for each compartment by
        default, with the dosing quantities of the text
    solver : tolerances, where the model needs others
    """
    system = replace(parse(text, outputs, covariates), parameters=tuple(parameters))
    states = {state: i for i, state in enumerate(system.states)}
    names = system.states if compartments is None else tuple(compartments)
    table = routes_of(system, names) if routes is None else routes(states)
    symbols_, units, meanings, typical = zip(*parameters.values(), strict=True)
    return StructuralModel(
        name=name,
        title=title,
        parameters=system.parameters,
        symbols=symbols_,
        units=units,
        meanings=meanings,
        typical=typical,
        compartments=names,
        observed=0,
        equations=system.latex(),
        family=EquationFamily(system, table, solver or Solver()),
        outputs=system.outputs,
        covariates=system.covariates,
        card=name,
        code=f"wb.structure({name!r})",
    )


def equations(
    text: str,
    outputs: Iterable[str],
    *,
    covariates: Iterable[str] = (),
    typical: Mapping[str, float] | None = None,
    units: Mapping[str, str] | None = None,
    solver: Solver | None = None,
) -> StructuralModel:
    """Return a structural model made of equations; docs/equations.md has the language.

    Parameters
    ----------
    text : the equations, e.g. ``d/dt(central) = -cl/v*central`` and ``cp = central/v``
    outputs : names of what is predicted, one for each endpoint of the data, e.g. ``["cp"]``
    covariates : columns of the data that the equations use
    typical, units : starting values and units of parameters, for panels and tables
    solver : tolerances and method

    Raises
    ------
    EquationError
        The text cannot be understood; the message shows the place and what was expected.
    """
    if not isinstance(outputs, str):  # a single word is refused by name, not letter by letter
        outputs = tuple(outputs)
    covariates = tuple(covariates)
    parse(text, outputs, covariates)  # complaints name the lines as they were typed
    system = parse(dedent(text).strip("\n") + "\n", outputs, covariates)
    family = EquationFamily(system, routes_of(system, system.states), solver or Solver())
    known, unit_of = dict(typical or {}), dict(units or {})
    card: dict[str, Any] = {"text": system.text, "outputs": list(system.outputs)}
    if system.covariates:
        card["covariates"] = list(system.covariates)
    if typical:
        card["typical"] = {k: float(v) for k, v in known.items()}
    if units:
        card["units"] = unit_of
    if solver:
        card["solver"] = {
            "rtol": solver.rtol,
            "atol": solver.atol,
            "max_steps": solver.max_steps,
            "method": solver.method,
        }
    return StructuralModel(
        name="equations",
        title="Equations of one's own",
        parameters=system.parameters,
        symbols=tuple(symbols(system.parameters).values()),
        units=tuple(unit_of.get(name, "") for name in system.parameters),
        meanings=tuple("parameter of the equations" for _ in system.parameters),
        typical=tuple(known.get(name, 1.0) for name in system.parameters),
        compartments=system.states,
        observed=0,
        equations=system.latex(),
        family=family,
        outputs=system.outputs,
        covariates=system.covariates,
        card={"equations": card},
        code=_code(card),
    )


def from_card(card: Mapping[str, Any]) -> StructuralModel:
    """Return the structure of the "equations" part of a model card.

    Raises
    ------
    ModelError, UnknownNameError, EquationError
        A part is missing, misspelt or of the wrong kind, or the text cannot be understood.
    """
    known = ("text", "outputs", "covariates", "typical", "units", "solver")
    for part in card:
        if part not in known:
            raise unknown_name('part of "equations"', str(part), known)
    if not isinstance(card.get("text"), str) or not isinstance(card.get("outputs"), list):
        raise ModelError('"equations" of a model card needs a "text" and a list of "outputs".')
    solver = card.get("solver")
    return equations(
        card["text"],
        card["outputs"],
        covariates=card.get("covariates", ()),
        typical=card.get("typical"),
        units=card.get("units"),
        solver=Solver(**solver) if solver else None,
    )


def _code(card: Mapping[str, Any]) -> str:
    text = card["text"].rstrip("\n")
    arguments = [f"outputs={card['outputs']!r}"]
    arguments += [f"{k}={card[k]!r}" for k in ("covariates", "typical", "units") if k in card]
    if "solver" in card:
        values = ", ".join(f"{k}={v!r}" for k, v in card["solver"].items())
        arguments.append(f"solver=wb.Solver({values})")
    quoted = f'"""{text}\n"""' if '"""' not in text and "\\" not in text else repr(text)
    return f"wb.equations({quoted}, {', '.join(arguments)})"

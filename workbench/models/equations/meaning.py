"""Text to `System`: which name is what, what is needed, in which order, and what is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from workbench.errors import EquationError
from workbench.models.equations.branches import Definitions, collect, plain, spelled
from workbench.models.equations.complaint import complain, nearest
from workbench.models.equations.functions import DOSING, LAST_DOSE
from workbench.models.equations.grammar import TIME_NAMES, statements
from workbench.models.equations.syntax import (
    Expression,
    LastDose,
    Name,
    Number,
    Target,
    last_doses,
    names,
    rewritten,
)
from workbench.models.equations.system import DoseInput, System
from workbench.models.equations.tokens import check_size

MAX_STATES = 50
MAX_PARAMETERS = 100
MAX_OUTPUTS = 50
ALIKE = 0.8  # similarity from which an unknown name may be a misspelt one
MANY_PAIRS = 5_000  # of names, from which nobody would read what they are like


def parse(text: str, outputs: Iterable[str], covariates: Iterable[str] = ()) -> System:
    """Read the equations of a model.

    Parameters
    ----------
    text : the equations; docs/equations.md is the reference of the language
    outputs : names of states or definitions to predict, in this order
    covariates : names of data columns that the equations may use

    Raises
    ------
    EquationError
        The text is not of the language, or does not make a model; the message shows the place.
    """
    check_size(text)
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    return _parse(unified, _listed("outputs", outputs), _listed("covariates", covariates))


@lru_cache(maxsize=64)
def _parse(text: str, outputs: tuple[str, ...], covariates: tuple[str, ...]) -> System:
    reader = _Reader(text, covariates)
    return reader.system(outputs)


def _listed(what: str, given: Iterable[str]) -> tuple[str, ...]:
    if isinstance(given, str):
        raise EquationError(f"{what} is a list of names; write [{given!r}].")
    listed = tuple(given)
    for i, name in enumerate(listed):
        if not isinstance(name, str):
            raise EquationError(f"{what} is a list of names; {name!r} is none.")
        if name in listed[:i]:
            raise EquationError(f"{name!r} is given twice in {what}.")
    return listed


@dataclass(frozen=True, slots=True)
class _Root:
    """An expression that the solver evaluates, and what a message calls it."""

    what: str
    value: Expression


class _Reader:
    def __init__(self, text: str, covariates: tuple[str, ...]) -> None:
        self.text = text
        self.known_covariates = tuple(one for one in covariates if one not in TIME_NAMES)
        self.definitions: Definitions = collect(text, statements(text))
        odes = [target for (kind, _), (_, target) in self.settings() if kind == "ode"]
        self.states = tuple(target.name for target in odes)
        if len(self.states) > MAX_STATES:
            raise complain(
                text, odes[MAX_STATES].position, f"At most {MAX_STATES} states can be used."
            )
        self.check_targets()
        self.name_the_last_dose()
        self.check_last_doses()
        self.in_order([_Root(key, Name(key, 0)) for key in self.definitions.values])

    def settings(self) -> Iterator[tuple[tuple[str, str], tuple[Expression, Target]]]:
        return iter(self.definitions.settings.items())

    # -- what may be assigned -------------------------------------------------------------------

    def check_targets(self) -> None:
        for name, position in self.definitions.places.items():
            if name in self.states:
                raise complain(
                    self.text,
                    position,
                    f"{name!r} is a state: its value comes from d/dt({name}). Set the start by "
                    f"{name}(0) = ..., or give this another name.",
                    found=name,
                )
            self.check_free(name, position)
        for (kind, name), (_, target) in self.settings():
            if kind == "ode":
                self.check_free(name, target.position)
            elif name not in self.states:
                raise complain(
                    self.text,
                    target.position,
                    f"{spelled(kind, name)} needs a state, and there is no d/dt({name})."
                    f"{nearest(name, self.states)}{self.listing('States', self.states)}",
                    found=name,
                    expected="a state",
                )

    def check_free(self, name: str, position: int) -> None:
        if name in TIME_NAMES:
            sentence = f"{name!r} is the time and cannot be set."
        elif name in self.known_covariates:
            sentence = f"{name!r} is a column of the data and cannot be set. Use another name."
        else:
            return
        raise complain(self.text, position, sentence, found=name, expected="another name")

    @staticmethod
    def listing(what: str, known: Iterable[str]) -> str:
        known = list(known)
        return f" {what}: {', '.join(known)}." if known else f" {what}: none."

    def name_the_last_dose(self) -> None:
        """Read a bare ``podo`` or ``tad`` as that of the only state."""
        taken = {*self.definitions.latest, *self.states, *self.known_covariates}
        values, settings = self.definitions.values, self.definitions.settings
        used = [*values.values(), *(value for value, _ in settings.values())]
        bare = {"podo", "tad"} & {one.name for value in used for one in names(value)} - taken
        if not bare:
            return

        def change(name: Name) -> Expression:
            if name.name not in bare:
                return name
            if len(self.states) == 1:
                return LastDose(LAST_DOSE[name.name], self.states[0], name.position)
            raise complain(
                self.text,
                name.position,
                f"Say of which state: {name.name}(state).{self.listing('States', self.states)}",
                found=name.name,
                expected=f"{name.name}(state)",
            )

        for key, value in values.items():
            values[key] = rewritten(value, change)
        for place, (value, target) in settings.items():
            settings[place] = (rewritten(value, change), target)

    def check_last_doses(self) -> None:
        values = [*self.definitions.values.values(), *(value for _, (value, _) in self.settings())]
        for dose in (dose for value in values for dose in last_doses(value)):
            if dose.state not in self.states:
                raise complain(
                    self.text,
                    dose.position,
                    f"Doses go into states, and there is no d/dt({dose.state})."
                    f"{nearest(dose.state, self.states)}{self.listing('States', self.states)}",
                    found=dose.state,
                    expected="a state",
                )

    # -- the whole ------------------------------------------------------------------------------

    def system(self, outputs: tuple[str, ...]) -> System:
        settings = self.definitions.settings
        rhs = [_Root(spelled("ode", s), settings["ode", s][0]) for s in self.states]
        initial = {
            s: _Root(spelled("initial", s), settings["initial", s][0])
            for s in self.states
            if ("initial", s) in settings
        }
        dosing = tuple(key for key in settings if key[0] in DOSING.values())
        quantities = [_Root(spelled(*key), settings[key][0]) for key in dosing]
        observed = [self.output(name) for name in self.check_outputs(outputs)]
        order = self.in_order([*rhs, *initial.values(), *quantities, *observed])
        for root in (*initial.values(), *quantities):
            self.check_constant(root, order)
        used = [root.value for root in (*rhs, *initial.values(), *quantities, *observed)]
        used += [self.definitions.values[key] for key in order]
        free = self.free_names(used)
        parameters = tuple(name for name in free if name not in self.known_covariates)
        self.check_parameters(parameters, free)
        inputs = self.dose_inputs(used)
        return System(
            text=self.text,
            outputs=outputs,
            covariates=tuple(name for name in self.known_covariates if name in free),
            states=self.states,
            parameters=parameters,
            dose_inputs=inputs,
            dosing=dosing,
            warnings=(*self.warnings(order, parameters), *self.lost_doses(inputs)),
            definitions=tuple((key, self.definitions.values[key]) for key in order),
            latest=tuple(self.definitions.latest.items()),
            rhs=tuple(root.value for root in rhs),
            initial=tuple(initial[s].value if s in initial else None for s in self.states),
            observed=tuple(root.value for root in observed),
            quantities=tuple(root.value for root in quantities),
        )

    def check_outputs(self, outputs: tuple[str, ...]) -> tuple[str, ...]:
        known = [*self.definitions.latest, *self.states]
        if not known:
            raise EquationError("The text defines nothing. Write for example d/dt(a) = -k*a.")
        if not outputs:
            raise EquationError(
                "Name at least one output: what of the model is observed."
                + self.listing("Defined are", known)
            )
        if len(outputs) > MAX_OUTPUTS:
            raise EquationError(f"At most {MAX_OUTPUTS} outputs can be used, not {len(outputs)}.")
        for name in outputs:
            if name not in known:
                raise EquationError(
                    f"The output {name!r} is not defined by the equations."
                    f"{nearest(name, known)}{self.listing('Defined are', known)}",
                    found=name,
                )
        return outputs

    def output(self, name: str) -> _Root:
        return _Root(f"output {name}", Name(name, self.definitions.places.get(name, 0)))

    def key(self, name: str) -> str | None:
        """Return the version a name stands for, or None if it is not a definition."""
        key = self.definitions.latest.get(name, name)
        return key if key in self.definitions.values else None

    def needs(self, expression: Expression) -> list[tuple[str, int]]:
        """Return the definitions an expression refers to, with positions."""
        found = [(self.key(one.name), one.position) for one in names(expression)]
        return [(key, position) for key, position in found if key is not None]

    def in_order(self, roots: list[_Root]) -> list[str]:
        """Return the definitions that the roots need, each after those it needs itself."""
        order: dict[str, None] = {}
        for root in roots:
            path: list[str] = []  # definitions being looked at, outermost first
            waiting = [iter(self.needs(root.value))]
            while waiting:
                key, position = next(waiting[-1], ("", 0))
                if not key:
                    waiting.pop()
                    if path:
                        order[path.pop()] = None
                elif key in path:
                    raise self.cycle([*path[path.index(key) :], key], position)
                elif key not in order:
                    path.append(key)
                    waiting.append(iter(self.needs(self.definitions.values[key])))
        return list(order)

    def cycle(self, path: list[str], position: int) -> EquationError:
        shown = [plain(key) for key in path]
        shown = [one for i, one in enumerate(shown) if one != "if" and shown[i - 1 : i] != [one]]
        if len(shown) == 1:
            shown *= 2
        sentence = (
            f"{shown[0]!r} is defined by itself."
            if len(set(shown)) == 1
            else f"Definitions go round in a circle: {' -> '.join(shown)}."
        )
        return complain(self.text, position, sentence, found=shown[-1])

    def check_constant(self, root: _Root, order: list[str]) -> None:
        """Refuse an initial value or dosing quantity that depends on a state or a last dose."""
        via: dict[str, str] = {}
        for key in order:
            why = self.varies(self.definitions.values[key], via)
            if why:
                via[key] = why[0]
        found = self.varies(root.value, via)
        if found:
            raise complain(
                self.text,
                found[1],
                f"{root.what} may depend on parameters, covariates and the time; "
                f"{found[0]} is not known when it is needed.",
                found=found[0],
            )

    def varies(self, expression: Expression, via: dict[str, str]) -> tuple[str, int] | None:
        for dose in last_doses(expression):
            word = "dose" if dose.quantity == "amount" else "tad"
            return f"{word}({dose.state})", dose.position
        for one in names(expression):
            if one.name in self.states:
                return f"the state {one.name!r}", one.position
            key = self.key(one.name)
            if key in via:
                return f"{via[key]} (through {plain(key)!r})", one.position
        return None

    # -- names that are not defined -------------------------------------------------------------

    def free_names(self, used: list[Expression]) -> dict[str, int]:
        """Return what is neither state, definition nor time, with its first position."""
        first: dict[str, int] = {}
        for expression in used:
            for one in names(expression):
                if one.name in self.states or one.name == "t" or self.key(one.name):
                    continue
                first[one.name] = min(one.position, first.get(one.name, one.position))
        return dict(sorted(first.items(), key=lambda item: item[1]))

    def check_parameters(self, parameters: tuple[str, ...], free: dict[str, int]) -> None:
        if len(parameters) > MAX_PARAMETERS:
            name = parameters[MAX_PARAMETERS]
            raise complain(
                self.text,
                free[name],
                f"At most {MAX_PARAMETERS} parameters can be used; {name!r} is one more.",
                found=name,
            )

    def dose_inputs(self, used: list[Expression]) -> tuple[DoseInput, ...]:
        asked = [dose for expression in used for dose in last_doses(expression)]
        wanted = {(dose.state, dose.quantity) for dose in asked}
        return tuple(
            DoseInput(quantity, state)
            for state in self.states
            for quantity in ("time", "amount")
            if (state, quantity) in wanted
        )

    def lost_doses(self, inputs: tuple[DoseInput, ...]) -> Iterator[str]:
        """Point out ``f(x) = 0`` beside ``dose(x)``: needed elsewhere, here it undoes the dose."""
        for one in inputs:
            fraction, _ = self.definitions.settings.get(("f", one.state), (None, 0))
            nothing = isinstance(fraction, Number) and fraction.value == 0.0
            if one.quantity == "amount" and nothing:
                yield (
                    f"f({one.state}) = 0 leaves nothing of what dose({one.state}) stands for. "
                    "Leave it out: the dose does not enter the state besides."
                )

    def warnings(self, order: list[str], parameters: tuple[str, ...]) -> Iterator[str]:
        used = {plain(key) for key in order}
        for name, position in self.definitions.places.items():
            if name not in used:
                line = self.text.count("\n", 0, position) + 1
                yield f"{name!r} (line {line}) is defined and never used."
        known = [*self.states, *self.definitions.latest, *self.known_covariates]
        for name in parameters if len(parameters) * len(known) < MANY_PAIRS else ():
            near = difflib.get_close_matches(name, known, n=1, cutoff=ALIKE)
            numbered = bool(near) and name.rstrip("0123456789") == near[0].rstrip("0123456789")
            if near and not numbered and min(len(name), len(near[0])) > 3:
                yield f"{name!r} is taken as a parameter; it is not {near[0]!r}."
        every = sorted({*known, *parameters})
        folded: dict[str, str] = {}
        for name in every:
            other = folded.setdefault(name.lower(), name)
            if other != name and {other, name} & {*used, *parameters, *self.states}:
                yield f"{other!r} and {name!r} differ in capitals only, and are two names."

"""What flows where in a structural model: read from its differential equations.

A term that leaves one state and enters another is a flow between them. What only leaves is
elimination, what only enters is production, and a state that changes the rate of something else
acts on it. Closed forms are read from the equations that they solve.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.core.schedule import (
    R_ALWAYS,
    R_COMPLEMENT,
    R_DURATION,
    R_F,
    R_LAG,
    R_RATE,
    R_STATE,
)
from workbench.models.equations.branches import VERSION, plain
from workbench.models.equations.syntax import (
    Expression,
    LastDose,
    Name,
    Number,
    Product,
    Sum,
    children,
)
from workbench.models.pk import from_options, options_of
from workbench.models.structural import StructuralModel

MOST_TERMS = 24  # into which one side of an equation is multiplied out
MOST_IN_ALL = 600  # summands: of more, nobody wants to see the arrows
MOST_SYMBOLS = 4  # in one label
MOST_DRIVERS = 2  # arrows that show on what a rate or an output depends; else none


_Moving = frozenset[tuple[str, int]]
Named = tuple[str, str]  # kind ("state", "parameter" or "dose") and name


@dataclass(frozen=True, slots=True)
class Flow:
    """An arrow.

    Attributes
    ----------
    source, target : states or responses; "" is outside
    label : mathtext, may be empty
    acts : the source changes the target without losing anything to it
    """

    source: str
    target: str
    label: str = ""
    acts: bool = False


@dataclass(frozen=True, slots=True)
class Dose:
    """Where doses go, and what is estimated of their way.

    Attributes
    ----------
    state : that takes the dose
    marks : mathtext of lag, bioavailability, duration and the like
    zero_order : whether the dose enters at a constant rate
    transit : whether it passes a chain of transit compartments
    """

    state: str
    marks: tuple[str, ...] = ()
    zero_order: bool = False
    transit: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What a diagram shows.

    Attributes
    ----------
    states : in the order of the equations
    flows : arrows between states, from and to outside, and to responses
    doses : where doses go
    observed : state → outputs that are this state, its concentration or its logarithm
    responses : outputs that are functions of one or two states
    others : outputs that are drawn nowhere
    """

    states: tuple[str, ...]
    flows: tuple[Flow, ...]
    doses: tuple[Dose, ...]
    observed: Mapping[str, tuple[str, ...]]
    responses: tuple[str, ...]
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Term:
    """One summand: factors above and below the line."""

    sign: int
    above: tuple[Expression, ...]
    below: tuple[Expression, ...] = ()


def read(structure: StructuralModel) -> Reading:
    """Return what flows where in a structural model."""
    options = options_of(structure)
    source = structure if options is None else from_options({**options, "form": "ode"})
    return _Reader(source).reading()


def _spelled(node: Expression) -> str:
    """Return the expression as text, the same for equal expressions anywhere in the equations."""
    match node:
        case Name(name=name):
            return plain(name)
        case Number(value=value):
            return f"{value:g}"
        case Sum(terms=terms):
            return "(" + "".join(f"{'-+'[s > 0]}{_spelled(one)}" for s, one in terms) + ")"
        case Product(factors=factors):
            return "".join(f"{'*/'[d]}{_spelled(one)}" for d, one in factors)
        case _:
            inner = ",".join(_spelled(one) for one in children(node))
            what = getattr(node, "function", getattr(node, "operator", ""))
            return f"{type(node).__name__}{what}[{inner}]"


def _walk(node: Expression) -> Iterable[Expression]:
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(reversed(children(one)))


@dataclass
class _Reader:
    source: StructuralModel
    flows: list[Flow] = field(default_factory=list)
    transit: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        system: Any = self.source.family.system  # type: ignore[attr-defined]
        self.system = system
        self.versions = dict(system.definitions)
        self.latest = dict(system.latest)
        self.symbols = dict(zip(self.source.parameters, self.source.symbols, strict=True))
        self.uses: dict[str, frozenset[Named]] = {}
        for version, value in system.definitions:  # each after those that it needs
            self.uses[version] = self.named(value)

    def reading(self) -> Reading:
        system = self.system
        terms = {
            state: self.terms(value) for state, value in zip(system.states, system.rhs, strict=True)
        }
        self.read_flows(terms)
        observed: dict[str, list[str]] = {}
        responses, others = [], []
        for output, value in zip(system.outputs, system.observed, strict=True):
            place = self.observed_at(output, value)
            label = self.listed(self.parameters(self.defined(value)))
            drivers = [s for s in system.states if s in self.states_of(value)]
            if place:
                observed.setdefault(place, []).append(output)
            elif len(drivers) == 1 or (label and 1 < len(drivers) <= MOST_DRIVERS):
                responses.append(output)
                self.flows += [
                    Flow(s, output, label if k == 0 else "", acts=True)
                    for k, s in enumerate(drivers)
                ]
            else:
                others.append(output)
        return Reading(
            system.states,
            tuple(_joined(self.flows)),
            tuple(self.doses()),
            {state: tuple(names) for state, names in observed.items()},
            tuple(responses),
            tuple(others),
        )

    # Terms

    def terms(self, node: Expression, sign: int = 1) -> list[_Term]:
        """Return the summands, sums inside products multiplied out where that tells more."""
        match node:
            case Sum(terms=parts):
                return [one for s, part in parts for one in self.terms(part, sign * s)]
            case Product(factors=factors):
                found = [_Term(sign, ())]
                for divides, factor in factors:
                    found = self.multiplied(found, factor, divides=divides)
                return found
            case _:
                return [_Term(sign, (node,))]

    def multiplied(self, found: list[_Term], factor: Expression, *, divides: bool) -> list[_Term]:
        if divides:
            return [replace(one, below=(*one.below, factor)) for one in found]
        opened = isinstance(factor, Product | Sum) and not self.has_number(factor)
        parts = self.terms(factor) if opened else [_Term(1, (factor,))]
        if len(parts) * len(found) > MOST_TERMS:
            parts = [_Term(1, (factor,))]
        return [
            _Term(a.sign * b.sign, (*a.above, *b.above), (*a.below, *b.below))
            for a in found
            for b in parts
        ]

    @staticmethod
    def has_number(node: Expression) -> bool:
        return isinstance(node, Sum) and any(isinstance(one, Number) for _, one in node.terms)

    # What a term depends on

    def version(self, name: str) -> str:
        """Return which definition a name stands for; "" for none."""
        key = name if VERSION in name else self.latest.get(name, "")
        return key if key in self.versions else ""

    def defined(self, node: Expression) -> Expression:
        """Return what a name stands for."""
        while isinstance(node, Name) and self.version(node.name):
            node = self.versions[self.version(node.name)]
        return node

    def named(self, *nodes: Expression) -> frozenset[Named]:
        """Return the states, parameters and last doses in expressions, through definitions."""
        found: set[Named] = set()
        for node in nodes:
            for one in _walk(node):
                if isinstance(one, LastDose):
                    found.add(("dose", one.state))
                elif isinstance(one, Name):
                    found |= self.named_by(one.name)
        return frozenset(found)

    def named_by(self, name: str) -> frozenset[Named]:
        version = self.version(name)
        if version:
            return self.uses.get(version, frozenset())
        if name in self.system.states:
            return frozenset({("state", name)})
        return frozenset({("parameter", name)} if name in self.symbols else ())

    def states_of(self, *nodes: Expression) -> frozenset[str]:
        """Return the states that expressions depend on, through definitions."""
        return frozenset(name for kind, name in self.named(*nodes) if kind == "state")

    def uses_last_dose(self, *nodes: Expression) -> bool:
        """Whether expressions ask for the last dose, through definitions."""
        return any(kind == "dose" for kind, _ in self.named(*nodes))

    def all_parameters(self, *nodes: Expression) -> list[str]:
        """Return the parameters that expressions depend on, through definitions."""
        used = {name for kind, name in self.named(*nodes) if kind == "parameter"}
        return [name for name in self.source.parameters if name in used]

    def parameters(self, *nodes: Expression) -> list[str]:
        """Return the parameters that stand in expressions, in the order they are written."""
        found: dict[str, None] = {}
        for node in nodes:
            for one in _walk(node):
                if isinstance(one, Name) and one.name in self.symbols:
                    found[one.name] = None
        return list(found)

    # Flows

    def read_flows(self, terms: Mapping[str, Sequence[_Term]]) -> None:
        if sum(map(len, terms.values())) > MOST_IN_ALL:
            return
        matched: set[tuple[str, int]] = set()
        leaving: dict[_Moving, list[tuple[str, int, Counter[str]]]] = {}
        for state, j, moving, rest in self.signatures(terms, -1):
            leaving.setdefault(moving, []).append((state, j, rest))
        for target, k, moving, rest in self.signatures(terms, 1):
            for source, j, other in leaving.get(moving, ()):
                # What enters is what leaves, up to factors without states (a fraction, a volume).
                if source != target and (rest <= other or other <= rest):
                    self.between(source, target, terms[source][j])
                    matched |= {(source, j), (target, k)}
        for state, all_terms in terms.items():
            for k, one in enumerate(all_terms):
                if (state, k) not in matched:
                    self.across(state, one)

    def signatures(
        self, terms: Mapping[str, Sequence[_Term]], sign: int
    ) -> Iterable[tuple[str, int, _Moving, Counter[str]]]:
        """Return the terms of one sign: state, number, factors with states, the other factors."""
        for state, all_terms in terms.items():
            for k, term in enumerate(all_terms):
                if term.sign != sign:
                    continue
                moving, rest = Counter[str](), Counter[str]()
                for where, factors in (("*", term.above), ("/", term.below)):
                    for one in factors:
                        part = moving if self.states_of(one) else rest
                        part[where + _spelled(one)] += 1
                if moving:
                    yield state, k, frozenset(moving.items()), rest

    def between(self, source: str, target: str, term: _Term) -> None:
        label, rest = self.labels(term, {source, target})
        self.flows.append(Flow(source, target, label))
        self.drivers(term, source, rest, {source, target})

    def across(self, state: str, term: _Term) -> None:
        """Read a term that is found in one equation only."""
        depends = self.states_of(*term.above, *term.below)
        if self.uses_last_dose(*term.above, *term.below):
            self.transit.add(state)
            return
        label, rest = self.labels(term, {state})
        leaves = term.sign < 0
        if leaves and state not in depends:
            self.drivers(term, state, label or rest, {state})
            return
        if not leaves and depends - {state}:
            simple = not rest
            self.drivers(term, state, label if simple else rest, {state})
            if simple or not label:
                return
        self.flows.append(Flow(state, "", label) if leaves else Flow("", state, label))
        if leaves:
            self.drivers(term, state, rest, {state})

    def drivers(self, term: _Term, target: str, label: str, besides: set[str]) -> None:
        """Let the states that a term depends on act on the target."""
        depends = self.states_of(*term.above, *term.below) - besides
        if len(depends) > MOST_DRIVERS:
            return
        for k, state in enumerate(s for s in self.system.states if s in depends):
            self.flows.append(Flow(state, target, label if k == 0 else "", acts=True))

    # Labels

    def labels(self, term: _Term, own: set[str]) -> tuple[str, str]:
        """Return the label of a term: its plain factors, and the parameters in the others."""
        free_above = [f for f in term.above if isinstance(f, Name) and not self.states_of(f)]
        free_below = [f for f in term.below if isinstance(f, Name) and not self.states_of(f)]
        others = [f for f in (*term.above, *term.below) if f not in (*free_above, *free_below)]
        hidden = self.parameters(*others)
        if not free_above and not hidden:
            hidden = self.parameters(*(self.defined(one) for one in others))
        foreign = bool(self.states_of(*term.above, *term.below) - own)
        if hidden and not (foreign and free_above):
            return self.listed([*self.parameters(*free_above, *free_below), *hidden]), ""
        above = r"\,".join(self.symbol(f) for f in free_above)
        below = r"\,".join(self.symbol(f) for f in free_below)
        label = f"{above or '1'} / {below}" if below and above else above
        return label, self.listed(hidden)

    def symbol(self, name: Name) -> str:
        word = plain(name.name)
        return self.symbols.get(word) or rf"\mathrm{{{word.replace('_', chr(92) + '_')}}}"

    def listed(self, names: Sequence[str]) -> str:
        shown = [self.symbols[name] for name in names[:MOST_SYMBOLS]]
        return r",\, ".join([*shown, *([r"\ldots"] if len(names) > MOST_SYMBOLS else [])])

    # Doses and outputs

    def observed_at(self, output: str, value: Expression) -> str:
        """Return the state of which an output is the amount, concentration or logarithm."""
        depends = self.states_of(value)
        if output in self.system.states:
            return output
        if len(depends) != 1:
            return ""
        (state,) = depends
        node = self.defined(value)
        bare = not self.all_parameters(node)
        factors = [f for _, f in node.factors] if isinstance(node, Product) else [node]
        named = all(isinstance(f, Name) for f in factors)
        return state if bare or (named and isinstance(node, Product)) else ""

    def doses(self) -> Iterable[Dose]:
        system, routes = self.system, self.source.family.routes
        starts = dict(zip(system.states, system.initial, strict=True))
        unmarked = True
        for route in routes:
            state = system.states[route[R_STATE]]
            marks = [self.mark(int(route[place])) for place in (R_LAG, R_F, R_RATE, R_DURATION)]
            if marks[1] and route[R_COMPLEMENT]:
                marks[1] = f"1 - {marks[1]}"
            marks = [mark for mark in marks if mark]
            first = unmarked and starts[state] is None
            if not marks and not first:
                continue
            unmarked = False
            if state in self.transit:
                marks = [*self.transit_marks(state), *marks]
            yield Dose(state, tuple(marks), bool(route[R_ALWAYS]), state in self.transit)

    def transit_marks(self, state: str) -> list[str]:
        """Return the parameters of the chain that a dose passes."""
        value = self.system.rhs[self.system.states.index(state)]
        chain = [one for one in _walk(value) if isinstance(one, Name) and self.uses_last_dose(one)]
        return [self.symbols[name] for name in self.all_parameters(*chain)]

    def mark(self, number: int) -> str:
        """Return the mathtext of a dosing quantity by its number; "" for none."""
        if number < 0:
            return ""
        if number < len(self.source.parameters):
            return self.source.symbols[number]
        place = number - len(self.source.parameters)
        value = self.system.quantities[place]
        if isinstance(value, Name):
            return self.symbol(value)
        words = {"lag": r"\mathrm{lag}", "f": "F", "rate": r"\mathrm{rate}"}
        return words.get(self.system.dosing[place][0], r"\mathrm{dur}")


def _joined(flows: Sequence[Flow]) -> Iterable[Flow]:
    """Join arrows that run the same way; leave out acting where something is carried anyway."""
    labels: dict[tuple[str, str, bool], dict[str, None]] = {}
    for flow in flows:
        known = labels.setdefault((flow.source, flow.target, flow.acts), {})
        if flow.label:
            known[flow.label] = None
    pairs = {(a, b) for a, b, acts in labels if not acts and a and b}
    meeting = {(a, c) for a, b in pairs for c, d in pairs if b == d}
    for (source, target, acts), words in labels.items():
        carried = {(source, target), (target, source)} & (pairs | meeting)
        if not (acts and carried):
            yield Flow(source, target, r",\, ".join(words), acts)

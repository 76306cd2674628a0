"""From the syntax tree to the graph: names become entries of z or the nodes of definitions."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.models.equations.graph import Graph
from workbench.models.equations.syntax import (
    Call,
    Choice,
    Comparison,
    Expression,
    LastDose,
    Logic,
    Name,
    Number,
    Power,
    Product,
    Sum,
)
from workbench.models.equations.system import DoseInput, System


@dataclass(frozen=True, slots=True)
class Lowered:
    """The values of the four vector functions, as nodes of one graph."""

    graph: Graph
    rhs: tuple[int, ...]
    output: tuple[int, ...]
    initial: tuple[int, ...]
    dosing: tuple[int, ...]


def lower(system: System) -> Lowered:
    """Return the graph of a system.

    Raises
    ------
    EquationError
        The system needs more operations than `graph.MAX_NODES`.
    """
    graph = Graph()
    lowering = _Lowering(graph, system)
    for name, value in system.definitions:
        lowering.known[name] = lowering.node(value)
    return Lowered(
        graph,
        rhs=tuple(map(lowering.node, system.rhs)),
        output=tuple(map(lowering.node, system.observed)),
        initial=tuple(graph.zero if one is None else lowering.node(one) for one in system.initial),
        dosing=tuple(map(lowering.node, system.quantities)),
    )


class _Lowering:
    def __init__(self, graph: Graph, system: System) -> None:
        self.graph = graph
        self.known = {name: graph.variable(index) for index, name in enumerate(system.z)}
        self.latest = dict(system.latest)

    def node(self, expression: Expression) -> int:
        graph = self.graph
        match expression:
            case Number(value=value):
                return graph.number(value)
            case Name(name=name):
                return self.known[self.latest.get(name, name)]
            case LastDose(quantity=quantity, state=state):
                return self.last_dose(quantity, state)
            case Sum(terms=terms):
                signs, parts = zip(*terms, strict=True)
                return graph.add(zip(map(float, signs), map(self.node, parts), strict=True))
            case Product(factors=factors):
                product = self.node(factors[0][1])
                for divides, factor in factors[1:]:
                    combine = graph.divide if divides else graph.multiply
                    product = combine(product, self.node(factor))
                return product
            case Power(base=base, exponent=exponent):
                return graph.power(self.node(base), self.node(exponent))
            case Call(function=function, arguments=arguments):
                return self.call(function, list(map(self.node, arguments)))
            case Choice(branches=branches, otherwise=otherwise):
                value = self.node(otherwise)
                for condition, branch in reversed(branches):
                    value = graph.choice(self.condition(condition), self.node(branch), value)
                return value
            case Comparison() | Logic():
                return graph.choice(self.condition(expression), graph.one, graph.zero)

    def condition(self, expression: Expression) -> int:
        """Return the node of a truth value; a number is true when it is not 0."""
        graph = self.graph
        match expression:
            case Comparison(operator=operator, left=left, right=right):
                return graph.compare(operator, self.node(left), self.node(right))
            case Logic(operator="!", operands=(inner,)):
                return graph.negation(self.condition(inner))
            case Logic(operator="&&", operands=operands):
                return graph.every(map(self.condition, operands))
            case Logic(operands=operands):
                return graph.some(map(self.condition, operands))
            case _:
                return graph.truth(self.node(expression))

    def last_dose(self, quantity: str, state: str) -> int:
        given = self.known[DoseInput(quantity, state).name]
        if quantity == "amount":
            return given
        return self.graph.add([(1.0, self.known["t"]), (-1.0, given)])

    def call(self, function: str, arguments: list[int]) -> int:
        graph = self.graph
        if function == "pow":
            return graph.power(*arguments)
        if function == "abs":
            (x,) = arguments
            return graph.choice(graph.compare("<", x, graph.zero), graph.add([(-1.0, x)]), x)
        if function in ("min", "max"):
            sign = "<" if function == "max" else ">"
            # of two, the first is kept when a comparison fails: NaN wins over a constant
            best, *others = sorted(arguments, key=lambda one: graph.value(one) is not None)
            for one in others:
                best = graph.choice(graph.compare(sign, best, one), one, best)
            return best
        return graph.call(function, *arguments)

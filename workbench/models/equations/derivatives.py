"""Exact derivatives on the graph, written for values at the edge of a domain.

There the plain rules give 0/0 or 0 times infinity although the limit is finite (a dose at t = 0,
an empty compartment), so:

- derivatives of powers use functions of their own, `core.special.power_less` and `edge_log`;
- d exp(a), with a logarithm in a, is ``vanish(exp(a), da)``: 0 where exp(a) is 0;
- d (1/b), with an exponential in b, is ``vanish(1/b, -db/b)``: 0 where b is infinite;
- the derivative of a choice is the choice of derivatives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from workbench.models.equations.graph import Graph

Gradient = dict[int, int]  # index in z → node of the derivative

# May overflow; infinite derivative at an edge of its domain.
_SWELLING = frozenset({"exp", "expm1", "sinh", "cosh", "gamma", "power"})
_EDGED = frozenset({"log", "log10", "log2", "log1p", "power", "lgamma"})


class Derivatives:
    """Gradients of nodes with respect to z, each computed once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._gradients: dict[int, Gradient] = {}
        self._swells: dict[int, bool] = {}
        self._edged: dict[int, bool] = {}

    def of(self, roots: Iterable[int]) -> list[Gradient]:
        """Return the gradient of each root; an entry that is missing is 0."""
        roots = list(roots)
        for node in self.graph.reachable(roots):
            if node not in self._gradients:
                self._gradients[node] = self._gradient(node)
        return [self._gradients[root] for root in roots]

    def _gradient(self, node: int) -> Gradient:
        graph = self.graph
        operation, parts, data = graph.nodes[node]
        inner = [self._gradients[part] for part in parts]
        self._swells[node] = self._contains(node, self._swells, _SWELLING)
        self._edged[node] = self._contains(node, self._edged, _EDGED)
        if not any(inner) or operation in ("compare", "and", "or", "not"):
            return {int(data[0]): graph.one} if operation == "variable" else {}
        if operation == "vanish":
            return self._of_vanish(parts)
        if operation == "choice":
            return self._of_choice(parts[0], inner[1], inner[2])
        if operation == "call" and data[0] == "exp":
            return self._of_exp(node, parts[0])
        if operation == "divide":
            return self._of_quotient(node, parts)
        return self._chain(self._partials(node), inner)

    def _contains(self, node: int, known: dict[int, bool], names: frozenset[str]) -> bool:
        operation, parts, data = self.graph.nodes[node]
        return (operation == "call" and data[0] in names) or any(known[part] for part in parts)

    def _chain(self, partials: list[int], inner: list[Gradient]) -> Gradient:
        """Return the sum of partial derivative times inner gradient."""
        graph = self.graph
        found: Gradient = {}
        for index in dict.fromkeys(index for one in inner for index in one):
            terms = [
                (1.0, graph.multiply(partial, one[index]))
                for partial, one in zip(partials, inner, strict=True)
                if index in one
            ]
            total = graph.add(terms)
            if total != graph.zero:
                found[index] = total
        return found

    def _partials(self, node: int) -> list[int]:
        """Return the derivative of a node with respect to each of its parts."""
        graph = self.graph
        operation, parts, data = graph.nodes[node]
        if operation == "add":
            return [graph.number(float(coefficient)) for coefficient in data[1:]]
        if operation == "multiply":
            return [parts[1], parts[0]]
        if operation == "integer_power":
            n = float(data[0])
            lower = graph.power(parts[0], graph.number(n - 1.0))
            return [graph.add([(n, lower)])]
        return self._partials_of_call(node, str(data[0]), parts)

    def _partials_of_call(self, node: int, name: str, parts: tuple[int, ...]) -> list[int]:
        graph = self.graph
        if name in ("power", "power_less"):
            return self._partials_of_power(node, name, parts)
        return [_DERIVATIVES[name](graph, parts[0], node)]

    def _partials_of_power(self, node: int, name: str, parts: tuple[int, ...]) -> list[int]:
        """Differentiate ``x^y``, or ``x^(y-1)`` that is written with p = x^y to save work."""
        graph = self.graph
        x, y = parts[-2:]
        exponent = y if name == "power" else graph.add([(1.0, y)], -1.0)
        by_x = graph.multiply(exponent, graph.call("power_less", node, x, exponent))
        by_y = graph.multiply(node, graph.call("edge_log", x))
        return [by_x, by_y] if name == "power" else [graph.zero, by_x, by_y]

    # -- rules that keep 0 times infinity out ---------------------------------------------------

    def _of_choice(self, condition: int, first: Gradient, second: Gradient) -> Gradient:
        graph = self.graph
        return {
            index: graph.choice(
                condition, first.get(index, graph.zero), second.get(index, graph.zero)
            )
            for index in dict.fromkeys([*first, *second])
        }

    def _of_exp(self, node: int, argument: int) -> Gradient:
        product = self.graph.vanish if self._edged[argument] else self.graph.multiply
        return {i: product(node, da) for i, da in self._gradients[argument].items()}

    def _of_quotient(self, node: int, parts: tuple[int, ...]) -> Gradient:
        graph = self.graph
        a, b = parts
        da, db = self._gradients[a], self._gradients[b]
        if not db:
            reciprocal = graph.divide(graph.one, b)
            number = graph.value(b) is not None
            return {
                i: graph.divide(one, b) if number else graph.multiply(reciprocal, one)
                for i, one in da.items()
            }
        reciprocal = graph.divide(graph.one, b)
        product = graph.vanish if self._swells[b] else graph.multiply
        found: Gradient = {}
        for i in dict.fromkeys([*da, *db]):
            terms = [(1.0, graph.multiply(reciprocal, da[i]))] if i in da else []
            if i in db:
                terms.append((-1.0, product(reciprocal, graph.multiply(node, db[i]))))
            found[i] = graph.add(terms)
        return found

    def _of_vanish(self, parts: tuple[int, ...]) -> Gradient:
        """Differentiate ``e x`` as ``e (dx + x dlog e)``, for e = exp(a) or e = 1/b."""
        graph = self.graph
        factor, other = parts
        operation, inner, _ = graph.nodes[factor]
        d_other = self._gradients[other]
        if operation == "divide":
            logs = {
                i: graph.add([(-1.0, graph.multiply(factor, db))])
                for i, db in self._gradients[inner[1]].items()
            }
        else:
            logs = self._gradients[inner[0]]
        found: Gradient = {}
        for i in dict.fromkeys([*d_other, *logs]):
            terms = [(1.0, d_other[i])] if i in d_other else []
            if i in logs:
                terms.append((1.0, graph.multiply(other, logs[i])))
            found[i] = graph.vanish(factor, graph.add(terms))
        return found


def _over(graph: Graph, factor: float, x: int) -> int:
    return graph.add([(factor, graph.divide(graph.one, x))])


def _normal_density(graph: Graph, x: int) -> int:
    square = graph.power(x, graph.number(2.0))
    return graph.add(
        [(1.0 / math.sqrt(2.0 * math.pi), graph.call("exp", graph.add([(-0.5, square)])))]
    )


def _one_with_square(graph: Graph, sign: float, node: int) -> int:
    return graph.add([(sign, graph.power(node, graph.number(2.0)))], 1.0)


# Name → derivative, given the graph, the argument and the node itself.
_DERIVATIVES: dict[str, Callable[[Graph, int, int], int]] = {
    "log": lambda g, x, _: _over(g, 1.0, x),
    "log10": lambda g, x, _: _over(g, 1.0 / math.log(10.0), x),
    "log2": lambda g, x, _: _over(g, 1.0 / math.log(2.0), x),
    "log1p": lambda g, x, _: _over(g, 1.0, g.add([(1.0, x)], 1.0)),
    "expm1": lambda g, x, _: g.call("exp", x),
    "sqrt": lambda g, _, node: g.add([(0.5, g.call("edge_reciprocal", node))]),
    "edge_log": lambda g, x, _: g.call("edge_reciprocal", x),
    "edge_reciprocal": lambda g, _, node: g.add([(-1.0, g.multiply(node, node))]),
    "sin": lambda g, x, _: g.call("cos", x),
    "cos": lambda g, x, _: g.add([(-1.0, g.call("sin", x))]),
    "tan": lambda g, _, node: _one_with_square(g, 1.0, node),
    "asin": lambda g, x, _: _over(g, 1.0, g.call("sqrt", _one_with_square(g, -1.0, x))),
    "acos": lambda g, x, _: _over(g, -1.0, g.call("sqrt", _one_with_square(g, -1.0, x))),
    "atan": lambda g, x, _: _over(g, 1.0, _one_with_square(g, 1.0, x)),
    "sinh": lambda g, x, _: g.call("cosh", x),
    "cosh": lambda g, x, _: g.call("sinh", x),
    "tanh": lambda g, _, node: _one_with_square(g, -1.0, node),
    "lgamma": lambda g, x, _: g.call("digamma", x),
    "digamma": lambda g, x, _: g.call("trigamma", x),
    "gamma": lambda g, x, node: g.multiply(node, g.call("digamma", x)),
    "phi": lambda g, x, _: _normal_density(g, x),
}

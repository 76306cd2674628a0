"""Expressions as a graph in which equal parts are one node.

Nodes are numbered in order of creation, parts before wholes, so every walk is a loop over
numbers: nothing recurses, and what is shared is computed once. Only numbers are ever evaluated
here, in floating point, so no text can make that long; `MAX_NODES` bounds the rest.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from workbench.errors import EquationError

MAX_NODES = 60_000
MAX_INTEGER_POWER = 32

_COMPARE = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


class Node(NamedTuple):
    """An operation, the nodes it works on, and what else it needs.

    Operations: number (value), variable (index in z), add (constant, coefficients), multiply,
    divide, integer_power (exponent), call (name), vanish, choice, compare (operator), and, or, not.
    """

    operation: str
    parts: tuple[int, ...] = ()
    data: tuple[float | str, ...] = ()


class Graph:
    """The nodes of one system."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._known: dict[Node, int] = {}
        self.zero, self.one = self.number(0.0), self.number(1.0)

    def node(self, operation: str, parts: Iterable[int] = (), *data: float | str) -> int:
        """Return the number of this node, a new one if there is none like it."""
        node = Node(operation, tuple(parts), data)
        number = self._known.get(node)
        if number is None:
            number = self._known[node] = len(self.nodes)
            self.nodes.append(node)
            if number >= MAX_NODES:
                raise EquationError(
                    f"The equations and their derivatives need more than {MAX_NODES:,} "
                    "operations. Use fewer states or parameters, or shorter expressions."
                )
        return number

    def value(self, node: int) -> float | None:
        """Return the value of a number, or None for anything else."""
        operation, _, data = self.nodes[node]
        return float(data[0]) if operation == "number" else None

    # -- building -------------------------------------------------------------------------------

    def number(self, value: float) -> int:
        """Return a constant."""
        return self.node("number", (), float(value))

    def variable(self, index: int) -> int:
        """Return an entry of z."""
        return self.node("variable", (), index)

    def add(self, terms: Iterable[tuple[float, int]], constant: float = 0.0) -> int:
        """Return ``constant + sum of coefficient * node``, equal nodes collected."""
        collected: dict[int, float] = {}
        for coefficient, part in terms:
            value = self.value(part)
            if value is not None:
                constant = coefficient * value + constant
                continue
            scale, inner = self.scaled(part)
            collected[inner] = collected.get(inner, 0.0) + coefficient * scale
        kept = {part: coefficient for part, coefficient in collected.items() if coefficient != 0.0}
        if not kept:
            return self.number(constant)
        if constant == 0.0 and list(kept.values()) == [1.0]:
            return next(iter(kept))
        return self.node("add", kept, constant, *kept.values())

    def scaled(self, node: int) -> tuple[float, int]:
        """Return ``(c, inner)`` with node = c * inner."""
        operation, parts, data = self.nodes[node]
        if operation == "add" and len(parts) == 1 and data[0] == 0.0:
            return float(data[1]), parts[0]
        return 1.0, node

    def multiply(self, a: int, b: int) -> int:
        """Return a * b."""
        for one, other in ((a, b), (b, a)):
            value = self.value(one)
            if value is not None:
                return self.zero if value == 0.0 else self.add([(value, other)])
        (ca, a), (cb, b) = self.scaled(a), self.scaled(b)
        product = self.node("multiply", (min(a, b), max(a, b)))
        return self.add([(ca * cb, product)])

    def divide(self, a: int, b: int) -> int:
        """Return a / b; numbers divided by 0 are infinite or NaN, as everywhere at run time."""
        top, bottom = self.value(a), self.value(b)
        if top is not None and bottom is not None:
            with np.errstate(all="ignore"):
                return self.number(float(np.float64(top) / np.float64(bottom)))
        if bottom == 1.0 or top == 0.0:
            return a
        scale, inner = self.scaled(a)
        if scale == -1.0:
            return self.add([(-1.0, self.divide(inner, b))])
        return self.node("divide", (a, b))

    def power(self, base: int, exponent: int) -> int:
        """Return base ^ exponent; whole constant exponents are exact, also at 0."""
        value, n = self.value(base), self.value(exponent)
        if n is None:
            return self.call("power", base, exponent)
        if value is not None:
            with np.errstate(all="ignore"):
                return self.number(float(np.float64(value) ** np.float64(n)))
        if n == 0.5:
            return self.call("sqrt", base)
        if not (n.is_integer() and abs(n) <= MAX_INTEGER_POWER):
            return self.call("power", base, exponent)
        if n in (0.0, 1.0):
            return base if n else self.one
        if n == -1.0:
            return self.divide(self.one, base)
        return self.node("integer_power", (base,), int(n))

    def call(self, name: str, *arguments: int) -> int:
        """Return a function of `core.special` at these arguments."""
        return self.node("call", arguments, name)

    def vanish(self, factor: int, other: int) -> int:
        """Return factor * other, 0 where factor is 0 whatever other is."""
        if other == self.zero:
            return self.zero
        return factor if other == self.one else self.node("vanish", (factor, other))

    def choice(self, condition: int, first: int, second: int) -> int:
        """Return `first` where the condition holds, otherwise `second`."""
        if first == second:
            return first
        fixed = self.value(condition)
        if fixed is not None:
            return first if fixed else second
        return self.node("choice", (condition, first, second))

    def compare(self, sign: str, a: int, b: int) -> int:
        """Return the condition ``a sign b``."""
        left, right = self.value(a), self.value(b)
        if left is not None and right is not None:
            return self.one if _COMPARE[sign](left, right) else self.zero
        return self.node("compare", (a, b), sign)

    def truth(self, node: int) -> int:
        """Return the condition that a number is not 0."""
        operation, parts, _ = self.nodes[node]
        if operation == "choice" and parts[1:] == (self.one, self.zero):
            return parts[0]
        return self.compare("!=", node, self.zero)

    def every(self, conditions: Iterable[int]) -> int:
        """Return the condition that all hold."""
        return self._joined("and", conditions, self.one, self.zero)

    def some(self, conditions: Iterable[int]) -> int:
        """Return the condition that at least one holds."""
        return self._joined("or", conditions, self.zero, self.one)

    def _joined(self, how: str, conditions: Iterable[int], neutral: int, decisive: int) -> int:
        kept: dict[int, None] = {}
        for one in conditions:
            fixed = self.value(one)
            if fixed is None:
                kept[one] = None
            elif bool(fixed) == bool(self.value(decisive)):
                return decisive
        if len(kept) < 2:
            return next(iter(kept), neutral)
        return self.node(how, kept)

    def negation(self, condition: int) -> int:
        """Return the condition that it does not hold."""
        fixed = self.value(condition)
        if fixed is not None:
            return self.zero if fixed else self.one
        return self.node("not", (condition,))

    # -- walking --------------------------------------------------------------------------------

    def reachable(self, roots: Iterable[int]) -> list[int]:
        """Return all nodes that the roots need, parts before wholes."""
        found: set[int] = set()
        waiting = list(roots)
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting.extend(self.nodes[one].parts)
        return sorted(found)

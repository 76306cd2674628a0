"""The syntax tree of the equations. Sums and products are flat, so depth is nesting only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial


@dataclass(frozen=True, slots=True)
class Number:
    """A literal."""

    value: float
    position: int


@dataclass(frozen=True, slots=True)
class Name:
    """A state, definition, covariate, parameter, or the time ``t``."""

    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Sum:
    """``+a - b + c``: signs are +1 or -1."""

    terms: tuple[tuple[int, Expression], ...]
    position: int


@dataclass(frozen=True, slots=True)
class Product:
    """``a / b * c``, from left to right; True marks a divisor."""

    factors: tuple[tuple[bool, Expression], ...]
    position: int


@dataclass(frozen=True, slots=True)
class Power:
    """``base ^ exponent``."""

    base: Expression
    exponent: Expression
    position: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function of expressions."""

    function: str
    arguments: tuple[Expression, ...]
    position: int


@dataclass(frozen=True, slots=True)
class LastDose:
    """``dose(state)`` (quantity "amount") or ``tad(state)`` (quantity "time")."""

    quantity: str
    state: str
    position: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """``left operator right``; true is 1 and false is 0 where a number is needed."""

    operator: str
    left: Expression
    right: Expression
    position: int


@dataclass(frozen=True, slots=True)
class Logic:
    """``a && b && c`` or ``a || b``, or ``!a``; a number counts as true when it is not 0."""

    operator: str
    operands: tuple[Expression, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Choice:
    """The value of the first branch whose condition holds, otherwise the last value."""

    branches: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression
    position: int


Expression = Number | Name | Sum | Product | Power | Call | LastDose | Comparison | Logic | Choice


@dataclass(frozen=True, slots=True)
class Target:
    """Left side of a statement.

    Attributes
    ----------
    kind : "name", "ode" (d/dt), "initial", or a dosing quantity "lag", "f", "rate", "dur"
    name : the name assigned, or the state
    position : of the name
    """

    kind: str
    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Assignment:
    """``target = value``."""

    target: Target
    value: Expression


@dataclass(frozen=True, slots=True)
class If:
    """``if (c) {...} else if (d) {...} else {...}``; the last block may be empty."""

    branches: tuple[tuple[Expression, tuple[Statement, ...]], ...]
    otherwise: tuple[Statement, ...]
    position: int


Statement = Assignment | If


def children(node: Expression) -> tuple[Expression, ...]:
    """Return the parts of an expression, in the order they are written."""
    if isinstance(node, Sum):
        return tuple(term for _, term in node.terms)
    if isinstance(node, Product):
        return tuple(factor for _, factor in node.factors)
    if isinstance(node, Power):
        return (node.base, node.exponent)
    if isinstance(node, Call):
        return node.arguments
    if isinstance(node, Comparison):
        return (node.left, node.right)
    if isinstance(node, Logic):
        return node.operands
    if isinstance(node, Choice):
        return (*(part for branch in node.branches for part in branch), node.otherwise)
    return ()


def names(node: Expression) -> list[Name]:
    """Return every name in an expression, in the order they are written."""
    found: list[Name] = []
    waiting: list[Expression] = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Name):
            found.append(one)
        waiting.extend(reversed(children(one)))
    return found


def last_doses(node: Expression) -> list[LastDose]:
    """Return every ``dose(...)`` and ``tad(...)`` in an expression."""
    found: list[LastDose] = []
    waiting: list[Expression] = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, LastDose):
            found.append(one)
        waiting.extend(reversed(children(one)))
    return found


def rewritten(node: Expression, change: Callable[[Name], Expression]) -> Expression:
    """Return the expression with every name replaced by what `change` makes of it."""
    inner = partial(rewritten, change=change)  # and `map`: one frame of the stack for each level
    match node:
        case Name():
            return change(node)
        case Sum(terms=terms):
            signs, parts = zip(*terms, strict=True)
            return replace(node, terms=tuple(zip(signs, map(inner, parts), strict=True)))
        case Product(factors=factors):
            divides, parts = zip(*factors, strict=True)
            return replace(node, factors=tuple(zip(divides, map(inner, parts), strict=True)))
        case Power(base=base, exponent=exponent):
            return replace(node, base=inner(base), exponent=inner(exponent))
        case Call(arguments=arguments):
            return replace(node, arguments=tuple(map(inner, arguments)))
        case Comparison(left=left, right=right):
            return replace(node, left=inner(left), right=inner(right))
        case Logic(operands=operands):
            return replace(node, operands=tuple(map(inner, operands)))
        case Choice(branches=branches, otherwise=otherwise):
            conditions, values = zip(*branches, strict=True)
            changed = zip(map(inner, conditions), map(inner, values), strict=True)
            return replace(node, branches=tuple(changed), otherwise=inner(otherwise))
        case _:
            return node

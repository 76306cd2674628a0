"""Statements to definitions: every name gets one value, whatever ``if`` blocks assign to it.

A value that a block gives to a name becomes a version of that name (``kin'0``, ``kin'1``: no user
can write an apostrophe), and after the block one `Choice` between versions is the next version.
Names may be used anywhere, before or after their definition; only inside a block does order count.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from workbench.errors import EquationError
from workbench.models.equations.complaint import complain
from workbench.models.equations.syntax import (
    Assignment,
    Choice,
    Expression,
    If,
    Name,
    Statement,
    Target,
    rewritten,
)

VERSION = "'"

Values = dict[str, str | None]  # name → version; None: no value yet


def plain(key: str) -> str:
    """Return the name that a version belongs to."""
    return key.split(VERSION)[0]


@dataclass(slots=True)
class Definitions:
    """Every version of every name, and what else the text sets.

    Attributes
    ----------
    values : version → expression
    latest : name → its last version, the one that counts
    places : name → position where it is first assigned
    settings : ("ode" | "initial" | "lag" | "f" | "rate" | "dur", state) → (expression, target)
    """

    values: dict[str, Expression] = field(default_factory=dict)
    latest: dict[str, str] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    settings: dict[tuple[str, str], tuple[Expression, Target]] = field(default_factory=dict)

    def add(self, name: str, value: Expression) -> str:
        """Store the next version of a name, and return what it is called."""
        number = self._counts.get(name, 0)
        self._counts[name] = number + 1
        version = f"{name}{VERSION}{number}"
        self.values[version] = value
        return version

    _counts: dict[str, int] = field(default_factory=dict)


def collect(text: str, statements: tuple[Statement, ...]) -> Definitions:
    """Gather what the statements define.

    Raises
    ------
    EquationError
        Something is set twice, or has no value in some branch.
    """
    definitions = Definitions()
    for statement in statements:
        if isinstance(statement, If):
            _top_level_if(text, definitions, statement)
        elif statement.target.kind == "name":
            _define(text, definitions, statement)
        else:
            _set(text, definitions, statement)
    return definitions


def _define(text: str, definitions: Definitions, statement: Assignment) -> None:
    name, position = statement.target.name, statement.target.position
    if name in definitions.latest:
        raise _twice(text, position, repr(name), definitions.places[name])
    definitions.places[name] = position
    definitions.latest[name] = definitions.add(name, statement.value)


def _set(text: str, definitions: Definitions, statement: Assignment) -> None:
    target = statement.target
    key = (target.kind, target.name)
    if key in definitions.settings:
        first = definitions.settings[key][1].position
        raise _twice(text, target.position, spelled(*key), first)
    definitions.settings[key] = (statement.value, target)


def _twice(text: str, position: int, what: str, first: int) -> EquationError:
    line = text.count("\n", 0, first) + 1
    return complain(
        text,
        position,
        f"{what} is set twice, first in line {line}. "
        "To change it under a condition, use an if block after the first.",
        found=what,
    )


def spelled(kind: str, state: str) -> str:
    """Return the left side as a person writes it."""
    words = {"ode": f"d/dt({state})", "initial": f"{state}(0)"}
    return words.get(kind, f"{kind}({state})")


def _top_level_if(text: str, definitions: Definitions, statement: If) -> None:
    targets = _assigned(text, statement)
    values: Values = {name: definitions.latest.get(name) for name in targets}
    _run_if(text, definitions, statement, values)
    for name, target in targets.items():
        version = values[name]
        if version is None:
            raise complain(
                text,
                target.position,
                f"{name!r} gets a value in some branches only. Set it in every branch and in "
                "'else', or give it a value before the 'if'.",
                found=name,
            )
        definitions.places.setdefault(name, target.position)
        definitions.latest[name] = version


def _assigned(text: str, statement: If) -> dict[str, Target]:
    """Return the names a block assigns, each with its first place, inner blocks included."""
    found: dict[str, Target] = {}
    waiting: list[Statement] = [statement]
    while waiting:
        one = waiting.pop()
        if isinstance(one, If):
            bodies = [*(body for _, body in one.branches), one.otherwise]
            waiting.extend(inner for body in reversed(bodies) for inner in reversed(body))
        elif one.target.kind == "name":
            found.setdefault(one.target.name, one.target)
        else:
            what = spelled(one.target.kind, one.target.name)
            raise complain(
                text,
                one.target.position,
                f"{what} cannot be set inside an if block. Assign a name there, "
                f"and use it after the block: {what} = name.",
                found=what,
                expected="a name",
            )
    return found


def _run_if(text: str, definitions: Definitions, statement: If, values: Values) -> None:
    """Follow every branch from `values`, then merge what they assign into `values`."""
    conditions, ends = [], []
    for condition, body in statement.branches:
        known = _versioned(text, condition, values)
        conditions.append(definitions.add("if", known))
        ends.append(_run_block(text, definitions, body, dict(values)))
    end = _run_block(text, definitions, statement.otherwise, dict(values))
    for name in _assigned(text, statement):
        versions = [one[name] for one in ends]
        last = end[name]
        if last is None or None in versions:
            values[name] = None
            continue
        at = statement.position
        branches = tuple(
            (Name(condition, at), Name(str(version), at))
            for condition, version in zip(conditions, versions, strict=True)
        )
        values[name] = definitions.add(name, Choice(branches, Name(last, at), at))


def _run_block(
    text: str, definitions: Definitions, body: tuple[Statement, ...], values: Values
) -> Values:
    for statement in body:
        if isinstance(statement, If):
            _run_if(text, definitions, statement, values)
        else:
            value = _versioned(text, statement.value, values)
            name = statement.target.name
            definitions.places.setdefault(name, statement.target.position)
            values[name] = definitions.add(name, value)
    return values


def _versioned(text: str, expression: Expression, values: Values) -> Expression:
    """Return the expression with the names of a block replaced by their present versions."""

    def version(name: Name) -> Expression:
        if name.name not in values:
            return name
        present = values[name.name]
        if present is None:
            raise complain(
                text,
                name.position,
                f"{name.name!r} has no value yet at this place of the block.",
                found=name.name,
            )
        return replace(name, name=present)

    return rewritten(expression, version)

"""Equations as lines of mathtext (the part of LaTeX that matplotlib can draw)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from workbench.models.equations.branches import VERSION, plain
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

if TYPE_CHECKING:
    from workbench.models.equations.system import System

LONGEST = 1500  # characters of mathtext in one line; more is shown as dots
DEEPEST = 12  # levels of nesting; mathtext is slow beyond

# How tightly the parts of an expression bind.
_CHOICE, _OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _POWER, _ATOM = range(9)

_GREEK = frozenset({
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa",
    "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi",
    "omega",
})  # fmt: skip
_CUSTOMARY = {
    "cl": "CL", "v": "V", "q": "Q", "vc": "V_{c}", "vp": "V_{p}", "vmax": "V_{max}",
    "km": "K_{m}", "kd": "K_{D}", "emax": "E_{max}", "imax": "I_{max}", "ec": "EC", "ic": "IC",
    "mtt": "MTT", "tlag": "t_{lag}",
}  # fmt: skip
_WORD = re.compile(r"([A-Za-z]+)(\d*)((?:_[A-Za-z0-9]+)*)_*")
_COMMANDS = {"log": r"\ln", "log10": r"\log_{10}", "log2": r"\log_{2}", "gamma": r"\Gamma"}
_NAMED = frozenset({"exp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "min", "max"})
_SIGNS = {"<=": r"\leq", ">=": r"\geq", "!=": r"\neq", "==": "="}


def latex_lines(system: System) -> tuple[str, ...]:
    """Return the equations as mathtext, without dollar signs."""
    return tuple(_Writer(system).lines())


def symbols(names: Iterable[str]) -> dict[str, str]:
    """Return mathtext for each name: ``ka`` is k with subscript a, ``cl`` is CL.

    Names that would look the same (``v1`` and ``V1``) are all shown as they are spelled.
    """
    pretty = {name: _symbol(name) for name in names}
    shown = list(pretty.values())
    return {
        name: symbol if shown.count(symbol) == 1 else _literal(name)
        for name, symbol in pretty.items()
    }


def _literal(name: str) -> str:
    return rf"\mathrm{{{name.replace('_', chr(92) + '_')}}}"


def _symbol(name: str) -> str:
    match = _WORD.fullmatch(name)
    if match is None:
        return _literal(name)
    stem, digits, rest = match.groups()
    indices = [*([digits] if digits else []), *rest.split("_")[1:]]
    if stem.lower() in _CUSTOMARY and stem.islower():
        symbol = _CUSTOMARY[stem]
        if indices and symbol.endswith("}"):
            symbol, inner = symbol[:-1].split("_{")
            indices.insert(0, inner)
    elif stem in _GREEK:
        symbol = rf"\{stem}"
    elif stem[0] == "k" and 1 < len(stem) <= 4 and stem.islower():
        symbol, indices = "k", [stem[1:] + digits, *rest.split("_")[1:]]
    else:
        symbol = stem if len(stem) == 1 else rf"\mathit{{{stem}}}"
    return f"{symbol}_{{{','.join(indices)}}}" if indices else symbol


def _beside(left: str, right: str) -> str:
    """Return a product; a dot keeps numbers apart."""
    return left + (r" \cdot " if right[0].isdigit() else r"\,") + right


class _TooLongError(Exception):
    """The expression would not be readable."""


class _Writer:
    def __init__(self, system: System) -> None:
        self.system = system
        self.versions = dict(system.definitions)
        self.latest = dict(system.latest)
        defined = dict.fromkeys(plain(key) for key in self.versions)
        known = dict.fromkeys([*system.z, *defined])
        self.symbols = symbols(name for name in known if not name.startswith("_"))
        self.level = self.length = 0

    def lines(self) -> Iterable[str]:
        system = self.system
        for key, value in system.definitions:
            if self.latest.get(plain(key)) == key:
                yield self.line(self.symbols[plain(key)], value)
        for state, value in zip(system.states, system.rhs, strict=True):
            yield self.line(rf"\frac{{d\,{self.symbols[state]}}}{{dt}}", value)
        for state, start in zip(system.states, system.initial, strict=True):
            if start is not None:
                yield self.line(f"{self.symbols[state]}(0)", start)
        words = {"f": "F", "lag": r"\mathrm{lag}", "rate": r"\mathrm{rate}", "dur": r"\mathrm{dur}"}
        for (kind, state), value in zip(system.dosing, system.quantities, strict=True):
            yield self.line(f"{words[kind]}({self.symbols[state]})", value)

    def line(self, left: str, value: Expression) -> str:
        self.level = self.length = 0
        try:
            return f"{left} = {self.write(value, _CHOICE)}"
        except _TooLongError:
            return rf"{left} = \ldots"

    def write(self, node: Expression, outside: int) -> str:
        """Return mathtext, in parentheses if the surroundings bind more tightly."""
        self.level += 1
        if self.level > DEEPEST:
            raise _TooLongError
        binding, written = self.parts(node)
        self.level -= 1
        self.length += 8
        if len(written) + self.length > LONGEST:
            raise _TooLongError
        return rf"\left({written}\right)" if binding < outside else written

    def parts(self, node: Expression) -> tuple[int, str]:
        match node:
            case Number(value=value):
                return self.number(value)
            case Name(name=name):
                return self.name(name)
            case LastDose(quantity=quantity, state=state):
                word = "tad" if quantity == "time" else "dose"
                return _ATOM, rf"\mathrm{{{word}}}({self.symbols[state]})"
            case Sum(terms=terms):
                return _SUM, self.sum(terms)
            case Product(factors=factors):
                return self.product(factors)
            case Power(base=base, exponent=exponent):
                return _POWER, self.power(base, exponent)
            case Call():
                return self.call(node)
            case Comparison(operator=operator, left=left, right=right):
                sign = _SIGNS.get(operator, operator)
                return _COMPARE, f"{self.write(left, _SUM)} {sign} {self.write(right, _SUM)}"
            case Logic(operator="!", operands=(inner,)):
                return _NOT, rf"\neg {self.write(inner, _ATOM)}"
            case Logic(operator=operator, operands=operands):
                inside = _OR if operator == "||" else _AND
                sign = r" \vee " if operator == "||" else r" \wedge "
                return inside, sign.join(self.write(one, inside + 1) for one in operands)
            case Choice():
                return _CHOICE, self.choice(node)

    def name(self, name: str) -> tuple[int, str]:
        key = self.latest.get(name, name) if VERSION not in name else name
        if VERSION in name and self.latest.get(plain(name)) != key:
            return self.parts(self.versions[key])  # a value inside a block: shown in its place
        return _ATOM, self.symbols[plain(name)]

    @staticmethod
    def number(value: float) -> tuple[int, str]:
        mantissa, _, exponent = f"{value:.12g}".partition("e")
        if not exponent:
            return _ATOM, mantissa
        power = f"10^{{{int(exponent)}}}"
        return (_POWER, power) if mantissa == "1" else (_PRODUCT, rf"{mantissa} \cdot {power}")

    def sum(self, terms: tuple[tuple[int, Expression], ...]) -> str:
        written = ""
        for i, (sign, term) in enumerate(terms):
            # a minus reaches over a product, but not over a sum; 'a + -b' gets parentheses
            one = self.write(term, _PRODUCT)
            written += (" - " if i else "-") + one if sign < 0 else (" + " if i else "") + one
        return written

    def product(self, factors: tuple[tuple[bool, Expression], ...]) -> tuple[int, str]:
        """Write a product; divisors that follow each other share one fraction bar."""
        binding, written, divisors = _ATOM, "", []
        for i, (divides, factor) in enumerate(factors):
            if divides:
                divisors.append(factor)
                if i + 1 == len(factors) or not factors[i + 1][0]:
                    written, divisors = self.fraction(written, divisors), []
                    binding = _POWER
            elif i == 0:
                # the whole of a numerator needs no parentheses
                written = self.write(factor, _SUM if factors[1][0] else _PRODUCT)
            else:
                written, binding = _beside(written, self.write(factor, _PRODUCT)), _PRODUCT
        return binding, written

    def fraction(self, numerator: str, divisors: list[Expression]) -> str:
        outside = _CHOICE if len(divisors) == 1 else _PRODUCT
        denominator = ""
        for one in divisors:
            written = self.write(one, outside)
            denominator = _beside(denominator, written) if denominator else written
        return rf"\frac{{{numerator}}}{{{denominator}}}"

    def power(self, base: Expression, exponent: Expression) -> str:
        written = self.write(base, _ATOM)
        if not isinstance(base, Number | Name) and not written.startswith(r"\left("):
            written = rf"\left({written}\right)"
        return f"{written}^{{{self.write(exponent, _CHOICE)}}}"

    def call(self, node: Call) -> tuple[int, str]:
        name, arguments = node.function, node.arguments
        if name == "pow":
            return _POWER, self.power(*arguments)
        if name == "sqrt":
            return _POWER, rf"\sqrt{{{self.write(arguments[0], _CHOICE)}}}"
        if name == "abs":
            return _ATOM, rf"\left|{self.write(arguments[0], _CHOICE)}\right|"
        if name == "exp" and isinstance(arguments[0], Name | Number):
            return _POWER, f"e^{{{self.write(arguments[0], _CHOICE)}}}"
        if name == "phi":
            word = r"\Phi"
        elif name in _NAMED:
            word = rf"\{name}"
        else:
            word = _COMMANDS.get(name, rf"\mathrm{{{name}}}")
        inside = ",\\, ".join(self.write(one, _CHOICE) for one in arguments)
        return _ATOM, rf"{word}\left({inside}\right)"

    def choice(self, node: Choice) -> str:
        parts = [
            rf"{self.write(value, _OR)}\;\;\mathrm{{if}}\;\;{self.write(condition, _OR)}"
            for condition, value in node.branches
        ]
        return ",\\quad ".join([*parts, rf"{self.write(node.otherwise, _OR)}\;\;\mathrm{{else}}"])

"""Text to tokens. Hard limits come first, so nothing after this meets a large text."""

from __future__ import annotations

import keyword
import math
import re
from dataclasses import dataclass

from workbench.errors import EquationError
from workbench.models.equations.complaint import complain

MAX_CHARACTERS = 20_000
MAX_LINES = 500
MAX_NAME = 40

_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATORS = ("**", "<=", ">=", "==", "!=", "<>", "&&", "||", *"+-*/^(){},=<>!;\n")
_WORDS = {"and": "&&", "or": "||", "not": "!"}
_OWN_WORDS = frozenset({"if", "else"})

_INSTEAD = {
    "[": "There are no brackets in this language; group with '(' and ')'.",
    "]": "There are no brackets in this language; group with '(' and ')'.",
    "'": "There are no quoted texts in this language; write names without quotes.",
    '"': "There are no quoted texts in this language; write names without quotes.",
    ".": "There are no attributes in this language; names hold letters, digits and '_'.",
    "&": "Write '&&' or 'and'.",
    "|": "Write '||' or 'or'.",
    "~": "Residual error is not part of the equations; definitions use '='.",
    ":": "Definitions use '='.",
    "?": "Write ifelse(condition, a, b).",
    "%": "The remainder of a division is not differentiable, so it is not available.",
}
_TYPOGRAPHIC = {
    "\u2212": "-", "\u2013": "-", "\u2014": "-", "\u00d7": "*", "\u00b7": "*", "\u22c5": "*",
    "\u00f7": "/", "\u2044": "/", "\u2215": "/", "\u2264": "<=", "\u2265": ">=", "\u2260": "!=",
    "\u00b2": "^2", "\u00b3": "^3", "\u00a0": "a plain space", "\uff08": "(", "\uff09": ")",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """One token: kind ("name", "number", "operator", "end"), text and 0-based position."""

    kind: str
    text: str
    position: int


def tokenize(text: str) -> list[Token]:
    """Return the tokens of the equations; a statement ends at newline, ``;`` or the end.

    Newlines inside parentheses do not count; comments run from ``#`` or ``//`` to the line's end.

    Raises
    ------
    EquationError
        Too long, or a character or word that the language does not have.
    """
    check_size(text)
    tokens: list[Token] = []
    position, depth = 0, 0
    while position < len(text):
        one = text[position]
        if one in " \t\r":
            position += 1
            continue
        if one == "#" or text.startswith("//", position):
            end = text.find("\n", position)
            position = len(text) if end < 0 else end
            continue
        token = _token(text, position)
        position += _width(text, token)
        depth = max(0, depth + {"(": 1, ")": -1}.get(token.text, 0))
        if token.text == "\n" and depth:
            continue
        if token.text in "{}":
            depth = 0  # an open '(' never reaches into the next block: better messages
        tokens.append(token)
    tokens.append(Token("end", "", len(text)))
    return tokens


def check_size(text: str) -> None:
    """Refuse what is not a text of reasonable size, before looking at any of it."""
    if not isinstance(text, str):
        raise EquationError(f"Equations are one text (str), not {type(text).__name__}.")
    if len(text) > MAX_CHARACTERS:
        raise EquationError(
            f"The equations have {len(text):,} characters; at most {MAX_CHARACTERS:,} are read. "
            "Shorten the text, for example with definitions for what repeats."
        )
    lines = text.count("\n") + 1
    if lines > MAX_LINES:
        raise EquationError(
            f"The equations have {lines:,} lines; at most {MAX_LINES} are read. "
            "Leave out empty lines and comments."
        )


def _token(text: str, position: int) -> Token:
    if match := _NUMBER.match(text, position):
        return _number(text, match)
    if match := _NAME.match(text, position):
        return _name(text, match)
    for operator in _OPERATORS:
        if text.startswith(operator, position):
            return Token("operator", {"**": "^", "<>": "!="}.get(operator, operator), position)
    raise _stranger(text, position)


def _width(text: str, token: Token) -> int:
    if token.kind != "operator":
        return len(token.text)
    for written in ("**", "<>", "and", "or", "not"):
        if text.startswith(written, token.position):
            return len(written)
    return len(token.text)


def _number(text: str, match: re.Match[str]) -> Token:
    word, position = match.group(), match.start()
    after = text[match.end() : match.end() + 1]
    if after.isascii() and (after.isalpha() or after in ("_", ".")) and after:
        name = _NAME.match(text, match.end())
        hint = f" To multiply, write {word}*{name.group()[:MAX_NAME]}." if name else ""
        raise complain(
            text, match.end(), f"Found {after!r} right after the number {word[:40]}.{hint}",
            found=after, expected="an operator",
        )  # fmt: skip
    if not math.isfinite(float(word)):
        raise complain(text, position, "This number is too large (above 1.8e308).", found=word)
    return Token("number", word, position)


def _name(text: str, match: re.Match[str]) -> Token:
    word, position = match.group(), match.start()
    if word in _WORDS:
        return Token("operator", _WORDS[word], position)
    if len(word) > MAX_NAME:
        raise complain(
            text, position, f"A name has at most {MAX_NAME} characters; this one has {len(word)}.",
            found=word, expected="a shorter name",
        )  # fmt: skip
    if word.startswith("_"):
        raise complain(
            text, position, f"A name begins with a letter, not with '_': {word!r}.",
            found=word, expected="a name that begins with a letter",
        )  # fmt: skip
    if keyword.iskeyword(word) and word not in _OWN_WORDS:
        raise complain(
            text, position, f"{word!r} is a reserved word and cannot be a name here.",
            found=word, expected="another name",
        )  # fmt: skip
    return Token("name", word, position)


def _stranger(text: str, position: int) -> EquationError:
    one = text[position]
    if one.isascii():
        shown = repr(one) if one.isprintable() else f"the control character {ord(one):#04x}"
        hint = _INSTEAD.get(one, "This character has no meaning here.")
    else:
        shown = f"{one!r} (U+{ord(one):04X})" if one.isprintable() else f"U+{ord(one):04X}"
        instead = _TYPOGRAPHIC.get(one)
        hint = (
            f"Write {instead!r} instead."
            if instead and len(instead) < 4
            else f"Write {instead} instead."
            if instead
            else "Outside comments, only plain (ASCII) letters, digits and signs can be used."
        )
    return complain(text, position, f"Found {shown}. {hint}", found=one)

"""Errors that show their place: line, column, the line itself and a caret under the culprit."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from workbench.errors import EquationError

WINDOW = 76  # characters of a long line that are shown


def complain(
    text: str, position: int, sentence: str, *, found: str = "", expected: str = ""
) -> EquationError:
    """Return the error for one place in the text.

    Parameters
    ----------
    text : all equations
    position : 0-based offset of the culprit
    sentence : what is wrong and what to do, without the place
    found, expected : kept on the error for programs; the sentence says them to people
    """
    position = min(position, len(text))
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    shown = text[start : len(text) if end < 0 else end]
    line, column = text.count("\n", 0, position) + 1, position - start + 1
    return EquationError(
        f"Line {line}, column {column}: {sentence}\n{_with_caret(shown, column)}",
        line=line,
        column=column,
        found=found,
        expected=expected,
    )


def _with_caret(shown: str, column: int) -> str:
    """Return the line, cut to a window around the column if it is long, and the caret line."""
    left = max(0, column - 1 - WINDOW // 2) if len(shown) > WINDOW else 0
    cut = shown[left : left + WINDOW]
    before, after = "... " if left else "", " ..." if left + WINDOW < len(shown) else ""
    printable = "".join(one if one.isprintable() else " " for one in before + cut + after)
    return f"    {printable}\n    {' ' * (len(before) + column - 1 - left)}^"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'exp'?"`` or nothing."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    folded = [one for one in known if one.lower() == name.lower()]
    best = (folded or near or [""])[0]
    return f" Did you mean {best!r}?" if best else ""

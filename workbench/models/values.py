"""Numbers that a person gives to a model: checked, and held or estimated."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from workbench.errors import ModelError


@dataclass(frozen=True, slots=True)
class Fixed:
    """A value that is held, not estimated: ``LogNormal(Fixed(0.75))``."""

    value: float


def number(value: Any, what: str) -> float:
    """Return a finite number, or refuse what is none: also True, which counts as 1 elsewhere."""
    try:
        if isinstance(value, bool):
            raise TypeError
        found = float(value)
    except (TypeError, ValueError):
        raise ModelError(f"{what} must be a number, not {value!r}.") from None
    if not math.isfinite(found):
        raise ModelError(f"{what} must be a finite number, not {found}.")
    return found


def names_of_fixed(value: Any, what: str) -> frozenset[str]:
    """Read the "fixed" of a model card; a single word would fall apart into its letters."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ModelError(f'The "fixed" of {what} must be a list of names, not {value!r}.')
    return frozenset(str(name) for name in value)


def argument(value: float, fixed: bool) -> str:
    """Return a value as Python, wrapped in `Fixed` where it is held."""
    return f"wb.Fixed({value!r})" if fixed else repr(value)


def unfix(**values: float | Fixed) -> tuple[dict[str, float], frozenset[str]]:
    """Split named values into plain numbers and the names of those that are fixed."""
    fixed = frozenset(name for name, value in values.items() if isinstance(value, Fixed))
    plain = {n: v.value if isinstance(v, Fixed) else v for n, v in values.items()}
    return plain, fixed


@dataclass(frozen=True, slots=True)
class Estimated:
    """A value that is estimated from here on where a plain number is held: ``BoxCox(...)``."""

    value: float


def hold(value: float | Fixed | Estimated) -> float | Fixed:
    """Return a value that is held unless it is marked as `Estimated`."""
    if isinstance(value, Estimated):
        return value.value
    return value if isinstance(value, Fixed) else Fixed(value)


def held_argument(value: float, fixed: bool) -> str:
    """Return a value as Python where a plain number is held."""
    return repr(value) if fixed else f"wb.Estimated({value!r})"

"""What a person gives to many calls, seeds and levels among them: checked in one place."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import OptionError

LARGEST_SEED = 2**63 - 1  # what the kernels' integers hold


def whole_number(name: str, value: Any, least: int = 0, most: int | None = None) -> int:
    """Return a whole number in range.

    Parameters
    ----------
    name : of the argument, without the equals sign

    Raises
    ------
    OptionError
        It is something else: also True, 2.0 and "3".
    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least:
        raise OptionError(f"{name}= must be a whole number of at least {least}, not {value!r}.")
    if most is not None and value > most:
        raise OptionError(f"{name}= must be a whole number of at most {most}, not {value!r}.")
    return int(value)


def is_finite_number(value: Any) -> bool:
    """Whether a value is a finite number, and no switch."""
    number = isinstance(value, int | float | np.integer | np.floating)
    return number and not isinstance(value, bool) and bool(np.isfinite(value))


def checked_seed(value: Any) -> int:
    """Return a seed.

    Raises
    ------
    OptionError
        It is no whole number from 0 on.
    """
    return whole_number("seed", value, 0, LARGEST_SEED)


def checked_level(name: str, value: Any) -> float:
    """Return a level of a test.

    Raises
    ------
    OptionError
        It is no number between 0 and 1.
    """
    if not is_finite_number(value) or not 0 < value < 1:
        raise OptionError(f"{name} is a level between 0 and 1, such as 0.05, not {value!r}.")
    return float(value)


def check_executor(value: Any) -> None:
    """Refuse what cannot run calls.

    Raises
    ------
    OptionError
    """
    if value is not None and not callable(getattr(value, "submit", None)):
        raise OptionError(
            "executor= is one of concurrent.futures, such as ProcessPoolExecutor(4), or None for "
            f"a thread per core, not {value!r}."
        )

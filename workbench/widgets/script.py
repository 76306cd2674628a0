"""Lines of Python as the page shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.data import Dataset
from workbench.models.model import Model


class Name(str):
    """A name in a line of Python, not a text."""

    __slots__ = ()

    __repr__ = str.__str__


def words(arguments: Mapping[str, Any]) -> str:
    """Return keyword arguments as they are written after the first one."""
    return "".join(f", {name}={value!r}" for name, value in arguments.items())


def opening(data: Dataset, model: Model) -> str:
    """Return the lines that make data and model."""
    return (
        "import workbench as wb\n\n"
        f"data = {_expression(data.python(), 'data')}\n"
        f"model = {_expression(model.python(), 'model')}\n"
    )


def _expression(code: str, name: str) -> str:
    """Return the right-hand side of ``name = …``, or the code itself if it is one already."""
    return code.removeprefix(f"{name} = ")

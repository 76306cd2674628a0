"""A text field that keeps what was typed, and says beside it what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from html import escape

import ipywidgets as W

from workbench.errors import WorkbenchError
from workbench.widgets.markup import html, styled


def plain_number(value: float) -> str:
    """Return a number as a person would type it."""
    return f"{value:.6g}"


class NumberField:
    """A number being typed; `commit` is called with it once it is one.

    A value that cannot be used stays in the field, with the reason in `complaint`; the state keeps
    the last good one.

    Parameters
    ----------
    name : what the number is, for the message and for those who hear the page
    commit : applies the number; what it raises becomes the message
    """

    def __init__(self, name: str, commit: Callable[[float], object]) -> None:
        self.name = name
        self._commit = commit
        self._showing = False
        self.entry = styled(
            W.Text(continuous_update=False, tooltip=name, layout=W.Layout(width="auto")),
            "wb-number",
        )
        self.complaint = html("", "wb-complaint")
        self.entry.observe(self._typed, "value")

    @property
    def message(self) -> str:
        """What is wrong with the entry; empty when nothing is."""
        return self._message

    _message = ""

    def show(self, value: float) -> None:
        """Show the value that the state holds (and forget a complaint)."""
        self._showing = True
        try:
            self.entry.value = plain_number(value)
        finally:
            self._showing = False
        self.complain("")

    def _typed(self, change: dict[str, str]) -> None:
        if self._showing:
            return
        try:
            self._commit(self._read(change["new"]))
        except (WorkbenchError, ValueError) as error:
            self.complain(str(error))
        else:
            self.complain("")

    def _read(self, text: str) -> float:
        """Return the number in `text`; a decimal comma is understood."""
        try:
            value = float(text.strip().replace(",", ".").replace("−", "-"))
        except ValueError:
            raise ValueError(
                f"{self.name}: {text.strip()!r} is not a number. Type digits, such as 0.25."
            ) from None
        if not math.isfinite(value):
            raise ValueError(f"{self.name} must be a finite number.")
        return value

    def complain(self, message: str) -> None:
        """Say what is wrong beside the field; an empty message takes it back."""
        self._message = message
        self.complaint.value = f"<span role='alert'>{escape(message)}</span>" if message else ""
        (self.entry.add_class if message else self.entry.remove_class)("wb-invalid")


class OptionalNumberField(NumberField):
    """A number that may be left out: an empty field commits None."""

    def __init__(self, name: str, commit: Callable[[float | None], object]) -> None:
        super().__init__(name, commit)
        self.entry.placeholder = "none"

    def show(self, value: float | None) -> None:
        """Show the value that the state holds, nothing for None."""
        self._showing = True
        try:
            self.entry.value = "" if value is None else plain_number(value)
        finally:
            self._showing = False
        self.complain("")

    def _read(self, text: str) -> float | None:  # type: ignore[override]
        return super()._read(text) if text.strip() else None


class NumbersField(NumberField):
    """Several numbers, divided by spaces or commas; an empty field commits none.

    A comma between digits of one number cannot be told from one between two: numbers here have
    decimal points.
    """

    def __init__(self, name: str, commit: Callable[[tuple[float, ...]], object]) -> None:
        super().__init__(name, commit)  # type: ignore[arg-type]

    def show(self, value: Iterable[float]) -> None:  # type: ignore[override]
        """Show the numbers that the state holds."""
        self._showing = True
        try:
            self.entry.value = " ".join(plain_number(each) for each in value)
        finally:
            self._showing = False
        self.complain("")

    def _read(self, text: str) -> tuple[float, ...]:  # type: ignore[override]
        parts = text.replace(",", " ").replace(";", " ").split()
        return tuple(NumberField._read(self, part) for part in parts)

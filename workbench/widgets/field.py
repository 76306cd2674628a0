"""A text field that keeps what was typed, and says beside it what is wrong with it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from html import escape
from typing import Any

import ipywidgets as W

from workbench.errors import WorkbenchError
from workbench.widgets.entries import FIT, NOTHING, Entries
from workbench.widgets.markup import html, styled
from workbench.widgets.page_words import on_the_page


def plain_number(value: float) -> str:
    """Return a number as a person would type it."""
    return f"{value:.6g}"


def always() -> bool:
    """Return True: what the field is about does not go away."""
    return True


class Remark:
    """Words beside a control that had to go back; they last until the next change of the model."""

    name, blocks = "", NOTHING

    def __init__(self, entries: Entries | None = None) -> None:
        self._entries = entries
        self.complaint = html("", "wb-complaint")
        self.message = ""

    @staticmethod
    def there() -> bool:
        """Return False: the control shows what is in use, so the words are of the past."""
        return False

    def complain(self, message: str) -> None:
        """Say why it went back; an empty message takes it back."""
        self.message = message = on_the_page(message)
        self.complaint.value = f"<span role='alert'>{escape(message)}</span>" if message else ""
        if self._entries is not None:
            (self._entries.add if message else self._entries.discard)(self)

    def try_again(self) -> bool:
        """Do nothing: what was chosen has gone back."""
        return False

    def forget(self) -> None:
        """Take the words back."""
        self.complain("")

    def reveal(self) -> None:
        """Do nothing: it is in nobody's way."""


class Field(ABC):
    """Something being typed; `commit` is called with what it says once that can be read.

    A text that cannot be used stays in the field, with the reason in `complaint`; the state keeps
    the last good value.

    Parameters
    ----------
    name : what is typed, for the message and for those who hear the page
    commit : applies the value; what it raises becomes the message
    entries : where a refused entry is kept, to be tried again; None where that is of no use
    there : whether what the field is about is in the state
    blocks : what a refused entry is in the way of
    """

    def __init__(
        self,
        name: str,
        commit: Callable[[Any], object],
        *,
        entries: Entries | None = None,
        there: Callable[[], bool] = always,
        blocks: str = FIT,
    ) -> None:
        self.name, self.there, self.blocks = name, there, blocks
        self._commit, self._entries = commit, entries
        self._showing = False
        self._message = ""
        self._held: Any = None  # what the state holds, as last seen
        self.open: Callable[[], object] = always  # the fold that the field is in
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

    def show(self, value: Any) -> None:
        """Show the value that the state holds (and forget a complaint)."""
        self._held = value
        self._showing = True
        try:
            self.entry.value = self._written(value)
        finally:
            self._showing = False
        self.complain("")

    def follow(self, value: Any) -> None:
        """Show the value that the state holds, unless an entry that was refused stands there."""
        self._held = value
        if not self._message:
            self.show(value)

    def try_again(self) -> bool:
        """Commit the entry anew; return whether it was taken."""
        self._message = ""  # not refused while it is tried: panels show what becomes of it
        try:
            self._commit(self._read(self.entry.value))
        except (WorkbenchError, ValueError) as error:
            self.complain(str(error))
            return False
        self.complain("")
        return True

    def forget(self) -> None:
        """Show what the state holds in place of a refused entry."""
        self.show(self._held)

    def reveal(self) -> None:
        """Bring the field into view."""
        self.open()
        self.entry.focus()

    def complain(self, message: str) -> None:
        """Say what is wrong beside the field; an empty message takes it back."""
        self._message = message = on_the_page(message)
        self.complaint.value = f"<span role='alert'>{escape(message)}</span>" if message else ""
        (self.entry.add_class if message else self.entry.remove_class)("wb-invalid")
        if self._entries is not None:
            (self._entries.add if message else self._entries.discard)(self)

    def _typed(self, _change: object) -> None:
        if not self._showing:
            self.try_again()

    @abstractmethod
    def _read(self, text: str) -> Any:
        """Return what the text says.

        Raises
        ------
        WorkbenchError, ValueError
            It cannot be read; the message says why.
        """

    @abstractmethod
    def _written(self, value: Any) -> str:
        """Return a value as a person would type it."""


class NumberField(Field):
    """A number being typed; a decimal comma is understood."""

    def _read(self, text: str) -> Any:
        try:
            value = float(text.strip().replace(",", ".").replace("−", "-"))
        except ValueError:
            raise ValueError(
                f"{self.name}: {text.strip()!r} is not a number. Type digits, such as 0.25."
            ) from None
        if not math.isfinite(value):
            raise ValueError(f"{self.name} must be a finite number.")
        return value

    def _written(self, value: Any) -> str:
        return "" if value is None else plain_number(value)


class OptionalNumberField(NumberField):
    """A number that may be left out: an empty field commits None."""

    def __init__(self, name: str, commit: Callable[[float | None], object], **rest: Any) -> None:
        super().__init__(name, commit, **rest)
        self.entry.placeholder = "none"

    def _read(self, text: str) -> float | None:
        return super()._read(text) if text.strip() else None


class NumbersField(NumberField):
    """Several numbers, divided by spaces or commas; an empty field commits none.

    A comma between digits of one number cannot be told from one between two: numbers here have
    decimal points.
    """

    def _read(self, text: str) -> tuple[float, ...]:
        parts = text.replace(",", " ").replace(";", " ").split()
        return tuple(NumberField._read(self, part) for part in parts)

    def _written(self, value: Iterable[float]) -> str:
        return " ".join(plain_number(each) for each in value)

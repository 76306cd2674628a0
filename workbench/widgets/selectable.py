"""What every view that takes part in the selection has in common."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import anywidget
from traitlets import Int, List, Unicode

Label = Hashable

NOBODY = -1


class SelectableView(anywidget.AnyWidget):
    """Knows the subjects by number: the browser compares numbers, labels may be anything."""

    labels = List(Unicode()).tag(sync=True)  # of the subjects, by code
    selected = Int(NOBODY).tag(sync=True)  # code

    _subjects: tuple[Label, ...] = ()
    _codes: dict[Label, int] = {}  # noqa: RUF012  replaced as a whole, never changed
    _adopting = False

    def set_subjects(self, subjects: Sequence[Label]) -> None:
        """Tell the view who there is to select."""
        self._subjects = tuple(subjects)
        self._codes = {label: code for code, label in enumerate(self._subjects)}
        self.labels = [str(label) for label in self._subjects]

    def code(self, label: Label | None) -> int:
        """Return the number by which the browser knows a subject."""
        return NOBODY if label is None else self._codes.get(label, NOBODY)

    def subject(self, code: int) -> Label | None:
        """Return the subject behind a number."""
        return self._subjects[code] if 0 <= code < len(self._subjects) else None

    @property
    def label(self) -> Label | None:
        """The selected subject."""
        return self.subject(self.selected)

    def adopt(self, code: int) -> None:
        """Take over a selection that the browser already shows, without telling it so.

        It may have moved on meanwhile: an answer would take it back to where it was.
        """
        self._adopting = True
        try:
            self.selected = code
        finally:
            self._adopting = False

    def send_state(self, key: Any = None) -> None:
        """Send traits to the browser, except a selection that came from there."""
        if not (self._adopting and key == "selected"):
            super().send_state(key)

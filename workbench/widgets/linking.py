"""One selection, shared by every view: in the browser at once, in the state just after."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ipywidgets import jslink

from workbench.widgets.state import WorkbenchState


class Selectable(Protocol):
    """A view with a `selected` trait that holds the code of a subject."""

    selected: int

    def set_subjects(self, subjects: tuple[object, ...]) -> None:
        """Tell the view who there is to select."""

    def code(self, label: object) -> int:
        """Return the number of a subject."""
        ...

    def observe(self, handler: object, names: str) -> None:
        """Call `handler` when a trait changes."""


class Selection:
    """Ties the selection of several views together, and to the state.

    The views are linked in the browser, so a click shows everywhere even while the kernel is busy.
    The first view alone reports to the state, for all of them change together.
    """

    def __init__(self, state: WorkbenchState, views: Iterable[Selectable]) -> None:
        self._state = state
        self._views = list(views)
        first, *others = self._views
        self._links = [jslink((first, "selected"), (other, "selected")) for other in others]
        for view in self._views:
            view.observe(self._from_view, "selected")
        state.observe(self._from_state, "selected")
        state.observe(self._new_subjects, "dataset")
        self._new_subjects()

    @property
    def subjects(self) -> tuple[object, ...]:
        """Labels of the subjects that can be selected."""
        return tuple(self._state.dataset.subjects) if self._state.dataset is not None else ()

    def _new_subjects(self, _change: object = None) -> None:
        for view in self._views:
            view.set_subjects(self.subjects)
            view.selected = view.code(self._state.selected)

    def _from_view(self, change: dict[str, int]) -> None:
        code = change["new"]
        self._state.selected = self.subjects[code] if 0 <= code < len(self.subjects) else None

    def _from_state(self, _change: object = None) -> None:
        for view in self._views:
            view.selected = view.code(self._state.selected)

"""One selection, shared by every view: in the browser at once, in the state just after."""

from __future__ import annotations

from collections.abc import Iterable

from ipywidgets import jslink

from workbench.widgets.selectable import SelectableView
from workbench.widgets.state import WorkbenchState


class Selection:
    """Ties the selection of several views together, and to the state.

    The views are linked in the browser, so a click shows everywhere even while the kernel is busy.
    What comes from the browser is not sent back there; what a call selects is.
    """

    def __init__(self, state: WorkbenchState, views: Iterable[SelectableView]) -> None:
        self._state = state
        self._views = list(views)
        self._reported = False  # the change under way came from the browser
        first, *others = self._views
        self._links = [jslink((first, "selected"), (other, "selected")) for other in others]
        for view in self._views:
            view.observe(self._from_view, "selected")
        state.observe(self._from_state, "selected")
        state.observe(self._new_subjects, "dataset")
        self._new_subjects()

    def _new_subjects(self, _change: object = None) -> None:
        dataset = self._state.dataset
        for view in self._views:
            view.set_subjects(dataset.subjects if dataset is not None else ())
            view.selected = view.code(self._state.selected)

    def _from_view(self, change: dict[str, int]) -> None:
        subject = self._views[0].subject(change["new"])
        if subject == self._state.selected:
            return
        self._reported = True
        try:
            self._state.selected = subject
        finally:
            self._reported = False

    def _from_state(self, _change: object = None) -> None:
        for view in self._views:
            code = view.code(self._state.selected)
            if self._reported:
                view.adopt(code)
            else:
                view.selected = code

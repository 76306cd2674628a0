"""Content that a click shows or hides; what the person chose stays when the content changes."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as W

from workbench.widgets.markup import styled


class Fold:
    """A button above its content.

    Parameters
    ----------
    title : on the button
    content : shown while the fold is open
    fill : called before the content is shown, for what is not worth making unseen
    """

    def __init__(
        self,
        title: str,
        content: W.Widget,
        *,
        open: bool = False,
        fill: Callable[[], object] = lambda: None,
    ) -> None:
        self.title, self.content, self._fill = title, content, fill
        self._clicked = False
        self.button = styled(W.Button(), "wb-fold")
        self.widget = styled(W.VBox([self.button, content]), "wb-folded")
        self.button.on_click(self._turn)
        self._show(open)

    @property
    def is_open(self) -> bool:
        """Whether the content is shown."""
        return self._open

    def open(self) -> None:
        """Show the content, as a click does."""
        if not self._open:
            self._turn(None)

    def suggest(self, *, open: bool) -> None:
        """Open or close, unless a person has clicked, and fill what is open."""
        if not self._clicked and open != self._open:
            self._show(open)
        if self._open:
            self._fill()

    def _turn(self, _button: object) -> None:
        self._clicked = True
        self._show(not self._open)
        if self._open:
            self._fill()

    def _show(self, opened: bool) -> None:
        self._open = opened
        self.button.description = f"{'▾' if opened else '▸'} {self.title}"
        self.button.tooltip = f"{'Hide' if opened else 'Show'}: {self.title}"
        self.content.layout.display = "" if opened else "none"

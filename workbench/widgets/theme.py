"""The look of the page: its style sheet, and a probe that knows whether the host page is dark."""

from __future__ import annotations

from pathlib import Path

import anywidget
from traitlets import Bool


class PageTheme(anywidget.AnyWidget):
    """Invisible: brings the style sheet, reports dark or light, and applies it to the page."""

    _esm = Path(__file__).with_name("theme.js")
    _css = Path(__file__).with_name("workbench.css")

    dark = Bool(False).tag(sync=True)

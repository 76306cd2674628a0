"""A listing of Python with a button that copies it."""

from __future__ import annotations

from pathlib import Path

import anywidget
from traitlets import Unicode


class CodeListing(anywidget.AnyWidget):
    """Text in a fixed-width font."""

    _esm = Path(__file__).with_name("code.js")

    text = Unicode("").tag(sync=True)

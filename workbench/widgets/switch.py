"""A check box whose tooltip can say why it is disabled."""

from __future__ import annotations

from pathlib import Path

import anywidget
from traitlets import Bool, Unicode


class Switch(anywidget.AnyWidget):
    """Something that is on or off.

    Attributes
    ----------
    value : whether it is on
    words : beside the box
    hint : tooltip: what it does, or why it cannot be changed
    """

    _esm = Path(__file__).with_name("switch.js")

    value = Bool(False).tag(sync=True)
    disabled = Bool(False).tag(sync=True)
    words = Unicode("").tag(sync=True)
    hint = Unicode("").tag(sync=True)

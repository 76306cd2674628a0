"""A drop-down list with groups, whose entries can be unavailable and say why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import anywidget
from traitlets import Bool, List, Unicode


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a list.

    Attributes
    ----------
    label, value : what a person reads, and what the program does
    group : heading that it stands under; none if empty
    why : why it cannot be chosen; empty when it can
    """

    label: str
    value: str
    group: str = ""
    why: str = ""


class Choice(anywidget.AnyWidget):
    """A list to choose from.

    Attributes
    ----------
    value : of the entry that is chosen
    label : what is chosen here, also for those who hear the page
    hint : shown in place of the label as a tooltip, say why the whole list is disabled
    """

    _esm = Path(__file__).with_name("choice.js")

    options = List().tag(sync=True)
    value = Unicode("").tag(sync=True)
    disabled = Bool(False).tag(sync=True)
    label = Unicode("").tag(sync=True)
    hint = Unicode("").tag(sync=True)

    def offer(self, entries: Iterable[Entry]) -> None:
        """Show these entries."""
        offered = [
            {"label": e.label, "value": e.value, "group": e.group, "why": e.why} for e in entries
        ]
        if offered != self.options:
            self.options = offered

"""A small menu of files to save: made when they are asked for, kept by no server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anywidget
from traitlets import List


@dataclass(frozen=True, slots=True)
class File:
    """What the browser saves.

    Attributes
    ----------
    name, type : of the file, and its MIME type
    """

    name: str
    type: str
    content: bytes


class Downloads(anywidget.AnyWidget):
    """A button with a menu.

    Parameters
    ----------
    make : returns the files of an entry, or text to copy; what it raises goes to `complain`
    complain : is told what went wrong
    """

    _esm = Path(__file__).with_name("downloads.js")

    entries = List().tag(sync=True)  # of [label, what]

    def __init__(
        self, make: Callable[[str], list[File] | str], complain: Callable[[Exception], object]
    ) -> None:
        super().__init__()
        self._make, self._complain = make, complain
        self.on_msg(self._asked)

    def _asked(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        """Answer the browser."""
        wanted = content.get("wanted")
        if wanted not in [what for _, what in self.entries]:
            return
        try:
            made = self._make(str(wanted))
        except Exception as error:  # noqa: BLE001  the page must hear of it, whatever it is
            self._complain(error)
            return
        if isinstance(made, str):
            self.send({"text": made})
            return
        names = [{"name": file.name, "type": file.type} for file in made]
        self.send({"files": names}, buffers=[file.content for file in made])

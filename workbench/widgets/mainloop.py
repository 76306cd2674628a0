"""Run functions on the kernel's main event loop, from whichever thread.

Widget callbacks arrive on the main thread or on a subshell thread, depending on the versions of
ipykernel and of the front end; fits run in threads of their own. Traits, widgets and figures are
touched on the main loop alone.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import ParamSpec

P = ParamSpec("P")


class MainLoop:
    """The loop that was running when this object was made (in a notebook: the kernel's)."""

    def __init__(self) -> None:
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:  # plain Python: nothing runs a loop, so there is nothing to marshal to
            self._loop = None
        self._thread = threading.get_ident()

    def __call__(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call `function` on the main loop: now if this is its thread, else as soon as it can."""
        loop = self._loop
        if loop is None or not loop.is_running() or threading.get_ident() == self._thread:
            function(*args, **kwargs)
        else:
            loop.call_soon_threadsafe(lambda: function(*args, **kwargs))

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

REST = 0.05  # seconds: repeated requests within it become one


class MainLoop:
    """The loop that was running when this object was made (in a notebook: the kernel's)."""

    def __init__(self) -> None:
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:  # plain Python: nothing runs a loop, so there is nothing to marshal to
            self._loop = None
        self._thread = threading.get_ident()
        self._pending: set[Callable[[], object]] = set()

    def __call__(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call `function` on the main loop: now if this is its thread, else as soon as it can."""
        loop = self._loop
        if loop is None or not loop.is_running() or threading.get_ident() == self._thread:
            function(*args, **kwargs)
        else:
            loop.call_soon_threadsafe(lambda: function(*args, **kwargs))

    def once(self, function: Callable[[], object]) -> None:
        """Call `function` soon; requests that come before it has run are the same request."""
        loop = self._loop
        if loop is None or not loop.is_running():
            function()
        elif function not in self._pending:
            self._pending.add(function)

            def run() -> None:
                self._pending.discard(function)
                function()

            self(loop.call_later, REST, run)

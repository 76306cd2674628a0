"""When a dashboard kernel ends.

Voilà leaves a kernel running after its page has gone, and its culler may end a preheated kernel
that no page has used yet, which is then handed out dead. This manager does neither.
"""

from __future__ import annotations

import asyncio
from typing import Any

from jupyter_server._tz import utcnow
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from traitlets import Float


class WorkbenchKernelManager(AsyncMappingKernelManager):
    """Ends a kernel some time after its last page; never culls one that waits for its first."""

    grace = Float(60.0, config=True, help="Seconds that a kernel outlives its last page.")

    def __init__(self, **kwargs: Any) -> None:
        self._used: set[str] = set()
        super().__init__(**kwargs)

    def notify_connect(self, kernel_id: str) -> None:
        """Note that a page uses this kernel; it may have waited for an hour."""
        self._used.add(kernel_id)
        if kernel_id in self._kernels:
            self._kernels[kernel_id].last_activity = utcnow()
        super().notify_connect(kernel_id)

    def notify_disconnect(self, kernel_id: str) -> None:
        """Look again after a while: a reloaded page has a new kernel, a broken line comes back."""
        super().notify_disconnect(kernel_id)
        loop = asyncio.get_running_loop()
        loop.call_later(self.grace, lambda: loop.create_task(self._end_if_alone(kernel_id)))

    async def _end_if_alone(self, kernel_id: str) -> None:
        """End a kernel that no page is connected to."""
        if kernel_id in self._kernels and self._kernel_connections.get(kernel_id, 0) == 0:
            self.log.info("No page for %s s: ending kernel %s", self.grace, kernel_id)
            await self.shutdown_kernel(kernel_id)
            self._used.discard(kernel_id)

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """Cull idle kernels that have had a page."""
        if kernel_id in self._used:
            await super().cull_kernel_if_idle(kernel_id)

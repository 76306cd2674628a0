"""One Voilà server with the dashboard on it."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import Any

from workbench.errors import OptionError

MEGABYTE = 2**20
OVERHEAD = 2  # an upload travels with its widget's message; leave room
PORTS_TRIED = 20
FILL_DELAY = 4  # seconds

# Many kernels share a machine: no pool of BLAS threads, no heap per thread.
KERNEL_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


@dataclass(frozen=True, slots=True)
class Serving:
    """How to serve.

    Attributes
    ----------
    host, port : where to listen
    theme : "light" or "dark"
    pool : kernels kept ready for the next pages (0: none; pages then open slower)
    browser : open a browser window
    max_upload_mb : largest upload
    idle_minutes : a page that nobody touches for so long loses its kernel (0: never)
    """

    host: str = "127.0.0.1"
    port: int = 8866
    theme: str = "light"
    pool: int = 1
    browser: bool = True
    max_upload_mb: int = 100
    idle_minutes: int = 240

    @property
    def url(self) -> str:
        """Where the page is."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"


def free_port(host: str, port: int) -> int:
    """Return `port`, or the next one that nobody listens on.

    Raises
    ------
    OptionError
        None of the next ports is free, or the host is not one of this machine.
    """
    problem = ""
    for candidate in range(port, min(port + PORTS_TRIED, 65536)):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError as error:
                problem = error.strerror or str(error)
            else:
                return candidate
    raise OptionError(
        f"Cannot listen on {host}, ports {port} to {port + PORTS_TRIED - 1}: {problem}. "
        "Give another --port or --host."
    )


def configuration(serving: Serving) -> Any:
    """Return Voilà's configuration."""
    from traitlets.config import Config

    config = Config()
    config.Voila.ip = serving.host
    config.Voila.port = serving.port
    config.Voila.port_retries = 0
    config.Voila.open_browser = serving.browser
    config.Voila.tornado_settings = {
        "websocket_max_message_size": (serving.max_upload_mb + OVERHEAD) * MEGABYTE,
    }
    page = config.VoilaConfiguration
    page.template = "workbench"
    page.theme = serving.theme
    page.strip_sources = True
    page.file_allowlist = []
    page.preheat_kernel = serving.pool > 0
    page.default_pool_size = serving.pool
    page.extension_denylist = ["@voila-dashboards/jupyterlab-preview", "jupyterlab_pygments"]
    page.multi_kernel_manager_class = "workbench.serving.kernels.WorkbenchKernelManager"
    # The kernel for the next page starts once this one has had the processor to itself.
    config.VoilaKernelManager.fill_delay = FILL_DELAY
    config.WorkbenchKernelManager.cull_idle_timeout = 60 * serving.idle_minutes
    config.WorkbenchKernelManager.cull_interval = 60
    config.WorkbenchKernelManager.cull_connected = True
    return config


def serve(serving: Serving) -> None:
    """Serve until interrupted."""
    from voila.app import Voila

    with ExitStack() as stack:
        package = files("workbench")
        share = stack.enter_context(as_file(package / "serving" / "share"))
        notebook = stack.enter_context(as_file(package / "notebooks" / "app.ipynb"))
        paths = [str(share), os.environ.get("JUPYTER_PATH", "")]
        os.environ["JUPYTER_PATH"] = os.pathsep.join(path for path in paths if path)
        os.environ["WORKBENCH_MAX_UPLOAD_MB"] = str(serving.max_upload_mb)
        for name, value in KERNEL_ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        Voila.launch_instance(argv=[str(notebook)], config=configuration(serving))

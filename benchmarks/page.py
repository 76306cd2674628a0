"""What a person at the dashboard waits for, measured inside a real Chromium."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks.measure import Row

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
# The four linked pictures (the numbers come before them), each with the page's clock at which it
# was last drawn and marked.
ON_VIEW = """
window.onView = () => [...document.querySelectorAll('.wb-grid .wb-figure-box')]
  .filter(box => box.offsetParent !== null);
window.when = name => Math.max(...onView().map(box => Number(box.dataset[name] || Infinity)));
window.since = (name, start) => onView().length > 0
  && onView().every(box => Number(box.dataset[name] || 0) > start);
"""
CLICK_FIT = """() => {
  window.start = performance.now();
  document.querySelector('.wb-fit').click();
}"""
SELECT_NEXT = """() => {
  const box = onView()[0];
  box.focus();
  window.start = performance.now();
  box.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }));
}"""


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def installed(port: int) -> list[str]:
    """Return the command that serves the page from this environment."""
    program = Path(sys.executable).parent / "workbench"
    return [str(program), "--port", str(port), "--no-browser"]


@contextlib.contextmanager
def server(
    log: Path,
    command: Callable[[int], list[str]] = installed,
    *,
    patience: float = 120,
    **options: Any,
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run `command(port)` on a free loopback port; end it, and the kernels it started, by its id.

    `options` go to `subprocess.Popen`; `patience` is how many seconds to wait for an answer.
    """
    port = free_port()
    with log.open("wb") as out:
        process = subprocess.Popen(
            command(port),
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **options,
        )
        try:
            wait_for_port(process, port, log, patience)
            yield process, f"http://127.0.0.1:{port}"
        finally:
            for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
                if process.poll() is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, sign)
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(10)


def wait_for_port(process: subprocess.Popen[bytes], port: int, log: Path, patience: float) -> None:
    """Return when the server answers; fail with its log when it has ended."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended:\n{log.read_text()[-2000:]}")
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), 1),
        ):
            return
        time.sleep(0.1)
    raise RuntimeError(f"no answer from the server:\n{log.read_text()[-2000:]}")


def kernel_memory(process: subprocess.Popen[bytes]) -> tuple[float, float]:
    """Return own and resident MB of the largest kernel: the one that has fitted and drawn.

    Own memory (USS) is what one more session costs: libraries are shared between kernels.
    """
    children = psutil.Process(process.pid).children(recursive=True)
    sizes = [child.memory_full_info() for child in children]
    return max(size.uss for size in sizes) / 1e6, max(size.rss for size in sizes) / 1e6


def fit_once(page: Any) -> float:
    """Press Fit; return the seconds until every picture on view is new."""
    page.evaluate(CLICK_FIT)
    page.wait_for_function("since('drawn', start) && document.querySelector('[data-ofv]')")
    page.wait_for_selector("[data-status=done]")
    return float(page.evaluate("when('drawn') - start")) / 1e3


def other_fits(page: Any) -> list[float]:
    """Time FOCEI fits, each after one by FO: equal fits would draw equal pictures."""
    seconds = []
    for _ in range(5):
        for method in ("FO", "FOCEI"):
            page.get_by_title("Estimation method").select_option(label=method)
            taken = fit_once(page)
        seconds.append(taken)
    return seconds


def usable_page(browser: Any, url: str) -> Any:
    """Open the dashboard and return when Fit can be pressed."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(60_000)
    page.add_init_script(ON_VIEW)
    page.goto(url, wait_until="commit")
    page.wait_for_selector(".wb-fit:enabled")
    page.wait_for_selector("[data-status=idle]")
    return page


def select_once(page: Any) -> float:
    """Turn to the next subject; return the seconds until it is marked in every view."""
    page.evaluate(SELECT_NEXT)
    page.wait_for_function("since('painted', start)")
    return float(page.evaluate("when('painted') - start")) / 1e3


def dashboard() -> Iterator[Row]:
    """Open, fit, select; the page's own clock decides."""
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        raise RuntimeError("no Chromium on this machine")
    with (
        tempfile.TemporaryDirectory() as folder,
        server(Path(folder) / "log") as (process, url),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        opened = []
        for visit in range(3):
            time.sleep(5)  # the next kernel gets ready
            start = time.perf_counter()
            page = usable_page(browser, url)
            opened.append(time.perf_counter() - start)
            if visit < 2:
                page.close()
        yield Row("page usable (preheated kernel)", min(opened), 3)
        first = fit_once(page)
        yield Row("first fit click in a page → all views new", first, None)
        yield Row("fit click → all views new", min(other_fits(page)), 0.5)
        select_once(page)
        selected = median(select_once(page) for _ in range(11))
        yield Row("click → subject highlighted everywhere", selected, 0.05)
        own, resident = kernel_memory(process)
        note = f"resident, with shared libraries: {resident:.0f} MB"
        yield Row("memory of one dashboard session", own, 300, "MB", note=note)
        browser.close()


SECTIONS = (dashboard,)

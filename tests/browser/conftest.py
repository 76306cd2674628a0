"""A server started by our own console command, one Chromium, one page a test."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = ROOT / "artifacts" / "browser"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_SECONDS = 400  # the first start on a machine compiles everything
PAGE_MILLISECONDS = 90_000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_served(url, process, log):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"workbench ended with {process.returncode}:\n{log.read_text()[-3000:]}")
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}voila/static/", timeout=2):
            return
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1].strip("/"))), 1),
        ):
            return
        time.sleep(0.2)
    pytest.fail(f"workbench not up after {START_SECONDS} s:\n{log.read_text()[-3000:]}")


def end(process):
    """End the server and its kernels: they are one process group of ours."""
    for sign, wait in ((signal.SIGTERM, 15), (signal.SIGKILL, 5)):
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(wait)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """Address of a running dashboard."""
    log = tmp_path_factory.mktemp("server") / "workbench.log"
    port = free_port()
    command = [
        str(Path(sys.executable).with_name("workbench")),
        "--no-browser",
        "--port",
        str(port),
    ]
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=tmp_path_factory.mktemp("elsewhere"),
        )
        try:
            url = f"http://127.0.0.1:{port}/"
            wait_until_served(url, process, log)
            yield url
        finally:
            end(process)


# Not for the session: while Playwright runs, its event loop counts as running in this thread,
# and later tests that need a loop of their own fail.
@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        message = "Chromium is missing: install it with `make test` or your package manager."
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, server, request):
    """An open page on the dashboard; afterwards: no console errors, nothing fetched elsewhere."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    tab = context.new_page()
    tab.set_default_timeout(PAGE_MILLISECONDS)
    errors, outside = [], []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda message: message.type == "error" and errors.append(message.text))
    tab.on("requestfailed", lambda sent: errors.append(f"failed: {sent.url}"))
    tab.on("request", lambda sent: is_outside(sent.url) and outside.append(sent.url))
    tab.goto(server, wait_until="commit")
    # A cell that fails leaves Voilà's words in the place of the app: show those.
    tab.wait_for_selector(".wb-fit, .voila-error, [data-mime-type*='stderr']", state="attached")
    assert tab.locator(".wb-fit").count(), tab.locator("body").inner_text()[:2000]
    # Sources changed since the server started: the kernel compiles them, and says so.
    tab.wait_for_selector("[data-status=idle]", timeout=1000 * START_SECONDS)
    yield tab
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"\W+", "_", request.node.name)
    tab.screenshot(path=ARTIFACTS / f"{name}.png")
    context.close()
    assert errors == []
    assert outside == []


def is_outside(url):
    return not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))

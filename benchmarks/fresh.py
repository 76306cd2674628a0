"""`make app` from a fresh clone, and once more: what a newcomer waits for, and what a restart."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import Row
from benchmarks.page import ARGUMENTS, CHROMIUM, fit_once, server, usable_page
from benchmarks.startup import compiled_files

ROOT = Path(__file__).parents[1]
INSTALL_SECONDS = 900


def make_app(port: int) -> list[str]:
    """Return the command of the README."""
    return ["make", "app", f"PORT={port}"]


@contextlib.contextmanager
def opened(clone: Path, cache: Path, browser: Any) -> Iterator[tuple[float, Any]]:
    """Run `make app` in `clone`; give the seconds to a usable page, and the page."""
    env = os.environ | {"WORKBENCH_CACHE_DIR": str(cache), "BROWSER": "true"}
    start = time.perf_counter()
    with server(
        clone.with_suffix(".log"), make_app, patience=INSTALL_SECONDS, cwd=clone, env=env
    ) as (_, url):
        page = usable_page(browser, url)
        yield time.perf_counter() - start, page
        page.close()


def from_a_fresh_clone() -> Iterator[Row]:
    """Clone, `make app`, stop, `make app`, fit; count what the second one compiled."""
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        raise RuntimeError("no Chromium on this machine")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        clone, cache = Path(folder) / "clone", Path(folder) / "cache"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        with opened(clone, cache, browser) as (seconds, _):
            note = "creates the environment, installs, compiles"
            yield Row("fresh clone: make app → page usable", seconds, None, note=note)
        before = compiled_files(str(cache))
        with opened(clone, cache, browser) as (seconds, page):
            yield Row("restart: make app → page usable", seconds, None)
            yield Row("restart: first fit click → all views new", fit_once(page), None)
        new = len(compiled_files(str(cache)) - before)
        yield Row("files compiled by the restart and its first fit", new, 0, "files")
        browser.close()


SECTIONS: tuple[Callable[[], Iterator[Row]], ...] = (from_a_fresh_clone,)

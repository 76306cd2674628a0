"""Generated source as an importable module, whose compiled code is kept between processes.

The file is there for numba: its disk cache asks when the source was last changed. What runs is
the text that was just generated, never what the file holds; a file that differs is replaced.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import tempfile
from importlib.abc import ExecutionLoader
from pathlib import Path
from threading import RLock
from types import ModuleType

from workbench.core.jit import CACHE_FOLDER

FOLDER = CACHE_FOLDER / "equations"
PREFIX = "workbench_equations_"
WRITTEN = 1_000_000_000  # seconds; the same for everyone, so that equal texts are equal to numba

_lock = RLock()


class _TextLoader(ExecutionLoader):
    """Loads a module from a text in memory; `path` is only where a copy of it lies."""

    def __init__(self, text: str, path: Path) -> None:
        self.text, self.path = text, path

    def get_filename(self, fullname: str) -> str:  # noqa: ARG002
        return str(self.path)

    def get_source(self, fullname: str) -> str:  # noqa: ARG002
        return self.text


def load(text: str) -> ModuleType:
    """Return the module with this source, the same one each time.

    Raises
    ------
    OSError
        The cache folder cannot be written.
    """
    name = PREFIX + hashlib.sha256(text.encode()).hexdigest()[:32]
    with _lock:
        if name in sys.modules:
            return sys.modules[name]
        path = FOLDER / f"{name}.py"
        _put(path, text.encode())
        loader = _TextLoader(text, path)
        spec = importlib.util.spec_from_loader(name, loader, origin=str(path))
        assert spec is not None
        spec.has_location = True
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module


def _put(path: Path, content: bytes) -> None:
    """Write the file, in one step, unless it holds this content already."""
    try:
        if path.read_bytes() == content and path.stat().st_mtime == WRITTEN:
            return
    except OSError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.utime(temporary, (WRITTEN, WRITTEN))
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise

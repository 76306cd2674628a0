"""Plugins by file name: `structures.get("pk_1cmt_oral")` imports that file and nothing else."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterable
from typing import Generic, TypeVar

from workbench.errors import UnknownNameError

T = TypeVar("T")


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """Return the error for a misspelt name: the nearest known one, then all of them."""
    known = list(known)
    written = {each.lower(): each for each in known}  # "FOCEI" is near to "focei"
    near = difflib.get_close_matches(str(name).lower(), written, n=1)
    hint = f" Did you mean {written[near[0]]!r}?" if near else ""
    return UnknownNameError(f"No {kind} is named {name!r}.{hint} Known: {', '.join(known)}.")


class Registry(Generic[T]):
    """Plugins of one kind: one module per plugin, one constant per module.

    Parameters
    ----------
    package : dotted name of the plugin folder
    constant : name of the constant that every plugin file exports
    kind : class of that constant
    noun : what a message calls such a plugin, e.g. ``"structural model"``
    besides : public modules of the folder that are not plugins, e.g. the theme of the plots
    """

    def __init__(
        self,
        package: str,
        constant: str,
        kind: type[T],
        noun: str,
        *,
        besides: Iterable[str] = (),
    ) -> None:
        self.package, self.constant, self.kind, self.noun = package, constant, kind, noun
        self.besides = frozenset(besides)
        self._names: tuple[str, ...] | None = None

    def names(self) -> list[str]:
        """Return the plugin names without importing (or compiling) any of them."""
        if self._names is None:
            path = importlib.import_module(self.package).__path__
            names = {m.name for m in pkgutil.iter_modules(path) if not m.name.startswith("_")}
            self._names = tuple(sorted(names - self.besides))
        return list(self._names)

    def get(self, name: str) -> T:
        """Import and return one plugin.

        Raises
        ------
        UnknownNameError
            No file of that name; the message names the nearest and lists all.
        """
        if name not in self.names():
            raise unknown_name(self.noun, name, self.names())
        plugin = getattr(importlib.import_module(f"{self.package}.{name}"), self.constant)
        if not isinstance(plugin, self.kind):
            raise TypeError(f"{self.package}.{name}.{self.constant} is not a {self.kind.__name__}.")
        return plugin

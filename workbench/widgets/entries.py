"""What was typed and could not be used: said at its field, tried again, and in the way of a fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from workbench.widgets.state import WorkbenchState

FIT, SEARCH = "fit", "search"  # what a refused entry is in the way of
NOTHING = ""
#: What an entry can depend on.
WATCHED = ["model", "dataset", "method", "options", "plan"]


class Refused(Protocol):
    """An entry with a complaint."""

    name: str
    blocks: str

    @property
    def message(self) -> str:
        """What is wrong; empty when nothing is."""

    @property
    def there(self) -> Callable[[], bool]:
        """Tell whether what the entry is about is still there."""

    def try_again(self) -> bool:
        """Commit the entry anew; return whether it was taken."""

    def forget(self) -> None:
        """Show what the state holds in its place."""

    def reveal(self) -> None:
        """Bring it into view."""


class Entries:
    """The entries of a page that were refused.

    After every change of what they depend on they are tried again, so that advice that was
    followed takes effect. Those are forgotten that are about something that is gone, and all of
    them when other data are opened.
    """

    def __init__(self, state: WorkbenchState) -> None:
        self._state = state
        self._refused: list[Refused] = []
        self._trying = False
        self._said = ""  # the last message that an entry is in the way
        self._dataset = state.dataset
        state.observe(self._follow, WATCHED)

    def add(self, entry: Refused) -> None:
        """Keep an entry that was refused."""
        if entry not in self._refused:
            self._refused.append(entry)

    def discard(self, entry: Refused) -> None:
        """Let go of an entry that is in order."""
        if entry in self._refused:
            self._refused.remove(entry)
            self._take_back()

    def in_the_way(self, of: str = FIT) -> bool:
        """Say which refused entry is in the way of a fit (or a search), and show it."""
        wrong = [e for e in self._refused if e.blocks and e.blocks in (FIT, of) and e.there()]
        if not wrong:
            return False
        first, more = wrong[0], len(wrong) - 1
        others = f" {more} more {'is' if more == 1 else 'are'} marked in red." if more else ""
        named = "" if first.message.startswith(first.name) else f"{first.name}: "
        self._said = f"Nothing was started: an entry cannot be used. {named}{first.message}{others}"
        self._state.say(self._said, "error")
        first.reveal()
        return True

    def _take_back(self) -> None:
        """Leave no message that an entry is in the way once none is."""
        blocked = any(entry.blocks for entry in self._refused)
        if self._said and not blocked:
            if self._state.message.text == self._said:
                self._state.say("Every entry is in use now.")
            self._said = ""

    def _follow(self, _change: object) -> None:
        if self._dataset is not self._state.dataset:
            self._dataset = self._state.dataset
            for entry in list(self._refused):
                entry.forget()
        if self._trying:
            return  # the loop below goes on with what has changed now
        self._trying = True
        try:
            taken = True
            while taken:  # what one changes may be what another waits for
                tried = [self._tried(entry) for entry in list(self._refused)]
                taken = any(tried)
        finally:
            self._trying = False

    @staticmethod
    def _tried(entry: Refused) -> bool:
        if entry.there():
            return entry.try_again()
        entry.forget()
        return False

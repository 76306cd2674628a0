"""Compiled code made, or loaded, in the background before it is asked for."""

from __future__ import annotations

import threading
import traceback

from workbench.errors import WorkbenchError
from workbench.widgets.mainloop import MainLoop
from workbench.widgets.rehearsal import rehearse
from workbench.widgets.state import WorkbenchState
from workbench.workflows.warmup import is_warm, warm_up


class WarmUp:
    """The warm-up of a page; a part of `Session`."""

    state: WorkbenchState
    main: MainLoop
    _ready: threading.Event
    _fit_when_warm: bool

    def fit(self) -> None:
        """Start a fit; the session knows how."""
        raise LookupError

    def warm_up(self) -> None:
        """Compile the kernels in the background and say so, or load them without a word.

        The page stays usable meanwhile; a fit waits.
        """
        if self.state.status != "idle":
            return
        self._ready.clear()
        work = self._rehearse
        if not is_warm():
            work = self._compile
            self.state.status = "warming"
            self.state.say("Preparing compiled code (only after an installation or an update) …")
        threading.Thread(target=work, daemon=True, name="workbench-warm-up").start()

    def _compile(self) -> None:
        try:
            warm_up(on_step=lambda *report: self.main(self._warming, *report))
        except Exception as error:  # noqa: BLE001  the page must hear of it, whatever it is
            self.main(self._warm_failed, error, traceback.format_exc())
        else:
            self.main(self._warm_done)
        finally:
            self._ready.set()

    def _rehearse(self) -> None:
        """Do once, unseen, what the first click on Fit will do: it is then quick."""
        state = self.state
        try:
            rehearse(state.model, state.dataset, state.method)
        except WorkbenchError:
            pass  # a model or data that cannot be fitted: Fit will say so
        finally:
            self._ready.set()

    def _warming(self, done: int, total: int, what: str) -> None:
        self.state.progress = done / max(1, total)
        self.state.say(f"Warming up: {what} ({done} of {total}) …")

    def _warm_done(self) -> None:
        self.state.progress = 0.0
        self.state.status = "idle"
        self.state.say("Ready.")
        if self._fit_when_warm:
            self._fit_when_warm = False
            self.fit()

    def _warm_failed(self, error: Exception, log: str) -> None:
        self.state.status = "idle"
        advice = "" if isinstance(error, WorkbenchError) else " The first fit may take longer."
        self.state.say(f"Warming up failed: {error}.{advice}", "warning", log)

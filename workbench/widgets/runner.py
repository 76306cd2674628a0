"""Fits in a worker thread that touches no widget, trait or figure.

The thread hands plain values to the main loop, at most about twelve times a second, tagged with
the generation of the fit: what an abandoned fit still has to say is dropped.
"""

from __future__ import annotations

import math
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from workbench.errors import WorkbenchError
from workbench.widgets.headline import method_words
from workbench.widgets.mainloop import MainLoop
from workbench.widgets.state import WorkbenchState

INTERVAL = 0.08  # seconds between two reports
TRACE_LIMIT = 5_000  # reports kept of one fit

FitFunction = Callable[..., Any]


class FitRunner:
    """Starts, follows and cancels one fit at a time.

    Parameters
    ----------
    state : what the runner reads its task from and writes the outcome to
    fit : `workbench.fit`, or what stands in for it in a test
    token : makes a cancel token, `workbench.CancelToken`
    ready : set once compiled code is loaded; a fit waits for it in its own thread
    """

    def __init__(
        self,
        state: WorkbenchState,
        fit: FitFunction,
        token: Callable[[], Any],
        main: MainLoop,
        ready: threading.Event | None = None,
    ) -> None:
        self._ready = ready
        self._state, self._fit, self._new_token, self._main = state, fit, token, main
        self._token: Any = None
        self._keep: Callable[[Any, bool], object] | None = None
        self._thread: threading.Thread | None = None

    def start(
        self,
        fit: FitFunction | None = None,
        words: str = "",
        keep: Callable[[Any, bool], object] | None = None,
    ) -> None:
        """Begin a fit of what the state holds; does nothing while one is running.

        Parameters
        ----------
        fit : what to call in place of the runner's own; it gets the same arguments
        words : what to say meanwhile
        keep : takes the outcome, and whether it was cancelled, on the main loop. Without it the
            outcome is the fit on view; with it the fit and its trace stay as they are
        """
        state = self._state
        if state.busy:
            return
        state.generation += 1
        self._token, self._keep = self._new_token(), keep
        state.progress = 0.0
        if keep is None:
            state.trace = ()
        method, options = state.call
        words = words or f"Fitting by {method_words(method)} …"
        state.say(words)
        state.status = "running"
        task = (state.generation, state.model, state.dataset, method, options, words)
        self._thread = threading.Thread(
            target=self._work,
            args=(*task, self._token, fit or self._fit),
            daemon=True,
            name="workbench-fit",
        )
        self._thread.start()

    def cancel(self) -> None:
        """Ask the fit to stop; the best values so far are kept by the estimator."""
        if self._state.status == "running":
            self._token.set()
            self._state.status = "cancelling"

    def abandon(self) -> None:
        """Forget the running fit: stop it and ignore what it reports."""
        if self._state.busy:
            self._token.set()
            self._state.generation += 1
            self._state.status = "cancelled"

    def join(self, timeout: float | None = None) -> None:
        """Wait for the worker thread (for scripts and tests)."""
        if self._thread is not None:
            self._thread.join(timeout)

    # In the worker thread

    def _work(
        self,
        generation: int,
        model: Any,
        dataset: Any,
        method: str,
        options: dict[str, Any],
        words: str,
        token: Any,
        fit_function: FitFunction,
    ) -> None:
        waiting: list[Any] = []
        reported = 0.0

        def on_iteration(progress: Any) -> None:
            nonlocal reported
            waiting.append(progress)
            now = time.perf_counter()
            if now - reported >= INTERVAL:
                reported = now
                self._main(self._progress, generation, tuple(waiting))
                waiting.clear()

        if self._ready is not None:
            self._ready.wait()
        try:
            self._compile(generation, model, words)
            fit = fit_function(
                model, dataset, method=method, on_iteration=on_iteration, cancel=token, **options
            )
        except Exception as error:  # noqa: BLE001  whatever went wrong, the page must hear of it
            self._main(self._failed, generation, error, traceback.format_exc())
        else:
            self._main(self._progress, generation, tuple(waiting))
            self._main(self._finished, generation, fit, (model, method, options), token)

    def _compile(self, generation: int, model: Any, words: str) -> None:
        """Compile a model's own equations, and say so: it takes a second or two, once."""
        family = getattr(getattr(model, "structure", None), "family", None)
        if family is None or not hasattr(type(family), "compiled"):
            return
        self._main(self._note, generation, "Compiling the equations …")
        _ = family.compiled
        self._main(self._note, generation, words)

    # On the main loop

    def _note(self, generation: int, words: str) -> None:
        if generation == self._state.generation and self._state.status == "running":
            self._state.say(words)

    def _progress(self, generation: int, reports: tuple[Any, ...]) -> None:
        state = self._state
        if generation != state.generation or not reports:
            return
        last = reports[-1]
        if self._keep is None:
            state.trace = (*state.trace, *reports)[-TRACE_LIMIT:]
        state.progress = min(1.0, last.iteration / max(1, last.max_iter))
        if state.status == "running":
            value = f" {last.ofv:.3f}" if math.isfinite(last.ofv) else ""
            state.say(
                f"{last.step} {last.iteration} of at most {last.max_iter} · {last.objective}{value}"
            )

    def _finished(
        self, generation: int, fit: Any, fitted_with: tuple[Any, ...], token: Any
    ) -> None:
        state = self._state
        if generation != state.generation:
            return
        cancelled = token.is_set()
        state.progress = 1.0
        if self._keep is not None:
            self._keep(fit, cancelled)
            state.status = "cancelled" if cancelled else "done"
            return
        state.fitted_with = fitted_with
        state.fit = fit
        if cancelled:
            state.say("Cancelled. The results below are the best values found so far.", "warning")
        else:
            level = {"converged": "info", "doubtful": "warning"}.get(fit.verdict, "error")
            state.say(f"{fit.verdict.capitalize()} in {fit.seconds:.2f} s.", level)  # type: ignore[arg-type]
        state.status = "cancelled" if cancelled else "done"

    def _failed(self, generation: int, error: Exception, log: str) -> None:
        state = self._state
        if generation != state.generation:
            return
        if isinstance(error, WorkbenchError):
            state.say(str(error), "error")
        else:
            state.say(
                f"The fit stopped with an unexpected {type(error).__name__}: {error}. Your data "
                "and model are untouched. Try other starting values or another method; if it "
                "happens again, report it with the log below.",
                "error",
                log,
            )
        state.status = "failed"

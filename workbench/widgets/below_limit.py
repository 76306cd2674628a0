"""One model by several methods for values below the limit, fitted in the background."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from workbench.data import Dataset
from workbench.errors import EstimationError, OptionError
from workbench.estimation import CancelToken, Progress
from workbench.models.model import Model
from workbench.widgets.entries import Entries
from workbench.widgets.mainloop import MainLoop
from workbench.widgets.runner import FitRunner
from workbench.widgets.script import opening, words
from workbench.widgets.state import WorkbenchState
from workbench.workflows.compare_blq import BlqComparison, compare_blq

USUAL = ("M1", "M3", "M5", "M7")


@dataclass(frozen=True, slots=True, eq=False)
class BlqCompared:
    """A comparison of methods under way, stopped or finished.

    Attributes
    ----------
    methods : for values below the limit, in the order of the fits
    data : what it was begun with
    made_with : (model, method, options), as in `WorkbenchState.fitted_with`
    found : the fits so far; None before the first
    ended : whether it is no longer under way
    """

    methods: tuple[str, ...]
    data: Dataset
    made_with: tuple[Any, ...]
    found: BlqComparison | None = None
    ended: bool = False

    @property
    def complete(self) -> bool:
        """Whether every method came to its end, be it a failure."""
        found = self.found
        return found is not None and len(found.fits) + len(found.failed) == len(self.methods)


class BelowLimit:
    """What a person can do to compare methods for values below the limit; a part of `Session`."""

    state: WorkbenchState
    runner: FitRunner
    main: MainLoop
    entries: Entries

    def compare_blq(self, methods: Sequence[str] = USUAL) -> None:
        """Fit the model by each method in the background; every finished fit is shown at once.

        Raises
        ------
        OptionError
            No method is chosen.
        """
        state = self.state
        if not methods:
            raise OptionError("Choose one or more methods to compare.")
        if not state.is_ready() or self.entries.in_the_way():
            return
        begun = BlqCompared(tuple(methods), state.dataset, (state.model, *state.call))
        state.below_limit = begun
        said = f"Fitting by {', '.join(methods)} …"
        self.runner.start(partial(self._compared, begun), said, self._keep_compared)

    def _compared(
        self,
        begun: BlqCompared,
        model: Model,
        data: Dataset,
        *,
        method: str,
        on_iteration: Callable[[Progress], None],
        cancel: CancelToken,
        **options: Any,
    ) -> BlqComparison | None:
        """In the worker thread: what a fit is to the runner, a fit by each method."""
        finished, total = 0, len(begun.methods)

        def on_fit(done: int, _total: int, found: BlqComparison) -> None:
            nonlocal finished
            finished = done
            self.main(self._keep_fits, begun, found)

        def relay(progress: Progress) -> None:
            said = (
                f"{begun.methods[finished]}, iteration {progress.iteration}, {progress.objective}"
            )
            ofv, best = progress.ofv, progress.best_ofv
            on_iteration(Progress(finished, total, ofv, best, {}, said, "Finished"))

        try:
            return compare_blq(
                model,
                data,
                methods=begun.methods,
                method=method,
                on_fit=on_fit,
                on_iteration=relay,
                cancel=cancel,
                **options,
            )
        except EstimationError:
            if cancel.is_set():
                return None
            raise

    def _keep_fits(self, begun: BlqCompared, found: BlqComparison) -> None:
        now: BlqCompared | None = self.state.below_limit
        if now is not None and now.made_with is begun.made_with:
            self.state.below_limit = replace(now, found=found)

    def _keep_compared(self, found: BlqComparison | None, cancelled: bool) -> None:
        state = self.state
        now: BlqCompared | None = state.below_limit
        if found is None or now is None:
            state.below_limit = None
            state.say("Cancelled before the first method was fitted.", "warning")
            return
        state.below_limit = now = replace(now, found=found, ended=True)
        done = f"{len(found.fits)} of {len(now.methods)} methods are fitted: see the Data tab."
        lost = f" {', '.join(found.failed)} failed." if found.failed else ""
        state.say(done + lost, "warning" if cancelled or lost else "info")

    def keep_compared(self, dataset: Dataset) -> None:
        """Keep the comparison while only the method for such values changes, else drop it."""
        known: BlqCompared | None = self.state.below_limit
        if known is None or known.found is None or known.data.table is not dataset.table:
            self.state.below_limit = None
        elif not known.ended:
            self.state.below_limit = replace(known, ended=True)

    def use_blq_fit(self, method: str) -> None:
        """Bring the fit by one of the methods on view, with its data, model and settings.

        Raises
        ------
        OptionError
            There is no fit by this method.
        """
        state = self.state
        known: BlqCompared | None = state.below_limit
        if known is None or known.found is None or method not in known.found.fits:
            raise OptionError(f"There is no fit by {method} to take over.")
        if not state.is_free():
            return
        fit, (model, estimator, options) = known.found.fits[method], known.made_with
        with state.hold_trait_notifications():
            state.dataset, state.model = fit.data, model
            self._set_call(estimator, options)
            state.fitted_with, state.trace, state.starts = known.made_with, (), None
            state.fit = fit
        state.say(f"The fit by {method} is on view, with its data, model and settings.")
        state.status = "done"

    def _set_call(self, method: str, arguments: Any) -> None:
        """Set method and options; the session knows how."""
        raise LookupError(method, arguments)

    def blq_python(self, methods: Sequence[str] = USUAL) -> str:
        """Return the lines that fit the model of now by these methods."""
        state = self.state
        estimator, options = state.call
        given = {"methods": tuple(methods), "method": estimator, **options}
        return (
            f"{opening(state.dataset, state.model)}"
            f"compared = wb.compare_blq(model, data{words(given)})\n"
            "print(compared)\n"
        )

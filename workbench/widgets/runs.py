"""The fits made on a page: kept, named, opened again, compared, and refitted without subjects."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from workbench.data import Dataset
from workbench.errors import EstimationError, OptionError, UnknownNameError
from workbench.estimation import CancelToken, Progress
from workbench.models.model import Model
from workbench.results import FitResult
from workbench.widgets.runner import FitRunner
from workbench.widgets.state import NOT_COMPILED, SAMPLING, WorkbenchState
from workbench.workflows.influence import Influence, cost, influence

MOST_RUNS = 20  # kept at once: each holds its data and tables


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A fit that was made on this page.

    Attributes
    ----------
    name : what the page calls it
    fit : the result
    call : (model, method, options) it was made with, as in `WorkbenchState.fitted_with`
    """

    name: str
    fit: FitResult
    call: tuple[Any, ...]


class Runs:
    """What a person can do with the fits made so far; a part of `Session`."""

    state: WorkbenchState
    runner: FitRunner

    def keep_runs(self) -> None:
        """Add every fit that becomes the one on view to the list, from now on."""
        self.state.observe(self._keep_run, "fit")

    def _keep_run(self, _change: object = None) -> None:
        state = self.state
        fit = state.fit
        for name in ("influence", "tests"):  # of another fit
            known = getattr(state, name)
            if known is not None and known.fit is not fit:
                setattr(state, name, None)
        if not isinstance(fit, FitResult) or any(run.fit is fit for run in state.runs):
            return
        call = tuple(state.fitted_with) or (fit.model, fit.method, dict(fit.given))
        numbers = [_number(run.name) for run in state.runs]
        run = Run(f"Run {max(numbers, default=0) + 1}", fit, call)
        self._set_runs((*state.runs, run)[-MOST_RUNS:])

    def _set_runs(self, runs: tuple[Run, ...]) -> None:
        """Change the list; a test of runs that are gone is gone too."""
        state, names = self.state, {run.name for run in runs}
        with state.hold_trait_notifications():
            if not set(state.tested) <= names:
                state.tested = ()
            state.runs = runs

    def run(self, name: str) -> Run:
        """Return the run of this name.

        Raises
        ------
        UnknownNameError
        """
        for run in self.state.runs:
            if run.name == name:
                return run
        known = ", ".join(run.name for run in self.state.runs) or "none"
        raise UnknownNameError(f"There is no run {name!r}. Runs: {known}.")

    @property
    def open_run_name(self) -> str:
        """Name of the run on view, "" if there is none."""
        return next((run.name for run in self.state.runs if run.fit is self.state.fit), "")

    def rename_run(self, name: str, new: str) -> None:
        """Call a run something else.

        Raises
        ------
        UnknownNameError, OptionError
            There is no such run, or the new name is empty or taken.
        """
        old, new = self.run(name), new.strip()
        if not new:
            raise OptionError("A run needs a name.")
        if any(run.name == new and run is not old for run in self.state.runs):
            raise OptionError(f"There is another run named {new}.")
        state = self.state
        with state.hold_trait_notifications():
            state.tested = tuple(new if one == name else one for one in state.tested)
            state.runs = tuple(replace(run, name=new) if run is old else run for run in state.runs)

    def remove_run(self, name: str) -> None:
        """Forget a run; if it is on view, the newest of the others comes in its place."""
        gone = self.run(name)
        if not self.state.is_free():
            return
        left = tuple(run for run in self.state.runs if run is not gone)
        on_view = gone.fit is self.state.fit
        self._set_runs(left)
        if on_view and left:
            self.open_run(left[-1].name)
        elif on_view:
            with self.state.hold_trait_notifications():
                self.state.fit, self.state.fitted_with, self.state.trace = None, (), ()
            self.state.status = "idle"

    def open_run(self, name: str) -> None:
        """Bring a run back on view, with its data, model and settings."""
        state, run = self.state, self.run(name)
        if run.fit is state.fit:
            return
        if not state.is_free():
            return
        model, method, options = run.call
        with state.hold_trait_notifications():
            if run.fit.data is not state.dataset:
                state.dataset, state.selected = run.fit.data, None
            state.model = model
            self._set_call(method, options)
            state.fitted_with, state.trace, state.starts = run.call, (), None
            state.fit = run.fit
        state.say(f"{name} is on view, with its data, model and settings.")
        if state.status != "warming":
            state.status = "done"

    def _set_call(self, method: str, arguments: Mapping[str, Any]) -> None:
        """Set method and options such that `WorkbenchState.call` is this call."""
        state, names = self.state, method.split("+")
        sampling = len(names) > 1 and arguments.get(SAMPLING) == {"max_iter": 0}
        stages = names[: len(names) - sampling]
        options = arguments.get(names[0], {}) if len(names) > 1 else arguments
        options = {k: v for k, v in options.items() if k != "seed"}
        known = self._default_options(names[0])
        if "seed" in known or "seed" in arguments:
            known["seed"] = arguments.get("seed", 0)
        state.method, state.options = names[0], {**known, **options}
        state.then, state.sampling = "".join(stages[1:2]), sampling

    def _default_options(self, method: str) -> dict[str, Any]:
        """Return the options that the page offers for a method; the session knows."""
        raise LookupError(method)

    def test_runs(self, small: str, large: str) -> None:
        """Choose two runs for a likelihood ratio test.

        Raises
        ------
        UnknownNameError
        """
        self.state.tested = (self.run(small).name, self.run(large).name)

    # Influence

    def leave_out(self, n: int | None = None) -> None:
        """Fit again without each subject in the background.

        Parameters
        ----------
        n : only the so many most influential subjects, as predicted; None for all
        """
        state, fit = self.state, self.state.fit
        if fit is None:
            state.say("Fit the model first.", "warning")
            return
        if fit.data.n_sub < 2:
            state.say("There is one subject only: nothing would be left to fit.", "warning")
            return
        if state.status == "warming":
            state.say(NOT_COMPILED, "warning")
            return
        work = partial(self._without_each, fit, n)
        self.runner.start(
            work, f"Fitting without each subject: {cost(fit, n)}", self._keep_influence
        )

    def _without_each(
        self,
        fit: FitResult,
        n: int | None,
        model: Model,  # noqa: ARG002  what a fit is to the runner
        data: Dataset,  # noqa: ARG002
        *,
        method: str,  # noqa: ARG002
        on_iteration: Callable[[Progress], None],
        cancel: CancelToken,
        **options: Any,  # noqa: ARG002
    ) -> Influence | None:
        """In the worker thread: the fit on view decides, not the settings of now."""

        def on_fit(done: int, total: int, subject: Hashable) -> None:
            words = f"the last without ID {subject} · OFV of all"
            on_iteration(Progress(done, total, fit.ofv, fit.ofv, {}, words, "Refit"))

        try:
            return influence(fit, n, on_fit=on_fit, cancel=cancel)
        except EstimationError:
            if cancel.is_set():
                return None
            raise

    def _keep_influence(self, found: Influence | None, cancelled: bool) -> None:
        state = self.state
        if found is None:
            state.say("Cancelled before a fit without a subject was done.", "warning")
            return
        state.influence = found
        done = f"{len(found.table)} of {found.n_asked} fits without a subject are done"
        lost = len(found.failed)
        said = f"{done}, {lost} of them failed." if lost else f"{done}."
        state.say(said, "warning" if cancelled or lost else "info")


def _number(name: str) -> int:
    """Return the number of a run that has its first name, 0 of another."""
    tail = name.removeprefix("Run ")
    return int(tail) if tail != name and tail.isdecimal() else 0

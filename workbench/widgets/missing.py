"""Missing covariates on the page: filled in by a method that is chosen, or fitted in draws."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from workbench.data import Dataset
from workbench.errors import EstimationError, OptionError
from workbench.estimation import CancelToken, Progress
from workbench.models.model import Model
from workbench.widgets.entries import Entries
from workbench.widgets.runner import FitRunner
from workbench.widgets.script import opening, words
from workbench.widgets.state import NOT_COMPILED, WAIT, WorkbenchState
from workbench.workflows.imputation import MultipleImputation, multiple_imputation


class Missing:
    """What a person can do about missing covariates; a part of `Session`."""

    state: WorkbenchState
    runner: FitRunner
    entries: Entries

    def replace_data(self, dataset: Dataset) -> None:
        """Go on with data that differ in a part; the session knows how."""
        raise LookupError(dataset.name)

    def fill_in(self, method: str, covariates: tuple[str, ...] = ()) -> None:
        """Fill in missing covariates, or leave out their subjects; a fit is dropped.

        What was filled in before is taken back first: one method at a time.

        Parameters
        ----------
        method : "complete_case", "median", "regression" or "indicator", see `Dataset.impute`
        covariates : which; none for all that are missing

        Raises
        ------
        OptionError, DataError
            It cannot be done, and why; nothing is changed.
        """
        state = self.state
        if state.dataset is None:
            return
        if state.busy:
            raise OptionError(WAIT)
        before: Dataset = state.unfilled or state.dataset
        filled = before.impute(method, list(covariates) or None)
        with state.hold_trait_notifications():
            self.replace_data(filled)
            state.unfilled = before
        gone = before.n_sub - filled.n_sub
        done = f"{gone} of {before.n_sub} subjects are left out" if gone else "Values are filled in"
        done += f" for {', '.join(covariates)}" if covariates else ""
        state.say(f"{done} ({method.replace('_', ' ')}); the audit says whose. Fit again.")

    def used_missing(self) -> tuple[str, ...]:
        """Return the covariates that the model uses and that are missing for somebody."""
        state = self.state
        whole: Dataset | None = state.unfilled or state.dataset
        if whole is None or state.model is None:
            return ()
        used = {*state.model.covariate_columns, *state.model.structure.covariates}
        return tuple(name for name in whole.missing_covariates["covariate"] if name in used)

    def take_back(self) -> None:
        """Return to the data as they were read."""
        state = self.state
        if state.unfilled is None:
            return
        if state.busy:
            raise OptionError(WAIT)
        before = state.unfilled
        with state.hold_trait_notifications():
            self.replace_data(before)
            state.unfilled = None
        state.say("The covariates are missing again, as in the file.")

    def fit_draws(self, m: int = 10) -> None:
        """Fit `m` draws of the missing covariates in the background, and pool them (Rubin).

        Raises
        ------
        OptionError
            There are fewer than two draws.
        """
        state = self.state
        if m < 2 or m != int(m):
            raise OptionError("The number of draws is a whole number of at least 2.")
        if state.dataset is None or state.model is None:
            state.say("Choose a dataset first.", "warning")
            return
        if state.status == "warming":
            state.say(NOT_COMPILED, "warning")
            return
        if self.entries.in_the_way():
            return
        if state.unfilled is not None:
            self.take_back()
        keep = partial(self._keep_pooled, (state.model, *state.call))
        self.runner.start(partial(_drawn, int(m)), f"Fitting {int(m)} draws …", keep)

    def _keep_pooled(
        self, made_with: tuple[Any, ...], found: MultipleImputation | None, cancelled: bool
    ) -> None:
        state = self.state
        if found is None:
            state.say("Cancelled before two draws were fitted, which pooling needs.", "warning")
            return
        with state.hold_trait_notifications():
            state.pooled, state.pooled_with = found, made_with
        state.say(
            f"{len(found.fits)} fits of imputed data are pooled: see the Data tab.",
            "warning" if cancelled or found.notes else "info",
        )

    def imputation_python(self, m: int = 10) -> str:
        """Return the lines that fit draws of the missing covariates, and pool them."""
        state = self.state
        method, options = state.call
        given = {"method": method, **options}
        data = state.unfilled or state.dataset
        return (
            f"{opening(data, state.model)}"
            f"pooled = wb.multiple_imputation(model, data, {m}{words(given)})\n"
            "print(pooled)\n"
        )


def _drawn(
    m: int,
    model: Model,
    data: Dataset,
    *,
    method: str,
    on_iteration: Callable[[Progress], None],
    cancel: CancelToken,
    **options: Any,
) -> MultipleImputation | None:
    """In the worker thread: what a fit is to the runner, fits of draws."""

    def on_fit(done: int, total: int) -> None:
        on_iteration(Progress(done, total, float("nan"), float("nan"), {}, "pooled", "Draw"))

    given = {"seed": 1, **options}
    try:
        return multiple_imputation(
            model, data, m, method=method, on_fit=on_fit, cancel=cancel, **given
        )
    except EstimationError:
        if cancel.is_set():
            return None
        raise

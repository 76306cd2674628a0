"""A search for effects of covariates on the page: planned, made in the background, taken over."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pandas as pd

from workbench.data import Dataset
from workbench.errors import (
    EstimationError,
    ModelError,
    OptionError,
    UnknownNameError,
    WorkbenchError,
)
from workbench.estimation import CancelToken, Progress
from workbench.models.covariates import CovariateEffect
from workbench.models.model import Model
from workbench.results import FitResult
from workbench.widgets import model_edits
from workbench.widgets.entries import SEARCH, Entries
from workbench.widgets.mainloop import MainLoop
from workbench.widgets.runner import FitRunner
from workbench.widgets.script import opening, words
from workbench.widgets.state import WorkbenchState
from workbench.workflows._search_steps import Step
from workbench.workflows.covariate_candidates import CovariateCandidates, covariate_candidates
from workbench.workflows.rank_covariates import rank_covariates
from workbench.workflows.scm import CovariateSearch, scm

Place = tuple[str, str]  # parameter and covariate
NOT_ON = (
    "The search goes on with what it began with, and {} changed since: change it back, or search "
    "anew."
)


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """How a person wants to search.

    Attributes
    ----------
    forward, backward : levels of the likelihood ratio tests
    top : candidates that are tried at a time, in the order of the ranking; None for all
    left_out : parameters and covariates that are not to be tried
    """

    forward: float = 0.05
    backward: float = 0.01
    top: int | None = None
    left_out: frozenset[Place] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Searched:
    """A search under way, stopped or finished.

    Attributes
    ----------
    model, data, call : what it was begun with; `call` is method and options
    plan : levels and candidates
    steps : those that are finished
    rows : of the step under way (or stopped): the fits that have ended
    found : the outcome; None while it is under way
    """

    model: Model
    data: Dataset
    call: tuple[str, dict[str, Any]]
    plan: SearchPlan
    steps: tuple[Step, ...] = ()
    rows: tuple[dict[str, Any], ...] = ()
    found: CovariateSearch | None = None

    def begun_with(self, state: WorkbenchState) -> str:
        """Return what has changed on the page since the search began; empty when nothing has."""
        if state.dataset is not self.data:
            return "the data have"
        if state.model != self.model:
            return "the model has"
        return "" if state.call == self.call else "the method or its options have"

    def differs(self, state: WorkbenchState) -> str:
        """Return the same of a search whose outcome may be on view, which is no change."""
        if self.found is not None and state.call == self.call and state.dataset is self.data:
            own = (self.found.fit.model, self.found.fit.updated_model)
            if state.model in own:
                return ""
        return self.begun_with(state)

    @property
    def ladder(self) -> pd.DataFrame:
        """One row per model that was tried, as far as steps are finished."""
        if self.found is not None:
            return self.found.ladder
        return pd.DataFrame([row for step in self.steps for row in step.rows])


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Candidates in the order in which the random effects of a fit point at them."""

    fit: FitResult
    table: pd.DataFrame = field(repr=False)


class Searches:
    """What a person can do to find effects of covariates; a part of `Session`."""

    state: WorkbenchState
    runner: FitRunner
    main: MainLoop
    entries: Entries

    def candidates(self) -> CovariateCandidates:
        """Return the effects that are proposed for the model and the data on view."""
        state = self.state
        if state.dataset is None or state.model is None:
            return CovariateCandidates({}, ("Open a dataset first.",))
        return covariate_candidates(state.model, state.dataset)

    def chosen_candidates(self) -> dict[str, tuple[CovariateEffect, ...]]:
        """Return the proposed effects without those that the plan leaves out."""
        return _kept(self.candidates(), self.state.plan)

    def plan_search(self, **changes: Any) -> None:
        """Change the plan: `forward`, `backward`, `top` or `left_out`.

        Raises
        ------
        OptionError
        """
        plan = replace(self.state.plan, **changes)
        for name, level in (("forward", plan.forward), ("backward", plan.backward)):
            if not 0 < level < 1:
                raise OptionError(f"The {name} level lies between 0 and 1, such as 0.05.")
        if plan.top is not None and (plan.top < 1 or plan.top != int(plan.top)):
            raise OptionError("So many at a time: a whole number of at least 1, or none.")
        top = None if plan.top is None else int(plan.top)
        self.state.plan = replace(plan, top=top)

    def leave_candidate(self, parameter: str, covariate: str, *, out: bool = True) -> None:
        """Leave a candidate out of the search, or take it in again."""
        now = self.state.plan.left_out
        place = frozenset({(parameter, covariate)})
        self.plan_search(left_out=now | place if out else now - place)

    def search_covariates(self, *, resume: bool = False) -> None:
        """Search in the background; every finished step is in the state at once.

        Parameters
        ----------
        resume : go on with a search that was stopped
        """
        state = self.state
        if not self._can_search():
            return
        earlier: Searched | None = state.search if resume else None
        before = earlier.found if earlier is not None else None
        if resume and (earlier is None or before is None):
            state.say("There is no search to go on with.", "warning")
            return
        if earlier is not None and (changed := earlier.begun_with(state)):
            state.say(NOT_ON.format(changed), "warning")
            return
        candidates = self.chosen_candidates()
        if not candidates:
            state.say("There is no candidate to try: choose some.", "warning")
            return
        current = state.fit is not None and not state.stale and state.fit.data is state.dataset
        start = state.fit if current else None
        state.search = begun = Searched(state.model, state.dataset, state.call, state.plan)
        work = partial(self._searched, begun, candidates, earlier, start)
        based = start is not None or before is not None
        said = "Searching for covariates …" if based else "Fitting the model without candidates …"
        self.runner.start(work, said, self._keep_search)

    def _can_search(self) -> bool:
        return self.state.is_ready() and not self.entries.in_the_way(SEARCH)

    def _searched(
        self,
        begun: Searched,
        candidates: Mapping[str, tuple[CovariateEffect, ...]],
        earlier: Searched | None,
        start: FitResult | None,
        model: Model,
        data: Dataset,
        *,
        method: str,
        on_iteration: Callable[[Progress], None],
        cancel: CancelToken,
        **options: Any,
    ) -> CovariateSearch | None:
        """In the worker thread: what a fit is to the runner, a search."""
        ofv, number = start.ofv if start is not None else float("nan"), 1

        def on_fit(done: int, total: int, title: str) -> None:
            said = f"the last {title}" + (" · OFV so far" if math.isfinite(ofv) else "")
            on_iteration(Progress(done, total, ofv, ofv, {}, said, f"Step {number}: fit"))

        def on_step(step: Step) -> None:
            nonlocal ofv, number
            ofv, number = step.fit.ofv, step.number + 1
            self.main(self._keep_step, begun, step)

        def on_row(row: dict[str, Any]) -> None:
            self.main(self._keep_row, begun, row)

        plan = begun.plan
        try:
            return scm(
                model,
                data,
                candidates,
                method=method,
                forward=plan.forward,
                backward=plan.backward,
                top=plan.top,
                start=start,
                resume=earlier.found if earlier is not None else None,
                on_fit=on_fit,
                on_step=on_step,
                on_row=on_row,
                cancel=cancel,
                **options,
            )
        except WorkbenchError as error:
            if isinstance(error, EstimationError) and cancel.is_set():
                return None
            if earlier is not None:
                self.main(self._put_back, begun, earlier)
            raise

    def _put_back(self, begun: Searched, earlier: Searched) -> None:
        """Show the ladder of a search again that could not go on."""
        if self._under_way(begun) is not None:
            self.state.search = earlier

    def _keep_step(self, begun: Searched, step: Step) -> None:
        now = self._under_way(begun)
        if now is not None:
            self.state.search = replace(now, steps=(*now.steps, step), rows=())

    def _keep_row(self, begun: Searched, row: dict[str, Any]) -> None:
        now = self._under_way(begun)
        if now is not None:  # of a candidate that is fitted once more, the last
            place = (row["parameter"], row["covariate"], row["kind"])
            kept = [r for r in now.rows if (r["parameter"], r["covariate"], r["kind"]) != place]
            self.state.search = replace(now, rows=(*kept, row))

    def _under_way(self, begun: Searched) -> Searched | None:
        """Return the search as it is now; None if it is no more."""
        now: Searched | None = self.state.search
        same = now is not None and now.plan is begun.plan and now.model is begun.model
        return now if same else None

    def _keep_search(self, found: CovariateSearch | None, cancelled: bool) -> None:
        state = self.state
        if found is None:
            state.search = None
            state.say("Cancelled before the model without candidates was fitted.", "warning")
            return
        if state.search is not None:
            state.search = replace(state.search, found=found, steps=found.steps)
        said = found.sentence + (
            " What is done is kept: go on when you like." * (not found.complete)
        )
        state.say(said, "warning" if cancelled else "info")

    def use_search(self) -> None:
        """Take over what the search ended with: its model, as the card, and its fit.

        Where the model or the method have changed since, only the effects that were found are
        added to the present model, with their estimates.
        """
        state = self.state
        searched: Searched | None = state.search
        if searched is None or searched.found is None:
            state.say("There is no finished search to take over.", "warning")
            return
        if not state.is_free():
            return
        if searched.differs(state):
            self._add_effects(searched.found)
            return
        fit, (method, options) = searched.found.fit, searched.call
        with state.hold_trait_notifications():
            state.model = fit.model
            self._set_call(method, options)
            state.fitted_with, state.trace, state.starts = (fit.model, method, options), (), None
            state.fit = fit
        effects = ", ".join(one.title for one in searched.found.included) or "no effect"
        state.say(f"Model and fit of the search are on view, with {effects}.")
        state.status = "done"

    def _add_effects(self, found: CovariateSearch) -> None:
        """Add the effects of a search to the present model, with their estimates."""
        model = self.state.model
        estimated = found.fit.updated_model.parameters
        for one in found.included:
            (effect,) = (
                e for e in estimated[one.parameter].covariates if e.column == one.effect.column
            )
            try:
                model = model_edits.with_covariate(model, one.parameter, effect)
            except (ModelError, UnknownNameError) as error:
                self.state.say(f"Nothing was added. {error}", "error")
                return
        effects = ", ".join(one.title for one in found.included)
        self.state.model = model
        self.state.say(f"Added to the present model: {effects}. Fit it to see what they do to it.")

    def _set_call(self, method: str, arguments: Mapping[str, Any]) -> None:
        """Set method and options; the session knows how."""
        raise LookupError(method, arguments)

    def rank_candidates(self) -> None:
        """Order the candidates by the random effects of the fit on view, in the background."""
        state = self.state
        if state.fit is None:
            state.say(
                "Fit the model first: the ranking is made from its random effects.", "warning"
            )
            return
        if state.stale or state.fit.data is not state.dataset:
            state.say("The settings have changed since the fit: fit again to rank.", "warning")
            return
        if self._can_search():
            work = partial(self._rank, state.fit, self.chosen_candidates())
            self.runner.start(work, "Ranking the candidates …", self._keep_ranking)

    def _rank(
        self,
        fit: FitResult,
        candidates: Mapping[str, tuple[CovariateEffect, ...]],
        model: Model,  # noqa: ARG002  what a fit is to the runner
        data: Dataset,  # noqa: ARG002
        *,
        method: str,  # noqa: ARG002
        on_iteration: Callable[[Progress], None],  # noqa: ARG002
        cancel: CancelToken,  # noqa: ARG002
        **options: Any,  # noqa: ARG002
    ) -> Ranked:
        return Ranked(fit, rank_covariates(fit, candidates))

    def _keep_ranking(self, found: Ranked, _cancelled: bool) -> None:
        self.state.ranking = found
        self.state.say("Ranked by the random effects of the fit; no model was fitted for it.")

    def search_python(self) -> str:
        """Return the lines that make the search on view, or that it would be made with now."""
        state = self.state
        if state.dataset is None or state.model is None:
            return "import workbench as wb\n"
        searched: Searched | None = state.search
        if searched is None:
            model, data, call, plan = state.model, state.dataset, state.call, state.plan
            searched = Searched(model, data, call, plan)
        method, options = searched.call
        plan = searched.plan
        given: dict[str, Any] = {"method": method, **options}
        given |= {"forward": plan.forward, "backward": plan.backward}
        given |= {"top": plan.top} if plan.top is not None else {}
        proposed = covariate_candidates(searched.model, searched.data)
        names = [
            f"    {name!r}: [{', '.join(effect.python() for effect in effects)}],\n"
            for name, effects in _kept(proposed, plan).items()
        ]
        chosen = f"candidates = {{\n{''.join(names)}}}\n"
        return (
            f"{opening(searched.data, searched.model)}{chosen}"
            f"search = wb.scm(model, data, candidates{words(given)})\n"
            "search.ladder, search.model\n"
        )


def _kept(
    proposed: Mapping[str, tuple[CovariateEffect, ...]], plan: SearchPlan
) -> dict[str, tuple[CovariateEffect, ...]]:
    """Return the effects that a plan does not leave out."""
    kept = {
        name: tuple(effect for effect in effects if (name, effect.column) not in plan.left_out)
        for name, effects in proposed.items()
    }
    return {name: effects for name, effects in kept.items() if effects}

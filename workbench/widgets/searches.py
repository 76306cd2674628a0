"""A search for effects of covariates on the page: planned, made in the background, taken over."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pandas as pd

from workbench.data import Dataset
from workbench.errors import EstimationError, OptionError
from workbench.estimation import CancelToken, Progress
from workbench.models.covariates import CovariateEffect
from workbench.models.model import Model
from workbench.results import FitResult
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
    found : the outcome; None while it is under way
    """

    model: Model
    data: Dataset
    call: tuple[str, dict[str, Any]]
    plan: SearchPlan
    steps: tuple[Step, ...] = ()
    found: CovariateSearch | None = None

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
        before = state.search.found if resume and state.search is not None else None
        if resume and before is None:
            state.say("There is no search to go on with.", "warning")
            return
        candidates = self.chosen_candidates()
        if not candidates:
            state.say("There is no candidate to try: choose some.", "warning")
            return
        current = state.fit is not None and not state.stale and state.fit.data is state.dataset
        start = state.fit if current else None
        state.search = begun = Searched(state.model, state.dataset, state.call, state.plan)
        work = partial(self._searched, begun, candidates, before, start)
        self.runner.start(work, "Searching for covariates …", self._keep_search)

    def _can_search(self) -> bool:
        state = self.state
        why = ""
        if state.dataset is None or state.model is None:
            why = "Choose a dataset first."
        elif state.busy:
            why = "A fit is running: wait for it, or cancel it first."
        elif state.status == "warming":
            why = "The compiled code is not ready yet: try again in a moment."
        if why:
            state.say(why, "warning")
        return not why and not self.entries.in_the_way(SEARCH)

    def _searched(
        self,
        begun: Searched,
        candidates: Mapping[str, tuple[CovariateEffect, ...]],
        before: CovariateSearch | None,
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
                resume=before,
                on_fit=on_fit,
                on_step=on_step,
                cancel=cancel,
                **options,
            )
        except EstimationError:
            if cancel.is_set():
                return None
            raise

    def _keep_step(self, begun: Searched, step: Step) -> None:
        now: Searched | None = self.state.search
        if now is not None and now.plan is begun.plan and now.model is begun.model:
            self.state.search = replace(now, steps=(*now.steps, step))

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
        """Take over what the search ended with: its model, as the card, and its fit."""
        state = self.state
        searched: Searched | None = state.search
        if searched is None or searched.found is None:
            state.say("There is no finished search to take over.", "warning")
            return
        if state.busy:
            state.say("A fit is running: wait for it, or cancel it first.", "warning")
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

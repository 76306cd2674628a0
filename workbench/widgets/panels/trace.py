"""The way the estimator went: the objective and the parameters, live while it runs."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import ipywidgets as W
import pandas as pd

from workbench.problem.units import units_of
from workbench.widgets.card import PlotCard
from workbench.widgets.markup import html, styled
from workbench.widgets.panels._base import Panel, PanelView
from workbench.widgets.session import Session
from workbench.widgets.state import WorkbenchState

NAME = "trace"


def live(state: WorkbenchState) -> Any:
    """Return what stands for the fit: its own trace, or the reports of the one that runs."""
    if state.trace and (state.busy or state.fit is None):
        units = units_of(state.model, state.dataset)
        return SimpleNamespace(trace=pd.DataFrame(_rows(state.trace)), units=units)
    return state.fit


def _rows(reports: Iterable[Any]) -> list[dict[str, Any]]:
    """Return the reports as rows of a trace; stages of a chain follow each other.

    Objectives of different kinds have no common scale: that of the present stage is shown.
    """
    rows: list[dict[str, Any]] = []
    reports, before, last = list(reports), 0, -1
    now = reports[-1].objective if reports else ""
    for p in reports:
        if p.iteration <= last:  # another stage begins to count
            before += last + 1
        last = p.iteration
        objective = "complete_m2ll" if p.objective.startswith("complete") else "ofv"
        shown = {objective: p.ofv} if p.objective == now else {}
        rows.append({"iteration": before + p.iteration, **shown, **p.values})
    return rows


def build(session: Session) -> PanelView:
    """Make the tab."""
    state = session.state
    card = PlotCard(session, NAME, "iterations", fit=lambda: live(state))
    empty = html("Fit the model to see how the estimator moves, while it moves.", "wb-empty")
    stack = W.Stack([empty, styled(W.Box([card.widget]), "wb-one")], selected_index=0)

    def follow(_change: object = None) -> None:
        stack.selected_index = 0 if live(state) is None else 1
        card.refresh()

    state.observe(follow, ["trace", "fit", "status"])
    return PanelView(styled(stack, "wb-stack"))


PANEL = Panel(NAME, "Trace", "tab", 40, build)

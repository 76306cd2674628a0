"""Which estimator, with which options, and what follows it."""

from __future__ import annotations

from html import escape

import ipywidgets as W

from workbench.estimation import APPROXIMATE, INTEGRAL, STAGES, estimators
from workbench.widgets.choice import Choice, Entry
from workbench.widgets.markup import html, styled
from workbench.widgets.panels._base import Panel, PanelView, labelled, section
from workbench.widgets.panels._method_options import MethodOptions
from workbench.widgets.session import Session
from workbench.widgets.state import SAMPLING
from workbench.widgets.switch import Switch

GROUPS = (APPROXIMATE, INTEGRAL, STAGES)


def methods(*groups: str) -> list[Entry]:
    """Return the estimators of some groups, in the order of the groups."""
    known = [estimators.get(name) for name in estimators.names()]
    return [Entry(e.title, e.name, group) for group in groups for e in known if e.group == group]


def build(session: Session) -> PanelView:
    """Make the section."""
    state = session.state
    picker = Choice(label="Estimation method")
    picker.offer(methods(*GROUPS))
    about = html("", "wb-note")
    options = MethodOptions(session)
    then = Choice(label="A second method that starts where the first ended")
    sampling = Switch(
        words="−2LL by importance sampling at the end",
        hint="Adds −2LL with its Monte-Carlo error; the estimates stay",
    )

    find = W.Button(description="Find start", layout=W.Layout(width="auto", flex="1"))
    find.tooltip = "Take starting values from the data, or from a fit without random effects"
    many = W.Button(description="Try 20 starts", layout=W.Layout(width="auto", flex="1"))
    many.tooltip = "Fit from 20 starting values, and show where each ended"
    find.on_click(lambda _button: session.find_start())
    many.on_click(lambda _button: session.try_starts())

    def busy(_change: object = None) -> None:
        many.disabled = find.disabled = state.busy

    def follow(_change: object = None) -> None:
        picker.value = state.method
        about.value = escape(estimators.get(state.method).description)
        offered = [e for e in methods(APPROXIMATE, INTEGRAL) if e.value != state.method]
        then.offer([Entry("Nothing", ""), *offered])
        then.value = state.then
        sampling.value = state.sampling
        sampling.disabled = SAMPLING in (state.method, state.then)
        options.follow()

    def method(change: dict[str, str]) -> None:
        if change["new"] != state.method:
            session.set_method(change["new"])

    def chain(_change: object = None) -> None:
        if (then.value, sampling.value) != (state.then, state.sampling):
            session.set_chain(then.value, sampling=sampling.value)

    picker.observe(method, "value")
    then.observe(chain, "value")
    sampling.observe(chain, "value")
    state.observe(follow, ["method", "options", "then", "sampling", "model"])
    state.observe(busy, "status")
    follow()
    return PanelView(
        section(
            "Estimation",
            picker,
            about,
            options.widget,
            labelled("Then", then),
            sampling,
            styled(W.HBox([find, many]), "wb-row"),
        )
    )


PANEL = Panel("estimator", "Estimation", "rail", 50, build)

"""Which estimator, how long at most, and which standard errors."""

from __future__ import annotations

from html import escape

import ipywidgets as W

from workbench.estimation import estimators
from workbench.widgets.field import NumberField
from workbench.widgets.markup import html
from workbench.widgets.panels._base import Panel, PanelView, labelled, section
from workbench.widgets.session import Session

COVARIANCE = (
    ("From the Hessian", "hessian"),
    ("Sandwich (robust)", "sandwich"),
    ("None (fastest)", "none"),
)


def build(session: Session) -> PanelView:
    """Make the section."""
    state = session.state
    known = [estimators.get(name) for name in estimators.names()]
    wide = W.Layout(width="auto", flex="1")
    picker = W.Dropdown(
        options=[(method.title, method.name) for method in known],
        tooltip="Estimation method",
        layout=W.Layout(width="auto"),
    )
    about = html("", "wb-note")
    limit = NumberField(
        "Max. iterations", lambda value: session.set_options(max_iter=_whole(value))
    )
    covariance = W.Dropdown(options=COVARIANCE, tooltip="Standard errors", layout=wide)

    def follow(_change: object = None) -> None:
        picker.value = state.method
        about.value = escape(estimators.get(state.method).description)
        if "max_iter" in state.options and not limit.message:
            limit.show(state.options["max_iter"])
        if "covariance" in state.options:
            covariance.value = state.options["covariance"]

    def method(change: dict[str, str]) -> None:
        if change["new"] != state.method:
            session.set_method(change["new"])

    def errors(change: dict[str, str]) -> None:
        if change["new"] != state.options.get("covariance"):
            session.set_options(covariance=change["new"])

    picker.observe(method, "value")
    covariance.observe(errors, "value")
    state.observe(follow, ["method", "options"])
    follow()
    return PanelView(
        section(
            "Estimation",
            picker,
            about,
            labelled("Iterations", limit.entry),
            limit.complaint,
            labelled("Std. errors", covariance),
        )
    )


def _whole(value: float) -> int:
    """Return the whole number, or say that it is none."""
    if value != int(value):
        raise ValueError(f"Max. iterations must be a whole number, not {value:g}.")
    return int(value)


PANEL = Panel("estimator", "Estimation", "rail", 50, build)

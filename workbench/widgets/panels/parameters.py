"""Typical values, distributions and between-subject variability: one row per parameter."""

from __future__ import annotations

from html import escape

import ipywidgets as W

from workbench.models.distributions import distributions
from workbench.widgets.field import NumberField
from workbench.widgets.markup import html, styled
from workbench.widgets.model_edits import START_IIV, has_full_omega
from workbench.widgets.panels._base import Panel, PanelView, labelled, section
from workbench.widgets.panels._knowledge import KnownValues
from workbench.widgets.session import Session

HEAD = (
    "<div class='wb-parameter-row wb-parameter-head'><span></span><span>Typical</span>"
    "<span title='Hold the typical value'>fix</span><span>Distribution</span>"
    "<span title='Between-subject variability'>IIV</span>"
    "<span title='Standard deviation of eta'>ω (SD)</span><span title='Hold ω'>fix</span></div>"
)


class ParameterRow:
    """The controls of one parameter."""

    def __init__(self, session: Session, name: str) -> None:
        self.session, self.name = session, name
        self._following = False
        self._last_iiv = START_IIV
        self.label = html("", "wb-parameter-name")
        self.typical = NumberField(f"Typical value of {name}", self._set_typical)
        self.omega = NumberField(f"ω of {name}", self._set_omega)
        self.distribution = W.Dropdown(
            options=[(distributions.get(n).title, n) for n in distributions.names()],
            tooltip=f"Distribution of {name}",
            layout=W.Layout(width="auto"),
        )
        self.typical_fixed = self._box(f"Hold the typical value of {name}")
        self.iiv = self._box(f"Between-subject variability on {name}")
        self.omega_fixed = self._box(f"Hold ω of {name}")
        controls = [self.label, self.typical.entry, self.typical_fixed, self.distribution]
        controls += [self.iiv, self.omega.entry, self.omega_fixed]
        self.widget = W.VBox(
            [
                styled(W.Box(controls), "wb-parameter-row"),
                self.typical.complaint,
                self.omega.complaint,
            ]
        )
        self.distribution.observe(self._set_distribution, "value")
        self.iiv.observe(self._set_iiv, "value")
        self.typical_fixed.observe(self._set_fixed, "value")
        self.omega_fixed.observe(self._set_fixed, "value")

    @staticmethod
    def _box(tooltip: str) -> W.Checkbox:
        return styled(W.Checkbox(indent=False, description="", tooltip=tooltip), "wb-check")

    def show(self, *, anew: bool = False) -> None:
        """Show the parameter as the state has it; an entry that is wrong stays, unless `anew`."""
        state = self.session.state
        structure, parameter = state.model.structure, state.model.parameters[self.name]
        place = structure.parameters.index(self.name)
        unit = state.model.units(state.dataset.units if state.dataset else {})[self.name]
        hint = ", ".join(part for part in (structure.meanings[place], unit) if part)
        self.label.value = (
            f"<b title='{escape(hint)}'>{escape(self.name)}</b><small>{escape(unit)}</small>"
        )
        self._following = True
        try:
            if anew or not self.typical.message:
                self.typical.show(parameter.typical)
            if anew or not self.omega.message:
                self.omega.show(parameter.iiv or self._last_iiv)
            self.omega.entry.disabled = self.omega_fixed.disabled = not parameter.has_eta
            self.distribution.value = parameter.distribution
            self.iiv.value = parameter.has_eta
            self.typical_fixed.value = "typical" in parameter.fixed
            self.omega_fixed.value = "iiv" in parameter.fixed
        finally:
            self._following = False
        self._last_iiv = parameter.iiv or self._last_iiv

    def _set_typical(self, value: float) -> None:
        self.session.set_parameter(self.name, typical=value)

    def _set_omega(self, value: float) -> None:
        if value == 0:
            raise ValueError(
                f"ω of {self.name} cannot be 0. To leave out the variability, clear IIV."
            )
        self.session.set_parameter(self.name, iiv=value)

    def _set_iiv(self, change: dict[str, bool]) -> None:
        if not self._following:
            self.session.set_parameter(self.name, iiv=self._last_iiv if change["new"] else 0.0)

    def _set_distribution(self, change: dict[str, str]) -> None:
        if self._following:
            return
        try:
            self.session.set_parameter(self.name, distribution=change["new"])
        except ValueError as error:  # say, log-normal with a negative typical value
            self.typical.complain(str(error))
            self._following = True
            self.distribution.value = self.session.state.model.parameters[self.name].distribution
            self._following = False

    def _set_fixed(self, _change: object) -> None:
        if self._following:
            return
        parts = {"typical": self.typical_fixed.value, "iiv": self.omega_fixed.value}
        self.session.set_parameter(self.name, fixed=[part for part, on in parts.items() if on])


def build(session: Session) -> PanelView:
    """Make the section."""
    state = session.state
    rows: dict[str, ParameterRow] = {}
    made: dict[str, ParameterRow] = {}  # widgets are slow to make: those of other models are kept
    body = W.VBox([])
    omega = W.Dropdown(
        options=[("Diagonal: no correlations", "diagonal"), ("Full: all correlated", "full")],
        tooltip="Covariance of the random effects",
        layout=W.Layout(width="auto", flex="1"),
    )
    known = KnownValues(session)
    estimates = W.Button(description="Start from the estimates", layout=W.Layout(width="auto"))
    estimates.tooltip = "Take the estimates of the last fit as starting values"

    def follow(change: dict[str, object] | None = None) -> None:
        estimates.layout.display = "none" if state.fit is None else ""
        if state.model is None:
            return
        names = list(state.model.parameters)
        anew = change is not None and change["name"] == "dataset"
        if names != list(rows):
            for name in names:
                if name not in made:
                    made[name] = ParameterRow(session, name)
            rows.clear()
            rows.update({name: made[name] for name in names})
            body.children = [row.widget for row in rows.values()]
            anew = True  # what was wrong was said of another model
        for row in rows.values():
            row.show(anew=anew)
        known.follow()
        shape = "full" if has_full_omega(state.model) else "diagonal"
        if omega.value != shape:
            omega.value = shape

    def reshape(change: dict[str, str]) -> None:
        if (change["new"] == "full") != has_full_omega(state.model):
            session.set_omega("full" if change["new"] == "full" else "diagonal")

    omega.observe(reshape, "value")
    estimates.on_click(lambda _button: session.use_estimates())
    state.observe(follow, ["model", "dataset", "fit"])
    follow()
    return PanelView(
        section(
            "Parameters and random effects",
            html(HEAD),
            body,
            labelled("Ω", omega),
            known.fold.widget,
            estimates,
        )
    )


PANEL = Panel("parameters", "Parameters and random effects", "rail", 30, build)

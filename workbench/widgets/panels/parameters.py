"""Typical values, distributions and between-subject variability: one row per parameter."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import ipywidgets as W

from workbench.models.distributions import distributions
from workbench.models.model import Model
from workbench.models.parameter import Parameter
from workbench.problem.units import units_of
from workbench.widgets.field import NumberField, Remark
from workbench.widgets.markup import html, styled
from workbench.widgets.model_edits import START_IIV, has_full_omega
from workbench.widgets.panels._base import Panel, PanelView, labelled, section
from workbench.widgets.panels._effects import RandomEffectDetails
from workbench.widgets.panels._knowledge import KnownValues
from workbench.widgets.panels._omega_grid import OmegaGrid
from workbench.widgets.parameter_equation import of_parameter
from workbench.widgets.session import Session

SHAPES = [
    ("Diagonal: no correlations", "diagonal"),
    ("Full: all correlated", "full"),
    ("The pairs ticked below", "pairs"),
]
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
        self.typical = self._field(f"Typical value of {name}", self._set_typical, _any)
        self.omega = self._field(f"ω of {name}", self._set_omega, _varies)
        self.remark = Remark(session.entries)
        self.distribution = W.Dropdown(
            options=[(distributions.get(n).title, n) for n in distributions.names()],
            tooltip=f"Distribution of {name}",
            layout=W.Layout(width="auto"),
        )
        self.typical_fixed = self._box(f"Hold the typical value of {name}")
        self.iiv = self._box(f"Between-subject variability on {name}")
        self.omega_fixed = self._box(f"Hold ω of {name}")
        self.lower = self._field(f"Lower bound of {name}", self._set_lower, _limited)
        self.upper = self._field(f"Upper bound of {name}", self._set_upper, _limited)
        between = [html("<span>between</span>", "wb-label"), self.lower.entry]
        between += [html("<span>and</span>", "wb-label"), self.upper.entry]
        self.range = W.VBox([styled(W.Box(between), "wb-range-row")])
        self.equation = html("", "wb-parameter-equation")
        controls = [self.label, self.typical.entry, self.typical_fixed, self.distribution]
        controls += [self.iiv, self.omega.entry, self.omega_fixed]
        self.widget = W.VBox(
            [
                styled(W.Box(controls), "wb-parameter-row"),
                self.range,
                self.equation,
                self.remark.complaint,
                self.typical.complaint,
                self.omega.complaint,
                self.lower.complaint,
                self.upper.complaint,
            ]
        )
        self.distribution.observe(self._set_distribution, "value")
        self.iiv.observe(self._set_iiv, "value")
        self.typical_fixed.observe(self._set_fixed, "value")
        self.omega_fixed.observe(self._set_fixed, "value")

    @staticmethod
    def _box(tooltip: str) -> W.Checkbox:
        return styled(W.Checkbox(indent=False, description="", tooltip=tooltip), "wb-check")

    def _field(
        self, what: str, commit: Callable[[float], object], has: Callable[[Parameter], bool]
    ) -> NumberField:
        """Return a field for something that a parameter may have."""

        def there() -> bool:
            own = self.session.state.model.parameters.get(self.name)
            return own is not None and has(own)

        return NumberField(what, commit, entries=self.session.entries, there=there)

    def show(self) -> None:
        """Show the parameter as the state has it; an entry that is wrong stays."""
        state = self.session.state
        structure, parameter = state.model.structure, state.model.parameters[self.name]
        place = structure.parameters.index(self.name)
        unit = units_of(state.model, state.dataset)[self.name]
        hint = ", ".join(part for part in (structure.meanings[place], unit) if part)
        self.label.value = (
            f"<b title='{escape(hint)}'>{escape(self.name)}</b><small>{escape(unit)}</small>"
        )
        self._following = True
        try:
            self.typical.follow(parameter.typical)
            self.omega.follow(parameter.iiv or self._last_iiv)
            self._show_range(parameter)
            self.equation.value = of_parameter(state.model, self.name, state.dataset)
            self.omega.entry.disabled = self.omega_fixed.disabled = not parameter.has_eta
            self.distribution.value = parameter.distribution
            self.iiv.value = parameter.has_eta
            self.typical_fixed.value = "typical" in parameter.fixed
            self.omega_fixed.value = "iiv" in parameter.fixed
        finally:
            self._following = False
        self._last_iiv = parameter.iiv or self._last_iiv

    def _show_range(self, parameter: Parameter) -> None:
        self.range.layout.display = "" if _limited(parameter) else "none"
        for field, value in zip((self.lower, self.upper), parameter.range, strict=True):
            field.follow(value)

    def _set_lower(self, value: float) -> None:
        self.session.set_parameter(self.name, lower=value)

    def _set_upper(self, value: float) -> None:
        self.session.set_parameter(self.name, upper=value)

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
            self.remark.complain(str(error))
            self._following = True
            self.distribution.value = self.session.state.model.parameters[self.name].distribution
            self._following = False

    def _set_fixed(self, _change: object) -> None:
        if self._following:
            return
        parts = {"typical": self.typical_fixed.value, "iiv": self.omega_fixed.value}
        parts["iov"] = "iov" in self.session.state.model.parameters[self.name].fixed
        self.session.set_parameter(self.name, fixed=[part for part, on in parts.items() if on])


def _any(_parameter: Parameter) -> bool:
    return True


def _varies(parameter: Parameter) -> bool:
    return parameter.has_eta


def _limited(parameter: Parameter) -> bool:
    return distributions.get(parameter.distribution).limited


def _shape(model: Model) -> str:
    """Return which of the choices of omega the model is."""
    if has_full_omega(model):
        return "full"
    return "pairs" if model.correlations else "diagonal"


def build(session: Session) -> PanelView:
    """Make the section."""
    state = session.state
    rows: dict[str, ParameterRow] = {}
    made: dict[str, ParameterRow] = {}  # widgets are slow to make: those of other models are kept
    body = W.VBox([])
    omega = W.Dropdown(
        options=SHAPES[:2],
        tooltip="Covariance of the random effects",
        layout=W.Layout(width="auto", flex="1"),
    )
    pairs, following = OmegaGrid(session), list[W.Widget]()
    known, details = KnownValues(session), RandomEffectDetails(session)
    estimates = W.Button(description="Start from the estimates", layout=W.Layout(width="auto"))
    estimates.tooltip = "Take the estimates of the last fit as starting values"

    def follow(_change: object = None) -> None:
        estimates.layout.display = "none" if state.fit is None else ""
        if state.model is None:
            return
        names = list(state.model.parameters)
        if names != list(rows):
            for name in names:
                if name not in made:
                    made[name] = ParameterRow(session, name)
            rows.clear()
            rows.update({name: made[name] for name in names})
            body.children = [row.widget for row in rows.values()]
        for row in rows.values():
            row.show()
        known.follow()
        details.follow()
        pairs.show()
        shape = _shape(state.model)
        if omega.value != shape:
            offered = SHAPES if shape == "pairs" else SHAPES[:2]
            following.append(omega)  # options take the value with them
            omega.options = offered
            omega.value = shape
            following.clear()

    def reshape(change: dict[str, str]) -> None:
        if (
            not following
            and change["new"] in ("full", "diagonal")
            and change["new"] != _shape(state.model)
        ):
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
            pairs.widget,
            details.fold.widget,
            known.fold.widget,
            estimates,
        )
    )


PANEL = Panel("parameters", "Parameters and random effects", "rail", 30, build)

"""Shapes of random effects, and variability between occasions: one row per parameter."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import ipywidgets as W

from workbench.errors import WorkbenchError
from workbench.models.eta import KINDS, EtaShape
from workbench.models.parameter import Parameter
from workbench.problem.occasions import DOSE, RESET
from workbench.widgets.field import NumberField, Remark
from workbench.widgets.fold import Fold
from workbench.widgets.markup import html, styled
from workbench.widgets.panels._base import labelled
from workbench.widgets.session import Session
from workbench.widgets.suitability import occasion_columns, usual_occasion

NORMAL = ""
START = {"boxcox": 0.1, "student": 10.0}  # nearly normal
START_IOV = 0.2
BY_RECORDS = [("at resets (EVID 3, 4)", RESET), ("at every dose", DOSE)]
HEAD = (
    "<div class='wb-effects-row wb-parameter-head'><span></span><span>Shape of η</span>"
    "<span title='λ of Box–Cox, degrees of freedom of t'>λ, df</span>"
    "<span title='Hold the shape'>fix</span>"
    "<span title='Variability between occasions'>IOV</span>"
    "<span title='Standard deviation of kappa'>κ (SD)</span>"
    "<span title='Hold the SD of kappa'>fix</span></div>"
)


class EffectsRow:
    """The shape of eta and the variability between occasions of one parameter.

    `fold` is what the row is in.
    """

    def __init__(self, session: Session, name: str, fold: Fold) -> None:
        self.session, self.name = session, name
        self._following = False
        self._last_iov = START_IOV
        self.shape = W.Dropdown(
            options=[("Normal", NORMAL), *((KINDS[kind][3], kind) for kind in KINDS)],
            tooltip=f"Shape of η of {name}",
            layout=W.Layout(width="auto"),
        )
        self.value = NumberField(
            f"Shape parameter of {name}",
            self._set_value,
            entries=session.entries,
            there=lambda: (own := self._own()) is not None and own.has_eta and own.eta is not None,
        )
        self.held = self._box(f"Hold the shape of {name}")
        self.iov = self._box(f"Variability of {name} between occasions")
        self.kappa = NumberField(
            f"SD of kappa of {name}",
            self._set_kappa,
            entries=session.entries,
            there=lambda: (own := self._own()) is not None and own.has_iov,
        )
        self.value.open = self.kappa.open = fold.open
        self.remark = Remark(session.entries)
        self.kappa_held = self._box(f"Hold the SD of kappa of {name}")
        label = html(f"<b>{escape(name)}</b>", "wb-parameter-name")
        row = [label, self.shape, self.value.entry, self.held]
        row += [self.iov, self.kappa.entry, self.kappa_held]
        said = [self.value.complaint, self.kappa.complaint, self.remark.complaint]
        self.widget = W.VBox([styled(W.Box(row), "wb-effects-row"), *said])
        for box in (self.shape, self.held, self.iov, self.kappa_held):
            box.observe(self._changed, "value")

    @staticmethod
    def _box(tooltip: str) -> W.Checkbox:
        return styled(W.Checkbox(indent=False, description="", tooltip=tooltip), "wb-check")

    def _own(self) -> Parameter | None:
        parameters: Mapping[str, Parameter] = self.session.state.model.parameters
        return parameters.get(self.name)

    def show(self) -> None:
        """Show what the state holds; an entry that is wrong stays."""
        parameter = self.session.state.model.parameters[self.name]
        eta = parameter.eta
        self._following = True
        try:
            self.shape.value = NORMAL if eta is None else eta.kind
            self.shape.disabled = not parameter.has_eta
            self.value.entry.disabled = self.held.disabled = eta is None or not parameter.has_eta
            self.value.follow(None if eta is None else eta.value)
            self.held.value = eta is not None and eta.fixed
            self.iov.value = parameter.has_iov
            self._last_iov = parameter.iov or self._last_iov
            self.kappa.follow(self._last_iov)
            self.kappa.entry.disabled = self.kappa_held.disabled = not parameter.has_iov
            self.kappa_held.value = "iov" in parameter.fixed
        finally:
            self._following = False

    def _set_value(self, value: float) -> None:
        if self._following:
            return
        eta = EtaShape(self.shape.value, value, self.held.value)
        self.session.set_parameter(self.name, eta=eta.to_dict())

    def _set_kappa(self, value: float) -> None:
        if self._following:
            return
        if value == 0:
            raise ValueError(f"The SD of kappa of {self.name} cannot be 0. Clear IOV instead.")
        self.session.set_parameter(self.name, iov=value)

    def _changed(self, change: dict[str, object]) -> None:
        if self._following:
            return
        try:
            own, iov = change["owner"], self._last_iov if self.iov.value else 0.0
            if own in (self.shape, self.held):
                self._set_shape()
            elif own is self.iov:
                self.session.set_iov(self.name, iov)
            else:
                fixed = self.session.state.model.parameters[self.name].fixed - {"iov"}
                fixed |= {"iov"} if self.kappa_held.value else set()
                self.session.set_parameter(self.name, fixed=sorted(fixed))
        except WorkbenchError as error:
            self.show()
            self.remark.complain(str(error))

    def _set_shape(self) -> None:
        kind, now = self.shape.value, self.session.state.model.parameters[self.name].eta
        eta = None
        if kind != NORMAL:
            value = now.value if now is not None and now.kind == kind else START[kind]
            eta = EtaShape(kind, value, self.held.value).to_dict()
        self.session.set_parameter(self.name, eta=eta)


class RandomEffectDetails:
    """The fold with a row for each parameter, and what an occasion is."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.rows: dict[str, EffectsRow] = {}
        self._following = False
        self.occasion = W.Dropdown(
            tooltip="Where a new occasion begins", layout=W.Layout(width="auto", flex="1")
        )
        self.occasion.observe(self._set_occasion, "value")
        self._body = styled(W.VBox([]), "wb-more-options")
        self.fold = Fold("Shapes and occasions", self._body, fill=self.follow)

    def follow(self) -> None:
        """Show the model of the state, if the fold is open."""
        state = self.session.state
        if state.model is None or not self.fold.is_open:
            return
        names = list(state.model.parameters)
        if names != list(self.rows):
            self.rows = {name: EffectsRow(self.session, name, self.fold) for name in names}
            rows = (row.widget for row in self.rows.values())
            self._body.children = (html(HEAD), *rows, labelled("Occasions", self.occasion))
        for row in self.rows.values():
            row.show()
        self._offer_occasions()

    def _offer_occasions(self) -> None:
        state = self.session.state
        columns = occasion_columns(state.dataset)
        now = (
            state.model.occasion if state.model.iov else usual_occasion(state.model, state.dataset)
        )
        offered = [(f"by {name}", name) for name in columns] + BY_RECORDS
        if now not in (*columns, RESET, DOSE):
            offered.append((f"by {now}: not in these data", now))
        self._following = True
        try:
            if list(self.occasion.options) != offered:
                self.occasion.options = offered
            self.occasion.value = now
        finally:
            self._following = False

    def _set_occasion(self, change: dict[str, str]) -> None:
        if not self._following and change["new"]:
            self.session.set_occasion(change["new"])

"""Bounds and priors of typical values: what is known before the data, one row per parameter."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as W

from workbench.widgets.field import OptionalNumberField
from workbench.widgets.fold import Fold
from workbench.widgets.markup import html, styled
from workbench.widgets.session import Session

HEAD = (
    "<div class='wb-known-row wb-parameter-head'><span></span>"
    "<span title='The typical value stays above it'>Lower</span>"
    "<span title='The typical value stays below it'>Upper</span>"
    "<span title='Centre of a normal prior of the typical value'>Prior mean</span>"
    "<span title='SD of the prior, on the scale of the random effect'>Prior SD</span></div>"
)


class KnownRow:
    """The bounds and the prior of one parameter; `fold` is what the row is in."""

    def __init__(self, session: Session, name: str, fold: Fold) -> None:
        self.session, self.name = session, name
        self._mean: float | None = None  # typed before the other half of the prior
        self._sd: float | None = None
        self.lower = self._field("Lower bound", self._bound(0), fold)
        self.upper = self._field("Upper bound", self._bound(1), fold)
        self.mean = self._field("Prior mean", self._set_mean, fold)
        self.sd = self._field("Prior SD", self._set_sd, fold)
        self.fields = (self.lower, self.upper, self.mean, self.sd)
        label = html(f"<b>{escape(name)}</b>", "wb-parameter-name")
        row = styled(W.Box([label, *(field.entry for field in self.fields)]), "wb-known-row")
        self.widget = W.VBox([row, *(field.complaint for field in self.fields)])

    def _field(self, what: str, commit: Any, fold: Fold) -> OptionalNumberField:
        field = OptionalNumberField(
            f"{what} of {self.name}",
            commit,
            entries=self.session.entries,
            there=lambda: self.name in self.session.state.model.parameters,
        )
        field.open = fold.open
        return field

    def show(self) -> None:
        """Show what the state holds; an entry that is wrong stays."""
        parameter = self.session.state.model.parameters[self.name]
        if parameter.prior is not None:
            self._mean, self._sd = parameter.prior.mean, parameter.prior.sd
        shown = (*parameter.bounds_given, self._mean, self._sd)
        for field, value in zip(self.fields, shown, strict=True):
            field.follow(value)

    def _bound(self, which: int) -> Any:
        def commit(value: float | None) -> None:
            bounds = list(self.session.state.model.parameters[self.name].bounds_given)
            bounds[which] = value
            self.session.set_parameter(self.name, bounds=bounds)

        return commit

    def _set_mean(self, value: float | None) -> None:
        self._mean = value
        self._set_prior()

    def _set_sd(self, value: float | None) -> None:
        self._sd = value
        self._set_prior()

    def _set_prior(self) -> None:
        """A prior needs both of its numbers; with one of them there is none yet."""
        prior = None
        if self._mean is not None and self._sd is not None:
            prior = {"mean": self._mean, "sd": self._sd}
        self.session.set_parameter(self.name, prior=prior)


class KnownValues:
    """The fold with a row for each parameter."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.rows: dict[str, KnownRow] = {}
        self._body = styled(W.VBox([]), "wb-more-options")
        self.fold = Fold("Bounds and priors", self._body, fill=self.follow)

    def follow(self) -> None:
        """Show the bounds and priors of the state's model, if the fold is open."""
        model = self.session.state.model
        if model is None or not self.fold.is_open:
            return
        names = list(model.parameters)
        if names != list(self.rows):
            self.rows = {name: KnownRow(self.session, name, self.fold) for name in names}
            self._body.children = (html(HEAD), *(row.widget for row in self.rows.values()))
        for row in self.rows.values():
            row.show()

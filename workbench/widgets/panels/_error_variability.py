"""Whether an output's residual error differs between subjects, and by how much."""

from __future__ import annotations

import ipywidgets as W

from workbench.models.error import IIV, ResidualError
from workbench.widgets.field import NumberField
from workbench.widgets.markup import styled
from workbench.widgets.panels._error_scale import error_of
from workbench.widgets.session import Session

START = 0.3  # SD of eta


class ErrorVariability:
    """The controls of the random effect on one output's error ("" for the only one)."""

    def __init__(self, session: Session, output: str) -> None:
        self.session, self.output = session, output
        self._following = False
        self._last = START
        of = f" of {output}" if output else ""
        self.on = self._box("IIV on the error", f"Between-subject variability on the error{of}")
        self.value = NumberField(
            f"SD of eta on the error{of}", self._set, entries=session.entries, there=self._there
        )
        self.fixed = self._box("fix", f"Hold the SD of eta on the error{of}")
        row = [self.on, self.value.entry, self.fixed]
        self.widget = W.VBox([styled(W.Box(row), "wb-error-row"), self.value.complaint])
        self.on.observe(self._switch, "value")
        self.fixed.observe(self._hold, "value")

    @staticmethod
    def _box(label: str, tooltip: str) -> W.Checkbox:
        return styled(W.Checkbox(indent=False, description=label, tooltip=tooltip), "wb-check")

    def _there(self) -> bool:
        error = error_of(self.session.state.model, self.output)
        return error is not None and error.has_eta

    def show(self, error: ResidualError) -> None:
        """Show the state's error of this output; an entry that is wrong stays."""
        self._last = error.iiv or self._last
        self._following = True
        try:
            self.on.value = error.has_eta
            self.value.entry.disabled = self.fixed.disabled = not error.has_eta
            self.fixed.value = IIV in error.fixed
            self.value.follow(self._last)
        finally:
            self._following = False

    def _switch(self, change: dict[str, bool]) -> None:
        if not self._following:
            self.session.set_error_iiv(self._last if change["new"] else 0.0, self.output)

    def _set(self, value: float) -> None:
        if value == 0:
            raise ValueError(
                f"The {self.value.name} cannot be 0. To leave out the variability, clear IIV."
            )
        self.session.set_error_iiv(value, self.output)

    def _hold(self, change: dict[str, bool]) -> None:
        if not self._following:
            self.session.set_error_fixed(IIV, change["new"], self.output)

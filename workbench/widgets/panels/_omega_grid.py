"""Which random effects are correlated: a tick for each pair, what is not ticked is zero."""

from __future__ import annotations

from functools import partial
from html import escape

import ipywidgets as W

from workbench.errors import WorkbenchError
from workbench.widgets.markup import html, styled
from workbench.widgets.session import Session


class OmegaGrid:
    """The lower triangle of the correlation matrix as ticks; what is held shows its value."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._following = False
        self._etas: tuple[str, ...] = ()
        self.ticks: dict[tuple[str, str], W.Checkbox] = {}
        self.grid = styled(W.GridBox([]), "wb-omega-grid")
        self.complaint = html("", "wb-complaint")
        self.widget = W.VBox([self.grid, self.complaint])

    def show(self) -> None:
        """Show the pairs of the model."""
        model = self.session.state.model
        if model.etas != self._etas:
            self._build(model.etas)
        self._following = True
        try:
            for pair, tick in self.ticks.items():
                held = pair in model.fixed_correlations
                tick.value = pair in model.correlations
                tick.description = f"{model.correlations[pair]:g}" if held else ""
        finally:
            self._following = False
        self.complaint.value = ""
        self.widget.layout.display = "" if len(model.etas) > 1 else "none"

    def _build(self, etas: tuple[str, ...]) -> None:
        self._etas, self.ticks, cells = etas, {}, []
        for k, name in enumerate(etas[1:], 1):
            cells.append(html(f"<b>{escape(name)}</b>", "wb-omega-name"))
            for other in etas[:k]:
                what = f"Correlation of {other} with {name}"
                tick = styled(W.Checkbox(indent=False, description="", tooltip=what), "wb-check")
                tick.observe(partial(self._ticked, (other, name)), "value")
                self.ticks[other, name] = tick
                cells.append(tick)
            cells += [html("") for _ in etas[k:-1]]
        cells += [html(""), *(html(f"<b>{escape(n)}</b>", "wb-omega-name") for n in etas[:-1])]
        self.grid.children = cells
        self.grid.layout.grid_template_columns = f"42px repeat({max(len(etas) - 1, 1)}, 44px)"

    def _ticked(self, pair: tuple[str, str], change: dict[str, bool]) -> None:
        if self._following:
            return
        try:
            self.session.set_correlation(*pair, on=change["new"])
        except WorkbenchError as error:
            self.show()
            self.complaint.value = f"<span role='alert'>{escape(str(error))}</span>"

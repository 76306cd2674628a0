"""A card: one plot of the library, kept up to date with the fit (or with the data)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as W
import pandas as pd
from matplotlib.axes import Axes

from workbench.diagnostics import diagnostics
from workbench.plots import Drawn, Palette, Plot, plots
from workbench.plots.theme import PALETTES
from workbench.widgets.figure import FigureView
from workbench.widgets.markup import styled
from workbench.widgets.selectable import Label
from workbench.widgets.session import Session


class PlotCard:
    """One plot, or a choice of several in one place.

    Tables are made when the plot is drawn, once for each fit. What fails, in the table or in the
    picture, shows in this card and nowhere else.

    Parameters
    ----------
    tab : the tab that the card lies on; it is drawn only while that is open
    names : plots to choose from; the first is shown. One with variants appears once for each
    fit : what to show in the place of the state's fit
    with_selection : draw anew for another subject, where the picture tells more about the
        selected one than the browser's marks do
    variant : what the first plot shows at first, where it has variants
    when : whether the card is on view while its tab is open
    """

    def __init__(
        self,
        session: Session,
        tab: str,
        *names: str,
        fit: Callable[[], Any] | None = None,
        with_selection: bool = False,
        when: Callable[[], bool] = lambda: True,
        variant: str = "",
    ) -> None:
        self._when = when
        self._state, self._main = session.state, session.main
        self._fit = fit or (lambda: session.state.fit)
        self._tab = tab
        self._stale = True
        self._choices = [choice for name in names for choice in _choices(plots.get(name))]
        self._tables: dict[str, tuple[object, str, pd.DataFrame]] = {}  # source, kind, its table
        self.choice = W.Dropdown(
            options=[(title, i) for i, (title, _, _) in enumerate(self._choices)],
            value=next((i for i, c in enumerate(self._choices) if c[2] == variant), 0),
            tooltip="What this card shows",
        )
        styled(self.choice, "wb-card-choice")
        self.view = FigureView(self._draw, with_selection=with_selection)
        several = len(self._choices) > 1
        self.widget = styled(
            W.VBox([self.choice, self.view] if several else [self.view]), "wb-card"
        )
        self._show_choice()
        self.choice.observe(self._chosen, "value")
        self.view.observe(lambda _change: self.render(), "size")
        self._state.observe(self._turn, "selected")
        self._state.observe(self._changed, ["dataset", "fit", "theme", "tab", "individual"])

    @property
    def plot(self) -> Plot:
        """The plot on show."""
        return self._choices[self.choice.value][1]

    @property
    def needs_fit(self) -> bool:
        """Whether there is nothing to draw without a fit."""
        return any(diagnostics.get(name).needs == "fit" for name in self.plot.diagnostics)

    def render(self) -> None:
        """Draw anew from the state, if there is something to draw."""
        if self._state.dataset is None or (self.needs_fit and self._fit() is None):
            return
        self.view.set_palette(PALETTES[self._state.theme])
        self.view.render()
        self._stale = not self.view.visible

    def refresh(self) -> None:
        """Draw anew if the tab is open, else when it is opened."""
        self._stale = True
        if self.on_view:
            self.render()

    @property
    def on_view(self) -> bool:
        """Whether a person can see the card."""
        return self._state.tab == self._tab and self._when()

    def _draw(self, ax: Axes, palette: Palette, selected: Label | None) -> Drawn:
        _, plot, variant = self._choices[self.choice.value]
        extra = {"variant": variant} if variant else {}
        tables = {name: self._table(name) for name in plot.diagnostics}
        return plot.draw(
            ax, tables, units=self._units(), palette=palette, selected=selected, **extra
        )

    def _table(self, name: str) -> pd.DataFrame:
        """Return a diagnostic table, made once for each fit or dataset."""
        diagnostic = diagnostics.get(name)
        source = self._fit() if diagnostic.needs == "fit" else self._state.dataset
        kind = self._state.individual if diagnostic.by_individual else ""
        known = self._tables.get(name)
        if known is None or known[0] is not source or known[1] != kind:
            extra = {"individual": kind} if kind else {}
            known = self._tables[name] = (source, kind, diagnostic.table(source, **extra))
        return known[2]

    def _units(self) -> dict[str, str]:
        units = dict(self._state.dataset.units)
        fit = self._fit()
        return units if fit is None else {**units, **fit.units}

    def _show_choice(self) -> None:
        self.view.alt = self.plot.alt.rstrip(".")
        self.view.margins = self.plot.margins

    def _chosen(self, _change: object) -> None:
        self._show_choice()
        self.render()

    @property
    def by_individual(self) -> bool:
        """Whether the plot shows single subjects by what the state says stands for them."""
        return any(diagnostics.get(name).by_individual for name in self.plot.diagnostics)

    def _changed(self, change: dict[str, object]) -> None:
        if change["name"] == "individual" and not self.by_individual:
            return
        if self._stale or change["name"] != "tab":
            self.refresh()

    def _turn(self, change: dict[str, Label | None]) -> None:
        if not self.on_view or self._stale:
            self._stale = self._stale or self.view.dynamic or self.view.with_selection
        elif self.view.dynamic:
            self.view.turn_to(change["new"])
        elif self.view.with_selection:
            self._main.once(self.refresh)


def _choices(plot: Plot) -> list[tuple[str, Plot, str]]:
    """Title, plot and variant of everything that a plot can show."""
    if not plot.variants:
        return [(plot.title, plot, "")]
    return [(f"{plot.title}: {variant}", plot, variant) for variant in plot.variants]

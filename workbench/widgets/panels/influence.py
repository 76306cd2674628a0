"""What each subject contributes, and what the fit becomes without it: predicted, or fitted."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as W
import pandas as pd
from matplotlib.axes import Axes

from workbench import plots
from workbench.errors import OptionError, WorkbenchError
from workbench.plots import Drawn, Palette, Sight
from workbench.widgets.card import PlotCard
from workbench.widgets.markup import html, styled
from workbench.widgets.panels._base import Panel, PanelView
from workbench.widgets.result_card import ResultCard
from workbench.widgets.script import words
from workbench.widgets.selectable import Label
from workbench.widgets.session import Session
from workbench.widgets.table import SubjectTable
from workbench.workflows.influence import MANY, Influence, cost, influence

NAME = "influence"
EMPTY = "Fit the model to see what each subject contributes, and how much hangs on it."
CHOSEN = 20  # subjects that are offered where there are many
HEADS = ("ΔOFV of the others", "Cook's distance", "Covariance ratio")
ABOUT = (
    "Cook's distance says how far the estimates move when the subject is left out, measured by "
    "their covariance; the covariance ratio is above 1 where the subject makes them more precise; "
    "the other columns are the changes of the estimates in standard errors. Click a row to "
    "highlight its subject."
)


class InfluenceView:
    """Contributions, what leaving out is predicted to change, and the refits that show it.

    Parameters
    ----------
    session : whose fit it is
    """

    def __init__(self, session: Session) -> None:
        self.session, self.state = session, session.state
        self._shown: tuple[Any, ...] = ()  # what is on show, not to make it twice
        self.card = PlotCard(session, NAME, "individual_ofv")
        self.every = W.Button(
            description="Refit without each subject", layout=W.Layout(width="auto")
        )
        self.few = W.Button(
            description=f"Only the {CHOSEN} most influential", layout=W.Layout(width="auto")
        )
        self.few.tooltip = "Those whose predicted distance is the highest"
        self.price = html("", "wb-note")
        self.words = html("", "wb-results", "wb-starts-box")
        self._found: Influence | None = None  # what the pictures show
        self.distances = self._card("distances", plots.DISTANCES)
        self.changes = self._card("changes", plots.CHANGES)
        self.pictures = styled(W.Box(), "wb-pair")
        self.subjects = SubjectTable()
        self.subjects.alt = "What changes without each subject; a row selects its subject"
        about = html(f"<h2>Without each subject</h2><p>{ABOUT}</p>")
        self.people = styled(W.VBox([about, self.subjects]), "wb-subject-box")
        self.stack = W.Stack([html(EMPTY, "wb-empty"), self._body()], selected_index=0)
        self._listen()
        self._follow()

    def _body(self) -> W.Widget:
        buttons = styled(W.HBox([self.every, self.few, self.price]), "wb-row", "wb-bar")
        plot = styled(W.Box([self.card.widget]), "wb-one", "wb-band")
        parts = [plot, buttons, self.words, self.pictures, self.people]
        return styled(W.VBox(parts), "wb-document", "wb-influence")

    def _card(self, part: str, plot: plots.Plot) -> ResultCard:
        def draw(ax: Axes, palette: Palette, selected: Label | None) -> Drawn:
            if self._found is None:
                raise OptionError("Nothing has been predicted or fitted yet.")
            task = plots.influence_task(self._found, part, self._sight(), palette, selected)
            margins = task.plot.margins
            card.view.margins = margins
            return plots.draw_through(ax, task)

        card = ResultCard(
            *(self.session, f"influence-{part}", draw, lambda: self._rows(part), self._python),
            alt=plot.alt,
            margins=plot.margins,
        )
        return card

    def _sight(self) -> Sight:
        return plots.look(self.state.lens, self.state.fit, strict=False)

    def _rows(self, part: str) -> pd.DataFrame:
        """Return the numbers of a picture: of the subjects that are kept."""
        found = self._found
        if found is None:
            raise OptionError("Nothing has been predicted or fitted yet.")
        table = found.table if part == "distances" else found.changes.reset_index(names="ID")
        return table[table["ID"].isin(self._sight().kept)]

    def _python(self) -> str:
        """Return the lines that draw the pictures."""
        found = self._found
        predicted = found is None or (found.table["verdict"] == "predicted").all()
        given = ", refit=False" if predicted else ""
        said = self.state.lens.arguments()
        return (
            f"{self.state.fit.python()}\nfound = wb.influence(fit{given})\n"
            f"figure = wb.plots.influence(found{words(said)})\n"
        )

    def _listen(self) -> None:
        self.every.on_click(lambda _button: self.session.leave_out())
        self.few.on_click(lambda _button: self.session.leave_out(CHOSEN))
        self.state.observe(self._follow, "fit")
        self.state.observe(self._show, ["influence", "theme", "tab", "lens"])
        for card in (self.distances, self.changes):
            card.view.observe(lambda _change: self._draw(), "size")
        self.state.observe(self._busy, "status")

    def _busy(self, _change: object = None) -> None:
        self.every.disabled = self.few.disabled = self.state.busy

    def _follow(self, _change: object = None) -> None:
        fit = self.state.fit
        self.stack.selected_index = 0 if fit is None else 1
        if fit is None:
            return
        several = fit.data.n_sub > 1
        self.every.layout.display = "" if several else "none"
        self.few.layout.display = "" if fit.data.n_sub > MANY else "none"
        self.price.value = escape(
            cost(fit).split(" Or ")[0]
            if several
            else "There is one subject only: nothing would be left to fit without it."
        )
        self._show()

    def _show(self, _change: object = None) -> None:
        """Show the refits, or before there are any what is predicted, once the tab is open."""
        state, fit = self.state, self.state.fit
        key = (fit, state.influence, state.theme, state.lens)
        if fit is None or state.tab != NAME or key == self._shown:
            return
        self._shown = key
        try:
            found = state.influence or influence(fit, refit=False)
        except WorkbenchError as problem:
            several = fit.data.n_sub > 1
            self.words.value = f"<p class='wb-note'>{escape(str(problem))}</p>" if several else ""
            self._found = None
            self.people.layout.display, self.pictures.children = "none", ()
            return
        self._found = found
        self.people.layout.display = ""
        self.pictures.children = (self.distances.widget, self.changes.widget)
        self.words.value = notes(found)
        kept = [label in self._sight().kept for label in fit.data.subjects]
        whole, heads = changes(found)
        self.subjects.show(whole[kept], heads, decimals=2)
        self._draw()

    def _draw(self) -> None:
        """Draw the pictures, if there is something to draw and the tab is open."""
        if self._found is not None and self.state.tab == NAME:
            self.distances.render()
            self.changes.render()


def build(session: Session) -> PanelView:
    """Make the tab."""
    view = InfluenceView(session)
    pictures = (view.card.view, view.distances.view, view.changes.view)
    return PanelView(styled(view.stack, "wb-stack"), selectable=(*pictures, view.subjects))


def notes(found: Influence) -> str:
    """Return what must be known of the refits."""
    listed = "".join(f"<li>{escape(note)}</li>" for note in found.notes)
    return f"<ul class='wb-reasons'>{listed}</ul>" if listed else ""


def changes(found: Influence) -> tuple[Any, list[str]]:
    """Return one row per subject of the data, and the headings."""
    table = found.table.set_index("ID")[["delta_ofv", "cook", "covariance_ratio"]]
    whole = table.join(found.changes).astype(float).reindex(list(found.fit.data.subjects))
    return whole, [*HEADS, *(f"Δ {name}" for name in found.changes.columns)]


PANEL = Panel(NAME, "Influence", "tab", 48, build)

"""What each subject contributes, and what the fit becomes without it: predicted, or fitted."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from typing import Any

import ipywidgets as W

from workbench.errors import WorkbenchError
from workbench.plots import influence as draw
from workbench.widgets.card import PlotCard
from workbench.widgets.markup import html, styled
from workbench.widgets.panels._base import Panel, PanelView
from workbench.widgets.session import Session
from workbench.widgets.table import SubjectTable
from workbench.workflows.influence import MANY, Influence, cost, influence

NAME = "influence"
EMPTY = "Fit the model to see what each subject contributes, and how much hangs on it."
SIZE = (900, 400)
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
        parts = [plot, buttons, self.words, self.people]
        return styled(W.VBox(parts), "wb-document", "wb-influence")

    def _listen(self) -> None:
        self.every.on_click(lambda _button: self.session.leave_out())
        self.few.on_click(lambda _button: self.session.leave_out(CHOSEN))
        self.state.observe(self._follow, "fit")
        self.state.observe(self._show, ["influence", "theme", "tab"])
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
        key = (fit, state.influence, state.theme)
        if fit is None or state.tab != NAME or key == self._shown:
            return
        self._shown = key
        try:
            found = state.influence or influence(fit, refit=False)
        except WorkbenchError as problem:
            several = fit.data.n_sub > 1
            self.words.value = f"<p class='wb-note'>{escape(str(problem))}</p>" if several else ""
            self.people.layout.display = "none"
            return
        self.people.layout.display = ""
        self.words.value = notes(found) + picture(found, state.theme)
        self.subjects.show(*changes(found), decimals=2)


def build(session: Session) -> PanelView:
    """Make the tab."""
    view = InfluenceView(session)
    return PanelView(styled(view.stack, "wb-stack"), selectable=(view.card.view, view.subjects))


def notes(found: Influence) -> str:
    """Return what must be known of the refits."""
    listed = "".join(f"<li>{escape(note)}</li>" for note in found.notes)
    return f"<ul class='wb-reasons'>{listed}</ul>" if listed else ""


def picture(found: Influence, theme: str) -> str:
    """Return the picture of the distances and changes; a sentence if it cannot be drawn."""
    try:
        figure: Any = draw(found, theme=theme, size=SIZE)
        png, _ = figure._repr_png_()
    except Exception as error:  # noqa: BLE001  the table below must still be seen
        return f"<p class='wb-note'>No picture: {escape(str(error))}</p>"
    data = b64encode(png).decode()
    words = "Cook's distance of each subject, and the changes of the estimates without it"
    return f'<img class="wb-starts" alt="{words}" src="data:image/png;base64,{data}">'


def changes(found: Influence) -> tuple[Any, list[str]]:
    """Return one row per subject of the data, and the headings."""
    table = found.table.set_index("ID")[["delta_ofv", "cook", "covariance_ratio"]]
    whole = table.join(found.changes).astype(float).reindex(list(found.fit.data.subjects))
    return whole, [*HEADS, *(f"Δ {name}" for name in found.changes.columns)]


PANEL = Panel(NAME, "Influence", "tab", 48, build)

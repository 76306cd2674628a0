"""What each subject contributes, and what the fit becomes without it."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from typing import Any

import ipywidgets as W

from workbench.plots import influence as draw
from workbench.widgets.card import PlotCard
from workbench.widgets.markup import html, styled
from workbench.widgets.panels._base import Panel, PanelView
from workbench.widgets.session import Session
from workbench.widgets.table import SubjectTable
from workbench.workflows.influence import MANY, Influence, cost

NAME = "influence"
EMPTY = "Fit the model to see what each subject contributes, and how much hangs on it."
SIZE = (900, 400)
CHOSEN = 20  # subjects that are offered where there are many
HEADS = ("ΔOFV of the others", "Cook's distance", "Covariance ratio")
ABOUT = (
    "Each subject is left out in turn and the others are fitted again from the estimates. Cook's "
    "distance says how far the estimates move, measured by their covariance; the covariance ratio "
    "is above 1 where the subject makes them more precise; the other columns are the changes of "
    "the estimates in standard errors. Click a row to highlight its subject."
)


def build(session: Session) -> PanelView:
    """Make the tab."""
    state = session.state
    card = PlotCard(session, NAME, "individual_ofv")
    every = W.Button(description="Refit without each subject", layout=W.Layout(width="auto"))
    few = W.Button(description=f"Only the {CHOSEN} most conspicuous", layout=W.Layout(width="auto"))
    few.tooltip = "Those whose residuals are the least likely"
    price = html("", "wb-note")
    words = html("", "wb-results", "wb-starts-box")
    subjects = SubjectTable()
    subjects.alt = "What changes without each subject; a row selects its subject"
    about = html(f"<h2>Without each subject</h2><p>{ABOUT}</p>")
    people = styled(W.VBox([about, subjects]), "wb-subject-box")
    people.layout.display = "none"

    def busy(_change: object = None) -> None:
        every.disabled = few.disabled = state.busy

    def follow(_change: object = None) -> None:
        fit = state.fit
        stack.selected_index = 0 if fit is None else 1
        if fit is None:
            return
        several = fit.data.n_sub > 1
        every.layout.display = "" if several else "none"
        few.layout.display = "" if fit.data.n_sub > MANY else "none"
        price.value = escape(
            cost(fit).split(" Or ")[0]
            if several
            else "There is one subject only: nothing would be left to fit without it."
        )
        every.tooltip = price.value
        show()

    def show(_change: object = None) -> None:
        found = state.influence
        people.layout.display = "none" if found is None else ""
        words.value = "" if found is None else notes(found) + picture(found, state.theme)
        if found is not None:
            subjects.show(*changes(found), decimals=2)

    every.on_click(lambda _button: session.leave_out())
    few.on_click(lambda _button: session.leave_out(CHOSEN))
    state.observe(follow, "fit")
    state.observe(show, ["influence", "theme"])
    state.observe(busy, "status")
    buttons = styled(W.HBox([every, few, price]), "wb-row", "wb-bar")
    plot = styled(W.Box([card.widget]), "wb-one", "wb-band")
    body = styled(W.VBox([plot, buttons, words, people]), "wb-document", "wb-influence")
    stack = W.Stack([html(EMPTY, "wb-empty"), body], selected_index=0)
    follow()
    return PanelView(styled(stack, "wb-stack"), selectable=(card.view, subjects))


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

"""Which structural model: options, the library or equations; its diagram and its equations."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as W

from workbench.data import Dataset
from workbench.errors import WorkbenchError
from workbench.models.pk import options_of
from workbench.models.structural import StructuralModel, structures
from workbench.widgets import diagram, parameter_equation
from workbench.widgets.choice import Choice, Entry
from workbench.widgets.fold import Fold
from workbench.widgets.markup import html, styled
from workbench.widgets.page_words import on_the_page
from workbench.widgets.panels._base import Panel, PanelView, labelled, section
from workbench.widgets.panels._equation_editor import EquationEditor
from workbench.widgets.panels._pk_controls import PkControls
from workbench.widgets.session import Session
from workbench.widgets.suitability import endpoints_of, misfit

PK, OWN = "pk options", "equations of one's own"
GROUPS = {
    "tmdd": "Target-mediated disposition",
    "tumour": "Tumour growth",
    "viral": "Viral dynamics",
    "hiv": "Viral dynamics",
    "growth": "Growth curves",
}
OTHER_GROUP = "PK/PD and more"
MANY_LINES = 14  # of equations: more are folded


class StructureSection:
    """The widgets of the section."""

    def __init__(self, session: Session) -> None:
        self.session, self.state = session, session.state
        self._following = False
        self._drawn = ""
        self.family = Choice(label="Structural model")
        self.family.offer(_families())
        self.controls = PkControls(session)
        self.editor = EquationEditor(session)
        self.complaint = html("", "wb-complaint", "wb-misfit")
        self.diagram = html("", "wb-diagram")
        self.endpoints = styled(W.VBox([]), "wb-endpoints")
        self.formulas = html("", "wb-equations")
        self.fold = Fold("Equations", self.formulas, open=True, fill=self._typeset)
        self.widget = section(
            "Structural model",
            self.family,
            self.controls.widget,
            self.editor.widget,
            self.complaint,
            self.endpoints,
            self.diagram,
            self.fold.widget,
        )
        self.family.observe(self._chosen, "value")
        self.state.observe(self._follow, ["model", "dataset"])
        self._follow()

    def _chosen(self, change: dict[str, str]) -> None:
        if self._following or self.state.model is None:
            return
        name = change["new"]
        try:
            if name == PK:
                self.session.set_pk()
            elif name == OWN:
                self.editor.begin()
            else:
                self.session.set_structure(name)
        except WorkbenchError as error:
            self._follow()
            self.complaint.value = _alert(on_the_page(str(error)))

    def _follow(self, _change: object = None) -> None:
        if self.state.model is None:
            return
        structure = self.state.model.structure
        family = _family_of(structure)
        self._following = True
        try:
            self.family.value = family
        finally:
            self._following = False
        _show_if(self.controls.widget, family == PK)
        _show_if(self.editor.widget, family == OWN)
        if family == PK:
            self.controls.follow()
        elif family == OWN:
            self.editor.follow()
        self._show_fit_to_data()
        if structure.code != self._drawn:
            self._drawn = structure.code
            self.diagram.value = _drawn(structure)
        self.fold.suggest(open=len(self.state.model.equations()) <= MANY_LINES)

    def _typeset(self) -> None:
        self.formulas.value = typeset(self.state.model.equations(), self.state.dataset)

    # What the data say

    def _show_fit_to_data(self) -> None:
        model, data = self.state.model, self.state.dataset
        wrong = "" if data is None else misfit(model, data)
        self.complaint.value = _alert(wrong) if wrong else ""
        several = data is not None and len(model.structure.outputs) > 1
        self.endpoints.children = self._endpoint_rows() if several else ()
        _show_if(self.endpoints, several)

    def _endpoint_rows(self) -> tuple[W.Widget, ...]:
        """Return one list for each endpoint of the data, and a note on outputs not seen."""
        outputs = self.state.model.structure.outputs
        named = endpoints_of(self.state.model, self.state.dataset)
        rows = []
        for label, output in named.items():
            choice = Choice(label=f"What {_endpoint(label)} is", value=output)
            choice.offer(Entry(name, name) for name in outputs)
            choice.observe(
                lambda change, label=label: self.session.set_endpoint(label, change["new"]), "value"
            )
            rows.append(labelled(f"{escape(_endpoint(label))} is", choice))
        unseen = [name for name in outputs if name not in named.values()]
        if unseen:
            words = f"Not observed: {', '.join(unseen)} (predicted; no residual error to estimate)."
            rows.append(html(f"<span role='note'>{escape(words)}</span>", "wb-note"))
        return tuple(rows)


def _drawn(structure: StructuralModel) -> str:
    """Return the diagram, or nothing: no equations are so odd that the page may break over it."""
    try:
        return diagram.svg(structure)
    except Exception:  # noqa: BLE001
        return ""


def _families() -> list[Entry]:
    """Return the options, the library in groups, and equations."""
    listed: dict[str, list[Entry]] = {}
    for name in structures.names():
        structure = structures.get(name)
        if options_of(structure) is None:
            group = GROUPS.get(name.split("_")[0], OTHER_GROUP)
            listed.setdefault(group, []).append(Entry(structure.title, name, group))
    order = [OTHER_GROUP, *dict.fromkeys(GROUPS.values())]
    library = [entry for group in order for entry in listed.get(group, [])]
    return [
        Entry("PK options: compartments, absorption …", PK),
        *library,
        Entry("Equations of one’s own", OWN),
    ]


def _family_of(structure: StructuralModel) -> str:
    if options_of(structure) is not None:
        return PK
    card: Any = structure.card
    return card if isinstance(card, str) else OWN


def _endpoint(label: object) -> str:
    return str(label) if isinstance(label, str) else f"Endpoint {label}"


def _alert(message: str) -> str:
    return f"<span role='alert'>{escape(message)}</span>"


def _show_if(widget: W.Widget, shown: bool) -> None:
    widget.layout.display = "" if shown else "none"


def build(session: Session) -> PanelView:
    """Make the section."""
    return PanelView(StructureSection(session).widget)


def typeset(lines: list[tuple[str, str]], data: Dataset | None) -> str:
    """Return labelled formulas as HTML; one that cannot be typeset is shown as it is written."""
    groups: dict[str, list[str]] = {}
    for label, latex in lines:
        groups.setdefault(label, []).append(parameter_equation.typeset(latex, data))
    return "".join(
        f"<div><span class='wb-small'>{escape(label)}</span>"
        f"<div class='wb-formulas'>{''.join(formulas)}</div></div>"
        for label, formulas in groups.items()
    )


PANEL = Panel("structure", "Structural model", "rail", 20, build)

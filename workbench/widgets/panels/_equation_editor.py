"""Equations of one's own: a text to edit, what is predicted, and what is wrong with it."""

from __future__ import annotations

import re
from html import escape

import ipywidgets as W

from workbench.errors import WorkbenchError
from workbench.models.structural import StructuralModel
from workbench.widgets.entries import FIT
from workbench.widgets.equation_text import written
from workbench.widgets.markup import html, styled
from workbench.widgets.panels._base import labelled
from workbench.widgets.session import Session

PLACE = "\n    "  # before the line that is shown and before the caret


class EquationEditor:
    """The text and its fields; Apply is one call of ``session.set_equations``.

    What is typed stays until it is applied or another structure is chosen: the state keeps the
    last equations that could be read, and no fit is made of them while others are refused.
    """

    name, blocks = "Equations", FIT

    def __init__(self, session: Session) -> None:
        self.session = session
        self._shown = self._refused = ""
        self.message = ""
        self.text = styled(
            W.Textarea(
                rows=9,
                tooltip="Equations",
                layout=W.Layout(width="auto", height="auto"),
            ),
            "wb-editor",
        )
        self.outputs = self._field("Outputs: what is predicted, one name for each endpoint")
        self.covariates = self._field("Covariates: columns of the data that the equations use")
        self.apply = styled(
            W.Button(description="Apply", tooltip="Use these equations as the model"), "wb-go"
        )
        self.complaint = html("", "wb-complaint", "wb-equation-error")
        self.notes = html("", "wb-note")
        self.widget = styled(
            W.VBox(
                [
                    self.text,
                    labelled("Outputs", self.outputs),
                    labelled("Covariates", self.covariates),
                    self.apply,
                    self.complaint,
                    self.notes,
                ]
            ),
            "wb-equation-editor",
        )
        self.apply.on_click(lambda _button: self._use())

    @staticmethod
    def _field(tooltip: str) -> W.Text:
        return styled(W.Text(tooltip=tooltip, layout=W.Layout(width="auto")), "wb-mono")

    def begin(self) -> None:
        """Turn the state's structure into equations."""
        now = written(self.session.state.model.structure)
        self.session.set_equations(now.text, now.outputs, now.covariates)
        if now.note:
            self.notes.value += f"<div role='note'>{escape(now.note)}</div>"

    def _use(self) -> None:
        try:
            self.session.set_equations(
                self.text.value, _names(self.outputs.value), _names(self.covariates.value)
            )
        except WorkbenchError as error:
            self.complain(str(error))
            self._refused = self.session.state.model.structure.code
        else:
            self._show_notes(self.session.state.model.structure)
            self.complain("")

    def complain(self, message: str) -> None:
        """Say what is wrong with the text; an empty message takes it back."""
        self.message = message.split(PLACE)[0]
        self.complaint.value = complaint(message) if message else ""
        entries = self.session.entries
        (entries.add if message else entries.discard)(self)

    def there(self) -> bool:
        """Tell whether the equations that the text was to replace are still in use."""
        return bool(self.session.state.model.structure.code == self._refused)

    def try_again(self) -> bool:
        """Do nothing: equations are read when a person says so."""
        return False

    def forget(self) -> None:
        """Let the equations in use take the place of the refused text."""
        self._shown = ""
        self.complain("")

    def reveal(self) -> None:
        """Bring the text into view."""
        self.text.focus()

    def follow(self) -> None:
        """Show the state's equations; what is being typed stays while these are the same."""
        structure = self.session.state.model.structure
        if structure.code == self._shown:
            return
        self._shown = structure.code
        now = written(structure)
        if (now.text, *self._fields(now.outputs, now.covariates)) != (
            self.text.value.strip("\n"),
            self.outputs.value,
            self.covariates.value,
        ):
            self.text.value = now.text + "\n"
        self.outputs.value, self.covariates.value = self._fields(now.outputs, now.covariates)
        self.complain("")
        self._show_notes(structure)

    @staticmethod
    def _fields(outputs: tuple[str, ...], covariates: tuple[str, ...]) -> tuple[str, str]:
        return ", ".join(outputs), ", ".join(covariates)

    def _show_notes(self, structure: StructuralModel) -> None:
        warnings = structure.family.system.warnings if structure.name == "equations" else ()  # type: ignore[attr-defined]
        self.notes.value = "".join(f"<div role='note'>{escape(words)}</div>" for words in warnings)


def complaint(message: str) -> str:
    """Return a message as HTML: the sentence, and the line with its caret in fixed width."""
    sentence, *place = message.split(PLACE)
    shown = "\n".join(place)
    code = f"<pre class='wb-caret'>{escape(shown)}</pre>" if place else ""
    return f"<span role='alert' data-equation-error='1'>{escape(sentence)}</span>{code}"


def _names(text: str) -> list[str]:
    """Return the names in a field, parted by commas or blanks."""
    return [name for name in re.split(r"[,;\s]+", text) if name]

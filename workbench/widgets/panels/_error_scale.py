"""On which scale an output's residual error is, and how it is distributed."""

from __future__ import annotations

import ipywidgets as W

from workbench.models.error import PREDICTION, TRANSFORMED, ResidualError
from workbench.models.model import Model
from workbench.models.transform import SHAPES
from workbench.widgets.field import NumberField
from workbench.widgets.markup import html, styled
from workbench.widgets.session import Session

NOT_TRANSFORMED = [("DV as it is", "")]
NORMAL, STUDENT = "normal", "student"


class ErrorScale:
    """The controls of transformation and distribution of one output ("" for the only one)."""

    def __init__(self, session: Session, output: str) -> None:
        self.session, self.output = session, output
        self._following = False
        of = f" of {output}" if output else ""
        shapes = [(shape.title, shape.name) for shape in SHAPES.values()]
        self.transform = _picker(NOT_TRANSFORMED + shapes, f"Transformation of both sides{of}")
        self.lower = self._end("lower", of)
        self.upper = self._end("upper", of)
        self.of = _picker(
            [("follows f", PREDICTION), ("follows |g(f)|", TRANSFORMED)], f"What the SD follows{of}"
        )
        self.law = _picker([("Normal", NORMAL), ("Student-t", STUDENT)], f"Distribution{of}")
        ends = W.HBox([html("from", "wb-hint"), self.lower.entry, html("to", "wb-hint")])
        ends.children = (*ends.children, self.upper.entry)
        self.rows = {
            "transform": _row("Scale", self.transform),
            "ends": _row("Data", styled(ends, "wb-ends")),
            "lower": self.lower.complaint,
            "upper": self.upper.complaint,
            "of": _row("SD", self.of),
            "law": _row("Residuals", self.law),
        }
        self.widget = styled(W.VBox(list(self.rows.values())), "wb-error-scale")
        self.transform.observe(self._transformed, "value")
        self.of.observe(self._followed, "value")
        self.law.observe(self._distributed, "value")

    def _end(self, end: str, of: str) -> NumberField:
        def commit(value: float) -> None:
            self.session.set_transform_end(end, value, self.output)

        def there() -> bool:
            error = error_of(self.session.state.model, self.output)
            return error is not None and _bounded(error)

        name = f"{end.capitalize()} end of the transformation{of}"
        return NumberField(name, commit, entries=self.session.entries, there=there)

    def show(self, error: ResidualError) -> None:
        """Show the state's error of this output."""
        transform = error.transform
        bounded = _bounded(error)
        follows = transform is not None and error.model != "additive"
        self._following = True
        try:
            self.transform.value = transform.name if transform is not None else ""
            self.of.value = error.of
            self.law.value = STUDENT if error.student else NORMAL
            if transform is not None and bounded:
                for field, value in ((self.lower, transform.lower), (self.upper, transform.upper)):
                    field.follow(value)
        finally:
            self._following = False
        shown = {
            "transform": not error.kind.positive_data,
            "ends": bounded,
            "lower": bounded,
            "upper": bounded,
            "of": follows,
            "law": True,
        }
        rows = [row for name, row in self.rows.items() if shown[name]]
        if list(self.widget.children) != rows:
            self.widget.children = rows

    def _transformed(self, change: dict[str, str]) -> None:
        if not self._following:
            self.session.set_transform(change["new"], self.output)

    def _followed(self, change: dict[str, str]) -> None:
        if not self._following:
            self.session.set_sd_of(change["new"], self.output)

    def _distributed(self, change: dict[str, str]) -> None:
        if not self._following:
            self.session.set_student(change["new"] == STUDENT, self.output)


def error_of(model: Model, output: str) -> ResidualError | None:
    """Return the residual error of an output ("" for the only one); None if there is none."""
    if output:
        return model.errors.get(output)
    return next(iter(model.errors.values())) if len(model.errors) == 1 else None


def _bounded(error: ResidualError) -> bool:
    return error.transform is not None and error.transform.shape.bounded


def _picker(options: list[tuple[str, str]], name: str) -> W.Dropdown:
    return W.Dropdown(options=options, tooltip=name, layout=W.Layout(width="auto"))


def _row(label: str, control: W.Widget) -> W.Widget:
    return styled(W.Box([html(label, "wb-label"), control]), "wb-scale-row")

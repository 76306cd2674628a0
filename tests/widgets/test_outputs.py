"""A page on a model of several outputs: the state, the panels and the pictures keep up."""

import ipywidgets as controls
import pytest

import workbench as wb
from tests import outputs
from workbench.errors import ModelError, UnknownNameError
from workbench.widgets import model_edits
from workbench.widgets.panels import panels


@pytest.fixture
def known(monkeypatch):
    outputs.register(monkeypatch)


@pytest.fixture
def two(known, opened):
    opened.session.set_dataset(outputs.data("log"))
    opened.session.set_structure("two_outputs_log")
    return opened


def children(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from children(child)


def shown(opened, kind):
    widgets = children(opened.page.views["error_model"].widget)
    return [widget for widget in widgets if isinstance(widget, kind)]


def pickers(opened):
    """The choices of error models; others are beside them."""
    found = shown(opened, controls.Dropdown)
    return [w for w in found if w.tooltip.startswith("Residual error model")]


def control(opened, kind, tooltip):
    return next(w for w in shown(opened, kind) if w.tooltip == tooltip)


def test_every_output_has_a_group(two):
    tips = [w.tooltip for w in pickers(two)]
    assert tips == ["Residual error model of cp", "Residual error model of effect"]
    words = " ".join(w.value for w in shown(two, controls.HTML))
    assert "<b>cp</b>" in words
    assert "<b>effect</b>" in words


def test_one_output_has_no_heading(opened):
    (picker,) = pickers(opened)
    assert picker.tooltip == "Residual error model"
    assert not any("<b>" in w.value for w in shown(opened, controls.HTML))


def test_the_controls_change_their_own_output(two):
    before = two.state.model.errors["cp"]
    control(two, controls.Dropdown, "Residual error model of effect").value = "additive"
    control(two, controls.Text, "Residual error of effect, additive").value = "0.25"
    control(two, controls.Checkbox, "Hold additive of effect").value = True
    error = two.state.model.errors["effect"]
    assert (error.model, error.values, error.fixed) == ("additive", (0.25,), {"additive"})
    assert two.state.model.errors["cp"] == before
    control(two, controls.Text, "Residual error of cp, additive").value = "0.75"
    assert two.state.model.errors["cp"].parameters["additive"] == 0.75


def test_the_panel_follows_calls_and_other_structures(two):
    two.session.set_error("lognormal", "effect")
    assert control(two, controls.Dropdown, "Residual error model of effect").value == "lognormal"
    two.session.set_structure("pk_1cmt_iv")
    (picker,) = pickers(two)
    assert picker.value == two.state.model.error.model
    two.session.set_structure("two_outputs_same")
    assert len(pickers(two)) == 2


def test_errors_go_along_to_another_structure(known):
    model = model_edits.default_model("two_outputs_log")
    assert list(model.errors) == ["cp", "effect"]
    model = model_edits.with_error(model, "lognormal", "effect")
    same = model_edits.with_structure(model, "two_outputs_same")
    assert dict(same.errors) == dict(model.errors)
    one = model_edits.with_structure(model, "pk_1cmt_iv")
    assert one.error == model.errors["cp"]
    back = model_edits.with_structure(one, "two_outputs_log")
    assert back.errors["cp"] == one.error
    assert back.errors["effect"].model == "combined2"
    said = model.replace(endpoints={1: "effect", 2: "cp"})
    assert model_edits.with_structure(said, "two_outputs_same").endpoints == said.endpoints
    assert not model_edits.with_structure(said, "pk_1cmt_iv").endpoints


def test_edits_of_no_output_in_particular_are_refused(known):
    model = model_edits.default_model("two_outputs_log")
    with pytest.raises(ModelError, match="that of cp, effect"):
        model_edits.with_error(model, "additive")
    with pytest.raises(UnknownNameError, match="Did you mean 'effect'"):
        model_edits.with_error_values(model, {"additive": 1.0}, "efect")
    with pytest.raises(UnknownNameError, match="Did you mean 'additive'"):
        model_edits.with_error_values(model, {"aditive": 1.0}, "cp")


def test_a_fit_shows_in_every_view(two):
    two.session.state.model = outputs.model(
        "log", wb.error.Proportional(0.1), wb.error.Proportional(0.1)
    )
    two.lay_out()
    two.fit()
    assert two.state.status == "done", two.state.message
    for name in panels.names():
        if panels.get(name).place == "tab":
            two.session.open_tab(name)
    two.session.select(2)
    assert not any(figure.error for figure in two.figures)
    assert "sigma[cp.proportional]" in two.state.fit.parameters.index

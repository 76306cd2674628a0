"""Refused entries: in the way of a fit, tried again, forgotten with what they were about."""

import ipywidgets as controls
import pytest

import workbench as wb
from tests import cases
from tests.widgets.test_panels import children, complaints, find, grid
from workbench.widgets.choice import Choice

KA = "Typical value of ka"


def typed(opened, panel, name, text):
    field = find(opened, panel, controls.Text, name)
    field.value = text
    return field


def pick(opened, panel, kind, name, value):
    find(opened, panel, kind, name).value = value


@pytest.fixture
def weighed(opened):
    """Data with a weight, and a power of it on cl."""
    frame = cases.iv_frame(6)
    frame["WT"] = 60.0 + 4 * frame["ID"]
    opened.session.set_dataset(wb.read_dataset(frame, name="weighed"))
    opened.session.set_structure("pk_1cmt_iv")
    opened.session.set_covariate("cl", wb.covariate.Power("WT"))
    return opened


@pytest.mark.parametrize(
    ("panel", "name", "text"),
    [
        ("parameters", KA, "abc"),
        ("parameters", "ω of cl", "0"),
        ("error_model", "Residual error, additive", "-1"),
        ("estimator", "Most iterations of the search", "2.5"),
    ],
)
def test_no_fit_is_started_while_an_entry_is_refused(opened, panel, name, text):
    field = typed(opened, panel, name, text)
    shown = []
    field.focus = lambda: shown.append(name)
    for start in (opened.session.fit, opened.session.try_starts, opened.session.fit_draws):
        start()
        assert opened.state.status == "idle"
        assert "an entry cannot be used" in opened.state.message.text
    opened.session.search_covariates()
    assert opened.state.search is None
    assert shown == [name] * 4
    opened.session.load_dataset("theophylline")
    assert not opened.session.entries.in_the_way()


def test_the_refusal_is_taken_back_once_every_entry_is_in_use(opened):
    field = typed(opened, "parameters", KA, "abc")
    typed(opened, "parameters", "ω of cl", "x")
    opened.session.fit()
    assert f"{KA}: 'abc' is not a number" in opened.state.message.text
    assert "1 more is marked in red" in opened.state.message.text
    field.value = "1.2"
    assert "Nothing was started" in opened.state.message.text
    typed(opened, "parameters", "ω of cl", "0.2")
    assert opened.state.message.text == "Every entry is in use now."


def test_a_level_of_the_search_is_in_the_way_of_the_search_only(weighed):
    weighed.session.open_tab("covariate_search")
    typed(weighed, "covariate_search", "Forward level", "2")
    weighed.session.search_covariates()
    assert weighed.state.search is None
    assert "Forward level" in weighed.state.message.text
    assert not weighed.session.entries.in_the_way()


def test_a_refused_value_is_taken_once_its_advice_was_followed(opened):
    field = typed(opened, "parameters", KA, "-1")
    assert "above 0" in complaints(opened, "parameters")
    pick(opened, "parameters", controls.Dropdown, "Distribution of ka", "normal")
    assert complaints(opened, "parameters") == ""
    assert opened.state.model.parameters["ka"].typical == -1
    assert field.value == "-1"


def test_a_bound_is_taken_once_the_typical_value_lies_above_it(opened):
    pick(opened, "parameters", controls.Dropdown, "Distribution of ka", "logitnormal")
    typed(opened, "parameters", "Upper bound of ka", "20")
    typed(opened, "parameters", "Lower bound of ka", "2")
    assert opened.state.model.parameters["ka"].range == (0.0, 20.0)
    typed(opened, "parameters", KA, "2.5")
    assert opened.state.model.parameters["ka"].range == (2.0, 20.0)
    assert complaints(opened, "parameters") == ""


def test_what_is_wrong_with_an_entry_is_said_anew_after_a_change(opened):
    pick(opened, "parameters", controls.Dropdown, "Distribution of ka", "logitnormal")
    typed(opened, "parameters", "Lower bound of ka", "5")
    typed(opened, "parameters", KA, "3")
    said = complaints(opened, "parameters")
    assert " 3 does" in said
    assert " 1.5 does" not in said


def test_a_refused_distribution_is_said_until_the_model_changes(weighed):
    name = "Distribution of cl"
    pick(weighed, "parameters", controls.Dropdown, name, "normal")
    assert complaints(weighed, "parameters")
    field = find(weighed, "parameters", controls.Text, "Typical value of cl")
    assert "wb-invalid" not in field._dom_classes  # the value is in order
    assert not weighed.session.entries.in_the_way()  # and what is shown is in use
    weighed.session.set_covariate("cl", None)
    assert complaints(weighed, "parameters") == ""
    pick(weighed, "parameters", controls.Dropdown, name, "normal")
    assert weighed.state.model.parameters["cl"].distribution == "normal"


def test_a_refused_kind_of_effect_is_said_in_its_box(weighed):
    weighed.session.set_parameter("v", distribution="normal")
    weighed.session.set_covariate("v", wb.covariate.Linear("WT"))
    inside = children(weighed.page.views["covariates"].widget)
    kinds = {w.label: w for w in inside if isinstance(w, Choice)}
    kinds["Kind of the effect of WT on v"].value = "power"
    assert complaints(weighed, "covariates")
    weighed.session.set_parameter("v", typical=31.0)
    assert complaints(weighed, "covariates") == ""


def test_an_entry_goes_with_the_data_it_was_typed_for(opened):
    on = "Between-subject variability on the error"
    pick(opened, "error_model", controls.Checkbox, on, True)
    field = typed(opened, "error_model", "SD of eta on the error", "hh")
    assert complaints(opened, "error_model")
    opened.session.load_dataset("theophylline")
    assert complaints(opened, "error_model") == ""
    assert field.value == "0.3"


def test_an_entry_goes_with_its_parameter_and_with_its_switch(opened):
    field = typed(opened, "parameters", KA, "abc")
    opened.session.set_structure("pk_1cmt_iv")
    opened.session.set_structure("pk_1cmt_oral")
    assert field.value != "abc"
    omega = typed(opened, "parameters", "ω of cl", "0")
    pick(opened, "parameters", controls.Checkbox, "Between-subject variability on cl", False)
    assert complaints(opened, "parameters") == ""
    assert (omega.disabled, omega.value) == (True, "0.3")
    assert "Correlation of ka with v" in grid(opened)


def test_equations_that_cannot_be_read_are_in_the_way(opened):
    opened.session.set_equations("d/dt(a) = -k*a\ny = a/v", ["y"])
    editor = find(opened, "structure", controls.Textarea, "Equations")
    editor.value = "d/dt(a) = -k*a +\ny = a/v"
    find(opened, "structure", controls.Button, "Use these equations as the model").click()
    opened.session.fit()
    assert "an entry cannot be used. Equations: " in opened.state.message.text
    opened.session.set_structure("pk_1cmt_oral")
    assert not opened.session.entries.in_the_way()

"""Scale and distribution of the residual error in the rail: the state and the fields keep up."""

import re

import ipywidgets as controls
import numpy as np
import pytest

import workbench as wb
from tests import cases
from tests.widgets.test_outputs import control, shown
from workbench.widgets import model_edits, suitability


def titles(opened):
    return {w.tooltip for w in shown(opened, controls.Dropdown)}


def choose(opened, tooltip, value):
    control(opened, controls.Dropdown, tooltip).value = value


def fields(opened):
    return {w.tooltip for w in shown(opened, controls.Text)}


SCALE, LAW = "Transformation of both sides", "Distribution"
LAMBDA = "Residual error, lambda"


def test_a_transformation_brings_its_own_fields_and_takes_them_away(opened):
    choose(opened, SCALE, "boxcox")
    error = opened.state.model.error
    assert error.transform.name == "boxcox"
    assert error.fixed == {"lambda"}
    assert LAMBDA in fields(opened)
    control(opened, controls.Text, LAMBDA).value = "0.25"
    assert opened.state.model.error.parameters["lambda"] == 0.25
    control(opened, controls.Checkbox, "Hold lambda").value = False
    assert opened.state.model.error.fixed == frozenset()
    choose(opened, SCALE, "yeojohnson")
    error = opened.state.model.error
    assert (error.parameters["lambda"], error.fixed) == (0.25, frozenset())
    choose(opened, SCALE, "")
    assert opened.state.model.error.transform is None
    assert LAMBDA not in fields(opened)


def test_the_ends_of_a_logit_are_typed_and_a_wrong_one_stays_with_the_reason(opened):
    choose(opened, SCALE, "logit")
    lower, upper = "Lower end of the transformation", "Upper end of the transformation"
    assert {lower, upper} <= fields(opened)
    control(opened, controls.Text, upper).value = "15"
    control(opened, controls.Text, lower).value = "-1"
    transform = opened.state.model.error.transform
    assert (transform.lower, transform.upper) == (-1.0, 15.0)
    control(opened, controls.Text, lower).value = "20"
    assert opened.state.model.error.transform.lower == -1.0
    said = " ".join(w.value for w in shown(opened, controls.HTML))
    assert "lower below upper" in said
    assert control(opened, controls.Text, lower).value == "20"


def test_student_s_t_brings_degrees_of_freedom(opened):
    choose(opened, LAW, "student")
    error = opened.state.model.error
    assert (error.student, error.parameters["df"], error.fixed) == (True, 4.0, {"df"})
    assert "Residual error, df" in fields(opened)
    choose(opened, LAW, "normal")
    assert not opened.state.model.error.student


def test_what_the_sd_follows_is_asked_only_where_it_matters(opened):
    follows = "What the SD follows"
    opened.session.set_error("combined2")
    assert follows not in titles(opened)
    choose(opened, SCALE, "log")
    choose(opened, follows, "transformed")
    assert opened.state.model.error.of == "transformed"
    opened.session.set_error("additive")
    assert follows not in titles(opened)


def test_another_error_model_keeps_scale_and_distribution_where_it_can(opened):
    choose(opened, SCALE, "boxcox")
    choose(opened, LAW, "student")
    opened.session.set_error("proportional")
    error = opened.state.model.error
    assert (error.model, error.transform.name, error.student) == ("proportional", "boxcox", True)
    assert {"lambda", "df"} <= error.fixed
    opened.session.set_error("lognormal")
    error = opened.state.model.error
    assert (error.model, error.transform, error.student) == ("lognormal", None, True)
    assert SCALE not in titles(opened)


def test_the_panel_follows_calls_and_shows_an_expression(opened):
    error = wb.error.Expression("a*f/(f + c)", {"a": 0.3, "c": 5.0}, transform=wb.transform.Log())
    opened.state.model = opened.state.model.replace(error=error)
    picker = control(opened, controls.Dropdown, "Residual error model")
    assert picker.value == "expression"
    assert control(opened, controls.Dropdown, SCALE).value == "log"
    assert {"Residual error, a", "Residual error, c"} <= fields(opened)
    control(opened, controls.Text, "Residual error, a").value = "0.5"
    assert opened.state.model.error.parameters["a"] == 0.5
    picker.value = "additive"
    assert opened.state.model.error.model == "additive"
    assert opened.state.model.error.transform is not None


def test_edits_refuse_what_is_not_there(opened):
    with pytest.raises(KeyError, match="boxcx"):
        model_edits.with_transform(opened.state.model, "boxcx")


def test_a_fit_with_everything_shows_in_every_view(opened):
    opened.lay_out()
    frame = opened.state.dataset.table
    assert (frame["DV"].dropna() >= 0).all()  # Theophylline has zeros: no Box-Cox
    choose(opened, SCALE, "yeojohnson")
    choose(opened, LAW, "student")
    opened.fit()
    assert opened.state.status == "done", opened.state.message.text
    assert not any(figure.error for figure in opened.figures)
    assert {"sigma[lambda]", "sigma[df]"} <= set(opened.state.fit.parameters.index)


def test_data_outside_the_scale_are_said_not_fitted(opened):
    choose(opened, SCALE, "log")
    opened.fit()
    assert opened.state.status == "failed"
    assert "above 0, but DV is 0" in opened.state.message.text


def test_the_error_may_differ_between_subjects(opened):
    on, sd = "Between-subject variability on the error", "SD of eta on the error"
    assert control(opened, controls.Text, sd).disabled
    control(opened, controls.Checkbox, on).value = True
    assert opened.state.model.error.iiv == 0.3
    lines = [line for section, line in opened.state.model.equations() if "error" in section]
    assert r"e^{\eta_{\mathrm{ruv},i}}\,\varepsilon_{ij}" in lines[0]
    control(opened, controls.Text, sd).value = "0.45"
    control(opened, controls.Checkbox, f"Hold the {sd}").value = True
    error = opened.state.model.error
    assert (error.iiv, error.fixed) == (0.45, {"iiv"})
    opened.session.set_correlation("cl", "ruv", on=True)
    opened.session.set_error("proportional")
    assert opened.state.model.error.iiv == 0.45
    assert ("cl", "ruv") in opened.state.model.correlations
    control(opened, controls.Text, sd).value = "-1"
    assert opened.state.model.error.iiv == 0.45
    assert "SD of a random effect" in " ".join(w.value for w in shown(opened, controls.HTML))
    control(opened, controls.Checkbox, on).value = False
    assert not opened.state.model.error.has_eta
    assert opened.state.model.correlations == {}


def test_the_random_effect_on_an_error_outlives_other_edits():
    model = model_edits.default_model("pk_1cmt_oral")
    model = model_edits.with_error_iiv(model_edits.with_omega(model, full=True), 0.3)
    model = model_edits.with_correlation(model, "cl", "ruv", on=True)
    assert ("cl", "ruv") in model.correlations
    fewer = model_edits.with_parameter(model, "ka", iiv=0.0)
    assert list(fewer.correlations) == [("cl", "v"), ("cl", "ruv")]
    other = model_edits.with_structure(model, "pk_2cmt_oral")
    assert ("cl", "ruv") in other.correlations
    assert other.error.iiv == 0.3


def test_no_variability_of_the_error_is_a_tick_not_a_zero(opened):
    on, sd = "Between-subject variability on the error", "SD of eta on the error"
    box = control(opened, controls.Checkbox, on)
    box.value = True
    field = control(opened, controls.Text, sd)
    field.value = "0"
    assert (box.value, field.value) == (True, "0")
    assert "clear IIV" in " ".join(w.value for w in shown(opened, controls.HTML))
    box.value = False
    assert "clear IIV" not in " ".join(w.value for w in shown(opened, controls.HTML))


@pytest.mark.parametrize("name", ["logit", "probit"])
def test_a_scale_with_ends_begins_around_the_data(opened, name):
    choose(opened, SCALE, name)
    transform = opened.state.model.error.transform
    assert (transform.lower, transform.upper) == (-2.0, 20.0)  # DV from 0 to 11.4
    opened.fit()
    assert opened.state.status == "done", opened.state.message.text


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        ((0.2, 0.9), (0.0, 1.0)),
        ((0.2, 1.0), (0.0, 2.0)),
        ((3.0, 99.0), (0.0, 200.0)),
        ((-3.0, 4.0), (-5.0, 5.0)),
        ((-3.0, -1.0), (-5.0, 0.0)),
        ((0.0, 0.0), (-1e-12, 1e-12)),
    ],
)
def test_ends_around_the_data_hold_them(values, ends):
    frame = cases.iv_frame(2)
    observed = frame["EVID"] == 0
    frame.loc[observed, "DV"] = np.linspace(*values, observed.sum())
    data, model = wb.read_dataset(frame), cases.iv_model()
    lower, upper = suitability.ends_around(model, data)
    assert lower < values[0] <= values[1] < upper
    if values != (0.0, 0.0):
        assert (lower, upper) == ends


def test_each_output_has_ends_of_its_own():
    data = wb.load_dataset("warfarin_simulated")
    model = wb.Model.from_dict(data.info.suggested_model)
    assert suitability.ends_around(model, data, "c") == (0.0, 20.0)
    assert suitability.ends_around(model, data, "e")[1] >= 100.0


def error_lines(opened):
    found = " ".join(
        w.value for w in shown(opened, controls.HTML) if "wb-error-equations" in w._dom_classes
    )
    return re.findall(r'aria-label="([^"]*)"', found)


def test_the_error_stands_in_its_panel_as_an_equation(opened):
    opened.session.set_error("combined2")
    assert r"\sqrt" in error_lines(opened)[0]
    choose(opened, SCALE, "log")
    choose(opened, LAW, "student")
    opened.session.set_error_iiv(0.3)
    own = [line for part, line in opened.state.model.equations() if part == "Residual error"]
    assert error_lines(opened) == [line.replace("'", "&#x27;") for line in own]
    assert r"\log" in own[1]
    assert r"\eta" in own[0]
    assert r"t_{\nu}" in own[-1]


def test_each_output_shows_its_own_equation(opened):
    opened.session.load_dataset("warfarin_simulated")
    first, *_, last = error_lines(opened)
    assert first.startswith("y_{ij}")
    assert last == r"\varepsilon_{ij} \sim \mathcal{N}(0,\ 1)"
    opened.session.set_student(True, "e")
    assert error_lines(opened)[-1].endswith(r"t_{\nu}")

"""The panels: they show the state, change it by public calls, and say what is wrong."""

import ipywidgets as controls
import pytest

import workbench as wb
from tests import cases
from workbench.widgets.markup import fixed, number
from workbench.widgets.panels import panels


def children(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from children(child)


def find(opened, panel, kind, tooltip):
    """Return the control with this tooltip."""
    for widget in children(opened.page.views[panel].widget):
        if isinstance(widget, kind) and widget.tooltip == tooltip:
            return widget
    raise LookupError(tooltip)


def complaints(opened, panel):
    return " ".join(
        widget.value
        for widget in children(opened.page.views[panel].widget)
        if isinstance(widget, controls.HTML) and "role='alert'" in widget.value
    )


@pytest.mark.parametrize("name", panels.names())
def test_every_panel_shows_something_and_names_itself(name, opened):
    panel = panels.get(name)
    assert panel.name == name
    assert panel.title
    assert isinstance(opened.page.views[name].widget, controls.Widget)


def test_a_typical_value_reaches_the_model(opened):
    find(
        opened, "parameters", controls.Text, "Typical value of cl"
    ).value = "3,5"  # a decimal comma
    assert opened.state.model.parameters["cl"].typical == 3.5


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("0", "above 0"),
        ("-1", "above 0"),
        ("two", "not a number"),
        ("", "not a number"),
        ("inf", "finite"),
        ("nan", "finite"),
    ],
)
def test_a_bad_typical_value_is_said_beside_its_field_and_kept_there(opened, entry, words):
    before = opened.state.model
    field = find(opened, "parameters", controls.Text, "Typical value of cl")
    field.value = entry
    assert words in complaints(opened, "parameters")
    assert field.value == entry
    assert opened.state.model is before
    other = find(opened, "parameters", controls.Text, "Typical value of v")
    assert not other.disabled
    other.value = "30"  # nothing else is blocked, and the complaint stays until it is dealt with
    assert opened.state.model.parameters["v"].typical == 30
    assert field.value == entry
    assert words in complaints(opened, "parameters")
    field.value = "2.9"
    assert complaints(opened, "parameters") == ""
    assert opened.state.model.parameters["cl"].typical == 2.9


@pytest.mark.parametrize("entry", ["-0.2", "0", "x"])
def test_a_bad_omega_is_said_beside_its_field(opened, entry):
    before = opened.state.model
    find(opened, "parameters", controls.Text, "ω of ka").value = entry
    assert complaints(opened, "parameters")
    assert opened.state.model is before


def test_log_normal_is_refused_for_a_negative_typical_value(opened):
    picker = find(opened, "parameters", controls.Dropdown, "Distribution of v")
    picker.value = "normal"
    find(opened, "parameters", controls.Text, "Typical value of v").value = "-3"
    assert opened.state.model.parameters["v"].typical == -3
    picker.value = "lognormal"
    assert "above 0" in complaints(opened, "parameters")
    assert picker.value == "normal"


def grid(opened):
    boxes = [w for w in children(opened.page.views["parameters"].widget) if w.tooltip]
    return {w.tooltip: w for w in boxes if str(w.tooltip).startswith("Correlation of")}


def test_bounds_are_asked_for_where_the_distribution_has_some(opened):
    picker = find(opened, "parameters", controls.Dropdown, "Distribution of ka")
    lower = find(opened, "parameters", controls.Text, "Lower bound of ka")
    upper = find(opened, "parameters", controls.Text, "Upper bound of ka")
    opened.session.set_parameter("ka", typical=2.5)
    picker.value = "logitnormal"  # 0 and 10: the typical value lies between them
    assert opened.state.model.parameters["ka"].range == (0.0, 10.0)
    assert (lower.value, upper.value) == ("0", "10")
    upper.value = "2"
    assert "between its bounds, 0 and 2, and 2.5 does not" in complaints(opened, "parameters")
    assert opened.state.model.parameters["ka"].range == (0.0, 10.0)
    upper.value = "5"
    assert complaints(opened, "parameters") == ""
    assert opened.state.model.parameters["ka"].range == (0.0, 5.0)
    picker.value = "probitnormal"
    assert opened.state.model.parameters["ka"].range == (0.0, 5.0)
    picker.value = "lognormal"
    assert opened.state.model.parameters["ka"].lower is None


def test_each_parameter_shows_its_equation(opened):
    find(opened, "parameters", controls.Dropdown, "Distribution of cl").value = "logitnormal"
    shown = " ".join(
        w.value
        for w in children(opened.page.views["parameters"].widget)
        if isinstance(w, controls.HTML)
    )
    assert r"\mathrm{logit}" in shown
    assert r"e^{\eta_{{V},i}}" in shown


def test_ticks_choose_the_correlations(opened):
    ticks = grid(opened)
    assert set(ticks) == {
        "Correlation of ka with cl",
        "Correlation of ka with v",
        "Correlation of cl with v",
    }
    omega = find(opened, "parameters", controls.Dropdown, "Covariance of the random effects")
    ticks["Correlation of cl with v"].value = True
    ticks["Correlation of ka with cl"].value = True
    assert set(opened.state.model.correlations) == {("cl", "v"), ("ka", "cl")}
    assert omega.value == "pairs"
    ticks["Correlation of ka with v"].value = True
    assert omega.value == "full"
    omega.value = "diagonal"
    assert not any(tick.value for tick in ticks.values())
    assert not opened.state.model.correlations
    opened.session.set_parameter("ka", iiv=0.0)
    assert set(grid(opened)) == {"Correlation of cl with v"}


def test_a_held_correlation_shows_its_value(opened):
    held = {("cl", "v"): wb.Fixed(0.3)}
    opened.state.model = opened.state.model.replace(correlations=held)
    tick = grid(opened)["Correlation of cl with v"]
    assert (tick.value, tick.description) == (True, "0.3")
    tick.value = False
    assert not opened.state.model.fixed_correlations


@pytest.fixture
def details(opened):
    """The fold of shapes and occasions, opened."""
    for widget in children(opened.page.views["parameters"].widget):
        if isinstance(widget, controls.Button) and "Shapes and occasions" in widget.description:
            widget.click()
            return opened
    raise LookupError


def test_the_shape_of_a_random_effect_reaches_the_model(details):
    def eta():
        return details.state.model.parameters["ka"].eta

    picker = find(details, "parameters", controls.Dropdown, "Shape of η of ka")
    value = find(details, "parameters", controls.Text, "Shape parameter of ka")
    assert value.disabled
    picker.value = "boxcox"
    assert eta() == wb.eta.BoxCox(0.1)
    value.value = "0,5"
    assert eta() == wb.eta.BoxCox(0.5)
    find(details, "parameters", controls.Checkbox, "Hold the shape of ka").value = True
    assert eta() == wb.eta.BoxCox(wb.Fixed(0.5))
    picker.value = "student"
    value.value = "1"
    assert "more than 2 degrees of freedom" in complaints(details, "parameters")
    value.value = "4"
    assert eta() == wb.eta.StudentT(wb.Fixed(4.0))
    picker.value = ""
    assert eta() is None
    assert value.disabled


def test_variability_between_occasions_reaches_the_model(details):
    find(
        details, "parameters", controls.Checkbox, "Variability of cl between occasions"
    ).value = True
    assert details.state.model.iov == ("cl",)
    find(details, "parameters", controls.Text, "SD of kappa of cl").value = "0.15"
    find(details, "parameters", controls.Checkbox, "Hold the SD of kappa of cl").value = True
    assert details.state.model.parameters["cl"].iov == 0.15
    assert details.state.model.parameters["cl"].fixed == {"iov"}
    find(details, "parameters", controls.Checkbox, "Hold ω of cl").value = True
    assert details.state.model.parameters["cl"].fixed == {"iiv", "iov"}
    find(details, "parameters", controls.Dropdown, "Where a new occasion begins").value = "dose"
    assert details.state.model.occasion == "dose"


def test_clearing_iiv_removes_the_random_effect_and_ticking_brings_it_back(opened):
    box = find(opened, "parameters", controls.Checkbox, "Between-subject variability on ka")
    start = opened.state.model.parameters["ka"].iiv
    box.value = False
    assert opened.state.model.etas == ("cl", "v")
    box.value = True
    assert opened.state.model.parameters["ka"].iiv == start


def test_fixed_values_reach_the_model(opened):
    find(opened, "parameters", controls.Checkbox, "Hold the typical value of ka").value = True
    assert opened.state.model.parameters["ka"].fixed == {"typical"}


def test_the_panel_follows_a_change_made_by_a_call(opened):
    opened.session.set_parameter("v", typical=40.0, iiv=0.4)
    assert find(opened, "parameters", controls.Text, "Typical value of v").value == "40"
    assert find(opened, "parameters", controls.Text, "ω of v").value == "0.4"


def test_a_bad_residual_sd_is_said_beside_its_field(opened):
    find(opened, "error_model", controls.Text, "Residual error, additive").value = "-1"
    assert "above 0" in complaints(opened, "error_model")


@pytest.mark.parametrize(("entry", "words"), [("2.5", "whole number"), ("0", "at least 1")])
def test_bad_iteration_limits_are_said_beside_their_field(opened, entry, words):
    find(opened, "estimator", controls.Text, "Most iterations of the search").value = entry
    assert words in complaints(opened, "estimator")
    assert opened.state.options["max_iter"] == 500


def test_the_equations_follow_the_model(opened):
    def shown():
        return " ".join(
            w.value
            for w in children(opened.page.views["structure"].widget)
            if isinstance(w, controls.HTML) and "<svg" in w.value
        )

    before = shown()
    assert "k_a" in before
    opened.session.set_structure("pk_1cmt_iv")
    assert "k_a" not in shown()
    opened.session.set_error("combined2")
    assert r"\sqrt" in shown()


def test_the_result_table_shows_variance_sd_cv_and_both_shrinkages(fitted):
    words = fitted.page.views["results"].widget
    text = " ".join(w.value for w in children(words) if isinstance(w, controls.HTML))
    for heading in ("Variance", "SD ω", "CV %", "Shrinkage % (SD)", "Shrinkage % (variance)"):
        assert heading in text
    assert "0.4024" in text  # omega² of ka, from the reference fit
    assert "converged" in text


def test_labels_from_the_data_cannot_inject_html(opened):
    from workbench.widgets.markup import table

    assert "<b>" not in table(["<b>"], [["<b>x</b>"]])


def results_of(fit):
    from workbench.widgets.panels.results import estimates

    return estimates(fit.parameters, fit.final_model)


@pytest.mark.parametrize(
    ("eta", "words"),
    [
        ({"kind": "boxcox", "shape": 0.5}, "Box–Cox λ"),
        ({"kind": "student", "df": 8}, "Degrees of freedom of t"),
    ],
)
def test_the_shape_of_a_random_effect_is_shown_with_its_uncertainty(opened, eta, words):
    opened.session.set_parameter("ka", eta=eta)
    fit = opened.fit()
    row = fit.parameters.loc["shape[ka]"]
    text = results_of(fit)
    assert "Shapes of random effects" in text
    shown = text.split("shape[ka]")[1].split("</tr>")[0]
    assert words in shown
    for value in (row["estimate"], row["se"], row["lower"], row["upper"]):
        assert number(value, 3)[:4] in shown


def test_shapes_of_the_residual_error_have_a_heading_of_their_own(opened):
    opened.session.set_transform("yeojohnson")
    opened.session.set_student(True)
    text = results_of(wb.evaluate(opened.state.model, opened.state.dataset))
    first, second = text.split("Residual error (SD or fraction)")[1].split("Shape of the residual")
    assert "sigma[additive]" in first
    assert "sigma[lambda]" not in first
    assert "sigma[lambda]" in second
    assert "sigma[df]" in second


def test_what_rounds_to_zero_has_no_sign():
    assert fixed(-0.004, 1) == "0.0"
    assert fixed(-0.04, 1) == "0.0"
    assert fixed(-0.06, 1) == "−0.1"


def occasions(details):
    picker = find(details, "parameters", controls.Dropdown, "Where a new occasion begins")
    return picker, [value for _, value in picker.options]


def test_a_column_of_occasions_is_offered_whatever_is_chosen(details):
    frame = cases.iv_frame(4)
    details.session.set_dataset(wb.read_dataset(frame.assign(OCC=1 + frame["TIME"] // 10)))
    details.session.set_iov("cl", 0.2)
    picker, offered = occasions(details)
    assert (picker.value, offered) == ("OCC", ["OCC", "reset", "dose"])
    picker.value = "dose"
    assert details.state.model.occasion == "dose"
    picker.value = "OCC"
    assert details.state.model.occasion == "OCC"


def test_no_occasions_are_offered_that_the_data_do_not_have(details):
    frame = cases.iv_frame(4)
    details.session.set_dataset(wb.read_dataset(frame))
    picker, offered = occasions(details)
    assert (picker.value, offered) == ("dose", ["reset", "dose"])
    box = find(details, "parameters", controls.Checkbox, "Variability of cl between occasions")
    box.value = True
    assert details.state.model.occasion == "dose"
    details.session.set_occasion("OCC")  # or data with that column were open before
    assert occasions(details)[0].label == "by OCC: not in these data"
    details.session.set_dataset(wb.read_dataset(frame.assign(OCC=1 + frame["TIME"] // 10)))
    assert occasions(details)[1] == ["OCC", "reset", "dose"]


@pytest.mark.parametrize("kind", ["normal", "logitnormal", "probitnormal"])
def test_the_spread_stays_when_the_distribution_changes(opened, kind):
    opened.session.set_parameter("v", iiv=0.138, iov=0.05, typical=32.0)
    opened.session.set_parameter("v", distribution=kind)
    new = opened.state.model.parameters["v"]
    widths = {"normal": 32.0, "logitnormal": 32.0 / (100 * 0.32 * 0.68)}
    if kind in widths:
        assert new.iiv == pytest.approx(0.138 * widths[kind], rel=1e-2)
        assert new.iov == pytest.approx(0.05 * widths[kind], rel=1e-2)
    opened.session.set_parameter("v", distribution="lognormal")
    assert opened.state.model.parameters["v"].iiv == pytest.approx(0.138, rel=1e-2)
    assert opened.state.model.parameters["v"].iov == pytest.approx(0.05, rel=1e-2)

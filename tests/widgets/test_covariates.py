"""The covariates of the page: one tick adds an effect, and what is wrong is said."""

import re

import ipywidgets as controls
import pytest

import workbench as wb
from tests import cases
from tests.widgets.test_panels import children, complaints, find
from workbench.errors import DataError, ModelError, UnknownNameError
from workbench.widgets.choice import Choice


@pytest.fixture
def page(opened):
    """Data with weight, age, sex and a grade, and the model of Theophylline."""
    opened.session.set_dataset(cases.covariate_data())
    return opened


def tick(page, column, parameter):
    choice(page, "Covariate").value = column
    return find(page, "covariates", controls.Checkbox, f"Effect of {column} on {parameter}")


def choice(page, label):
    for widget in children(page.page.views["covariates"].widget):
        if isinstance(widget, Choice) and widget.label == label:
            return widget
    raise LookupError(label)


def words(page):
    widgets = children(page.page.views["covariates"].widget)
    return " ".join(w.value for w in widgets if isinstance(w, controls.HTML))


def effects(page, parameter="cl"):
    return page.state.model.parameters[parameter].covariates


def test_one_tick_adds_a_power_of_weight_over_its_median(page):
    median = page.state.dataset.covariates["WT"].median()
    assert f"log(WT/{median:.4g})" in words(page)
    tick(page, "WT", "cl").value = True
    assert effects(page) == (wb.covariate.Power("WT", reference=median),)
    assert "wb-formula" in words(page)
    tick(page, "WT", "cl").value = False
    assert effects(page) == ()
    assert "wb-formula" not in words(page)


@pytest.mark.parametrize(("column", "kind"), [("SEX", "categorical"), ("GRADE", "categorical")])
def test_few_levels_are_categories(page, column, kind):
    tick(page, column, "v").value = True
    assert [e.kind for e in effects(page, "v")] == [kind]


def test_a_normal_parameter_gets_a_linear_effect(page):
    page.session.set_parameter("cl", distribution="normal")
    tick(page, "WT", "cl").value = True
    assert [e.kind for e in effects(page)] == ["linear"]


def test_reference_start_and_fix_reach_the_model(page):
    tick(page, "WT", "cl").value = True
    find(page, "covariates", controls.Text, "Reference of WT on cl").value = "70"
    find(page, "covariates", controls.Text, "β of WT on cl").value = "0,75"
    find(page, "covariates", controls.Checkbox, "Hold β of WT on cl").value = True
    assert effects(page) == (wb.covariate.Power("WT", reference=70, exponent=wb.Fixed(0.75)),)
    assert "^{0.75}" in words(page)


def test_a_bad_reference_is_said_beside_its_field(page):
    tick(page, "WT", "cl").value = True
    before = page.state.model
    find(page, "covariates", controls.Text, "Reference of WT on cl").value = "0"
    assert "above 0" in complaints(page, "covariates")
    assert page.state.model is before


def test_another_kind_and_another_reference_level(page):
    tick(page, "GRADE", "cl").value = True
    choice(page, "Reference level of GRADE on cl").value = "2"
    assert effects(page)[0].reference == "2"
    assert effects(page)[0].levels == ("1", "3")
    find(page, "covariates", controls.Text, "β of GRADE = 3 on cl").value = "0.3"
    assert effects(page)[0].values == (0.0, 0.3)
    choice(page, "Kind of the effect of GRADE on cl").value = "exponential"
    assert effects(page) == (wb.covariate.Exponential("GRADE", reference=2),)
    find(page, "covariates", controls.Text, "β of GRADE on cl").value = "0.1"
    assert effects(page)[0].values == (0.1,)


def test_levels_can_be_put_into_groups(page):
    tick(page, "GRADE", "cl").value = True
    entry = find(page, "covariates", controls.Text, "Groups of levels of GRADE on cl")
    entry.value = "high = 2, 3"
    assert effects(page)[0].groups == (("high", ("2", "3")),)
    assert {effects(page)[0].reference, *effects(page)[0].levels} == {"1", "high"}
    before = page.state.model
    for wrong, said in (
        ("2, 3", "no group"),
        ("a = 7", "Nobody has the level 7"),
        ("a =", "no group"),
    ):
        entry.value = wrong
        assert said in complaints(page, "covariates")
        assert entry.value == wrong
        assert page.state.model is before
    entry.value = ""
    assert complaints(page, "covariates") == ""
    assert effects(page)[0].groups == ()
    assert len(effects(page)[0].levels) == 2


def test_kinds_that_do_not_apply_say_why(page):
    tick(page, "SEX", "cl").value = True
    offered = {
        e["value"]: e["why"] for e in choice(page, "Kind of the effect of SEX on cl").options
    }
    assert offered["categorical"] == ""
    assert "labels" in offered["power"]
    assert "labels" in offered["linear"]


def test_a_button_drops_an_effect(page):
    tick(page, "WT", "cl").value = True
    find(page, "covariates", controls.Button, "Drop WT on cl").click()
    assert effects(page) == ()
    assert not tick(page, "WT", "cl").value


def test_data_without_covariates(opened):
    opened.session.set_dataset(cases.oral_data())
    assert "no covariates" in words(opened)


def test_an_effect_that_new_data_do_not_have_is_said(page):
    tick(page, "WT", "cl").value = True
    page.session.set_dataset(cases.oral_data())
    assert "no covariate 'WT'" in complaints(page, "covariates").replace("&#x27;", "'")
    find(page, "covariates", controls.Button, "Drop WT on cl").click()
    assert complaints(page, "covariates") == ""


def test_a_covariate_that_changes_in_time_can_be_ticked(page):
    frame = cases.covariate_frame()
    frame["WT"] += frame["TIME"]
    page.session.set_dataset(wb.read_dataset(frame, name="changing"))
    tick(page, "WT", "cl").value = True
    assert [e.column for e in effects(page)] == ["WT"]
    assert complaints(page, "covariates") == ""


def test_the_session_s_call(page):
    session = page.session
    session.set_covariate("cl", wb.covariate.Power("WT"))
    session.set_covariate("cl", wb.covariate.Categorical("SEX"))
    assert [e.column for e in effects(page)] == ["WT", "SEX"]
    assert all(e.resolved for e in effects(page))
    session.set_covariate("cl", None, "WT")
    assert [e.column for e in effects(page)] == ["SEX"]
    session.set_covariate("cl", None)
    assert effects(page) == ()
    with pytest.raises(DataError):
        session.set_covariate("cl", wb.covariate.Power("WEIGHT"))
    with pytest.raises(UnknownNameError):
        session.set_covariate("clx", wb.covariate.Power("WT"))
    model = session.state.model
    normal = model.replace(parameters={**model.parameters, "cl": wb.Normal(2.8, iiv=0.3)})
    session.state.model = normal
    with pytest.raises(ModelError):
        session.set_covariate("cl", wb.covariate.Power("WT"))


def test_a_fit_with_a_covariate_shows_its_coefficient(page):
    page.session.set_structure("pk_1cmt_oral")
    tick(page, "WT", "cl").value = True
    fit = page.fit()
    assert page.state.status == "done", page.state.message
    assert "beta[cl,WT]" in fit.parameters.index
    shown = children(page.page.views["results"].widget)
    text = " ".join(w.value for w in shown if isinstance(w, controls.HTML))
    assert "beta[cl,WT]" in text
    assert "wb.covariate.Power" in page.session.python()


def formulas(page, panel):
    found = " ".join(
        w.value
        for w in children(page.page.views[panel].widget)
        if isinstance(w, controls.HTML) and "<svg" in w.value
    )
    return re.findall(r'aria-label="([^"]*)"', found)


@pytest.mark.parametrize("kind", ["logitnormal", "probitnormal"])
def test_the_box_of_an_effect_has_the_equation_of_its_parameter(page, kind):
    page.session.set_parameter("ka", distribution=kind)
    page.session.set_parameter("ka", upper=20)
    page.session.set_covariate("ka", wb.covariate.Linear("WT"))
    (of_effect,) = formulas(page, "covariates")
    of_parameter = formulas(page, "parameters")[0]
    assert r"\frac{{k_a}_i}{20}" in of_effect
    assert of_parameter.startswith(of_effect.removesuffix(r" + \ldots"))


def test_a_covariate_that_changes_is_a_function_of_time(page):
    frame = cases.iv_frame(4)
    frame["CR_CL"] = 80.0 + frame["TIME"] + frame["ID"]
    frame["WT"] = 60.0 + frame["ID"]
    page.session.set_dataset(wb.read_dataset(frame))
    page.session.set_covariate("cl", wb.covariate.Power("CR_CL"))
    page.session.set_covariate("v", wb.covariate.Power("WT"))
    for panel in ("covariates", "parameters", "structure"):
        text = " ".join(formulas(page, panel))
        assert r"\mathrm{CR\_CL}_i(t)" in text
        assert r"\mathrm{WT}_i(t)" not in text


def test_a_level_that_nobody_has_is_said_at_the_field(page):
    tick(page, "GRADE", "cl").value = True
    before = page.state.model
    entry = find(page, "covariates", controls.Text, "Groups of levels of GRADE on cl")
    entry.value = "low = 1, 2; high = 3, 9"
    assert "Nobody has the level 9 of GRADE. The data have 1, 2, 3." in complaints(
        page, "covariates"
    )
    assert page.state.model is before


def test_what_a_new_tick_adds_is_said_where_it_is_one_thing(page):
    median = page.state.dataset.covariates["WT"].median()
    new = f"WT acts on the parameters ticked; a new tick adds log(WT/{median:.4g})"
    tick(page, "WT", "cl").value = True
    choice(page, "Kind of the effect of WT on cl").value = "linear"
    assert new in words(page)  # of the parameters without a tick
    page.session.set_parameter("ka", distribution="normal")
    assert "WT acts on the parameters ticked<" in words(
        page
    )  # ka would get a linear effect, v a power
    for name in ("ka", "v"):
        tick(page, "WT", name).value = True
    assert "WT acts on the parameters ticked<" in words(page)

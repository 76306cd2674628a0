"""The picker of structural models: options, library, equations; what it refuses and keeps."""

import ipywidgets as controls
import pytest

import workbench as wb
from workbench.errors import EquationError, ModelError
from workbench.models.pk import CHOICES, options_of
from workbench.models.structural import structures
from workbench.widgets.choice import Choice
from workbench.widgets.equation_text import written
from workbench.widgets.panels._pk_controls import SWITCHES, WORDS, refusals
from workbench.widgets.switch import Switch

DEFAULTS = {name: choices[0] for name, choices in CHOICES.items()}
OWN = "equations of one's own"
THEOPHYLLINE = "c = central/v\nd/dt(depot) = -ka*depot\nd/dt(central) = ka*depot - cl/v*central"


def children(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from children(child)


class Picker:
    """The controls of the section, by their labels."""

    def __init__(self, opened):
        self.opened, self.session, self.state = opened, opened.session, opened.state
        self.widgets = list(children(opened.page.views["structure"].widget))

    def choice(self, label):
        found = list(children(self.opened.page.views["structure"].widget))
        return next(w for w in found if isinstance(w, Choice) and w.label == label)

    def switch(self, words):
        return next(w for w in self.widgets if isinstance(w, Switch) and w.words == words)

    def button(self, words):
        buttons = [w for w in self.widgets if isinstance(w, controls.Button)]
        return next(w for w in buttons if words in w.description)

    def field(self, tooltip):
        texts = [w for w in self.widgets if isinstance(w, controls.Text | controls.Textarea)]
        return next(w for w in texts if (w.tooltip or "").startswith(tooltip))

    @property
    def family(self):
        return self.choice("Structural model")

    @property
    def toggle(self):
        return next(w for w in self.widgets if isinstance(w, controls.ToggleButtons))

    def html(self, part):
        found = list(children(self.opened.page.views["structure"].widget))
        return " ".join(w.value for w in found if isinstance(w, controls.HTML) and part in w.value)

    @property
    def alerts(self):
        return self.html("role='alert'")

    @property
    def options(self):
        return options_of(self.state.model.structure)

    def type_equations(self, text, outputs="c"):
        self.field("Equations").value = text
        self.field("Outputs").value = outputs
        self.button("Apply").click()


@pytest.fixture
def picker(opened):
    return Picker(opened)


def structure_of(code):
    return eval(code, {"wb": wb})  # noqa: S307  the code that the page shows


# Options


def test_every_option_of_pk_has_a_control_and_every_value_a_word():
    assert {"compartments", *WORDS, *SWITCHES} == set(CHOICES)
    for name, words in WORDS.items():
        assert [value or None for value in words] == list(CHOICES[name])


@pytest.mark.parametrize(
    ("option", "value"),
    [(name, value) for name in WORDS for value in CHOICES[name] if name != "form"],
)
def test_every_list_reaches_the_model_and_the_code(picker, option, value):
    control = picker.opened.page.views["structure"]
    assert control is not None
    label = {
        "absorption": "How doses",
        "elimination": "Elimination",
        "tmdd": "Target-mediated",
        "parametrisation": "Parameters",
        "response": "A second output",
    }[option]
    lists = [w for w in picker.widgets if isinstance(w, Choice) and w.label.startswith(label)]
    (chosen,) = lists
    chosen.value = value or ""
    assert picker.options[option] == value
    structure = picker.state.model.structure
    assert structure.code in picker.session.python()
    assert structure_of(structure.code).card == structure.card


@pytest.mark.parametrize("option", ["lag", "bioavailability", "rate", "duration"])
def test_every_switch_reaches_the_model_and_back(picker, option):
    box = picker.switch(SWITCHES[option][0])
    box.value = True
    assert picker.options[option] is True
    box.value = False
    assert picker.options[option] is False


@pytest.mark.parametrize("n", [1, 2, 3])
def test_compartments_reach_the_model(picker, n):
    picker.toggle.value = n
    assert picker.options["compartments"] == n
    assert picker.state.model.structure.title in picker.html("wb-compartments")


def test_parameters_of_the_same_name_keep_their_values(picker):
    picker.session.set_parameter("cl", typical=2.2, fixed=["typical"])
    picker.session.set_parameter("v", typical=31.0)
    picker.toggle.value = 2
    picker.switch("Lag time").value = True
    parameters = picker.state.model.parameters
    assert parameters["cl"].typical == 2.2
    assert parameters["cl"].fixed == {"typical"}
    assert parameters["v1"].typical == 31.0  # the same volume, under its other name
    picker.toggle.value = 1
    assert picker.state.model.parameters["v"].typical == 31.0


def test_the_controls_follow_a_call(picker):
    picker.session.set_structure(wb.pk(compartments=3, absorption="transit", response="emax"))
    assert picker.toggle.value == 3
    assert picker.choice("How doses reach the central compartment").value == "transit"
    assert picker.switch("Effect compartment").layout.display == "flex"


def test_an_option_that_cannot_be_combined_is_disabled_and_says_why(picker):
    absorption = picker.choice("How doses reach the central compartment")
    absorption.value = "mixed"
    box = picker.switch("Bioavailability")
    assert box.disabled
    assert "mixed absorption" in box.hint
    absorption.value = "first_order"
    assert not box.disabled
    box.value = True
    mixed = next(one for one in absorption.options if one["value"] == "mixed")
    assert "Bioavailability cannot be combined" in mixed["why"]


def test_a_target_and_saturable_elimination_exclude_each_other(picker):
    target = picker.choice("Target-mediated disposition: how the drug binds to its target")
    elimination = picker.choice("Elimination from the central compartment")

    def reasons(control):
        return {one["value"]: one["why"] for one in control.options}

    elimination.value = "parallel"
    assert all("parallel elimination" in why for name, why in reasons(target).items() if name)
    elimination.value = "linear"
    assert not any(reasons(target).values())
    target.value = "qss"
    refused = reasons(elimination)
    assert "the target is what saturates" in refused["michaelis_menten"]
    assert refused["linear"] == ""
    assert {"kss", "kint", "ksyn", "kdeg"} <= set(picker.state.model.parameters)
    target.value = "full"
    assert {"kon", "koff"} <= set(picker.state.model.parameters)
    assert picker.state.model.parameters["kint"].typical > 0
    assert list(picker.state.model.errors) == ["c", "target", "complex", "ctot"]
    assert "no closed form" in picker.choice("How the model is solved").hint


def test_a_target_combines_with_every_absorption_and_a_response(picker):
    picker.choice("Target-mediated disposition: how the drug binds to its target").value = "qe"
    for absorption in WORDS["absorption"]:
        picker.choice("How doses reach the central compartment").value = absorption
        assert picker.options["tmdd"] == "qe"
        assert picker.options["absorption"] == (absorption or None)
        assert "<svg" in picker.html("wb-compartments")
    picker.choice("A second output, driven by the concentration").value = "emax"
    assert picker.state.model.structure.outputs == ("c", "ctot", "rtot", "e")


def test_what_is_refused_is_exactly_what_pk_refuses():
    for absorption in CHOICES["absorption"]:
        now = {**DEFAULTS, "absorption": absorption}
        reasons = refusals(now)
        for option in SWITCHES:
            if option == "effect_compartment":
                continue
            try:
                wb.pk(absorption=absorption, **{option: True})
            except ModelError:
                assert (option, True) in reasons
            else:
                assert (option, True) not in reasons


def test_without_a_response_there_is_no_effect_compartment(picker):
    response = picker.choice("A second output, driven by the concentration")
    box = picker.switch("Effect compartment")
    assert box.layout.display == "none"
    response.value = "emax"
    assert box.layout.display == "flex"
    box.value = True
    assert "ke0" in picker.state.model.parameters
    response.value = ""
    assert picker.options["effect_compartment"] is False
    assert picker.options["response"] is None


def test_what_has_no_closed_form_says_so(picker):
    form = picker.choice("How the model is solved")
    assert not form.disabled
    form.value = "ode"
    assert picker.options["form"] == "ode"
    picker.choice("Elimination from the central compartment").value = "michaelis_menten"
    assert form.disabled
    assert "no closed form" in form.hint


# Library


@pytest.mark.parametrize("name", [n for n in structures.names() if not n.startswith("pk_")])
def test_every_library_model_can_be_chosen(picker, name):
    picker.family.value = name
    model = picker.state.model
    assert model.structure.name == name
    assert list(model.errors) == list(model.structure.outputs)
    assert structure_of(model.structure.code) == model.structure
    assert "<svg" in picker.html("wb-compartments")


def test_the_family_lists_options_library_and_equations(picker):
    values = [one["value"] for one in picker.family.options]
    library = [n for n in structures.names() if options_of(structures.get(n)) is None]
    assert sorted(values[1:-1]) == sorted(library)
    assert picker.family.value == values[0]
    assert all(one["group"] for one in picker.family.options[1:-1])


def test_each_output_has_an_error_and_keeps_the_one_it_had(picker):
    before = picker.state.model.error
    picker.session.set_pk(response="emax")
    assert picker.state.model.errors["c"] == before
    picker.session.set_error("proportional", "e")
    picker.session.set_error_value("proportional", 0.3, "e")
    picker.session.set_error_fixed("proportional", True, "e")
    assert picker.state.model.errors["e"].parameters == {"proportional": 0.3}
    assert picker.state.model.errors["e"].fixed == {"proportional"}
    assert picker.state.model.errors["c"] == before
    picker.session.set_pk(response=None)
    assert picker.state.model.error == before


def test_data_that_do_not_fit_are_said_and_can_be_assigned(picker):
    assert picker.alerts == ""
    picker.session.set_structure("tmdd_qss")
    assert "Not observed: ctot, rtot" in picker.html("role='note'")
    picker.choice("What DV is").value = "ctot"
    assert picker.state.model.endpoints == {"DV": "ctot"}
    assert "Not observed: c, rtot" in picker.html("role='note'")
    picker.session.set_structure("viral_tiv")
    assert "dose goes into" in picker.alerts


# Equations


def test_equations_begin_with_the_present_model(picker):
    picker.session.set_pk(compartments=2, lag=True, bioavailability=True)
    values = {n: p.typical for n, p in picker.state.model.parameters.items()}
    picker.family.value = OWN
    text = picker.field("Equations").value
    assert "d/dt(peripheral)" in text
    assert "lag(depot) = tlag" in text
    assert "f(depot) = f" in text
    assert {n: p.typical for n, p in picker.state.model.parameters.items()} == values
    assert picker.state.model.units({"TIME": "h", "AMT": "mg", "DV": "mg/L"})["cl"] == "L/h"


def test_equations_reach_the_model_the_code_and_the_panel(picker):
    picker.family.value = OWN
    picker.type_equations(THEOPHYLLINE)
    model = picker.state.model
    assert model.structure.name == "equations"
    assert set(model.parameters) == {"ka", "cl", "v"}
    assert structure_of(model.structure.code) == model.structure
    row = picker.opened.page.views["parameters"].widget
    labels = " ".join(w.value for w in children(row) if isinstance(w, controls.HTML))
    assert "parameter of the equations" in labels
    assert picker.alerts == ""


@pytest.mark.parametrize(
    ("text", "outputs", "words", "caret"),
    [
        ("d/dt(central) = -k*central)\nc = central/v", "c", "Line 1, column", True),
        ("c = dose +", "c", "Line 1, column", True),
        ("c = __import__('os')", "c", "Line 1", True),
        ("c = a*t", "d", "not defined", False),
        ("c = a*t", "", "output", False),
        ("", "c", "", False),
    ],
)
def test_wrong_equations_are_explained_and_change_nothing(picker, text, outputs, words, caret):
    picker.family.value = OWN
    before = picker.state.model
    picker.type_equations(text, outputs)
    assert picker.state.model is before
    assert picker.alerts
    assert words in picker.alerts
    assert ("wb-caret" in picker.alerts) is caret
    assert picker.field("Equations").value == text  # what was typed stays to be corrected
    picker.type_equations(THEOPHYLLINE)
    assert picker.alerts == ""


def test_wrong_equations_keep_a_finished_fit(fitted):
    picker = Picker(fitted)
    fit = fitted.state.fit
    picker.family.value = OWN
    before = fitted.state.model
    picker.type_equations("d/dt(x) = ")
    assert fitted.state.fit is fit
    assert fitted.state.model is before
    with pytest.raises(EquationError):
        picker.session.set_equations("d/dt(x) = ", ["x"])


def test_error_messages_cannot_inject_html(picker):
    picker.family.value = OWN
    picker.type_equations("c = <img src=x onerror=alert(1)>")
    assert "<img" not in picker.alerts
    assert "&lt;img" in picker.alerts


def test_warnings_are_notes(picker):
    picker.family.value = OWN
    picker.type_equations(THEOPHYLLINE.replace("*central", "*centrl"))
    assert "centrl" in picker.html("role='note'")
    picker.type_equations(THEOPHYLLINE)
    assert "centrl" not in picker.html("role='note'")


def test_covariates_reach_the_structure(picker):
    picker.family.value = OWN
    picker.field("Covariates").value = "WT"
    picker.type_equations(THEOPHYLLINE.replace("cl/v", "cl*(WT/70)^0.75/v"))
    assert picker.state.model.structure.covariates == ("WT",)
    assert picker.alerts == ""
    picker.field("Covariates").value = "HEIGHT"
    picker.type_equations(THEOPHYLLINE.replace("cl/v", "cl*HEIGHT/v"))
    assert "HEIGHT" in picker.alerts  # the equations are right; the data lack the column


@pytest.mark.parametrize("name", structures.names())
def test_every_library_model_can_be_gone_on_from(name):
    structure = structures.get(name)
    now = written(structure)
    own = wb.equations(now.text, now.outputs, covariates=now.covariates)
    assert own.outputs == structure.outputs
    assert set(own.parameters) == set(structure.parameters)


def test_a_fit_with_equations_says_that_they_are_compiled(picker):
    said = []
    picker.state.observe(lambda change: said.append(change["new"].text), "message")
    picker.family.value = OWN
    picker.type_equations(THEOPHYLLINE)
    fit = picker.opened.fit()
    # 116.803: as the closed form, see test_state.
    assert fit.ofv == pytest.approx(116.803, abs=0.005)
    assert "Compiling the equations …" in said

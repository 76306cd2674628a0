"""Residual errors by output: how a model takes, writes and refuses them."""

import pickle

import pytest

import workbench as wb
from tests import cases, outputs
from workbench.errors import ModelError, UnknownNameError

CP, EFFECT = wb.error.Proportional(0.1), wb.error.Combined(wb.Fixed(0.5), 0.2)


@pytest.fixture(autouse=True)
def known(monkeypatch):
    outputs.register(monkeypatch)


def two(cp=CP, effect=EFFECT, **parts):
    return outputs.model("log", cp, effect, **parts)


def test_errors_are_a_mapping_and_error_is_what_one_output_has():
    one = cases.iv_model("additive")
    assert dict(one.errors) == {"c": one.error}
    assert one.sigma_names == ("additive",)
    model = two()
    assert dict(model.errors) == dict(model.error) == {"cp": CP, "effect": EFFECT}
    assert model.sigma_names == ("cp.proportional", "effect.additive", "effect.proportional")
    with pytest.raises(TypeError):
        model.errors["cp"] = EFFECT


def test_the_order_of_errors_is_that_of_the_outputs():
    model = two().replace(error={"effect": EFFECT, "cp": CP})
    assert model == two()
    assert list(model.errors) == ["cp", "effect"]


def test_the_error_of_the_only_output_may_be_named():
    plain = cases.iv_model("additive")
    assert plain.replace(error={"c": plain.error}) == plain
    assert plain.to_dict()["error"] == {"model": "additive", "additive": 0.4, "fixed": []}


def test_an_output_may_lack_an_error():
    model = two(effect=None)
    assert list(model.errors) == ["cp"]
    assert model.sigma_names == ("cp.proportional",)
    assert wb.Model.from_dict(model.to_dict()) == model


MODELS = {
    "both": two,
    "one of two": lambda: two(cp=None),
    "named endpoints": lambda: two(endpoints={1: "effect", "PK": "cp", 2.0: "cp", "03": "cp"}),
    "endpoints of one output": lambda: cases.iv_model("additive").replace(
        endpoints={1: "c", 2: "c"}
    ),
}


@pytest.mark.parametrize("what", MODELS)
def test_round_trips(what):
    model = MODELS[what]()
    assert wb.Model.from_dict(model.to_dict()) == model
    assert wb.Model.from_json(model.to_json()) == model
    assert pickle.loads(pickle.dumps(model)) == model
    assert eval(model.python(), {"wb": wb}) == model  # noqa: S307
    assert model.replace() == model


def test_cards():
    card = two().to_dict()
    assert card["format"] == 1
    assert card["error"] == {
        "cp": {"model": "proportional", "proportional": 0.1, "fixed": []},
        "effect": {
            "model": "combined2",
            "additive": 0.5,
            "proportional": 0.2,
            "fixed": ["additive"],
        },
    }
    assert "endpoints" not in card
    assert two(endpoints={1: "cp"}).to_dict()["endpoints"] == {"1": "cp"}
    assert 'error={"cp": wb.error.Proportional(proportional=0.1), "effect": ' in two().python()
    assert 'endpoints={1: "cp", "03": "cp"},' in two(endpoints={1: "cp", "03": "cp"}).python()


def test_units_and_equations_name_the_output():
    units = two().units({"DV": "mg/L"})
    assert units["effect.additive"] == "mg/L"
    assert units["cp.proportional"] == ""
    lines = [line for section, line in two().equations() if section == "Residual error"]
    assert lines[0].startswith(r"\mathrm{cp}:")
    assert lines[1].startswith(r"\mathrm{effect}:")
    assert len(lines) == 3


REFUSED = {
    "one error for two outputs": (
        lambda: two().replace(error=CP),
        ModelError,
        'predicts cp, effect: give a residual error for each.*error={"cp": …, "effect": …}',
    ),
    "a mistyped output": (
        lambda: two().replace(error={"cp": CP, "efect": EFFECT}),
        UnknownNameError,
        "No output of two_outputs_log is named 'efect'. Did you mean 'effect'?",
    ),
    "no error": (lambda: two().replace(error={}), ModelError, r"one for each output \(cp, effect"),
    "an error that is none": (
        lambda: two().replace(error={"cp": 0.3}),
        ModelError,
        "error of cp must be one of wb.error's models, not 0.3",
    ),
    "a number": (
        lambda: cases.iv_model().replace(error=0.3),
        ModelError,
        "must be one of wb.error's models",
    ),
    "endpoints that are no mapping": (
        lambda: two(endpoints=["cp"]),
        ModelError,
        "which label of the data is which output",
    ),
    "an endpoint of a mistyped output": (
        lambda: two(endpoints={1: "CP"}),
        UnknownNameError,
        "Did you mean 'cp'?",
    ),
    "an endpoint twice": (
        lambda: two(endpoints={1: "cp", "1": "effect"}),
        ModelError,
        "names '1' twice",
    ),
    "a card with an error that is no model": (
        lambda: wb.Model.from_dict({**two().to_dict(), "error": {"cp": {"additive": 1.0}}}),
        ModelError,
        'needs a "model"',
    ),
    "a card with half an error": (
        lambda: wb.Model.from_dict({**two().to_dict(), "error": {"cp": {}, "effect": 3}}),
        ModelError,
        'needs a "model"',
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what):
    make, kind, words = REFUSED[what]
    with pytest.raises(kind, match=words):
        make()

"""Model cards: JSON both ways, the Python that builds a model, and what a bad card is told."""

import copy
import itertools
import json

import pytest

import workbench as wb
from tests import cases
from workbench.errors import ModelError, UnknownNameError
from workbench.models.error import ResidualError
from workbench.models.parameter import Parameter
from workbench.models.residual import error_models
from workbench.models.structural import structures

MIXES = {"log-normal": ("lognormal",), "normal": ("normal",), "mixed": ("lognormal", "normal")}


def build(structure, error, mix, *, correlated, held):
    """Odd digits everywhere, so that a rounded number shows; every kind of fixed value."""
    names = structures.get(structure).parameters
    parameters = {}
    for k, name in enumerate(names):
        distribution = mix[k % len(mix)]
        sign = -1.0 if distribution == "normal" and k % 2 else 1.0
        parameters[name] = Parameter(distribution, sign * (0.1 + k / 3), 0.1 + k / 7)
    if held:
        first = parameters[names[0]]
        parameters[names[0]] = Parameter(first.distribution, 1 / 3, 0.0, frozenset({"typical"}))
        last = parameters[names[-1]]
        both = frozenset({"typical", "iiv"})
        parameters[names[-1]] = Parameter(last.distribution, 2 / 3, 1 / 7, both)
    free = [name for name in names[1:-1] if correlated]
    pairs = dict.fromkeys(itertools.combinations(free, 2), 0.1 + 1 / 30)
    if correlated and not held:
        pairs[names[0], names[-1]] = -1 / 3
    kind = error_models.get(error)
    values = tuple(0.1 + k / 3 for k in range(len(kind.parameters)))
    fixed = frozenset(kind.parameters[-1:] if held else ())
    one, outputs = ResidualError(error, values, fixed), structures.get(structure).outputs
    errors = one if len(outputs) == 1 else dict.fromkeys(outputs, one)
    return wb.Model(structure, parameters, error=errors, correlations=pairs)


def check_equal(found, model):
    """Part by part: `==` compares cards, which could both lack something."""
    assert found.structure is model.structure
    assert dict(found.parameters) == dict(model.parameters)
    assert list(found.parameters) == list(model.parameters)
    assert dict(found.correlations) == dict(model.correlations)
    assert found.error == model.error
    assert (found.omega == model.omega).all()
    assert found == model
    assert hash(found) == hash(model)


VARIANTS = list(itertools.product(MIXES.values(), (False, True), (False, True)))


@pytest.mark.parametrize("error", error_models.names())
@pytest.mark.parametrize("structure", structures.names())
def test_a_card_and_the_python_text_give_the_model_back(structure, error, tmp_path):
    for mix, correlated, held in VARIANTS:
        model = build(structure, error, mix, correlated=correlated, held=held)
        check_equal(wb.Model.from_dict(model.to_dict()), model)
        check_equal(wb.Model.from_json(model.to_json()), model)
        check_equal(eval(model.python(), {"wb": wb}), model)  # noqa: S307 our own text
        assert repr(model) == model.python()
    path = tmp_path / "card.json"
    model.to_json(path)
    check_equal(wb.Model.from_json(path), model)


def test_a_random_effect_fixed_to_none_survives():
    """`iiv=Fixed(0)` was once missing from the Python text."""
    model = cases.iv_model()
    held = model.replace(parameters={**model.parameters, "v": wb.LogNormal(2.0, iiv=wb.Fixed(0))})
    check_equal(wb.Model.from_json(held.to_json()), held)
    check_equal(eval(held.python(), {"wb": wb}), held)  # noqa: S307 our own text


def test_a_card_is_plain_json_with_the_fields_named():
    model = cases.iv_model("combined2", correlations={("v", "cl"): 0.25})
    assert json.loads(model.to_json()) == {
        "format": 1,
        "structure": "pk_1cmt_iv",
        "parameters": {
            "cl": {"distribution": "lognormal", "typical": 3.0, "iiv": 0.3},
            "v": {"distribution": "lognormal", "typical": 20.0, "iiv": 0.2},
        },
        "correlations": [["cl", "v", 0.25]],
        "error": {"model": "combined2", "additive": 0.3, "proportional": 0.12, "fixed": []},
    }


def test_parts_with_a_default_may_be_left_out():
    card = cases.iv_model("additive").to_dict()
    del card["format"], card["correlations"], card["error"]["fixed"]
    card["parameters"]["v"] = {"distribution": "lognormal", "typical": 20.0}
    model = wb.Model.from_dict(card)
    assert model.etas == ("cl",)
    assert model.error == wb.error.Additive(0.4)


def test_different_models_are_not_equal():
    model = cases.iv_model()
    others = [
        cases.iv_model(correlations=[("cl", "v")]),
        cases.iv_model("combined1"),
        cases.iv_model(cl=(3.0, 0.31)),
        cases.iv_model().replace(error=cases.error("combined2", fixed=("additive",))),
    ]
    assert len({model, *others}) == 5
    assert model != model.to_dict()


# --- refusals --------------------------------------------------------------------------------

DELETE = object()
BAD_CARDS = {
    "structure misspelt": (["structure"], "pk_1cmt_orl", "Did you mean 'pk_1cmt_oral'"),
    "structure a number": (["structure"], 7, "name of a structural model, "),
    "structure missing": (["structure"], DELETE, 'lacks "structure"'),
    "part unknown": (["correlation"], [], "Did you mean 'correlations'"),
    "parameters missing": (["parameters"], DELETE, 'lacks "parameters"'),
    "parameters a list": (["parameters"], ["cl", "v"], '"parameters".*an object.*not a list'),
    "parameter unknown": (["parameters", "vv"], {}, "'vv'"),
    "parameter in capitals": (
        ["parameters", "CL"],
        {"distribution": "normal", "typical": 1},
        "Did you mean 'cl'",
    ),
    "parameter missing": (["parameters", "ka"], DELETE, "also needs ka"),
    "parameter a number": (["parameters", "cl"], 2.8, "'cl'.*an object.*not a number"),
    "field misspelt": (["parameters", "cl", "tipical"], 1.0, "Did you mean 'typical'"),
    "field missing": (["parameters", "cl", "typical"], DELETE, "'cl'.*lacks \"typical\""),
    "distribution misspelt": (
        ["parameters", "cl", "distribution"],
        "log-normal",
        "Did you mean 'lognormal'",
    ),
    "typical text": (["parameters", "cl", "typical"], "much", "'cl'.*a number, not 'much'"),
    "typical null": (["parameters", "cl", "typical"], None, "'cl'.*a number, not None"),
    "typical zero": (["parameters", "cl", "typical"], 0, "'cl'.*above 0"),
    "typical infinite": (["parameters", "cl", "typical"], float("inf"), "'cl'.*finite"),
    "iiv a switch": (["parameters", "cl", "iiv"], True, "'cl'.*a number, not True"),
    "iiv a list": (["parameters", "cl", "iiv"], [0.3], "'cl'.*a number, not "),
    "fixed a word": (["parameters", "cl", "fixed"], "iiv", "'cl'.*list of names, not 'iiv'"),
    "fixed a number": (["parameters", "cl", "fixed"], 1, "'cl'.*list of names, not 1"),
    "fixed unknown": (
        ["parameters", "cl", "fixed"],
        ["omega"],
        "'cl'.*omega.*typical, iiv, iov",
    ),
    "correlation of two": (["correlations"], [["cl", "v"]], r'\["cl", "v", 0.4\]'),
    "correlations an object": (["correlations"], {"cl,v": 0.4}, r'\["cl", "v", 0.4\]'),
    "correlations a number": (["correlations"], 0.4, r'\["cl", "v", 0.4\]'),
    "correlation text": (["correlations"], [["cl", "v", "much"]], "a number, not 'much'"),
    "correlation of an unknown": (["correlations"], [["cl", "vv", 0.4]], "Did you mean 'v'"),
    "error missing": (["error"], DELETE, 'lacks "error"'),
    "error a word": (["error"], "additive", '"error".*an object.*not a text'),
    "error null": (["error"], None, '"error".*an object.*not null'),
    "error without a model": (["error", "model"], DELETE, 'needs a "model"'),
    "error misspelt": (["error", "model"], "aditive", "Did you mean 'additive'"),
    "error value misspelt": (["error", "aditive"], 1, "Did you mean 'additive'"),
    "error value missing": (["error", "additive"], DELETE, "lacks additive"),
    "error value text": (["error", "additive"], "low", "'additive'.*a number, not 'low'"),
    "error value zero": (["error", "additive"], 0, "'additive'.*above 0"),
    "error fixed a word": (["error", "fixed"], "additive", "list of names, not 'additive'"),
    "error fixed misspelt": (["error", "fixed"], ["aditive"], "Did you mean 'additive'"),
    "format of tomorrow": (["format"], 2, "format 2; this version reads 1"),
}


@pytest.mark.parametrize("what", BAD_CARDS)
def test_a_bad_card_is_refused_with_the_place_and_the_remedy(what):
    path, value, words = BAD_CARDS[what]
    card = cases.oral_model("additive").to_dict()
    part = card
    for key in path[:-1]:
        part = part[key]
    if value is DELETE:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    before = copy.deepcopy(card)
    with pytest.raises((ModelError, UnknownNameError), match=words) as caught:
        wb.Model.from_dict(card)
    assert str(caught.value).rstrip().endswith((".", "?"))
    assert card == before


@pytest.mark.parametrize("card", [[], "pk_1cmt_iv", None, 3])
def test_a_card_that_is_no_object_is_refused(card):
    with pytest.raises(ModelError, match="card is a JSON object"):
        wb.Model.from_dict(card)


def test_text_that_is_not_json_is_refused_with_line_and_column():
    text = cases.iv_model().to_json()
    with pytest.raises(ModelError, match=r"not valid JSON.*line \d+, column \d+"):
        wb.Model.from_json(text[: len(text) // 2])
    with pytest.raises(ModelError, match="card is a JSON object"):
        wb.Model.from_json("[1, 2]")

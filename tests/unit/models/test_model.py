"""A model is an immutable value, checked when it is made; and it can state itself."""

import copy
import pickle
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest
from matplotlib.mathtext import MathTextParser

import workbench as wb
from tests import cases
from workbench.errors import ModelError, UnknownNameError
from workbench.models.structural import structures

FULL = {("ka", "cl"): -0.2, ("ka", "v"): 0.3, ("cl", "v"): 0.4}


def iv(error=None, correlations=(), **parameters):
    values = {"cl": wb.LogNormal(3.0, iiv=0.3), "v": wb.LogNormal(20.0, iiv=0.2), **parameters}
    values = {name: value for name, value in values.items() if value is not None}
    return wb.Model(
        "pk_1cmt_iv", values, error=error or wb.error.Additive(0.4), correlations=correlations
    )


# --- a value ---------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["structure", "parameters", "correlations", "error", "_card"])
def test_no_part_can_be_assigned(part):
    model = cases.oral_model()
    with pytest.raises(FrozenInstanceError):
        setattr(model, part, None)
    with pytest.raises(FrozenInstanceError):
        delattr(model, part)


def test_what_it_holds_cannot_be_changed_from_inside_or_outside():
    given = {"cl": wb.LogNormal(3.0, iiv=0.3), "v": wb.LogNormal(20.0, iiv=0.2)}
    pairs = {("cl", "v"): 0.4}
    model = wb.Model("pk_1cmt_iv", given, error=wb.error.Additive(1.0), correlations=pairs)
    card = model.to_json()
    given["cl"], pairs["cl", "v"] = wb.LogNormal(9.0), 0.9
    model.omega[:] = 7.0
    model.to_dict()["parameters"]["cl"]["typical"] = 9.0
    with pytest.raises(TypeError):
        model.parameters["cl"] = wb.LogNormal(9.0)
    with pytest.raises(TypeError):
        model.correlations["cl", "v"] = 0.9
    with pytest.raises(FrozenInstanceError):
        model.parameters["cl"].typical = 9.0
    with pytest.raises(FrozenInstanceError):
        model.error.values = (9.0,)
    assert model.to_json() == card
    assert model == wb.Model.from_json(card)


def test_replace_makes_another_model_and_leaves_this_one():
    model = cases.oral_model("additive", correlations=FULL)
    card = model.to_json()
    other = model.replace(error=wb.error.Proportional(0.2), correlations=[("cl", "v")])
    assert (other.error.model, dict(other.correlations)) == ("proportional", {("cl", "v"): 0.0})
    assert dict(other.parameters) == dict(model.parameters)
    assert model.to_json() == card
    with pytest.raises(UnknownNameError, match="Did you mean 'error'"):
        model.replace(errors=wb.error.Additive(1.0))


def test_copies_and_pickles_are_equal():
    model = cases.oral_model("combined1", correlations=FULL)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), copy.copy(model)):
        assert other == model
        np.testing.assert_array_equal(other.omega, model.omega)


def test_parameters_take_the_order_of_the_structure():
    a, b = wb.LogNormal(3.0, iiv=0.3), wb.LogNormal(20.0, iiv=0.2)
    one = wb.Model("pk_1cmt_iv", {"cl": a, "v": b}, error=wb.error.Additive(1.0))
    two = wb.Model("pk_1cmt_iv", {"v": b, "cl": a}, error=wb.error.Additive(1.0))
    assert list(two.parameters) == ["cl", "v"]
    assert one == two


def test_omega_is_made_of_standard_deviations_and_correlations():
    omega = cases.oral_model(correlations=FULL).omega
    sd = np.array([0.5, 0.3, 0.2])
    r = np.array([[1, -0.2, 0.3], [-0.2, 1, 0.4], [0.3, 0.4, 1]])
    np.testing.assert_allclose(omega, np.diag(sd) @ r @ np.diag(sd), rtol=1e-15)


def test_random_effects_of_very_different_size_may_be_correlated():
    """A variance of 1e-18 beside one of 1 was once called a contradiction of correlations."""
    model = iv(cl=wb.Normal(3.0, iiv=1.0), v=wb.Normal(20.0, iiv=1e-9), correlations=[("cl", "v")])
    tiny = model.replace(correlations={("cl", "v"): 0.9})
    assert tiny.omega[0, 1] == pytest.approx(0.9e-9)


def test_a_pair_may_be_named_in_either_order():
    one, two = ({("cl", "v"): 0.4}, {("v", "cl"): 0.4})
    assert iv(correlations=one) == iv(correlations=two)
    assert iv(correlations=[("v", "cl")]) == iv(correlations={("cl", "v"): 0.0})
    assert iv(correlations=[["cl", "v"]]) == iv(correlations=[("cl", "v")])


def test_no_correlations_may_be_said_by_none():
    assert iv(correlations=None) == iv()
    assert iv().replace(iov_correlations=None, fixed_correlations=None) == iv()


def test_pairs_that_are_held_may_be_named_apart_in_either_order():
    held = wb.Fixed(0.3)
    apart = iv(correlations={("cl", "v"): 0.3}).replace(fixed_correlations=[("v", "cl")])
    assert apart == iv(correlations={("cl", "v"): held})


def test_other_correlations_keep_what_is_held_of_theirs():
    model = cases.oral_model(correlations={("ka", "cl"): wb.Fixed(0.2), ("cl", "v"): 0.1})
    assert model.replace(correlations=[("cl", "v")]).fixed_correlations == frozenset()
    kept = model.replace(correlations={("cl", "ka"): 0.3})
    assert kept.fixed_correlations == {("ka", "cl")}
    assert not model.without_random_effects().fixed_correlations


def test_blocks_are_the_groups_of_correlated_random_effects():
    assert cases.oral_model().blocks() == [("ka",), ("cl",), ("v",)]
    assert cases.oral_model(correlations={("v", "ka"): 0.1}).blocks() == [("ka", "v"), ("cl",)]
    assert cases.oral_model(correlations=FULL).blocks() == [("ka", "cl", "v")]


def test_structures_are_found_by_name_or_by_options():
    assert wb.pk(compartments=2) is wb.structure("pk_2cmt_iv")
    assert wb.pk(compartments=3, absorption="first_order") is wb.structure("pk_3cmt_oral")
    with pytest.raises(ModelError, match=r"pk\(absorption='oral'\).*Structures by name"):
        wb.pk(absorption="oral")
    with pytest.raises(ModelError, match=r"compartments=4.*1, 2, 3"):
        wb.pk(compartments=4)
    with pytest.raises(UnknownNameError, match="Did you mean 'pk_2cmt_iv'"):
        wb.structure("pk_2cmt_vi")


# --- what it says of itself ------------------------------------------------------------------


@pytest.mark.parametrize("name", structures.names())
def test_equations_name_every_parameter_and_can_be_drawn(name):
    structure = structures.get(name)
    first, *rest = structure.parameters
    parameters = {n: wb.LogNormal(1.0 + k, iiv=0.3) for k, n in enumerate(rest)}
    parameters[first] = wb.Normal(1.0)
    pair = tuple(rest[:2])
    if len(pair) < 2:
        pair, parameters[first] = (first, rest[0]), wb.Normal(1.0, iiv=0.1)
    error = wb.error.Additive(1.0)
    if len(structure.outputs) > 1:
        error = dict.fromkeys(structure.outputs, error)
    model = wb.Model(name, parameters, error=error, correlations=[pair])
    lines = model.equations()
    individual = [text for section, text in lines if section == "Individual parameters"]
    effects = " ".join(text for section, text in lines if section == "Random effects")
    symbols = dict(zip(structure.parameters, structure.symbols, strict=True))
    assert len(individual) == len(structure.parameters)
    for (parameter, symbol), line in zip(symbols.items(), individual, strict=True):
        assert line.startswith(f"{{{symbol}}}_i = {{{symbol}}}_{{pop}}")
        has_eta = model.parameters[parameter].has_eta
        assert (r"\eta" in line) is has_eta
        assert (rf"\eta_{{{symbol}}}" in effects) is has_eta
    assert rf"\Omega_{{{symbols[pair[0]]},{symbols[pair[1]]}}}" in effects
    sections = list(dict.fromkeys(section for section, _ in lines))
    assert sections == [
        "Structural model",
        "Individual parameters",
        "Random effects",
        "Residual error",
    ]
    for _, text in lines:
        MathTextParser("path").parse(f"${text}$")


def test_units_follow_the_data():
    model = cases.oral_model("combined2")
    assert model.units({"TIME": "h", "AMT": "mg", "DV": "mg/L"}) == {
        "ka": "1/h",
        "cl": "L/h",
        "v": "L",
        "additive": "mg/L",
        "proportional": "",
    }
    assert set(model.units({}).values()) == {""}


# --- refusals --------------------------------------------------------------------------------

ETA = wb.LogNormal(3.0, iiv=0.3)
REFUSED = {
    "parameter missing": (lambda: iv(v=None), "pk_1cmt_iv also needs v.*cl, v"),
    "parameter of another structure": (lambda: iv(ka=ETA), "pk_1cmt_iv is named 'ka'.*cl, v"),
    "parameter misspelt": (lambda: iv(v=None, vol=ETA), "'vol'"),
    "parameter a number": (lambda: iv(cl=3.0), r"'cl' must be wb.LogNormal.*not 3.0"),
    "error a number": (lambda: iv(error=0.4), r"wb.error.*not 0.4"),
    "structure misspelt": (lambda: wb.Model("pk_1cmt", {}, error=None), "pk_1cmt_iv"),
    "structure a number": (lambda: wb.Model(1, {}, error=None), r"wb.structure.*not 1"),
    "correlation unknown": (lambda: iv(correlations=[("cl", "vv")]), "Did you mean 'v'"),
    "correlation with itself": (lambda: iv(correlations=[("cl", "cl")]), "itself.*cl"),
    "correlation without an effect": (
        lambda: iv(v=wb.LogNormal(20.0), correlations=[("cl", "v")]),
        "random effect on both, but v has none",
    ),
    "correlation of 1": (lambda: iv(correlations={("cl", "v"): 1.0}), "between -1 and 1, not 1"),
    "correlation of -1": (lambda: iv(correlations={("cl", "v"): -1}), "between -1 and 1, not -1"),
    "correlation nan": (lambda: iv(correlations={("cl", "v"): np.nan}), "finite number, not nan"),
    "correlation text": (lambda: iv(correlations={("cl", "v"): "high"}), "number, not 'high'"),
    "correlation without brackets": (lambda: iv(correlations=("cl", "v")), r'\[\("cl", "v"\)\]'),
    "correlation a number": (lambda: iv(correlations=[3]), r'\[\("cl", "v"\)\]; 3 is none'),
    "correlation of three": (lambda: iv(correlations=[("cl", "v", 0.4)]), r'\[\("cl", "v"\)\]'),
    "correlations a switch": (lambda: iv(correlations=True), "pairs of parameters.*not True"),
    "correlations a word": (lambda: iv(correlations="full"), "pairs of parameters.*not 'full'"),
    "correlations of kappas": (lambda: iv().replace(iov_correlations=True), "not True"),
    "held pair without a correlation": (
        lambda: cases.oral_model(correlations=[("cl", "v")]).replace(
            fixed_correlations=[("ka", "cl")]
        ),
        "ka with cl, but correlations does not name that pair",
    ),
    "held pair misspelt": (
        lambda: iv(correlations=[("cl", "v")]).replace(fixed_correlations=[("cl", "vv")]),
        "Did you mean 'v'",
    ),
    "parameters a list": (
        lambda: wb.Model("pk_1cmt_iv", ["cl"], error=wb.error.Additive(1)),
        r"names each parameter.*not \['cl'\]",
    ),
    "card missing": (lambda: wb.Model.from_json(None), "text of a model card.*not None"),
    "card not there": (lambda: wb.Model.from_json(Path("/nowhere.json")), "/nowhere.json cannot"),
    "correlation twice": (
        lambda: iv(correlations={("cl", "v"): 0.4, ("v", "cl"): 0.1}),
        "cl with v is given twice",
    ),
    "correlations that contradict each other": (
        lambda: cases.oral_model(
            correlations={("ka", "cl"): 0.9, ("ka", "v"): 0.9, ("cl", "v"): -0.9}
        ),
        "contradict each other",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_parts_that_do_not_fit_are_refused(what):
    make, words = REFUSED[what]
    with pytest.raises((ModelError, UnknownNameError), match=words):
        make()

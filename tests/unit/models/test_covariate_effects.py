"""Covariate effects: what a person types, what a model card says, and what is refused."""

import pytest
from matplotlib.mathtext import MathTextParser

import workbench as wb
from tests import cases
from workbench.errors import ModelError, UnknownNameError
from workbench.models.covariate import covariate_kinds
from workbench.models.covariates import CovariateEffect
from workbench.models.endpoints import label_key

WEIGHT = wb.covariate.Power("WT", reference=70, exponent=wb.Fixed(0.75))
WRITTEN = {
    **{name: effect for name, (_, effect) in cases.EFFECTS.items()},
    "from the data": wb.covariate.Power("WT"),
    "levels from the data": wb.covariate.Categorical("SEX", effects=wb.Fixed(0.1)),
    "a held level": wb.covariate.Categorical(
        "SEX", reference="F", effects={"M": wb.Fixed(0.2), "?": 0.0}
    ),
    "odd names": wb.covariate.Categorical('a "b" é', reference="x'y", effects={"µ": 0.1}),
}


@pytest.fixture(params=WRITTEN)
def effect(request):
    return WRITTEN[request.param]


def test_python_makes_the_effect_again(effect):
    assert eval(effect.python(), {"wb": wb}) == effect  # noqa: S307  our own text


def test_card_makes_the_effect_again(effect):
    assert CovariateEffect.from_dict(effect.to_dict()) == effect


@pytest.mark.parametrize("name", cases.EFFECTS)
def test_model_card_and_python_both_ways(name):
    model = cases.covariate_model(name)
    assert wb.Model.from_json(model.to_json()) == model
    assert eval(model.python(), {"wb": wb}) == model  # noqa: S307
    assert model != cases.oral_model()


@pytest.mark.parametrize("name", cases.EFFECTS)
def test_equations_can_be_typeset(name):
    for _, latex in cases.covariate_model(name).equations():
        MathTextParser("path").parse(f"${latex}$")


def test_equation_of_a_power_and_a_category():
    model = cases.covariate_model("power", "categorical")
    text = next(latex for _, latex in model.equations() if "WT" in latex)
    assert r"\left(\frac{\mathrm{WT}_i}{70}\right)^{\beta_" in text
    assert r"\mathrm{GRADE}_i" in text
    assert text.index("pop") < text.index("WT") < text.index("GRADE") < text.index(r"\eta")


def test_many_levels_are_not_listed_in_an_equation():
    effect = wb.covariate.Categorical("RACE", reference=0, effects={1: 0, 2: 0})
    assert effect.latex("{CL}", positive=True) == r"e^{\beta_{{CL},\mathrm{RACE}_i}}"
    assert effect.latex("{CL}", positive=False) == r"\beta_{{CL},\mathrm{RACE}_i}"
    MathTextParser("path").parse(f"${effect.latex('{CL}', positive=True)}$")
    one = wb.covariate.Categorical("SEX", reference=0, effects={1: 0})
    assert r"\mathrm{SEX}_i\,=\,\mathrm{1}" in one.latex("{CL}", positive=True)


def test_names_of_coefficients():
    model = cases.covariate_model("fixed", "categorical")
    assert model.beta_names == ("beta[cl,WT]", "beta[cl,GRADE=2]", "beta[cl,GRADE=3]")
    assert model.covariate_columns == ("WT", "GRADE")


def test_units_of_coefficients():
    model = wb.Model(
        "pk_1cmt_oral",
        {
            "ka": wb.LogNormal(1.0, covariates=[wb.covariate.Exponential("AGE", reference=40)]),
            "cl": wb.Normal(2.0, covariates=[wb.covariate.Linear("WT", reference=70)]),
            "v": wb.LogNormal(30.0, covariates=[WEIGHT]),
        },
        error=wb.error.Additive(1.0),
    )
    units = model.units({"TIME": "h", "DV": "mg/L", "AMT": "mg", "WT": "kg", "AGE": "y"})
    assert units["beta[ka,AGE]"] == "1/y"
    assert units["beta[cl,WT]"] == "L/h/kg"
    assert units["beta[v,WT]"] == ""
    assert model.units({})["beta[cl,WT]"] == ""


@pytest.mark.parametrize(
    ("value", "key"), [(1, "1"), (1.0, "1"), ("1", "1"), (0.5, "0.5"), ("F", "F"), ("01", "01")]
)
def test_levels_are_the_same_as_number_and_text(value, key):
    assert label_key(value) == key


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: wb.Normal(1.0, covariates=[wb.covariate.Power("WT")]), "Linear"),
        (lambda: wb.Normal(1.0, covariates=[wb.covariate.Exponential("WT")]), "Linear"),
        (lambda: wb.LogNormal(1.0, covariates=[WEIGHT, wb.covariate.Exponential("WT")]), "two"),
        (lambda: wb.LogNormal(1.0, covariates=WEIGHT), "list"),
        (lambda: wb.LogNormal(1.0, covariates=["WT"]), "Power"),
        (lambda: wb.covariate.Power("WT", reference=0), "above 0"),
        (lambda: wb.covariate.Power("WT", reference=-70), "above 0"),
        (lambda: wb.covariate.Power("WT", exponent=float("nan")), "finite"),
        (lambda: wb.covariate.Power("WT", exponent=True), "number"),
        (lambda: wb.covariate.Power(""), "column"),
        (lambda: wb.covariate.Categorical("S", reference="a", effects={"a": 1.0}), "reference"),
        (lambda: wb.covariate.Categorical("S", effects={}), "no level"),
        (lambda: wb.covariate.Categorical("S", effects={1: 0.0, "1": 0.1}), "twice"),
        (lambda: wb.covariate.Categorical("S", groups={"a": [1], "b": [1]}), "twice"),
        (lambda: wb.covariate.Categorical("S", groups={"a": []}), "no levels"),
        (lambda: wb.covariate.Categorical("S", groups={"a": "abc"}), "list"),
        (lambda: wb.covariate.Categorical("S", groups=["a"]), "groups"),
        (
            lambda: wb.covariate.Categorical("S", reference=1, groups={"a": [1, 2], "b": [3]}),
            "level 1, which is in the group 'a'. Name the group: reference='a'",
        ),
        (
            lambda: wb.covariate.Categorical("S", effects={3: 0.1}, groups={"b": [3, 4]}),
            "level 3, which is in the group 'b'",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(make, words):
    with pytest.raises(ModelError, match=words):
        make()


@pytest.mark.parametrize(
    "card",
    [
        {"kind": "power"},
        "WT",
        {"kind": "power", "column": "WT", "exponent": "much"},
        {"kind": "categorical", "column": "SEX", "effects": {"1": 0.0}, "groups": 3},
    ],
)
def test_a_damaged_card_is_refused(card):
    with pytest.raises(ModelError):
        CovariateEffect.from_dict(card)


@pytest.mark.parametrize(
    "card",
    [
        {"kind": "powr", "column": "WT"},
        {"kind": "power", "column": "WT", "coefficient": 1.0},
        {"kind": "power", "column": "WT", "groups": {}},
        {"kind": "categorical", "column": "SEX", "effects": {"1": 0.0}, "fixed": ["2"]},
    ],
)
def test_a_misspelt_card_is_refused_with_the_nearest_name(card):
    with pytest.raises(UnknownNameError):
        CovariateEffect.from_dict(card)


def test_the_card_of_a_parameter_names_what_is_wrong():
    card = cases.covariate_model("power").to_dict()
    card["parameters"]["cl"]["covariates"] = {"WT": 1}
    with pytest.raises(ModelError, match="'cl'"):
        wb.Model.from_dict(card)


@pytest.mark.parametrize("name", covariate_kinds.names())
def test_each_kind_declares_itself(name):
    kind = covariate_kinds.get(name)
    assert kind.name == name
    assert kind.factor or kind.term
    assert kind.advice or (kind.factor and kind.term)
    assert hasattr(wb.covariate, kind.constructor)
    assert (kind.column is None) == kind.categorical

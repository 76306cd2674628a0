"""What a text means: which name is what, in which order, and what is odd about it."""

import pickle

import pytest

from workbench.models.equations import DoseInput, compile_system, parse

PK = """d/dt(depot) = -ka*depot
d/dt(central) = ka*depot - k*central   // not yet known here
central(0) = base*v            # à commenter
k = cl/v
lag(depot) = tlag; f(depot) = fr
cp = central/v
"""


def test_names_by_what_they_are():
    system = parse(PK, ["cp"])
    assert system.states == ("depot", "central")
    assert system.parameters == ("ka", "base", "v", "cl", "tlag", "fr")  # first appearance
    assert system.outputs == ("cp",)
    assert system.covariates == ()
    assert system.dosing == (("lag", "depot"), ("f", "depot"))
    assert system.dose_inputs == ()
    assert system.warnings == ()
    assert system.z[-1] == "t"


def test_covariates_are_those_used_in_the_callers_order():
    text = "y = a*WT/AGE*TIME"
    system = parse(text, ["y"], ["SEX", "AGE", "WT", "TIME", "a column"])
    assert system.covariates == ("AGE", "WT")
    assert system.parameters == ("a",)


@pytest.mark.parametrize("name", ["t", "time", "TIME"])
def test_names_of_the_time(name):
    assert parse(f"y = a*{name}", ["y"]).parameters == ("a",)


def test_names_are_case_sensitive_and_that_is_said():
    system = parse("y = CL + cl", ["y"])
    assert system.parameters == ("CL", "cl")
    assert "differ in capitals only" in system.warnings[0]


def test_functions_may_share_a_name_with_a_parameter():
    assert parse("y = gamma*gamma(phi) + min", ["y"]).parameters == ("gamma", "phi", "min")


def test_definitions_may_stand_in_any_order():
    assert parse("y = b\nb = c + p\nc = q", ["y"]).parameters == ("p", "q")


def test_what_is_not_needed_is_left_out_and_said():
    system = parse("y = a\nspare = b*c", ["y"])
    assert system.parameters == ("a",)
    assert system.warnings == ("'spare' (line 2) is defined and never used.",)


def test_a_fraction_of_zero_that_undoes_a_spread_dose_is_pointed_out():
    text = "d/dt(x) = dose(x)*k*exp(-k*tad(x)) - k*x"
    assert parse(text, ["x"]).warnings == ()
    (warning,) = parse(f"{text}\nf(x) = 0", ["x"]).warnings
    assert "f(x) = 0 leaves nothing of what dose(x) stands for" in warning
    assert parse("d/dt(x) = -k*x\nf(x) = 0", ["x"]).warnings == ()


def test_a_parameter_that_looks_like_a_misspelt_state_is_pointed_out():
    system = parse("d/dt(central) = -k*centrall", ["central"])
    assert system.warnings == ("'centrall' is taken as a parameter; it is not 'central'.",)
    assert parse("y = vmax1; vmax2 = 3; z = vmax2", ["y", "z"]).warnings == ()


@pytest.mark.parametrize("word", ["lag", "alag"])
def test_other_words_for_dosing_quantities(word):
    text = f"d/dt(a) = -k*a; {word}(a) = l; bio(a) = f; rate(a) = r; dur(a) = d"
    assert parse(text, ["a"]).dosing == (("lag", "a"), ("f", "a"), ("rate", "a"), ("dur", "a"))


def test_two_ways_to_set_the_start_are_one():
    one, two = (parse(f"d/dt(a) = -k*a; {left} = b", ["a"]) for left in ("a(0)", "init(a)"))
    assert one.initial[0].name == two.initial[0].name == "b"


def test_dose_inputs_in_the_order_of_the_states():
    text = "d/dt(a) = dose(b); d/dt(b) = tad(a) + podo(b) + tad(b)"
    inputs = parse(text, ["a"]).dose_inputs
    assert inputs == (DoseInput("time", "a"), DoseInput("time", "b"), DoseInput("amount", "b"))
    assert [one.name for one in inputs] == ["__tdose_a", "__tdose_b", "__dose_b"]


def test_separators_and_line_ends():
    texts = ["a = 1; y = a", "a = 1\ny = a", "a = 1;;\n\n y = a;", "a = 1\r\ny = a", "a = 1\ry = a"]
    for text in texts:
        assert parse(text, ["y"]).warnings == ()


def test_a_statement_goes_on_after_an_operator_and_in_parentheses():
    text = "y = a +\n b*\n c + (d\n + e) + exp(f,)".replace(",)", ")")
    assert parse(text, ["y"]).parameters == tuple("abcdef")


def test_if_blocks_over_several_lines():
    text = """
    kin = base
    if (t < 5 and x > 1)
    {
        kin = 1    # one
        low = kin
    }
    // and else
    else if (t < 8) { kin = 2; low = 3 }
    else
    {
        low = kin
    }
    """
    assert parse(text, ["kin", "low"]).parameters == ("base", "x")


def test_a_system_is_its_text():
    system = parse(PK, ["cp"])
    again = parse(**system.to_dict())
    assert again == system
    assert hash(again) == hash(system)
    for name in ("states", "parameters", "dosing", "definitions", "rhs", "initial", "observed"):
        assert getattr(again, name) == getattr(system, name)
    assert pickle.loads(pickle.dumps(system)) == system
    assert parse(PK, ["cp", "k"]) != system


def test_a_saved_system_keeps_its_covariates():
    system = parse("y = a*WT", ["y"], ["AGE", "WT"])
    assert parse(**system.to_dict()) == system


def test_compiling_twice_is_free():
    assert compile_system(parse(PK, ["cp"])) is compile_system(parse(PK + "", ["cp"]))

"""Equations as structural models: cards, Python text, saved fits, options."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import workbench as wb
from tests.structures import dose, in_order, predict, record
from workbench.errors import EquationError, ModelError, UnknownNameError
from workbench.models.structural._equations import equation_model

ROOT = Path(__file__).parents[3]
TEXT = """
d/dt(depot) = -ka*depot
d/dt(central) = ka*depot - cl/v*central
cp = central/v
"""
RECORDS = in_order([dose(0.0, 100.0), *(record(t) for t in (0.5, 1.0, 3.0, 8.0))])


def model(**options):
    structure = wb.equations(TEXT, ["cp"], **options)
    parameters = {
        "ka": wb.LogNormal(1.5, iiv=0.6),
        "cl": wb.LogNormal(2.8, iiv=0.3),
        "v": wb.LogNormal(32.0, iiv=0.2),
    }
    return wb.Model(structure, parameters, error=wb.error.Additive(0.7))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"typical": {"ka": 1.5, "cl": 3.0}, "units": {"v": "L"}},
        {"covariates": ["WT"]},
        {"solver": wb.Solver(rtol=1e-5, atol=1e-7, max_steps=500, method="stiff")},
    ],
    ids=["plain", "typical and units", "covariates", "solver"],
)
def test_card_and_python_text_give_the_model_back(options):
    first = model(**options)
    again = wb.Model.from_json(first.to_json())
    assert again == first
    assert again.structure.family.settings().tolist() == first.structure.family.settings().tolist()
    found = eval(first.python(), {"wb": wb})  # noqa: S307 - our own text
    assert found == first
    assert found.structure.typical == first.structure.typical


def test_a_saved_fit_is_read_by_a_process_that_never_saw_the_equations(tmp_path):
    fit = wb.fit(model(), wb.load_dataset("theophylline"))
    fit.save(tmp_path / "run.json")
    script = (
        "import sys, workbench as wb\n"
        "fit = wb.load_fit(sys.argv[1])\n"
        "again = wb.evaluate(fit.final_model, fit.data)\n"
        "print(fit.ofv, again.ofv)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "run.json")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert float(shown[0]) == fit.ofv
    assert float(shown[1]) == pytest.approx(fit.ofv, abs=1e-9)


def test_the_fit_is_that_of_the_closed_form():
    """To what the solver's tolerance leaves: 1e-8 a step."""
    data = wb.load_dataset("theophylline")
    closed = model().replace(structure=wb.pk(absorption="first_order"))
    solved, exact = wb.fit(model(), data), wb.fit(closed, data)
    assert solved.verdict == "converged"
    assert solved.ofv == pytest.approx(exact.ofv, abs=1e-5)
    found, expected = solved.parameters["estimate"], exact.parameters["estimate"]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_the_same_text_with_parameters_in_another_order_is_another_model():
    """A library model fixes the order; the same text typed has the order of appearance."""
    described = {name: (name, "", name, 1.0) for name in ("v", "cl", "ka")}
    turned = equation_model("turned", "Turned", TEXT, ["cp"], described)
    typed = wb.equations(TEXT, ["cp"])
    assert typed.parameters == ("ka", "cl", "v")
    assert turned.parameters == ("v", "cl", "ka")
    first = predict(typed, [1.5, 2.8, 32.0], RECORDS)
    np.testing.assert_array_equal(predict(turned, [32.0, 2.8, 1.5], RECORDS), first)


def test_making_a_model_compiles_nothing():
    structure = wb.equations(TEXT.replace("cp", "never"), ["never"])
    code = "import workbench as wb; print(1)"
    assert structure.compartments == ("depot", "central")
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_tolerances_are_met():
    """The error falls with rtol; the closed form is the truth."""
    exact = predict(wb.pk(absorption="first_order"), [1.5, 2.8, 32.0], RECORDS)[:, 0]
    errors = []
    for rtol in (1e-4, 1e-7, 1e-10):
        solver = wb.Solver(rtol=rtol, atol=1e-12, method="explicit")
        found = predict(wb.equations(TEXT, ["cp"], solver=solver), [1.5, 2.8, 32.0], RECORDS)
        errors.append(np.abs(found[:, 0] / exact - 1).max())
    assert errors[0] < 1e-3
    assert errors[1] < 1e-6
    assert errors[2] < 1e-9
    assert errors[0] > errors[1] > errors[2]


@pytest.mark.parametrize("method", ["explicit", "stiff", "linear"])
def test_all_methods_agree(method):
    structure = wb.equations(TEXT, ["cp"], solver=wb.Solver(rtol=1e-9, method=method))
    exact = predict(wb.pk(absorption="first_order"), [1.5, 2.8, 32.0], RECORDS, 2)
    found = predict(structure, [1.5, 2.8, 32.0], RECORDS, 2)
    np.testing.assert_allclose(found, exact, rtol=1e-6, atol=1e-7 * np.abs(exact).max())


def test_the_linear_method_is_exact_for_any_order_of_derivatives():
    """To rounding at the loosest tolerance; values are the same bits for any order."""
    solver = wb.Solver(rtol=0.1, atol=0.1, method="linear")
    structure = wb.equations(TEXT, ["cp"], solver=solver)
    exact = predict(wb.pk(absorption="first_order"), [1.5, 2.8, 32.0], RECORDS, 2)
    found = [predict(structure, [1.5, 2.8, 32.0], RECORDS, order) for order in (0, 1, 2)]
    np.testing.assert_allclose(found[2], exact, rtol=0, atol=1e-12 * np.abs(exact).max())
    for one in found[:2]:
        np.testing.assert_array_equal(one[:, 0], found[2][:, 0])


def test_the_linear_method_is_refused_where_it_is_wrong():
    solver = wb.Solver(method="linear")
    structure = wb.equations("d/dt(x) = -vmax*x/(km + x)", ["x"], solver=solver)
    with pytest.raises(ModelError, match="linear in the states"):
        predict(structure, [1.0, 1.0], RECORDS)


def test_stretches_too_long_for_the_series_are_solved_otherwise():
    """Absorption with a rate of 1e4: forty thousand times the series' reach per unit of time."""
    phi = [1e4, 2.8, 32.0]
    exact = predict(wb.pk(absorption="first_order"), phi, RECORDS, 1)
    found = predict(wb.equations(TEXT, ["cp"]), phi, RECORDS, 1)
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-7 * np.abs(exact).max())


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({"rtol": 0.0}, ModelError, "rtol is a number from"),
        ({"rtol": "fine"}, ModelError, "rtol is a number from"),
        ({"atol": -1.0}, ModelError, "atol is a number from"),
        ({"max_steps": 0}, ModelError, "max_steps is a number"),
        ({"method": "stif"}, UnknownNameError, "Did you mean 'stiff'"),
    ],
)
def test_options_of_the_solver_are_checked(wrong, error, words):
    with pytest.raises(error, match=words):
        wb.Solver(**wrong)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"text": 3}, ModelError, 'needs a "text"'),
        ({"outputs": "cp"}, ModelError, 'needs a "text"'),
        ({"text": "d/dt(x) = __import__('os')"}, EquationError, "Line 1, column 11"),
        ({"texts": "x"}, UnknownNameError, "Did you mean 'text'"),
        ({"solver": {"rtol": 2.0}}, ModelError, "rtol"),
    ],
)
def test_a_bad_card_of_equations_is_refused(change, error, words):
    card = json.loads(model().to_json())
    card["structure"]["equations"].update(change)
    with pytest.raises(error, match=words):
        wb.Model.from_dict(card)


def test_a_covariate_that_the_data_lack_is_named():
    structure = wb.equations(TEXT.replace("cl/v", "cl*(WTT/70)/v"), ["cp"], covariates=["WTT"])
    with pytest.raises(ModelError.__bases__[0], match="no numeric covariate 'WTT'"):
        wb.evaluate(model().replace(structure=structure), wb.load_dataset("theophylline"))
    structure = replace(structure)
    assert structure.covariates == ("WTT",)

"""Fits side by side: which numbers, which differences, and why there are none."""

from dataclasses import replace

import numpy as np
import pytest

import workbench as wb
from tests import cases
from workbench.errors import IncomparableError, OptionError


@pytest.fixture(scope="module")
def data():
    return wb.load_dataset("theophylline")


@pytest.fixture(scope="module")
def model(data):
    return wb.Model.from_dict(data.info.suggested_model)


@pytest.fixture(scope="module")
def fits(model, data):
    fixed_v = {**model.parameters, "v": replace(model.parameters["v"], iiv=0.0)}
    return {
        "base": wb.fit(model, data),
        "combined": wb.fit(model.replace(error=wb.error.Combined(0.5, 0.1, kind=1)), data),
        "no v": wb.fit(model.replace(parameters=fixed_v), data),
        "FO": wb.fit(model, data, method="fo"),
    }


@pytest.fixture(scope="module")
def comparison(fits):
    return wb.compare(list(fits.values()), list(fits))


def test_the_table_holds_what_the_fits_hold(comparison, fits):
    table = comparison.table
    assert list(table.index) == list(fits)
    for name, fit in fits.items():
        row = table.loc[name]
        for column in ("ofv", "m2ll", "aic", "bic", "bicc", "n_parameters", "verdict", "method"):
            assert row[column] == getattr(fit, column)
        assert row["likelihood"] == fit.likelihood
        assert row["condition_number"] == fit.condition_number
        assert row["eta_shrinkage"] == fit.shrinkage["sd"].max()
        assert row["eta_shrinkage_of"] == fit.shrinkage["sd"].idxmax()
        assert row["epsilon_shrinkage"] == fit.epsilon_shrinkage
        assert row["seconds"] == fit.seconds
    assert table.loc["base", "model"] == (
        "1 compartment, first-order absorption · η ka, cl, v · additive"
    )


def test_differences_are_from_the_lowest_that_can_be_compared(comparison, fits):
    table = comparison.table
    assert table.loc["combined", "delta_ofv"] == 0.0
    for name in ("base", "no v"):
        assert table.loc[name, "delta_ofv"] == fits[name].ofv - fits["combined"].ofv
        assert table.loc[name, "delta_bicc"] == fits[name].bicc - fits["combined"].bicc


def test_another_likelihood_gets_no_difference_and_a_reason(comparison):
    row = comparison.table.loc["FO"]
    assert row[["delta_ofv", "delta_aic", "delta_bic", "delta_bicc"]].isna().all()
    (note,) = comparison.notes
    assert note.startswith("FO: no differences. −2LL of base was obtained by FOCEI")


def test_nested_pairs_are_tested(comparison):
    tests = comparison.tests.set_index(["small", "large"])
    assert set(tests.index) == {("no v", "base"), ("base", "combined"), ("no v", "combined")}
    assert tests.loc[("no v", "base"), "distribution"] == "½χ²₀ + ½χ²₁"
    assert tests.loc[("base", "combined"), "distribution"] == "χ²₁"
    assert tests.loc[("no v", "combined"), "distribution"] == "½χ²₁ + ½χ²₂"
    alone = comparison.test("no v", "base")
    assert tests.loc[("no v", "base"), "p_value"] == alone.p_value
    assert tests.loc[("no v", "base"), "sentence"] == alone.sentence
    with pytest.raises(IncomparableError, match="base is not a special case of no v"):
        comparison.test("base", "no v")
    with pytest.raises(OptionError, match="no run 'bse'"):
        comparison.test("bse", "no v")


def test_a_pair_whose_test_is_refused_is_a_row_with_the_reason(fits):
    worse = replace(fits["combined"], m2ll=400.0)
    tests = wb.compare([fits["base"], worse]).tests
    assert len(tests) == 1
    assert np.isnan(tests["p_value"].iloc[0])
    assert "has not reached its minimum" in tests["sentence"].iloc[0]


def test_texts(comparison):
    text, page = repr(comparison), comparison._repr_html_()
    for words in ("base", "bicc", "note: FO", "½χ²₀ + ½χ²₁"):
        assert words in text
    assert "<table" in page
    strange = wb.compare([comparison.fits["base"]], ["<b>1</b>"])
    assert "<b>1</b>" not in strange._repr_html_()


def test_one_fit_and_default_names(fits):
    alone = wb.compare([fits["base"]])
    assert list(alone.table.index) == ["1"]
    assert alone.table["delta_ofv"].iloc[0] == 0.0
    assert alone.tests.empty
    assert alone.notes == ()


def test_the_largest_group_is_compared(fits):
    """The one that differs may come first."""
    names = ("FO", "base", "no v")
    table = wb.compare([fits[name] for name in names], names).table
    assert table["delta_ofv"].isna().tolist() == [True, False, False]


def test_an_exact_likelihood_does_not_join_what_cannot_be_compared(fits, model, data):
    """Without random effects every method gives the same -2LL; FO and FOCEI still differ."""
    pooled = wb.fit(model, data, method="pooled")
    found = wb.compare([pooled, fits["base"], fits["FO"]], ["pooled", "base", "FO"])
    assert found.table["delta_ofv"].isna().tolist() == [False, False, True]
    both = wb.compare([pooled, pooled], ["a", "b"])
    assert both.table["delta_ofv"].tolist() == [0.0, 0.0]


def test_failed_and_penalised_fits(fits, model, data):
    failed = replace(fits["base"], verdict="failed", reasons=("No finite objective.",), ofv=np.nan)
    prior = {**model.parameters, "cl": replace(model.parameters["cl"], prior=wb.Prior(2.8, sd=0.2))}
    penalised = wb.fit(model.replace(parameters=prior), data)
    at = wb.evaluate(model, data)
    found = wb.compare([failed, penalised, at], ["lost", "prior", "at"])
    assert found.table["delta_ofv"].isna().tolist() == [True, False, False]
    notes = " ".join(found.notes)
    assert "lost: no differences, the fit failed: No finite objective." in notes
    assert "prior: the estimates weigh the data against priors" in notes
    assert "at was only evaluated" in notes


@pytest.mark.parametrize(
    ("names", "words"),
    [(["a"], "2 fits, but 1 names"), (["a", "a"], "must differ")],
)
def test_wrong_names_are_refused(fits, names, words):
    with pytest.raises(OptionError, match=words):
        wb.compare([fits["base"], fits["no v"]], names)


def test_what_is_no_fit_is_refused(fits, model):
    with pytest.raises(OptionError, match="not Model"):
        wb.compare([fits["base"], model])
    with pytest.raises(OptionError, match="no fit to compare"):
        wb.compare([])


def test_several_outputs_in_short():
    structure = wb.equations("y = a + b*t\nz = a - b*t", outputs=["y", "z"])
    model = wb.Model(
        structure,
        {"a": wb.Normal(wb.Fixed(8.0), iiv=1.5), "b": wb.Normal(1.0, iiv=wb.Fixed(0.5))},
        error={"y": wb.error.Additive(1.0), "z": wb.error.Additive(2.0)},
    )
    fit = wb.evaluate(model, cases.line_data(5))
    words = wb.compare([fit]).table["model"].iloc[0]
    assert wb.compare([fit]).table["differs"].iloc[0] == ""
    assert words.endswith("η a, b · a normal, b normal · y additive, z additive · fixed a, ω(b)")


def test_fits_of_different_methods_by_importance_sampling(model, data, fits):
    """SAEM and FOCEI, both with -2LL by IS: comparable, and tested with the Monte-Carlo error."""
    no_v = {**model.parameters, "v": replace(model.parameters["v"], iiv=0.0)}
    one = wb.fit(
        model.replace(parameters=no_v),
        data,
        method=["focei", "imp"],
        imp={"max_iter": 0},
        seed=1,
    )
    other = wb.fit(
        model,
        data,
        method=["saem", "imp"],
        saem={"exploration": 100, "smoothing": 50},
        imp={"max_iter": 0},
        seed=1,
    )
    found = wb.compare([one, other], ["no v", "base"])
    assert found.notes == ()
    assert (found.table["m2ll_se"] > 0).all()
    test = found.test("no v", "base")
    assert test.se > 0
    assert test.p_lower < test.p_value < test.p_upper
    by_focei = wb.likelihood_ratio_test(fits["no v"], fits["base"])
    assert test.difference == pytest.approx(by_focei.difference, abs=1.0 + 3 * test.se)

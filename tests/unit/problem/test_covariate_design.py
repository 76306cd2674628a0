"""Covariates bound to data: references, the design matrix, and data that do not fit."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests import cases
from workbench.errors import DataError, ModelError
from workbench.problem import Problem
from workbench.problem.covariates import with_references
from workbench.problem.space import ParameterSpace


@pytest.fixture(scope="module")
def data():
    return cases.covariate_data()


def on_cl(*effects, normal=False):
    model = cases.oral_model("additive")
    make = wb.Normal if normal else wb.LogNormal
    cl = make(2.5, iiv=0.3, covariates=effects)
    return model.replace(parameters={**model.parameters, "cl": cl})


def changed(**columns):
    """Return the data with columns changed: name → function of the frame."""
    frame = cases.covariate_frame()
    for name, make in columns.items():
        frame[name] = make(frame)
    return wb.read_dataset(frame, name="changed")


# --- references ------------------------------------------------------------------------------


def test_reference_is_the_median_over_subjects_not_rows(data):
    model = with_references(on_cl(wb.covariate.Power("WT")), data)
    effect = model.parameters["cl"].covariates[0]
    assert effect.reference == np.median(data.covariates["WT"])
    assert with_references(model, data) is model


def test_reference_level_is_the_most_frequent_and_levels_are_in_order():
    data = cases.covariate_data(7)  # grades 1 2 3 1 2 3 1, sexes F M F M F M F
    effects = (wb.covariate.Categorical("GRADE", effects=0.1), wb.covariate.Categorical("SEX"))
    grade, sex = with_references(on_cl(*effects), data).parameters["cl"].covariates
    assert (grade.reference, grade.levels, grade.values) == ("1", ("2", "3"), (0.1, 0.1))
    assert (sex.reference, sex.levels) == ("F", ("M",))


def test_groups_stand_for_their_levels(data):
    effect = wb.covariate.Categorical(
        "GRADE", effects=wb.Fixed(0.1), reference=1, groups={"high": [2, 3]}
    )
    found = with_references(on_cl(effect), data).parameters["cl"].covariates[0]
    assert (found.reference, found.levels, found.fixed) == ("1", ("high",), {"high"})


def test_a_reference_that_is_given_with_effects_for_all_but_one_level(data):
    effect = wb.covariate.Categorical("GRADE", effects={1: 0.1, 3: 0.2})
    found = with_references(on_cl(effect), data).parameters["cl"].covariates[0]
    assert (found.reference, found.levels) == ("2", ("1", "3"))


def test_the_fit_writes_the_references_out(data):
    fit = wb.evaluate(on_cl(wb.covariate.Power("WT"), wb.covariate.Categorical("SEX")), data)
    assert 'wb.covariate.Power("WT", reference=' in fit.python()
    assert "effects={'M': 0.0}" in fit.python()
    assert all(e.resolved for e in fit.final_model.parameters["cl"].covariates)


def test_a_space_without_references_is_refused():
    with pytest.raises(ModelError, match="reference"):
        ParameterSpace(on_cl(wb.covariate.Power("WT")))


# --- the design ------------------------------------------------------------------------------


def test_design_columns(data):
    model = on_cl(
        wb.covariate.Power("WT", reference=70),
        wb.covariate.Exponential("AGE", reference=40),
        wb.covariate.Categorical("GRADE", reference=1),
    )
    design, table = Problem(model, data).subjects.design, data.covariates
    assert design.shape == (6, 3, 7)
    np.testing.assert_array_equal(design[:, :, :3], np.tile(np.eye(3), (6, 1, 1)))
    assert not design[:, [0, 2], 3:].any()
    np.testing.assert_allclose(design[:, 1, 3], np.log(table["WT"] / 70))
    np.testing.assert_allclose(design[:, 1, 4], table["AGE"] - 40)
    np.testing.assert_array_equal(design[:, 1, 5], table["GRADE"] == 2)
    np.testing.assert_array_equal(design[:, 1, 6], table["GRADE"] == 3)


def test_without_covariates_the_design_is_one_identity(data):
    assert Problem(cases.oral_model(), data).subjects.design.shape == (1, 3, 3)


def test_entries_stand_between_typical_values_and_variances(data):
    space = Problem(cases.covariate_model("fixed", "categorical"), data).space
    names = [entry.name for entry in space.entries]
    assert names[3:6] == ["beta[cl,WT]", "beta[cl,GRADE=2]", "beta[cl,GRADE=3]"]
    assert [e.kind for e in space.entries[3:6]] == ["beta"] * 3
    assert [e.fixed for e in space.entries[3:6]] == [True, False, False]
    assert (space.n_phi, space.n_theta) == (3, 6)
    assert space.entries[3].interval == "identity"


@pytest.mark.parametrize("name", cases.EFFECTS)
def test_model_at_returns_what_was_packed(data, name):
    space = Problem(cases.covariate_model(name), data).space
    x = space.start + 0.1 * np.cos(np.arange(space.n_free))
    again = Problem(space.model_at(x), data).space
    np.testing.assert_allclose(again.natural(again.start), space.natural(x), rtol=1e-12)


def test_the_order_of_subjects_does_not_matter(data):
    frame = cases.covariate_frame()
    frame["ID"] = 100 - frame["ID"]
    turned = wb.read_dataset(frame.sort_values(["ID", "TIME"], kind="stable"), name="turned")
    model = cases.covariate_model("power")
    a, b = wb.evaluate(model, data), wb.evaluate(model, turned)
    np.testing.assert_allclose(a.individual_ofv, b.individual_ofv[::-1], rtol=1e-12)


# --- data that do not fit --------------------------------------------------------------------


def gap(frame):
    return frame["WT"].where(frame["ID"] != 3)


@pytest.mark.parametrize(
    ("effect", "columns", "words"),
    [
        (wb.covariate.Power("WEIGTH"), {}, "no covariate 'WEIGTH'.*WT"),
        (wb.covariate.Power("WT"), {"WT": gap}, r"missing for 1 of 6 subjects \(ID 3\)"),
        (
            wb.covariate.Power("WT"),
            {"WT": lambda f: f["WT"].where(f["TIME"] < 5, -1.0)},
            r"WT is -1 in ID 1 \(row .* and .* more",
        ),
        (wb.covariate.Power("WT"), {"WT": lambda f: f["ID"] - 2.0}, "ID 1.* and 1 more"),
        (wb.covariate.Exponential("SEX"), {}, "labels, such as 'F'.*Categorical"),
        (
            wb.covariate.Power("WT"),
            {"WT": lambda f: f["WT"].astype(object).where(f["ID"] != 3, "heavy")},
            r"WT of changed is 'heavy' in ID 3 \(rows \d+ to \d+\), .*numbers.*write '\.'",
        ),
        (
            wb.covariate.Power("WT"),
            {"WT": lambda _: np.nan},
            "WT is missing in all subjects of changed.*take its effects out of the model",
        ),
        (wb.covariate.Categorical("SEX", reference="F", effects={"X": 0.1}), {}, "SEX is M"),
        (
            wb.covariate.Categorical("GRADE", reference=1, groups={"high": [7, 8]}),
            {},
            "None of the levels 7, 8",
        ),
    ],
)
def test_data_that_do_not_fit_are_refused_with_who_and_where(effect, columns, words):
    with pytest.raises(DataError, match=words):
        Problem(on_cl(effect), changed(**columns))


def test_a_level_of_a_group_that_nobody_has_is_noted():
    groups = {"low": [1, 2], "high": [3, 9]}
    effect = wb.covariate.Categorical("GRADE", reference="low", groups=groups)
    data = changed(GRADE=lambda f: f["ID"] % 3 + 1)
    notes = Problem(on_cl(effect), data).notes
    assert notes == ["groups= of GRADE on cl names 9, which nobody in changed has."]


def test_imputed_values_are_noted():
    data = changed(WT=gap)
    for method, words in (
        ("median", "Missing covariates: WT was filled in for 1 subject of 6 (median)."),
        ("complete_case", "Missing covariates: 1 subject of 6 left out for want of WT (ID 3)"),
    ):
        notes = Problem(on_cl(wb.covariate.Power("WT")), data.impute(method, ["WT"])).notes
        assert sum(note.startswith(words) for note in notes) == 1


@pytest.mark.parametrize(
    ("effect", "columns", "words"),
    [
        (wb.covariate.Power("WT", reference=70), {"WT": lambda _: 70.0}, "same in all 6"),
        (wb.covariate.Categorical("SEX"), {"SEX": lambda _: "F"}, "SEX is F in all subjects"),
        (
            wb.covariate.Categorical("SEX", reference="F", effects={"M": 0.0, "X": 0.0}),
            {},
            "No subject of changed has SEX = X",
        ),
        (
            wb.covariate.Categorical("SEX", reference="X", effects={"M": 0.0, "F": 0.0}),
            {},
            "reference level X",
        ),
    ],
)
def test_effects_that_cannot_be_told_are_refused_by_a_fit(effect, columns, words):
    with pytest.raises(ModelError, match=words):
        wb.fit(on_cl(effect), changed(**columns), method="fo")


def test_a_fixed_effect_of_a_constant_covariate_is_no_problem():
    held = wb.covariate.Power("WT", reference=70, exponent=wb.Fixed(0.75))
    data = changed(WT=lambda _: 35.0)
    fit = wb.fit(on_cl(held), data, method="fo")
    plain = wb.fit(on_cl(), data, method="fo")
    assert fit.ofv == pytest.approx(plain.ofv, abs=1e-6)
    assert fit.theta["cl"] * 0.5**0.75 == pytest.approx(plain.theta["cl"], rel=1e-4)


# --- predictions, simulation, starts ----------------------------------------------------------


def test_one_subject_can_be_predicted_and_simulated(data):
    model = cases.covariate_model("power")
    alone = data.select([2])
    whole = wb.simulate(model, data, iiv=False, ruv=False)
    one = wb.simulate(model, alone, iiv=False, ruv=False)
    np.testing.assert_allclose(one["DV"], whole.loc[whole["ID"] == 2, "DV"], rtol=1e-12)


def test_curves_follow_the_covariates(data):
    """At the observations the dense curve is the prediction, to rounding."""
    fit = wb.evaluate(cases.covariate_model("power", "categorical"), data)
    curves = fit.curves(20).groupby(["ID", "TIME"]).last()
    table = fit.predictions.set_index(["ID", "TIME"])
    np.testing.assert_allclose(curves.loc[table.index, "PRED"], table["PRED"], rtol=1e-10)
    np.testing.assert_allclose(curves.loc[table.index, "IPRED"], table["IPRED"], rtol=1e-10)


def test_a_design_needs_the_covariate_only(data):
    design = pd.DataFrame(
        {"ID": 1, "TIME": [0.0, 1.0, 4.0], "AMT": [100.0, 0, 0], "EVID": [1, 0, 0], "WT": 35.0}
    )
    model = cases.covariate_model("power", error="additive")
    with pytest.raises(DataError, match="WT"):
        wb.simulate(model, design.drop(columns="WT"))
    light = wb.simulate(model, design, iiv=False, ruv=False)["DV"]
    cl = 2.5 * 0.5**0.6
    plain = cases.oral_model("additive")
    plain = plain.replace(parameters={**plain.parameters, "cl": wb.LogNormal(cl, iiv=0.3)})
    same = wb.simulate(plain, design, iiv=False, ruv=False)["DV"]
    np.testing.assert_allclose(light, same, rtol=1e-12)


def test_a_saved_fit_reopens_with_its_covariates(data, tmp_path):
    fit = wb.evaluate(cases.covariate_model("power", "grouped"), data)
    fit.save(tmp_path / "fit.json")
    again = wb.load_fit(tmp_path / "fit.json")
    assert again.final_model == fit.final_model
    pd.testing.assert_series_equal(again.beta, fit.beta)
    assert again.updated_model == fit.updated_model


def test_starting_values_are_those_at_the_reference():
    """NCA clearances of about 2.5 at 70 kg; at a reference of 35 kg they are 2^0.75 lower."""
    data = cases.covariate_data(12)
    at = {}
    for reference in (70, 35):
        effect = wb.covariate.Power("WT", reference=reference, exponent=wb.Fixed(0.75))
        model = on_cl(effect)
        model = model.replace(structure=wb.pk(compartments=1, absorption="first_order"))
        at[reference] = wb.starting_values(model, data, method="nca").parameters["cl"].typical
    assert at[70] / at[35] == pytest.approx(2**0.75, rel=1e-9)


def test_values_of_another_model_come_with_their_coefficients(data):
    fit = wb.evaluate(cases.covariate_model("power"), data)
    start = on_cl(wb.covariate.Power("WT", reference=70))
    assert wb.fit(start, data, method="fo", start=fit, max_iter=1).model.parameters[
        "cl"
    ].covariates[0].values == (0.6,)


def test_random_starts_move_the_coefficients(data):
    model = cases.covariate_model("exponential", "fixed", error="additive")
    found = wb.multistart(model, data, n=3, method="fo", max_iter=1)
    moved = found.table["beta[cl,AGE]_start"]
    assert moved[0] == -0.01
    assert moved.nunique() == 3
    assert moved.abs().max() < 0.1  # half of log 3, over an SD of about 15 years
    assert (found.table["beta[cl,WT]_start"] == 0.75).all()

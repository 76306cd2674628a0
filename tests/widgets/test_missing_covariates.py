"""Missing covariates on the page: who misses what, filled in, taken back, fitted in draws."""

import ipywidgets as controls
import numpy as np
import pytest

import workbench as wb
from tests.widgets.conftest import OpenPage
from tests.widgets.test_covariate_search import with_weight
from tests.widgets.test_panels import children, find
from tests.widgets.test_runs import words
from workbench.widgets import missing
from workbench.widgets.choice import Choice
from workbench.widgets.code import CodeListing
from workbench.widgets.markup import number
from workbench.widgets.switch import Switch

NAME = "data_table"
GONE = [2, 5, 9]


@pytest.fixture
def page():
    opened = OpenPage()
    table = with_weight().table.drop(columns="ROW")
    table.loc[table["ID"].isin(GONE), "WT"] = np.nan
    opened.session.set_dataset(wb.read_dataset(table, name="gaps"))
    opened.session.set_structure("pk_1cmt_iv")
    opened.session.set_error("proportional")
    opened.session.open_tab(NAME)
    return opened


def choose(page, method):
    (choice,) = (w for w in children(page.page.views[NAME].widget) if isinstance(w, Choice))
    choice.value = method


def apply(page):
    find(page, NAME, controls.Button, "Do this with the missing covariates").click()
    page.session.runner.join(120)


def test_who_misses_what_is_said(page):
    assert "ID 2, 5, 9" in words(page, NAME)
    page.session.load_dataset("theophylline")
    section = page.page.views[NAME].widget.children[0]
    assert section.layout.display == "none"


@pytest.mark.parametrize("method", ["complete_case", "median", "regression", "indicator"])
def test_a_method_is_applied_and_taken_back(page, method):
    before, model = page.state.dataset, page.state.model
    choose(page, method)
    tick_all(page)
    apply(page)
    expected = before.impute(method)
    assert page.state.dataset.table.equals(expected.table)
    assert page.state.model is model
    assert method in words(page, NAME)
    assert f".impute('{method}'" in page.session.python()
    find(page, NAME, controls.Button, "Return to the data as they were read").click()
    assert page.state.dataset is before
    assert page.state.unfilled is None


def tick_all(page):
    for widget in children(page.page.views[NAME].widget):
        if isinstance(widget, Switch) and widget.words in ("WT", "AGE"):
            widget.value = True


def ticked(page):
    found = [w for w in children(page.page.views[NAME].widget) if isinstance(w, Switch)]
    return [w.words for w in found if w.value and w.words in ("WT", "AGE")]


def test_complete_cases_are_those_of_the_covariates_of_the_model(page):
    """Subjects without AGE were left out though the model did not use it."""
    table = page.state.dataset.table.drop(columns="ROW")
    table.loc[table["ID"] == 20, "AGE"] = np.nan
    page.session.set_dataset(wb.read_dataset(table, name="two gaps"))
    choose(page, "complete_case")
    button = find(page, NAME, controls.Button, "Do this with the missing covariates")
    assert ticked(page) == []
    assert button.disabled
    assert "The model uses no covariate that is missing" in words(page, NAME)
    page.session.set_covariate("cl", wb.covariate.Power("WT"))
    assert ticked(page) == ["WT"]
    apply(page)
    assert set(page.state.unfilled.subjects) - set(page.state.dataset.subjects) == set(GONE)
    assert "left out for WT" in page.state.message.text
    tick_all(page)
    apply(page)
    assert set(page.state.unfilled.subjects) - set(page.state.dataset.subjects) == {*GONE, 20}
    choose(page, "median")
    assert ticked(page) == ["WT", "AGE"]
    assert "median', ['WT', 'AGE'])" in code(page)


def code(page):
    (found,) = (
        w.text
        for w in children(page.page.views[NAME].widget.children[0])
        if isinstance(w, CodeListing)
    )
    return found


def test_another_method_begins_at_the_data_as_they_were_read(page):
    before = page.state.dataset
    page.session.fill_in("complete_case")
    page.session.fill_in("median")
    assert page.state.unfilled is before
    assert page.state.dataset.n_sub == before.n_sub


def test_a_fit_and_what_was_made_of_it_are_dropped_and_the_fit_after_counts(page):
    page.fit()
    page.session.fill_in("complete_case")
    assert page.state.fit is None
    assert page.state.status == "idle"
    assert page.fit().data.n_sub == page.state.unfilled.n_sub - len(GONE)


def test_an_effect_of_a_missing_covariate_can_be_ticked_and_the_fit_is_refused_in_words(page):
    page.session.set_covariate("cl", wb.covariate.Power("WT"))
    (effect,) = page.state.model.parameters["cl"].covariates
    known = page.state.dataset.covariates["WT"].dropna()
    assert effect.reference == pytest.approx(known.median())
    page.fit()
    assert page.state.status == "failed"
    assert "WT is missing for 3 of 24 subjects" in page.state.message.text


def test_draws_are_fitted_and_pooled(page):
    page.session.set_covariate("cl", wb.covariate.Power("WT"))
    choose(page, "multiple")
    draws = find(page, NAME, controls.Text, "Number of draws")
    draws.value = "1"
    assert "at least 2" in words(page, NAME)
    draws.value = "3"
    apply(page)
    assert page.state.status == "done", page.state.message
    own = wb.multiple_imputation(page.state.model, page.state.dataset, 3)
    assert page.state.pooled.parameters.equals(own.parameters)
    text = words(page, NAME)
    assert "pooled by Rubin" in text
    row = own.parameters.loc["cl"]
    assert f"{number(row['lower'], 3)} to {number(row['upper'], 3)}" in text
    assert "95 % CI" in text
    code = page.session.imputation_python(3)
    assert "wb.multiple_imputation(model, data, 3" in code


def test_pooled_estimates_are_marked_when_the_model_has_changed(page):
    page.session.set_covariate("cl", wb.covariate.Power("WT"))
    effect = page.state.model
    page.session.fit_draws(2)
    page.session.runner.join(60)
    assert "Of an earlier model" not in words(page, NAME)
    page.session.set_covariate("cl", None)
    assert "Of an earlier model" in words(page, NAME)
    page.state.model = effect
    assert "Of an earlier model" not in words(page, NAME)
    page.session.set_method("foce")
    assert "Of an earlier model" in words(page, NAME)


def test_draws_without_an_effect_of_what_is_missing_are_refused_in_words(page):
    page.session.fit_draws(3)
    page.session.runner.join(60)
    assert page.state.status == "failed"
    assert "uses no covariate that is missing" in page.state.message.text


def test_cancelled_draws_leave_nothing_or_what_can_be_pooled(page, monkeypatch):
    real = missing.multiple_imputation

    def stopped(*arguments, on_fit, cancel, **options):
        def after(done, total):
            on_fit(done, total)
            cancel.set()

        return real(*arguments, on_fit=after, cancel=cancel, **options)

    monkeypatch.setattr(missing, "multiple_imputation", stopped)
    page.session.set_covariate("cl", wb.covariate.Power("WT"))
    page.session.fit_draws(4)
    page.session.runner.join(60)
    assert page.state.status == "cancelled"
    assert page.state.pooled is None
    assert "before two draws" in page.state.message.text


def test_what_cannot_be_done_is_said_in_its_place(page):
    table = page.state.dataset.table.drop(columns="ROW")
    table["AGE"] = np.where(table["ID"].isin(GONE), 30.0, np.nan)
    page.session.set_dataset(wb.read_dataset(table, name="nobody"))
    choose(page, "complete_case")
    tick_all(page)
    apply(page)
    assert "would leave nothing" in words(page, NAME)
    assert page.state.unfilled is None

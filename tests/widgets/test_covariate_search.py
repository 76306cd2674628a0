"""A search for covariates from the page: planned, followed step by step, stopped, taken over."""

import threading

import ipywidgets as controls
import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests import cases
from tests.widgets.conftest import OpenPage
from tests.widgets.test_panels import children, find
from tests.widgets.test_runs import words
from workbench.errors import OptionError
from workbench.widgets import searches
from workbench.widgets.headline import status_chip
from workbench.widgets.switch import Switch

NAME = "covariate_search"


def with_weight(n_sub=24, *, power=0.75):
    """Clearance by weight, and a covariate that is noise."""
    table = cases.iv_frame(n_sub, seed=7)
    random = np.random.default_rng(3)
    weight = 70 * np.exp(0.3 * random.standard_normal(n_sub))
    noise = random.uniform(20, 60, n_sub)
    who = table["ID"].to_numpy() - 1
    # Doses by weight to a power move the concentrations as an effect on cl and v would.
    table = table.assign(WT=weight[who].round(1), AGE=noise[who].round(0))
    table["DV"] = table["DV"] * (table["WT"] / 70) ** (-power)
    return wb.read_dataset(table, name="weighed")


@pytest.fixture
def page():
    opened = OpenPage()
    opened.session.set_dataset(with_weight())
    opened.session.set_structure("pk_1cmt_iv")
    opened.session.set_error("proportional")
    opened.lay_out()
    opened.session.open_tab(NAME)
    return opened


def search(opened, **options):
    opened.session.search_covariates(**options)
    opened.session.runner.join(120)
    return opened.state.search


def same_search(opened, base):
    """The search that the page makes from a fit, without the page."""
    method, options = opened.state.call
    candidates = opened.session.chosen_candidates()
    return wb.scm(base.model, base.data, candidates, method=method, start=base, **options)


def test_candidates_are_ticks_and_one_can_be_left_out(page):
    boxes = [w for w in children(page.page.views[NAME].widget) if isinstance(w, Switch)]
    assert sorted(box.hint for box in boxes) == [
        "Try AGE on cl (power)",
        "Try AGE on v (power)",
        "Try WT on cl (power)",
        "Try WT on v (power)",
    ]
    (box,) = (box for box in boxes if box.hint.startswith("Try AGE on v"))
    box.value = False
    assert page.state.plan.left_out == {("v", "AGE")}
    assert [e.column for e in page.session.chosen_candidates()["v"]] == ["WT"]
    for box in boxes:
        box.value = False
    page.session.search_covariates()
    assert "choose some" in page.state.message.text
    assert page.state.search is None


def test_levels_are_checked_in_words(page):
    field = find(page, NAME, controls.Text, "Forward level")
    field.value = "2"
    assert "between 0 and 1" in words(page, NAME)
    assert page.state.plan.forward == 0.05
    field.value = "0.1"
    assert page.state.plan.forward == 0.1
    with pytest.raises(OptionError, match="whole number"):
        page.session.plan_search(top=1.5)


def test_every_finished_step_is_shown_while_it_runs_and_the_outcome_is_that_of_scm(page):
    page.fit()
    base, seen = page.state.fit, []
    page.state.observe(lambda change: seen.append(change["new"]), "search")
    found = search(page)
    steps = [len(one.steps) for one in seen if one.found is None]
    assert list(dict.fromkeys(steps)) == list(range(len(found.steps) + 1))
    assert any(one.rows for one in seen)
    assert found.found.complete
    own = same_search(page, base)
    pd.testing.assert_frame_equal(found.ladder, own.ladder, check_exact=True)
    assert page.state.fit is base  # the fit on view stays until the model is taken over
    text = words(page, NAME)
    assert f"data-steps='{len(own.steps)}'" in text
    assert all(step.sentence.split(",")[0] in text for step in own.steps)
    assert "complete" in text
    assert page.state.message.text.startswith("Selected: ")


def test_the_chip_does_not_speak_of_a_fit_that_there_is_not(page):
    page.state.status = "done"
    assert page.state.fit is None
    assert "</i>done<" in status_chip(page.state)


def test_what_is_found_is_taken_over_by_one_click(page):
    page.fit()
    found = search(page, resume=False).found
    assert found.included
    find(page, NAME, controls.Button, "Make the model of the search the model card").click()
    assert page.state.fit is found.fit
    assert page.state.model is found.fit.model
    assert not page.state.stale
    assert len(page.state.runs) == 2
    with_effect = {e.column for p in page.state.model.parameters.values() for e in p.covariates}
    assert "WT" in with_effect


def test_a_cancelled_search_keeps_its_ladder_and_goes_on(page, monkeypatch):
    real, reached = searches.scm, threading.Event()

    def halting(*arguments, on_step, cancel, **options):
        def after(step):
            on_step(step)
            if step.number == 1:
                reached.set()
                assert cancel._event.wait(30)

        return real(*arguments, on_step=after, cancel=cancel, **options)

    page.fit()
    monkeypatch.setattr(searches, "scm", halting)
    page.session.search_covariates()
    assert reached.wait(60)
    cancel = find(page, NAME, controls.Button, "Stop; the ladder so far is kept")
    assert cancel.layout.display == ""
    cancel.click()
    page.session.runner.join(60)
    stopped = page.state.search
    assert page.state.status == "cancelled"
    assert not stopped.found.complete
    assert len(stopped.found.steps) == 1
    assert "stopped" in words(page, NAME)
    monkeypatch.setattr(searches, "scm", real)
    whole = same_search(page, page.state.fit)
    find(page, NAME, controls.Button, "Go on with the search that was stopped").click()
    page.session.runner.join(120)
    found = page.state.search.found
    assert found.complete
    assert found.ladder["chosen"].tolist() == whole.ladder["chosen"].tolist()
    np.testing.assert_array_equal(found.ladder["ofv"], whole.ladder["ofv"])


def test_cancelled_before_the_first_fit_leaves_nothing(page, monkeypatch):
    real = searches.scm

    def stopped(*arguments, cancel, **options):
        cancel.set()
        return real(*arguments, cancel=cancel, **options)

    monkeypatch.setattr(searches, "scm", stopped)
    search(page)
    assert page.state.status == "cancelled"
    assert page.state.search is None
    assert "before the model without candidates" in page.state.message.text


def test_a_search_of_abandoned_data_is_dropped(page, monkeypatch):
    real, release = searches.scm, threading.Event()

    def late(*arguments, cancel, **options):
        assert release.wait(30)
        return real(*arguments, cancel=wb.CancelToken(), **options)

    monkeypatch.setattr(searches, "scm", late)
    page.session.search_covariates()
    page.session.load_dataset("theophylline")
    release.set()
    page.session.runner.join(60)
    assert page.state.search is None
    assert page.state.fit is None


@pytest.fixture
def stopped(page, monkeypatch):
    """A search that was stopped after its first step."""
    real = searches.scm

    def halting(*arguments, on_step, cancel, **options):
        def after(step):
            on_step(step)
            cancel.set()

        return real(*arguments, on_step=after, cancel=cancel, **options)

    page.fit()
    with monkeypatch.context() as patch:
        patch.setattr(searches, "scm", halting)
        search(page)
    return page


def button(opened, start):
    for widget in children(opened.page.views[NAME].widget):
        if isinstance(widget, controls.Button) and widget.description.startswith(start):
            return widget
    raise LookupError(start)


def test_going_on_with_another_model_is_refused_in_words_and_the_ladder_stays(stopped):
    before, model = stopped.state.search, stopped.state.model
    stopped.session.set_error("additive")
    assert button(stopped, "Go on").disabled
    assert "the model has changed since: change it back" in words(stopped, NAME)
    stopped.session.search_covariates(resume=True)
    assert "change it back" in stopped.state.message.text
    assert stopped.state.search is before
    assert "data-steps='1'" in words(stopped, NAME)
    stopped.state.model = model
    assert not button(stopped, "Go on").disabled
    assert "change it back" not in words(stopped, NAME)
    assert search(stopped, resume=True).found.complete


def test_a_search_that_cannot_go_on_leaves_its_ladder(stopped, monkeypatch):
    before = stopped.state.search

    def refused(*arguments, **options):
        raise OptionError("It cannot.")

    monkeypatch.setattr(searches, "scm", refused)
    search(stopped, resume=True)
    assert stopped.state.status == "failed"
    assert stopped.state.search is before


def test_what_is_found_is_added_to_a_model_that_has_changed_since(page):
    page.fit()
    found = search(page).found
    assert button(page, "Take over").layout.display == ""
    page.session.set_error("additive")
    assert "Of an earlier model: the model has changed since" in words(page, NAME)
    fit = page.state.fit
    button(page, "Add the effects").click()
    assert page.state.model.error.model == "additive"
    assert page.state.fit is fit
    (one,) = (e for e in page.state.model.parameters["cl"].covariates if e.column == "WT")
    (own,) = (e for e in found.model.parameters["cl"].covariates if e.column == "WT")
    assert one == own
    assert button(page, "Add the effects").layout.display == "none"


def test_effects_on_a_parameter_that_is_no_more_are_refused(page):
    page.fit()
    search(page)
    page.session.set_pk(parametrisation="rates")
    before = page.state.model
    page.session.use_search()
    assert page.state.model is before
    assert "Nothing was added" in page.state.message.text


def test_there_is_nothing_to_take_over_of_a_search_that_found_nothing(page):
    page.session.plan_search(forward=1e-12)
    found = search(page).found
    assert found.included == ()
    assert "in 1 step;" in words(page, NAME)
    assert button(page, "Take over").layout.display == "none"
    assert "Of an earlier model" not in words(page, NAME)


def test_fits_of_a_step_are_shown_as_they_end_and_stay_after_a_stop(page, monkeypatch):
    real = searches.scm
    said = []
    page.state.observe(lambda change: said.append(change["new"].text), "message")

    def halting(*arguments, on_row, cancel, **options):
        def after(row):
            on_row(row)
            cancel.set()

        return real(*arguments, on_row=after, cancel=cancel, **options)

    monkeypatch.setattr(searches, "scm", halting)
    found = search(page)
    assert "Fitting the model without candidates" in said[0]
    assert found.found.steps == ()
    assert 1 <= len(found.rows) <= 2
    assert "Step 1, forward, stopped" in words(page, NAME)
    assert not any(row["chosen"] for row in found.rows)
    monkeypatch.setattr(searches, "scm", real)
    whole = search(page, resume=True)
    assert whole.rows == ()
    assert whole.found.complete


def test_the_ranking_is_of_the_fit_on_view(page):
    page.session.rank_candidates()
    assert "Fit the model first" in page.state.message.text
    page.fit()
    page.session.rank_candidates()
    page.session.runner.join(60)
    expected = wb.rank_covariates(page.state.fit, page.session.chosen_candidates())
    assert page.state.ranking.table.equals(expected)
    assert "Ranking by draws" in words(page, NAME)
    page.session.set_error("additive")
    page.session.rank_candidates()
    assert "fit again to rank" in page.state.message.text
    page.fit()
    assert "Ranking by draws" not in words(page, NAME)


def test_the_lines_of_python_make_the_same_search(page):
    page.session.plan_search(top=2, forward=0.1)
    page.session.leave_candidate("v", "AGE")
    found = search(page).found
    code = page.session.search_python()
    assert "top=2" in code
    known = {"frame": page.state.dataset.table}
    code = code.replace("data = ", "data = DATA or ", 1)
    exec(code, {**known, "DATA": page.state.dataset}, known)  # noqa: S102  our own words
    np.testing.assert_array_equal(known["search"].ladder["ofv"], found.ladder["ofv"])


def test_no_covariates_and_no_candidates_are_said(page):
    page.session.set_dataset(cases.iv_data(5))
    assert page.page.views[NAME].widget.selected_index == 0
    one = cases.iv_frame(4).assign(WT=70.0)
    page.session.set_dataset(wb.read_dataset(one, name="same"))
    assert "is the same in all subjects" in words(page, NAME)
    assert "There is no candidate" in words(page, NAME)
    assert find(page, NAME, controls.Button, "Fit the candidates step by step").disabled
